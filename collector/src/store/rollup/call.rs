//! What a rollup needs to know of one end of a call, taken from its span.

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;
use throughline_model::otlp::SpanOutline;
use throughline_model::span::{SpanKind, StatusCode};

use super::Exemplar;
use super::names::{Name, Names};
use crate::store::batch::Head;

/// Which end of a call a span tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Client,
    Server,
}

impl Side {
    /// `None` for a span that is no end of a call.
    pub(super) fn of(kind: SpanKind) -> Option<Self> {
        match kind {
            SpanKind::Client => Some(Self::Client),
            SpanKind::Server => Some(Self::Server),
            _ => None,
        }
    }
}

/// How a span or a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    Failed,
}

impl Outcome {
    pub(super) fn of(status: StatusCode) -> Self {
        if status == StatusCode::Error { Self::Failed } else { Self::Good }
    }

    /// A call failed when either end says so.
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Failed { self } else { other }
    }
}

/// One end of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) side: Side,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) service: Name,
    /// Who is at the other end, as far as this span alone can tell.
    pub(super) peer: Name,
    pub(super) route: Name,
    pub(super) start_unix_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) outcome: Outcome,
    /// What ties the call to the request that caused it, where the caller's span says.
    pub(super) link: Option<LinkKind>,
}

impl End {
    pub(super) fn of(
        side: Side,
        head: &Head,
        service: Name,
        outline: &SpanOutline<'_>,
        names: &mut Names,
    ) -> Self {
        let peer = match side {
            Side::Client => callee(outline),
            Side::Server => caller(outline),
        };
        Self {
            side,
            trace_id: head.trace_id,
            span_id: head.span_id,
            parent: head.parent_span_id,
            service,
            peer: names.get(peer),
            route: names.get(route(outline)),
            start_unix_ns: head.start_unix_ns,
            duration_ns: head.duration_ns(),
            outcome: Outcome::of(head.status),
            link: if side == Side::Client { link(outline) } else { None },
        }
    }

    pub(super) fn exemplar(&self) -> Exemplar {
        Exemplar {
            trace_id: self.trace_id,
            span_id: self.span_id,
            start_unix_ns: self.start_unix_ns,
            duration_ns: self.duration_ns,
        }
    }
}

/// The name of Envoy's route is no route here: the filter asks for it only where a call failed or was slow, so the failures
/// of a route would be counted apart from all that went well on it.
fn route<'a>(span: &SpanOutline<'a>) -> &'a [u8] {
    span.text(attribute::HTTP_ROUTE).unwrap_or(span.name)
}

/// Callers tell it; callees do not.
fn link(span: &SpanOutline<'_>) -> Option<LinkKind> {
    LinkKind::from_name(str::from_utf8(span.text(attribute::LINK_KIND)?).ok()?)
}

/// The address that was called; the cluster where there is none.
fn callee<'a>(span: &SpanOutline<'a>) -> &'a [u8] {
    let told = span.text(attribute::SERVER_ADDRESS).or_else(|| span.text(attribute::ENVOY_UPSTREAM_CLUSTER));
    told.unwrap_or(&[])
}

/// The workload before the last one on the path that the request took.
fn caller<'a>(span: &SpanOutline<'a>) -> &'a [u8] {
    let passed = span.text(attribute::PATH).and_then(|path| path.rsplit(|byte| *byte == b'>').nth(1));
    passed.unwrap_or(&[])
}
