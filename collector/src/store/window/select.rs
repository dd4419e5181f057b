//! A search over a window: by what spans are found by, and by the spans themselves only where that is not enough.

use std::borrow::Cow;
use std::sync::Arc;

use throughline_model::id::TraceId;
use throughline_model::span::{Span, StatusCode};

use super::names::Wanted;
use super::{FiledBatch, Head, Window};
use crate::store::{Budget, Condition, Field, FieldValue, SpanFilter, StoreError};

/// A window as it was at one moment, and which of its spans a filter asks for.
#[derive(Debug)]
pub(in crate::store) struct Selection {
    batches: Vec<Arc<FiledBatch>>,
    service: Wanted,
    operation: Wanted,
    /// Conditions that can be told without reading a span.
    told_by_head: Vec<Condition>,
}

impl Window {
    /// What a search has to look at.
    pub(in crate::store) fn select(&self, filter: &SpanFilter) -> Selection {
        let service = self.services.find(filter.service.as_deref());
        let operation = self.operations.find(filter.operation.as_deref());
        let is_hopeless = [service, operation].contains(&Wanted::Nowhere);
        let may_hold = |batch: &&Arc<FiledBatch>| {
            let (first, last) = batch.starts_unix_ns;
            filter.since_unix_ns.is_none_or(|since| since <= last)
                && filter.until_unix_ns.is_none_or(|until| first <= until)
        };
        let batches =
            if is_hopeless { Vec::new() } else { self.batches().iter().filter(may_hold).cloned().collect() };
        let is_told = |condition: &&Condition| condition.fields().into_iter().all(is_told_by_head);
        let told_by_head = filter.conditions.iter().filter(is_told).cloned().collect();
        Selection { batches, service, operation, told_by_head }
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
            && self.told_by_head.iter().all(|condition| condition.holds(&|field| value_of(head, field)))
    }
}

fn is_told_by_head(field: &Field) -> bool {
    matches!(field, Field::Kind | Field::Status | Field::DurationNs | Field::IsRoot)
}

fn value_of(head: &Head, field: &Field) -> Option<FieldValue<'static>> {
    match field {
        Field::Kind => Some(FieldValue::Text(Cow::Borrowed(head.kind.as_str()))),
        Field::Status => Some(FieldValue::Text(Cow::Borrowed(head.status.as_str()))),
        Field::DurationNs => Some(FieldValue::duration(head.duration_ns())),
        Field::IsRoot => Some(FieldValue::Bool(head.parent_span_id.is_none())),
        Field::Name | Field::Service | Field::StatusMessage | Field::Attribute(..) => None,
    }
}
