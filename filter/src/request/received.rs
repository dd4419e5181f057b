//! What the headers of a request say about its trace, as this proxy takes it, and what is written in their place.

use throughline_model::attribute;
use throughline_model::context::{
    Decision, Rewrite, TRACEPARENT, TRACESTATE, TraceContext, TraceFlags, TraceState,
};
use throughline_model::id::TraceId;
use throughline_model::mesh::ProxyKind;
use throughline_model::otlp::SpanWriter;
use throughline_model::span::{Attribute, SpanLink, Value};

use super::{Begun, Role};
use crate::engine::Engine;
use crate::headers::{Headers, Known};
use crate::host::{HeaderMap, Host};
use crate::propagation::{self, LinkedSpan, Received};
use crate::stats::Counter;

/// Most headers that a proxy takes unless it is told otherwise. Method, path and scheme count where they are headers, which
/// they are in HTTP/2; by which version the request goes on is not known here.
const USUAL_MAX_HEADERS: usize = 100;
const NO_HEADERS_IN_HTTP_1: usize = 3;

/// Reads the headers. Only a gateway is an edge: a waypoint stands inside the mesh.
pub(super) fn receive(engine: &Engine, role: Role, headers: &Headers) -> Received {
    let config = &engine.config.propagation;
    let received = propagation::extract(headers, config);
    if received.is_malformed {
        engine.count(Counter::ContextsMalformed);
    }
    let is_edge = role == Role::Gateway && engine.kind != ProxyKind::Waypoint;
    if is_edge { received.at_edge(config.edge) } else { received }
}

/// Ids, flags and state of a trace that begins here.
pub(super) fn begin_trace(
    engine: &mut Engine,
    host: &mut impl Host,
    received: &Received,
) -> (TraceId, TraceFlags, TraceState) {
    let (trace_id, flags) = match received.named_trace {
        // Whether an id of somebody else is random nobody knows.
        Some(trace_id) => (trace_id, TraceFlags::default()),
        None => (engine.new_trace_id(host), TraceFlags::new_sampled_trace()),
    };
    let flags = match received.decision {
        Decision::NotSampled => flags.not_sampled(),
        Decision::Sampled | Decision::Debug | Decision::Deferred => flags.sampled(),
    };
    (trace_id, flags, TraceState::default())
}

/// Writes what is passed on into the request's headers. Nothing that came in goes on beside it. Where a header more could
/// have the next proxy refuse the request, none is added: the trace breaks off there and the request does not.
pub(super) fn pass_on(engine: &Engine, host: &mut impl Host, begun: &Begun) {
    let (has_parent, has_state) =
        (!begun.headers.lacks(Known::TraceParent), !begun.headers.lacks(Known::TraceState));
    let room = room(&begun.headers);
    if has_parent || room > 0 {
        write(host, begun, (Known::TraceParent, TRACEPARENT), &begun.context.to_traceparent());
    } else {
        engine.count(Counter::ContextsNotPassedOn);
    }
    if has_state || room > usize::from(!has_parent) {
        write(host, begun, (Known::TraceState, TRACESTATE), &begun.state_line);
    }
    for rewrite in begun.received.rewrites(&begun.context) {
        match rewrite {
            Rewrite::Set(name, value) => host.set_request_header(name, &value),
            Rewrite::Remove(name) => host.remove_request_header(name),
        }
    }
}

/// How many headers may be added. Who already sends more than the usual number has proxies that take more.
fn room(headers: &Headers) -> usize {
    let count = headers.count();
    if count > USUAL_MAX_HEADERS + NO_HEADERS_IN_HTTP_1 {
        usize::MAX
    } else {
        USUAL_MAX_HEADERS.saturating_sub(count)
    }
}

/// Writes a header of the request, or takes it away where there is nothing to say. To put a header in place of others asks
/// more of the proxy than to add the first.
fn write(host: &mut impl Host, begun: &Begun, (known, name): (Known, &'static str), value: &str) {
    match (value, begun.headers.lacks(known)) {
        ("", true) => {}
        ("", false) => host.remove_request_header(name),
        (_, true) => host.add_header(HeaderMap::Request, name, value),
        (_, false) => host.set_request_header(name, value),
    }
}

/// Tells the caller of a gateway which trace its request belongs to, where that is asked for. What the application
/// says of its own timing stays beside it.
pub(super) fn tell_caller(engine: &Engine, host: &mut impl Host, begun: &Begun) {
    if engine.config.propagation.has_server_timing
        && begun.role == Role::Gateway
        && engine.kind != ProxyKind::Waypoint
        && let Some(server) = begun.server
    {
        let value = propagation::server_timing(&begun.context, server);
        host.add_header(HeaderMap::Response, propagation::SERVER_TIMING, &value);
    }
}

/// Writes the links to other traces into the outermost span made here.
pub(super) fn write_linked(span: &mut SpanWriter<'_>, begun: &Begun) {
    for LinkedSpan { trace_id, span_id, reason } in &begun.received.linked {
        let reason = Value::Text(reason.as_str().to_owned());
        let attributes = vec![Attribute { key: attribute::LINKED_REASON.to_owned(), value: reason }];
        span.link(&SpanLink { trace_id: *trace_id, span_id: *span_id, attributes });
    }
}

impl Received {
    /// The cause was found by other evidence than the request's own trace headers: its decision counts.
    pub(super) fn adopt(&mut self, cause: &TraceContext) {
        self.decision = if cause.flags.is_sampled() { Decision::Sampled } else { Decision::NotSampled };
    }
}

#[cfg(test)]
mod tests;
