//! A search over a window: by what spans are found by, and by the spans themselves only where that is not enough.

use std::sync::Arc;

use throughline_model::id::TraceId;
use throughline_model::span::{Span, StatusCode};

use super::names::Wanted;
use super::{FiledBatch, Head, Window};
use crate::store::{Budget, SpanFilter, StoreError};

/// A window as it was at one moment, and which of its spans a filter asks for.
#[derive(Debug)]
pub(in crate::store) struct Selection {
    batches: Vec<Arc<FiledBatch>>,
    service: Wanted,
    operation: Wanted,
}

impl Window {
    /// What a search has to look at.
    pub(in crate::store) fn select(&self, filter: &SpanFilter) -> Selection {
        let service = self.services.find(filter.service.as_deref());
        let operation = self.operations.find(filter.operation.as_deref());
        let is_hopeless = [service, operation].contains(&Wanted::Nowhere);
        let batches = if is_hopeless { Vec::new() } else { self.batches().to_vec() };
        Selection { batches, service, operation }
    }
}

impl Selection {
    /// Tells trace and start of every matching span, as long as the budget lasts; returns whether it did. May block on disk.
    pub(in crate::store) fn each_trace(
        &self,
        filter: &SpanFilter,
        budget: &Budget,
        mut take: impl FnMut(TraceId, u64),
    ) -> Result<bool, StoreError> {
        if self.service.is_unsure() || self.operation.is_unsure() || !filter.conditions.is_empty() {
            return self.each_span(filter, budget, |span| take(span.trace_id, span.start_unix_ns));
        }
        for batch in &self.batches {
            if !budget.allows_more() {
                return Ok(false);
            }
            let admitted = batch.heads.iter().filter(|head| self.admits(filter, head));
            admitted.for_each(|head| take(head.trace_id, head.start_unix_ns));
        }
        Ok(budget.allows_more())
    }

    /// Decodes every matching span, as long as the budget lasts; returns whether it did. May block on disk.
    pub(in crate::store) fn each_span(
        &self,
        filter: &SpanFilter,
        budget: &Budget,
        mut take: impl FnMut(&Span),
    ) -> Result<bool, StoreError> {
        for batch in &self.batches {
            if !budget.allows_more() {
                return Ok(false);
            }
            let admitted: Vec<&Head> = batch.heads.iter().filter(|head| self.admits(filter, head)).collect();
            budget.spend(admitted.iter().map(|head| u64::from(head.place.span_bytes)).sum());
            let spans = batch.decode(&admitted)?;
            spans.iter().filter(|span| filter.matches(span)).for_each(|span| take(span));
        }
        Ok(budget.allows_more())
    }

    /// Whether a span satisfies every condition that can be told without reading it.
    fn admits(&self, filter: &SpanFilter, head: &Head) -> bool {
        self.service.admits(head.service)
            && self.operation.admits(head.name_id)
            && filter.since_unix_ns.is_none_or(|since| head.start_unix_ns >= since)
            && filter.until_unix_ns.is_none_or(|until| head.start_unix_ns <= until)
            && filter.min_duration_ns.is_none_or(|min| head.duration_ns() >= min)
            && filter.max_duration_ns.is_none_or(|max| head.duration_ns() <= max)
            && (!filter.errors_only || head.status == StatusCode::Error)
    }
}
