//! The propagation doctor: which workloads forward the context of the requests they receive, and which break traces.

use std::collections::BTreeMap;

use throughline_model::attribute;
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, SpanKind, Value};

use crate::assemble::Lifecycle;

/// Fewer calls than this allow no verdict.
pub const MIN_CALLS: u64 = 10;
/// From this share of forwarded contexts on a workload counts as sound.
const SOUND_SHARE: f64 = 0.95;

/// What a workload did with the contexts that it received.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Propagation {
    /// Requests that it received with a context, which is all that its proxy saw.
    pub requests: u64,
    /// Requests during which it called somebody, as far as the calls could be tied to them.
    pub calling_requests: u64,
    /// Those of them none of whose calls carried a context from the application.
    pub broken_requests: u64,
    /// Calls that it made, by what ties them to the request that caused them.
    pub calls: BTreeMap<LinkKind, u64>,
}

/// What follows for the team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing is forwarded.
    ForwardsNothing,
    /// Only `x-request-id` is forwarded.
    ForwardsRequestId,
    /// Some calls carry the context and some do not.
    ForwardsInPart,
    /// Nearly all calls carry it.
    Forwards,
    /// Too few calls were seen.
    TooFewCalls,
}

impl Verdict {
    /// The name in the API and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ForwardsNothing => "forwards-nothing",
            Self::ForwardsRequestId => "forwards-request-id",
            Self::ForwardsInPart => "forwards-in-part",
            Self::Forwards => "forwards",
            Self::TooFewCalls => "too-few-calls",
        }
    }
}

impl Propagation {
    /// Calls of every kind.
    pub fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls tied by one kind of evidence.
    pub fn calls_by(&self, kind: LinkKind) -> u64 {
        self.calls.get(&kind).copied().unwrap_or(0)
    }

    /// The share of calls that carried no context of the application; `None` without calls.
    pub fn broken_share(&self) -> Option<f64> {
        let all = self.all_calls();
        (all > 0).then(|| 1.0 - self.calls_by(LinkKind::Propagated) as f64 / all as f64)
    }

    /// What the calls say.
    pub fn verdict(&self) -> Verdict {
        let (all, forwarded) = (self.all_calls(), self.calls_by(LinkKind::Propagated));
        if all < MIN_CALLS {
            return Verdict::TooFewCalls;
        }
        if forwarded as f64 >= SOUND_SHARE * all as f64 {
            return Verdict::Forwards;
        }
        match (forwarded, self.calls_by(LinkKind::RequestId)) {
            (0, 0) => Verdict::ForwardsNothing,
            (0, _) => Verdict::ForwardsRequestId,
            _ => Verdict::ForwardsInPart,
        }
    }

    /// A sentence to hand to the team of the workload.
    pub fn advice(&self, workload: &str) -> String {
        let (all, forwarded) = (self.all_calls(), self.calls_by(LinkKind::Propagated));
        let remedy = "copy the headers traceparent and tracestate of each request to the calls that it causes, as an \
                      OpenTelemetry SDK does by itself";
        match self.verdict() {
            Verdict::ForwardsNothing => {
                format!("{workload} made {all} calls, and none carried the context of a request: {remedy}")
            }
            Verdict::ForwardsRequestId => format!(
                "{workload} forwards x-request-id and no trace context ({all} calls), which ties its calls while request \
                 ids are unique: {remedy}"
            ),
            Verdict::ForwardsInPart => format!(
                "{workload} forwards the context with {forwarded} of {all} calls: find the client that does not, and {remedy}"
            ),
            Verdict::Forwards => format!("{workload} forwards the context with {forwarded} of {all} calls"),
            Verdict::TooFewCalls => {
                format!("{workload} made {all} calls: at least {MIN_CALLS} are needed for a verdict")
            }
        }
    }
}

/// What all workloads of some traces did, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doctor {
    /// Every workload that received a request or made a call.
    pub workloads: BTreeMap<String, Propagation>,
}

impl Doctor {
    /// Looks at one trace. Gateways are left out: their proxy continues contexts by itself.
    pub fn examine(&mut self, lifecycle: &Lifecycle) {
        // For each span whether calls stand right under it, and whether one of them was forwarded.
        let mut below: Vec<(bool, bool)> = vec![(false, false); lifecycle.spans.len()];
        for placed in &lifecycle.spans {
            let Some(kind) = call_kind(&placed.span) else {
                continue;
            };
            let workload = self.workloads.entry(placed.span.service_name().to_owned()).or_default();
            *workload.calls.entry(kind).or_default() += 1;
            if let Some((calls, forwarded)) = placed.parent.and_then(|parent| below.get_mut(parent)) {
                *calls = true;
                *forwarded |= kind == LinkKind::Propagated;
            }
        }
        for (placed, (calls, forwarded)) in lifecycle.spans.iter().zip(below) {
            if placed.span.kind == SpanKind::Server && role(&placed.span) == Some("inbound") {
                let workload = self.workloads.entry(placed.span.service_name().to_owned()).or_default();
                workload.requests += 1;
                workload.calling_requests += u64::from(calls);
                workload.broken_requests += u64::from(calls && !forwarded);
            }
        }
    }
}

/// How the outbound call of a sidecar was tied to its cause; `None` for other spans.
fn call_kind(span: &Span) -> Option<LinkKind> {
    let is_outbound = span.kind == SpanKind::Client && role(span) == Some("outbound");
    is_outbound.then(|| span.link_kind()).flatten()
}

fn role(span: &Span) -> Option<&str> {
    span.attribute(attribute::ROLE).and_then(Value::as_text)
}

#[cfg(test)]
mod tests;
