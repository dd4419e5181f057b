//! Tells which traces have been quiet for long enough to be judged, and what each was judged before.

mod doubts;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use throughline_model::id::TraceId;

use super::LATE_NS;

pub use doubts::{Doubts, QUIET_IN_DOUBT};

/// How long a trace gets no span before it counts as finished.
pub const QUIET: Duration = Duration::from_secs(1);

/// The most traces that may be waiting, and the most verdicts that are remembered.
pub const MAX_TRACES: usize = 100_000;

/// How long after the first verdict on a trace the verdict of that moment is final: later spans are hardly to be expected.
pub const FINAL_AFTER: Duration = Duration::from_nanos(LATE_NS);

/// Stale touches that are not worth looking for.
const SLACK: usize = 1_024;

/// How a trace was found once it was quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One root, nothing missing.
    Complete,
    /// Something is missing.
    Incomplete,
}

/// Traces on their way to quietness. Pure: times are measured from any fixed moment and never run backwards.
#[derive(Debug)]
pub struct Settler {
    max_traces: usize,
    /// Traces that have waited for so long are judged although they go on.
    patience: Duration,
    touches: u64,
    waiting: HashMap<TraceId, Waiting>,
    /// In the order of the touches; those that were followed by another one are stale.
    by_touch: VecDeque<(Touch, TraceId)>,
    crowded_out: VecDeque<TraceId>,
    skipped: u64,
    verdicts: HashMap<TraceId, Verdict>,
    judged: VecDeque<TraceId>,
    /// Those of them whose verdict is not final yet, and when they were judged first: the end of `judged`.
    open: VecDeque<(Duration, TraceId)>,
    finals: Vec<Verdict>,
}

/// When a trace last got a span; the number keeps touches of the same moment apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Touch {
    at: Duration,
    number: u64,
}

/// Since when a trace is waiting, and its last touch that counts.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    since: Duration,
    touch: Touch,
}

impl Default for Settler {
    fn default() -> Self {
        Self::with_capacity(MAX_TRACES)
    }
}

impl Settler {
    /// A settler that keeps at most `max_traces` traces waiting and remembers at most as many verdicts.
    pub fn with_capacity(max_traces: usize) -> Self {
        Self {
            max_traces,
            patience: Duration::MAX,
            touches: 0,
            waiting: HashMap::new(),
            by_touch: VecDeque::new(),
            crowded_out: VecDeque::new(),
            skipped: 0,
            verdicts: HashMap::new(),
            judged: VecDeque::new(),
            open: VecDeque::new(),
            finals: Vec::new(),
        }
    }

    /// The same, judging traces that go on for so long as they are by then, and again as long as they go on.
    pub fn with_patience(patience: Duration) -> Self {
        Self { patience, ..Self::default() }
    }

    /// These traces got spans now. Where too many are waiting, those that have been quiet longest settle early.
    pub fn touch(&mut self, trace_ids: &[TraceId], now: Duration) {
        for trace_id in trace_ids {
            self.touches += 1;
            let touch = Touch { at: now, number: self.touches };
            let waiting = self.waiting.entry(*trace_id).or_insert(Waiting { since: now, touch });
            if now.saturating_sub(waiting.since) < self.patience {
                waiting.touch = touch;
                self.by_touch.push_back((touch, *trace_id));
            }
        }
        while self.waiting.len() > self.max_traces {
            let Some(trace_id) = self.take_first(|_| true) else {
                return;
            };
            if self.crowded_out.len() < self.max_traces {
                self.crowded_out.push_back(trace_id);
            } else {
                self.skipped += 1;
            }
        }
        // So that touches of traces that never go quiet do not pile up.
        if self.by_touch.len() > 2 * self.waiting.len() + SLACK {
            let waiting = &self.waiting;
            self.by_touch
                .retain(|(touch, trace_id)| waiting.get(trace_id).is_some_and(|one| one.touch == *touch));
        }
    }

    /// Whether the trace got spans since it was last taken.
    pub fn is_waiting(&self, trace_id: TraceId) -> bool {
        self.waiting.contains_key(&trace_id)
    }

    /// Takes the trace that has been quiet longest, where its last touch is as asked.
    fn take_first(&mut self, is_due: impl Fn(Touch) -> bool) -> Option<TraceId> {
        while let Some((touch, trace_id)) = self.by_touch.front().copied() {
            let is_stale = self.waiting.get(&trace_id).is_none_or(|waiting| waiting.touch != touch);
            if !is_stale && !is_due(touch) {
                return None;
            }
            self.by_touch.pop_front();
            if !is_stale {
                self.waiting.remove(&trace_id);
                return Some(trace_id);
            }
        }
        None
    }

    /// Takes at most `limit` traces that are to be judged now: those crowded out, then those quiet for [`QUIET`].
    pub fn take_settled(&mut self, now: Duration, limit: usize) -> Vec<TraceId> {
        let early = self.crowded_out.len().min(limit);
        let mut settled: Vec<TraceId> = self.crowded_out.drain(..early).collect();
        while settled.len() < limit {
            match self.take_first(|touch| now.saturating_sub(touch.at) >= QUIET) {
                Some(trace_id) => settled.push(trace_id),
                None => break,
            }
        }
        settled
    }

    /// Remembers a verdict and returns the one before it, so that a trace which settles again after late spans is
    /// counted once. Verdicts beyond the limit are forgotten, oldest trace first; such a trace would count anew.
    pub fn judge(&mut self, trace_id: TraceId, verdict: Verdict, now: Duration) -> Option<Verdict> {
        let before = self.verdicts.insert(trace_id, verdict);
        if before.is_none() {
            self.judged.push_back(trace_id);
            self.open.push_back((now, trace_id));
        }
        while self.judged.len() > self.max_traces {
            let Some(forgotten) = self.judged.pop_front() else { break };
            if self.open.front().is_some_and(|(_, first)| *first == forgotten) {
                self.close_first();
            }
            self.verdicts.remove(&forgotten);
        }
        before
    }

    /// Takes the verdicts that became final, each of one trace: [`FINAL_AFTER`] its first verdict, or when it was forgotten.
    pub fn take_final(&mut self, now: Duration) -> Vec<Verdict> {
        while self.open.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= FINAL_AFTER) {
            self.close_first();
        }
        std::mem::take(&mut self.finals)
    }

    fn close_first(&mut self) {
        let first = self.open.pop_front();
        self.finals.extend(first.and_then(|(_, trace_id)| self.verdicts.get(&trace_id)));
    }

    /// How many traces were never judged because too many were waiting even to settle early.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

#[cfg(test)]
mod tests;
