//! The spans that are in memory: indexed by trace, and in batches for a search to walk over.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;
use std::time::Instant;

use throughline_model::id::TraceId;
use throughline_model::span::{Attribute, Resource, Span, Value};

use super::services::ServiceNames;

/// Spans in the order they came.
#[derive(Debug, Default)]
pub(super) struct Window {
    batches: Vec<Arc<[Arc<Span>]>>,
    by_trace: HashMap<TraceId, Vec<Arc<Span>>>,
    services: ServiceNames,
    spans: usize,
    bytes: usize,
    oldest: Option<Instant>,
}

impl Window {
    /// Takes a batch; returns about how much memory that took.
    pub(super) fn push(&mut self, batch: Arc<[Arc<Span>]>) -> usize {
        if batch.is_empty() {
            return 0;
        }
        self.oldest.get_or_insert_with(Instant::now);
        let mut bytes = batch_bytes(&batch);
        for span in batch.iter() {
            let places = self.by_trace.entry(span.trace_id).or_default();
            let had_room_for = places.capacity();
            places.push(Arc::clone(span));
            bytes += (places.capacity() - had_room_for) * PLACE_BYTES;
            bytes += if had_room_for == 0 { TRACE_BYTES } else { 0 };
            self.services.insert(span.service_name());
        }
        self.spans += batch.len();
        self.bytes += bytes;
        self.batches.push(batch);
        bytes
    }

    /// The spans of one trace, in the order they came.
    pub(super) fn trace(&self, trace_id: TraceId) -> &[Arc<Span>] {
        self.by_trace.get(&trace_id).map_or(&[], Vec::as_slice)
    }

    /// All batches; cheap to copy, so that a search need not hold a lock.
    pub(super) fn batches(&self) -> &[Arc<[Arc<Span>]>] {
        &self.batches
    }

    pub(super) fn services(&self) -> &ServiceNames {
        &self.services
    }

    pub(super) fn spans(&self) -> usize {
        self.spans
    }

    /// About how much memory the spans take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest batch came; `None` when the window is empty.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.oldest
    }
}

/// About how much memory a batch takes at most in an empty window: what its spans hold, and their places in the
/// index as if no trace of the batch was known before.
pub(super) fn estimated_bytes(batch: &[Arc<Span>]) -> usize {
    let mut traces = 0;
    let mut last_trace = None;
    for span in batch {
        traces += usize::from(last_trace != Some(span.trace_id));
        last_trace = Some(span.trace_id);
    }
    // A vector of places doubles, and the first allocation of one has room for four.
    batch_bytes(batch) + traces * (TRACE_BYTES + 4 * PLACE_BYTES) + batch.len() * 2 * PLACE_BYTES
}

/// What one more trace costs in the index besides the places of its spans: its entry, in a table that is at least 7/16
/// full with one byte of its own for each entry, and what the allocator adds to its vector.
const TRACE_BYTES: usize = (size_of::<(TraceId, Vec<Arc<Span>>)>() + 1) * 16 / 7 + 2 * size_of::<usize>();
const PLACE_BYTES: usize = size_of::<Arc<Span>>();

/// What the spans of a batch hold, their resources counted once for each run of spans that share one.
fn batch_bytes(batch: &[Arc<Span>]) -> usize {
    /// With its two reference counts, and its place in the batch.
    const SPAN_BYTES: usize = allocation_bytes(size_of::<Span>() + 2 * size_of::<usize>()) + PLACE_BYTES;
    const RESOURCE_BYTES: usize = allocation_bytes(size_of::<Resource>() + 2 * size_of::<usize>());
    let mut resource = None;
    let mut bytes = allocation_bytes(2 * size_of::<usize>());
    for span in batch {
        bytes += SPAN_BYTES
            + [&span.name, &span.trace_state, &span.status_message].map(text_bytes).iter().sum::<usize>();
        bytes += attribute_bytes(&span.attributes);
        bytes += vector_bytes(&span.events) + vector_bytes(&span.links);
        bytes += span
            .events
            .iter()
            .map(|event| text_bytes(&event.name) + attribute_bytes(&event.attributes))
            .sum::<usize>();
        bytes += span.links.iter().map(|link| attribute_bytes(&link.attributes)).sum::<usize>();
        let of_this_span = Arc::as_ptr(&span.resource);
        if resource != Some(of_this_span) {
            bytes += RESOURCE_BYTES + attribute_bytes(&span.resource.attributes);
            resource = Some(of_this_span);
        }
    }
    bytes
}

fn attribute_bytes(attributes: &Vec<Attribute>) -> usize {
    let of_one = |attribute: &Attribute| text_bytes(&attribute.key) + value_bytes(&attribute.value);
    vector_bytes(attributes) + attributes.iter().map(of_one).sum::<usize>()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => text_bytes(text),
        Value::Bytes(bytes) => vector_bytes(bytes),
        Value::List(values) => vector_bytes(values) + values.iter().map(value_bytes).sum::<usize>(),
        Value::Map(attributes) => attribute_bytes(attributes),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => 0,
    }
}

/// What a vector holds is what it has room for, however little is in it.
fn vector_bytes<T>(vector: &Vec<T>) -> usize {
    allocation_bytes(vector.capacity() * size_of::<T>())
}

fn text_bytes(text: &String) -> usize {
    allocation_bytes(text.capacity())
}

/// What the allocator takes for a request: a word of its own, in steps of two words, at least four.
const fn allocation_bytes(bytes: usize) -> usize {
    const WORD_BYTES: usize = size_of::<usize>();
    if bytes == 0 {
        return 0;
    }
    let whole = (bytes + WORD_BYTES).next_multiple_of(2 * WORD_BYTES);
    if whole < 4 * WORD_BYTES { 4 * WORD_BYTES } else { whole }
}

#[cfg(test)]
mod tests;
