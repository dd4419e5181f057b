//! What a rollup needs to know of one end of a call, taken from its span.

use std::collections::HashSet;
use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Span, SpanKind, StatusCode, Value};

use super::{Exemplar, UNKNOWN};

/// Longer names are cut: they come from the network, and are kept for long.
const MAX_NAME_BYTES: usize = 256;

/// Which end of a call a span tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Client,
    Server,
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
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) side: Side,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) service: Arc<str>,
    /// Who is at the other end, as far as this span alone can tell.
    pub(super) peer: Arc<str>,
    pub(super) route: Arc<str>,
    pub(super) start_unix_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) outcome: Outcome,
}

impl End {
    /// Reads a span; `None` when it is no end of a call.
    pub(super) fn of(span: &Span, names: &mut Names) -> Option<Self> {
        let side = match span.kind {
            SpanKind::Client => Side::Client,
            SpanKind::Server => Side::Server,
            _ => return None,
        };
        let peer = match side {
            Side::Client => callee(span),
            Side::Server => caller(span),
        };
        Some(Self {
            side,
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent: span.parent_span_id,
            service: names.get(span.service_name()),
            peer: names.get(peer),
            route: names.get(route(span)),
            start_unix_ns: span.start_unix_ns,
            duration_ns: span.duration_ns(),
            outcome: Outcome::of(span.status),
        })
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

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    span.attribute(key).and_then(Value::as_text).filter(|text| !text.is_empty())
}

/// The name of Envoy's route is no route here: the filter asks for it only where a call failed or was slow, so the failures
/// of a route would be counted apart from all that went well on it.
fn route(span: &Span) -> &str {
    text(span, attribute::HTTP_ROUTE).unwrap_or(&span.name)
}

/// The address that was called; the cluster where there is none.
fn callee(span: &Span) -> &str {
    text(span, attribute::SERVER_ADDRESS)
        .or_else(|| text(span, attribute::ENVOY_UPSTREAM_CLUSTER))
        .unwrap_or(UNKNOWN)
}

/// The workload before the last one on the path that the request took.
fn caller(span: &Span) -> &str {
    let passed = text(span, attribute::PATH).and_then(|path| path.rsplit('>').nth(1));
    passed.unwrap_or(UNKNOWN)
}

/// Names that are held once, however often they occur.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashSet<Arc<str>>,
}

impl Names {
    /// More names than this are forgotten and begun anew; who holds them keeps them.
    const LIMIT: usize = 50_000;

    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        let name = cut(name);
        if let Some(known) = self.known.get(name) {
            return Arc::clone(known);
        }
        if self.known.len() >= Self::LIMIT {
            self.known.clear();
        }
        let new: Arc<str> = Arc::from(name);
        self.known.insert(Arc::clone(&new));
        new
    }
}

fn cut(name: &str) -> &str {
    let end = name.floor_char_boundary(MAX_NAME_BYTES);
    name.get(..end).unwrap_or(name)
}
