//! What one search may cost: time, bytes, and the patience of who asked.

use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use throughline_model::span::{Attribute, Span, Value};

use super::Inspected;
use crate::store;

/// Bounds on one search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query) struct Limits {
    pub(in crate::query) time: Duration,
    pub(in crate::query) bytes: u64,
}

/// Why a search ended before everything was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query) enum Stop {
    Time,
    Bytes,
    /// Nobody waits for the answer any more.
    Cancelled,
}

impl Stop {
    pub(in crate::query) fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Bytes => "bytes",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Withdraws a question when it is dropped: held by whoever waits for the answer.
#[derive(Debug, Default)]
pub(in crate::query) struct Cancel {
    is_cancelled: Arc<AtomicBool>,
    of_store: Vec<Arc<store::Budget>>,
}

impl Cancel {
    /// What the search looks at.
    pub(in crate::query) fn budget(&mut self, limits: Limits) -> Budget {
        let of_store = Arc::new(store::Budget::new(limits.time, limits.bytes));
        self.of_store.push(Arc::clone(&of_store));
        Budget {
            deadline: Instant::now().checked_add(limits.time),
            bytes: limits.bytes,
            is_cancelled: Arc::clone(&self.is_cancelled),
            inspected: Inspected::default(),
            of_store,
        }
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
        self.of_store.iter().for_each(|budget| budget.cancel());
    }
}

/// What is left for one search.
#[derive(Debug)]
pub(in crate::query) struct Budget {
    /// `None` is so far away that it does not matter.
    deadline: Option<Instant>,
    bytes: u64,
    is_cancelled: Arc<AtomicBool>,
    inspected: Inspected,
    of_store: Arc<store::Budget>,
}

impl Budget {
    /// Counts a trace that is looked at.
    pub(super) fn take(&mut self, spans: &[Arc<Span>]) {
        self.inspected.traces += 1;
        self.inspected.spans += spans.len() as u64;
        self.inspected.bytes += spans.iter().map(|span| bytes_of(span)).sum::<u64>();
    }

    /// Why the search has to end now.
    pub(super) fn stop(&self) -> Option<Stop> {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Some(Stop::Cancelled);
        }
        if self.inspected.bytes > self.bytes {
            return Some(Stop::Bytes);
        }
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline).then_some(Stop::Time)
    }

    /// What the store may spend on finding.
    pub(in crate::query) fn of_store(&self) -> &store::Budget {
        &self.of_store
    }

    /// What was looked at so far.
    pub(super) fn inspected(&self) -> Inspected {
        self.inspected
    }
}

/// About what a span takes in memory, without its resource, which is shared.
fn bytes_of(span: &Span) -> u64 {
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
