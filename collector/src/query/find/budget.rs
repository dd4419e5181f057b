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

    /// What a sample of traces may cost.
    pub(in crate::query) fn sample_budget(&mut self, limits: Limits) -> SampleBudget {
        self.sample_budget_between(Duration::ZERO, limits)
    }

    /// What two samples one after the other may cost: each all the bytes and half of the time, or what is left of it.
    pub(in crate::query) fn two_sample_budgets(&mut self, limits: Limits) -> (SampleBudget, SampleBudget) {
        let half = limits.time / 2;
        let first = self.sample_budget_between(Duration::ZERO, Limits { time: half, ..limits });
        (first, self.sample_budget_between(half, limits))
    }

    /// The limits' time ends the reading; half of what it has behind `begin` is for finding.
    fn sample_budget_between(&mut self, begin: Duration, limits: Limits) -> SampleBudget {
        let of_finding = limits.bytes / 2;
        let mut part = |time: Duration, bytes: u64| {
            let of_store = Arc::new(store::Budget::new(time, bytes));
            self.of_store.push(Arc::clone(&of_store));
            of_store
        };
        SampleBudget {
            finding: part(begin + limits.time.saturating_sub(begin) / 2, of_finding),
            reading: part(limits.time, limits.bytes - of_finding),
        }
    }
}

/// What a sample of traces may cost. Finding them has half of the time and half of the bytes, reading them the other half and
/// the time that finding left over: with one budget for both, finding could use up all, and of all that it found nothing would be read.
#[derive(Debug)]
pub(in crate::query) struct SampleBudget {
    finding: Arc<store::Budget>,
    reading: Arc<store::Budget>,
}

impl SampleBudget {
    /// What the store may spend on finding.
    pub(in crate::query) fn finding(&self) -> &store::Budget {
        &self.finding
    }

    /// What the store may spend on reading what was found.
    pub(in crate::query) fn reading(&self) -> &store::Budget {
        &self.reading
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
