//! Collects the spans of one trace from several places, each span once.

use std::collections::HashSet;
use std::sync::Arc;

use throughline_model::id::SpanId;
use throughline_model::span::{Span, SpanKind};

/// Spans of one trace that are read; the others stay where they are. Twice as many as are ever shown: it guards the memory of
/// a query against a trace id that is used for everything.
pub const MAX_TRACE_SPANS: usize = 100_000;

/// The spans of one trace; of those with the same id and kind only the first.
#[derive(Debug, Default)]
pub(super) struct DistinctSpans {
    seen: HashSet<(SpanId, SpanKind)>,
    spans: Vec<Arc<Span>>,
}

impl DistinctSpans {
    /// Takes a span unless it is known, or there are enough already; returns whether it was taken.
    pub(super) fn push(&mut self, span: Arc<Span>) -> bool {
        let is_new = !self.are_enough() && self.seen.insert((span.span_id, span.kind));
        if is_new {
            self.spans.push(span);
        }
        is_new
    }

    /// Whether no more are taken.
    pub(super) fn are_enough(&self) -> bool {
        self.spans.len() >= MAX_TRACE_SPANS
    }

    pub(super) fn into_spans(self) -> Vec<Arc<Span>> {
        self.spans
    }
}
