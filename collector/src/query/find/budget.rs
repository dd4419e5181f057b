//! What one search may cost: time, bytes, and the patience of who asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use throughline_model::span::Span;

use super::Inspected;
use crate::query::problem::Problem;
use crate::store;

/// Bounds on one question.
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
        // Not after the store's: whoever sees the store stop for the time has to see that it is over.
        let deadline = Instant::now().checked_add(limits.time);
        let of_store = Arc::new(store::Budget::new(limits.time, limits.bytes));
        self.of_store.push(Arc::clone(&of_store));
        Budget {
            deadline,
            bytes: limits.bytes,
            is_cancelled: Arc::clone(&self.is_cancelled),
            inspected: Inspected::default(),
            of_store,
        }
    }

    /// What two searches one after the other look at: each may read all the bytes and half of the time, or what is left of it.
    pub(in crate::query) fn two_budgets(&mut self, limits: Limits) -> (Budget, Budget) {
        let first = self.budget(Limits { time: limits.time / 2, ..limits });
        (first, self.budget(limits))
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
        self.inspected.bytes += spans.iter().map(|span| store::memory_bytes(span)).sum::<u64>();
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

    /// Why there is no answer: half of one would be wrong.
    pub(in crate::query) fn used_up(&self, question: &str) -> Problem {
        match self.stop() {
            Some(Stop::Time | Stop::Cancelled) => Problem::unavailable(format!(
                "{question} took longer than a question may (query.search.timeout): ask for less, or later"
            )),
            Some(Stop::Bytes) | None => Problem::unprocessable(format!(
                "{question} needs more memory than a question may (query.search.max_bytes): ask for less, or raise that"
            )),
        }
    }

    /// What was looked at so far.
    pub(super) fn inspected(&self) -> Inspected {
        self.inspected
    }
}
