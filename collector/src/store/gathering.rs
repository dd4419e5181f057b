//! Gathers the spans of several traces from blocks and windows: each span once, within a budget and within memory.

use std::collections::HashMap;
use std::mem::size_of;
use std::ops::ControlFlow;
use std::sync::Arc;

use throughline_model::id::TraceId;
use throughline_model::span::{Attribute, Span, Value};

use super::distinct::DistinctSpans;
use super::{Budget, Found, StoreError};

/// What traces that are read together may take in memory. One trace alone may take so much whatever the budget, so that whoever
/// goes from trace to trace gets on; beyond, all that the budget allows.
const MAX_BYTES_TOGETHER: u64 = 64 * 1024 * 1024;

/// Reads traces in parts that fit into memory: `read` offers every span of some traces to what it is given, until that breaks.
/// The answer has the first of the traces asked for, at least one of them; none when the budget was used up.
pub(super) fn gather(
    trace_ids: &[TraceId],
    budget: &Budget,
    mut read: impl FnMut(&[TraceId], &mut Gathering<'_>) -> Result<(), StoreError>,
) -> Result<Gathered, StoreError> {
    let mut together = trace_ids;
    loop {
        let mut gathering = Gathering::new(together.len(), budget);
        if budget.allows_more() {
            read(together, &mut gathering)?;
        }
        match gathering.end() {
            End::Whole => {
                budget.spend(gathering.bytes);
                let is_complete = together.len() == trace_ids.len();
                let truncated = gathering.full;
                return Ok(Gathered {
                    found: Found { items: gathering.into_traces(together), is_complete },
                    truncated,
                });
            }
            // The first half may fit, and costs less than what was read in vain.
            End::TooLarge => together = together.split_at(together.len() / 2).0,
            End::Stopped => return Ok(Gathered::default()),
        }
    }
}

/// Traces that were read together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) found: Found<Vec<Arc<Span>>>,
    /// How many of them have more spans than are read.
    pub(super) truncated: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    TooLarge,
    Stopped,
}

/// Traces that are being read.
#[derive(Debug)]
pub(super) struct Gathering<'a> {
    budget: &'a Budget,
    found: HashMap<TraceId, DistinctSpans>,
    wanted: usize,
    full: usize,
    bytes: u64,
}

impl<'a> Gathering<'a> {
    fn new(wanted: usize, budget: &'a Budget) -> Self {
        Self { budget, found: HashMap::new(), wanted, full: 0, bytes: 0 }
    }

    /// Takes a span; breaks when no further one matters.
    pub(super) fn push(&mut self, span: Arc<Span>) -> ControlFlow<()> {
        let bytes = memory_bytes(&span);
        let spans = self.found.entry(span.trace_id).or_default();
        if spans.push(span) {
            self.bytes += bytes;
            self.full += usize::from(spans.are_enough());
        }
        if self.full >= self.wanted || self.end() != End::Whole {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn end(&self) -> End {
        let (is_too_large, is_too_costly) =
            (self.bytes > MAX_BYTES_TOGETHER, !self.budget.has_bytes(self.bytes));
        if !self.budget.allows_more() {
            End::Stopped
        } else if self.wanted > 1 && (is_too_large || is_too_costly) {
            End::TooLarge
        } else if is_too_large && is_too_costly {
            End::Stopped
        } else {
            End::Whole
        }
    }

    fn into_traces(mut self, trace_ids: &[TraceId]) -> Vec<Vec<Arc<Span>>> {
        let of = |trace_id| self.found.remove(trace_id).map(DistinctSpans::into_spans).unwrap_or_default();
        trace_ids.iter().map(of).collect()
    }
}

/// About what a span takes in memory, without its resource, which is shared.
pub fn memory_bytes(span: &Span) -> u64 {
    let attributes = |attributes: &[Attribute]| -> usize {
        attributes
            .iter()
            .map(|attribute| size_of::<Attribute>() + attribute.key.len() + of_value(&attribute.value))
            .sum()
    };
    let events: usize =
        span.events.iter().map(|event| event.name.len() + attributes(&event.attributes)).sum();
    let links: usize = span.links.iter().map(|link| attributes(&link.attributes)).sum();
    (size_of::<Span>() + span.name.len() + attributes(&span.attributes) + events + links) as u64
}

fn of_value(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => 0,
        Value::List(values) => values.iter().map(|value| size_of::<Value>() + of_value(value)).sum(),
        Value::Map(attributes) => {
            attributes.iter().map(|attribute| attribute.key.len() + of_value(&attribute.value)).sum()
        }
    }
}

#[cfg(test)]
mod tests;
