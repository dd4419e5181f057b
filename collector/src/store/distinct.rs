//! Collects the spans of one trace from several places, each span once.

use std::collections::HashSet;
use std::sync::Arc;

use throughline_model::id::SpanId;
use throughline_model::span::{Span, SpanKind};

use super::StoreError;

/// No lifecycle can be drawn or read beyond this; guards the memory of a query against a trace id used for everything.
const MAX_SPANS_PER_TRACE: usize = 1_000_000;

/// The spans of one trace; of those with the same id and kind only the first.
#[derive(Default)]
pub(super) struct DistinctSpans {
    seen: HashSet<(SpanId, SpanKind)>,
    spans: Vec<Arc<Span>>,
}

impl DistinctSpans {
    /// Takes a span unless it is known.
    pub(super) fn push(&mut self, span: Arc<Span>) -> Result<(), StoreError> {
        if self.spans.len() >= MAX_SPANS_PER_TRACE {
            return Err(StoreError::Failed(format!("trace {} has too many spans to read", span.trace_id)));
        }
        if self.seen.insert((span.span_id, span.kind)) {
            self.spans.push(span);
        }
        Ok(())
    }

    pub(super) fn into_spans(self) -> Vec<Arc<Span>> {
        self.spans
    }
}
