//! One request through one proxy: which trace it belongs to, what caused it, and what it is told to pass on.

mod cause;
mod details;
mod outcome;
mod received;
mod sampled;
mod spans;
mod start;
mod stubs;

use throughline_model::context::{PathSoFar, TraceContext};
use throughline_model::id::SpanId;
use throughline_model::link::LinkKind;
use throughline_model::otlp;

use crate::config::PathLog;
use crate::engine::Engine;
use crate::headers::{Headers, Known};
use crate::host::{HeaderMap, Host, LogLevel};
use crate::propagation::Received;
use crate::role::{Place, Role};
use crate::stats::Counter;

pub use cause::Link;
pub use outcome::Outcome;
pub use sampled::Held;
use start::{Moment, Start};

/// Room for the line of a hop with a short path; a longer one has it grow.
const HOP_LINE_BYTES: usize = 320;

/// What is known of a request once its headers have been seen.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Where it is handled.
    pub role: Role,
    /// The context that is passed on; its span id is that of the innermost span made here.
    pub context: TraceContext,
    /// The span that caused the outermost span made here.
    pub parent: Option<SpanId>,
    /// The SERVER span, where one is made.
    pub server: Option<SpanId>,
    /// The CLIENT span, where one is made.
    pub client: Option<SpanId>,
    /// What ties the CLIENT span to its cause.
    pub link: Link,
    /// The value of `tracestate` that is passed on; empty when there is none.
    pub state_line: String,
    /// The request's headers as they came.
    pub headers: Headers,
    /// Start on the wall clock, in nanoseconds since 1970-01-01 UTC.
    pub start_unix_ns: u64,
    /// Start on the monotonic clock.
    pub start_monotonic_ns: u64,
    /// What the request's own trace headers said, its context taken out.
    pub received: Received,
    /// What is known of it where its trace is not recorded.
    pub held: Held,
    /// The cluster that a call goes to; empty where it had to be asked for in another way.
    pub cluster: String,
    /// The gRPC status in the response's trailers, once they are there.
    pub grpc_status: Option<i64>,
    /// How long the response's headers took, once they are there.
    pub first_byte_ns: Option<u64>,
    entered: Option<cause::Entered>,
}

impl Begun {
    /// The workloads passed, this one included, joined by `>`.
    pub fn path_names(&self) -> &str {
        self.context.state.path.as_ref().map_or("", PathSoFar::names)
    }

    /// How many they are.
    pub fn depth(&self) -> u32 {
        self.context.state.path.as_ref().map_or(0, PathSoFar::depth)
    }
}

/// The state of one stream.
#[derive(Debug, Default)]
pub struct Request {
    begun: Option<Box<Begun>>,
    /// It carries spans itself: to trace it would make spans of spans without end.
    is_telemetry: bool,
}

impl Request {
    /// The request's headers have come: decides its trace, and writes what is passed on into the headers.
    pub fn on_headers(&mut self, engine: &mut Engine, host: &mut impl Host) {
        if !engine.config.is_enabled {
            return;
        }
        let headers = host.headers(HeaderMap::Request);
        self.is_telemetry = carries_spans(&headers);
        if self.is_telemetry {
            engine.count(Counter::RequestsOfTelemetry);
            return;
        }
        let start = Start::now(engine, host);
        let mut begun = begin(engine, host, headers, start);
        received::pass_on(engine, host, &begun);
        let is_logged = match engine.config.path_log {
            PathLog::All => true,
            PathLog::Sampled => begun.context.flags.is_sampled(),
            PathLog::Off | PathLog::Errors => false,
        };
        if is_logged {
            host.log(LogLevel::Info, &hop_line(&begun, None));
        }
        sampled::hold(&mut begun);
        self.begun = Some(Box::new(begun));
    }

    /// The response's headers have come.
    pub fn on_response_headers(&mut self, engine: &mut Engine, host: &mut impl Host) {
        if let Some(begun) = &mut self.begun {
            begun.first_byte_ns = Some(host.monotonic_ns().saturating_sub(begun.start_monotonic_ns));
            sampled::on_response(engine, host, begun, HeaderMap::Response);
            received::tell_caller(engine, host, begun);
        }
    }

    /// The response's trailers have come: for gRPC they say how it went. A filter in front may take them away, so they are
    /// read now rather than asked for at the end.
    pub fn on_response_trailers(&mut self, engine: &mut Engine, host: &mut impl Host) {
        if let Some(begun) = self.begun.as_mut().filter(|begun| begun.held.is_grpc) {
            if begun.context.flags.is_sampled() || engine.config.sampling.keeps_errors {
                let map = HeaderMap::ResponseTrailers;
                begun.grpc_status = outcome::number_header(host, map, outcome::GRPC_STATUS);
            }
            sampled::on_response(engine, host, begun, HeaderMap::ResponseTrailers);
        }
    }

    /// The request is over, however it ended: its spans are written. A request that was refused before its headers
    /// reached the filter is a span too.
    pub fn on_end(&mut self, engine: &mut Engine, host: &mut impl Host) {
        if !engine.config.is_enabled || self.is_telemetry {
            return;
        }
        let mut begun = match self.begun.take() {
            Some(begun) => begun,
            None => {
                let headers = host.headers(HeaderMap::Request);
                let start = Start::of_the_past(engine, host);
                Box::new(begin(engine, host, headers, start))
            }
        };
        let is_exported =
            begun.context.flags.is_sampled() || sampled::is_kept_at_end(engine, host, &mut begun);
        let outcome = is_exported.then(|| Outcome::read(host, &begun));
        cause::leave(engine, host, &begun, outcome.as_ref());
        let Some(outcome) = outcome else {
            stubs::write(engine, host, &begun);
            return;
        };
        if engine.config.path_log == PathLog::Errors && outcome.is_failure() {
            host.log(LogLevel::Info, &hop_line(&begun, outcome.http_status));
        }
        spans::write(engine, host, &begun, &outcome);
    }
}

/// Whether the request brings spans to a collector.
fn carries_spans(headers: &Headers) -> bool {
    let Some(path) = headers.get(Known::Path) else { return false };
    let is_grpc_call = || {
        let rest = path.strip_prefix(b"/").and_then(|rest| rest.strip_prefix(otlp::SERVICE.as_bytes()));
        rest.and_then(|rest| rest.strip_prefix(b"/")) == Some(otlp::METHOD.as_bytes())
    };
    let has_body_of_spans = || {
        let content_type = headers.get(Known::ContentType).unwrap_or_default();
        [otlp::HTTP_CONTENT_TYPE, otlp::HTTP_JSON_CONTENT_TYPE]
            .iter()
            .any(|known| content_type.starts_with(known.as_bytes()))
    };
    is_grpc_call() || (path == otlp::HTTP_PATH.as_bytes() && has_body_of_spans())
}

/// Decides everything about a request that its headers decide.
fn begin(engine: &mut Engine, host: &mut impl Host, headers: Headers, start: Start) -> Begun {
    let Place { role, cluster, .. } = engine.find_place(host);
    let mut received = received::receive(engine, role, &headers);
    let context = received.context.take();
    let has_context = context.is_some();
    let (cause, link) = match role {
        // A gateway's own outbound side continues the very request it serves.
        Role::Gateway | Role::Inbound => (context, Link::certain(LinkKind::Propagated)),
        Role::Outbound => cause::find(engine, host, context, &headers, start),
    };
    if let Some(cause) = cause.as_ref().filter(|_| !has_context) {
        received.adopt(cause);
    }
    let is_awaited = cause.as_ref().is_some_and(|context| context.state.path.is_some());
    let mut begun = place(engine, host, role, cause, received);
    begun.held.is_awaited = is_awaited;
    begun.link = link;
    begun.cluster = cluster;
    begun.start_unix_ns = start.unix_ns;
    begun.start_monotonic_ns = start.monotonic_ns;
    sampled::decide(engine, host, &headers, &mut begun);
    begun.state_line = begun.context.state.to_header().unwrap_or_default();
    // What is over before it is seen causes nothing.
    if role == Role::Inbound && start.moment == Moment::Now {
        begun.entered = Some(cause::enter(engine, host, &begun, &headers));
    }
    begun.headers = headers;
    begun
}

/// Gives the request its ids and its place on the path.
fn place(
    engine: &mut Engine,
    host: &mut impl Host,
    role: Role,
    cause: Option<TraceContext>,
    received: Received,
) -> Begun {
    let parent = cause.as_ref().map(|context| context.span_id);
    let (trace_id, flags, mut state) = match cause {
        Some(context) => (context.trace_id, context.flags, context.state),
        None => received::begin_trace(engine, host, &received),
    };
    state.path = Some(match (state.path.take(), role) {
        // The inbound side of this workload has put its name there already.
        (Some(path), Role::Outbound) => path,
        (Some(path), Role::Gateway | Role::Inbound) => path.then(&engine.service),
        (None, _) => PathSoFar::begin(&engine.service),
    });
    let server = (role != Role::Outbound).then(|| engine.new_span_id(host));
    let client = (role != Role::Inbound).then(|| engine.new_span_id(host));
    let span_id = client.or(server).unwrap_or(SpanId::ONE);
    Begun {
        role,
        context: TraceContext { trace_id, span_id, flags, state },
        parent,
        server,
        client,
        link: Link::certain(LinkKind::None),
        state_line: String::new(),
        headers: Headers::default(),
        start_unix_ns: 0,
        start_monotonic_ns: 0,
        received,
        held: Held::default(),
        cluster: String::new(),
        grpc_status: None,
        first_byte_ns: None,
        entered: None,
    }
}

/// The line of a hop: JSON, of parts that need no escaping.
fn hop_line(begun: &Begun, status: Option<i64>) -> String {
    let mut line = String::with_capacity(HOP_LINE_BYTES);
    line.push_str("{\"throughline\":\"hop\",\"trace_id\":\"");
    begun.context.trace_id.push_hex(&mut line);
    line.push_str("\",\"span_id\":\"");
    begun.context.span_id.push_hex(&mut line);
    let texts =
        [("role", begun.role.as_str()), ("path", begun.path_names()), ("link", begun.link.kind.as_str())];
    for (name, text) in texts {
        line.extend(["\",\"", name, "\":\"", text]);
    }
    line.extend(["\",\"depth\":", &begun.depth().to_string()]);
    if let Some(status) = status {
        line.extend([",\"status\":", &status.to_string()]);
    }
    line.push('}');
    line
}

#[cfg(test)]
mod tests;
