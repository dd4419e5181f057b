//! Which trace context a request brings, in whatever format, and what is written back into its headers.
//!
//! A valid W3C context wins, then the first valid one in the order of `propagation.extract`; another trace that the
//! request names as well becomes a span link. W3C is always written; the other formats are rewritten in place where
//! the request carries them, and what is malformed is taken away.

use throughline_model::context::{
    self, Carried, Decision, Extracted, Foreign, ForeignContext, ForeignReading, Format, Outgoing, Rewrite,
    TRACEPARENT, TraceContext, TraceFlags, TraceState,
};
use throughline_model::id::{SpanId, TraceId};

use crate::headers::{Headers, Known};
use crate::settings::{Key, Kind, Reader};

/// The header that tells a browser which trace its request belongs to (W3C Server Timing).
pub const SERVER_TIMING: &str = "server-timing";

/// `propagation.extract`.
const EXTRACT: Key = Key::new(
    "propagation.extract",
    Kind::Choices(&[
        "tracecontext",
        "b3",
        "b3multi",
        "jaeger",
        "xray",
        "datadog",
        "cloudtrace",
        "grpc-trace-bin",
        "ottrace",
    ]),
    "[\"tracecontext\", \"b3\", \"b3multi\"]",
    "formats of trace headers that are read, and rewritten where a request carries them; `tracecontext` is always \
     read and comes first, and other formats pass untouched",
);
/// `propagation.server_timing`.
const SERVER_TIMING_SWITCH: Key = Key::new(
    "propagation.server_timing",
    Kind::Switch,
    "false",
    "a gateway tells the caller its trace in the response header `server-timing`",
);
/// `edge`.
const EDGE: Key = Key::new(
    "edge",
    Kind::Choice(&["continue", "restart", "continue-resample"]),
    "\"continue\"",
    "what a gateway does with a trace context from outside: `restart` begins a trace with a link to it, \
     `continue-resample` keeps its ids and decides sampling anew; sidecars and waypoints always continue",
);

/// The keys of this room.
pub const KEYS: &[Key] = &[EXTRACT, SERVER_TIMING_SWITCH, EDGE];

/// What a gateway does with a context that comes from outside the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Goes on with it, and follows its decision.
    Continue,
    /// Begins a trace of its own with a link to it.
    Restart,
    /// Goes on with it, and decides by itself whether it is recorded.
    ContinueResample,
}

/// `propagation.*` and `edge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropagationConfig {
    /// `propagation.extract` without W3C, which needs no mention.
    pub formats: Vec<Format>,
    /// `propagation.server_timing`.
    pub has_server_timing: bool,
    /// `edge`.
    pub edge: Edge,
}

impl PropagationConfig {
    /// Reads the keys of this room.
    pub fn read(reader: &mut Reader) -> Self {
        let names = reader.choices(&EXTRACT);
        let format = |name: &str| Format::ALL.into_iter().find(|(known, _)| *known == name);
        Self {
            formats: names.into_iter().filter_map(format).map(|(_, format)| format).collect(),
            has_server_timing: reader.switch(&SERVER_TIMING_SWITCH),
            edge: match reader.choice(&EDGE) {
                "restart" => Edge::Restart,
                "continue-resample" => Edge::ContinueResample,
                _ => Edge::Continue,
            },
        }
    }
}

/// A span of another trace, named by a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkedSpan {
    /// Its trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Why it is linked.
    pub reason: LinkReason,
}

/// Why a span of another trace is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkReason {
    /// The trace was begun anew at the edge.
    Restart,
    /// The request named this trace too, in another format.
    OtherFormat,
}

impl LinkReason {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::OtherFormat => "other-format",
        }
    }
}

/// What a request's headers say about its trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The context to go on with; without one a trace begins.
    pub context: Option<TraceContext>,
    /// The id of the trace that begins, where the caller named a trace and made no span in it.
    pub named_trace: Option<TraceId>,
    /// What the caller wants of the decision whether the request is recorded. `Deferred` leaves it to our sampler,
    /// with a context or without.
    pub decision: Decision,
    /// Other traces that the request belongs to.
    pub linked: Vec<LinkedSpan>,
    /// Whether some trace header broke its specification.
    pub is_malformed: bool,
    foreign: Vec<Foreign>,
}

/// Reads everything that the headers of one request say about its trace.
pub fn extract(headers: &Headers, config: &PropagationConfig) -> Received {
    let mut carried = Carried::default();
    for (name, value) in headers.others() {
        carried.offer(&config.formats, name, value);
    }
    let mut received = Received::default();
    if !carried.is_empty() {
        received.foreign = config.formats.iter().filter_map(|format| carried.read(*format)).collect();
    }
    match context::extract(headers.values(Known::TraceParent), headers.values(Known::TraceState)) {
        Extracted::Found(context) => received.follow(context),
        Extracted::Absent => received.follow_first_foreign(),
        Extracted::Malformed(_) => {
            received.is_malformed = true;
            received.follow_first_foreign();
        }
    }
    received.regard_the_others();
    received
}

impl Received {
    fn follow(&mut self, context: TraceContext) {
        self.decision = if context.flags.is_sampled() { Decision::Sampled } else { Decision::NotSampled };
        self.context = Some(context);
    }

    /// Without a valid `traceparent` its `tracestate` says nothing (Level 2, section 3.3), and nobody knows whether
    /// a foreign trace id is random (section 3.2.2.5.2).
    fn follow_first_foreign(&mut self) {
        let first = self.contexts().next();
        match first {
            Some(ForeignContext { trace_id, span_id: Some(span_id), decision }) => {
                let unsampled = TraceFlags::default();
                let flags = match decision {
                    Decision::Sampled | Decision::Debug => unsampled.sampled(),
                    Decision::NotSampled | Decision::Deferred => unsampled,
                };
                self.context = Some(TraceContext { trace_id, span_id, flags, state: TraceState::default() });
                self.decision = decision;
            }
            Some(ForeignContext { trace_id, span_id: None, decision }) => {
                self.named_trace = Some(trace_id);
                self.decision = decision;
            }
            None => {
                let decisions = self.foreign.iter().find_map(|foreign| match foreign.reading {
                    ForeignReading::DecisionOnly(decision) => Some(decision),
                    _ => None,
                });
                self.decision = decisions.unwrap_or_default();
            }
        }
    }

    /// What else the request carries: other traces are linked, and the debug wish of the same trace is kept.
    fn regard_the_others(&mut self) {
        let is_broken = |foreign: &Foreign| matches!(foreign.reading, ForeignReading::Malformed(_));
        self.is_malformed |= self.foreign.iter().any(is_broken);
        let Some(trace_id) = self.context.as_ref().map(|context| context.trace_id).or(self.named_trace)
        else {
            return;
        };
        let others: Vec<ForeignContext> = self.contexts().collect();
        for other in others {
            let is_new = self.linked.iter().all(|linked| !other.names_trace(linked.trace_id));
            match other.span_id {
                _ if other.names_trace(trace_id) => self.note_debug(other.decision),
                Some(span_id) if is_new => {
                    let reason = LinkReason::OtherFormat;
                    self.linked.push(LinkedSpan { trace_id: other.trace_id, span_id, reason });
                }
                _ => {}
            }
        }
    }

    fn note_debug(&mut self, of_another_format: Decision) {
        if of_another_format == Decision::Debug && self.decision == Decision::Sampled {
            self.decision = Decision::Debug;
        }
    }

    fn contexts(&self) -> impl Iterator<Item = ForeignContext> {
        self.foreign.iter().filter_map(|foreign| match foreign.reading {
            ForeignReading::Found(context) => Some(context),
            _ => None,
        })
    }

    /// What a gateway makes of it (Level 2, section 3.4: "Restart trace" takes nothing of `tracestate` along).
    pub fn at_edge(mut self, edge: Edge) -> Self {
        match edge {
            Edge::Continue => {}
            Edge::ContinueResample => self.decision = Decision::Deferred,
            Edge::Restart => {
                if let Some(context) = self.context.take() {
                    let (trace_id, span_id) = (context.trace_id, context.span_id);
                    self.linked.insert(0, LinkedSpan { trace_id, span_id, reason: LinkReason::Restart });
                }
                self.named_trace = None;
                self.decision = Decision::Deferred;
                self.foreign.iter_mut().for_each(Foreign::forget_the_rest);
            }
        }
        self
    }

    /// The changes to headers of other formats, so that their readers see the context that is passed on.
    pub fn rewrites(&self, context: &TraceContext) -> Vec<Rewrite> {
        let outgoing = Outgoing { context, is_debug: self.decision == Decision::Debug };
        self.foreign.iter().flat_map(|foreign| foreign.rewrite(&outgoing)).collect()
    }
}

/// The value of `server-timing` that names the trace, and the span that served the request.
pub fn server_timing(context: &TraceContext, server: SpanId) -> String {
    let context = TraceContext { span_id: server, state: TraceState::default(), ..*context };
    format!("{TRACEPARENT};desc=\"{}\"", context.to_traceparent())
}

#[cfg(test)]
mod tests;
