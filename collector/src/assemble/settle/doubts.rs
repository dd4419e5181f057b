//! Traces that were quiet and lacked something: what they lack may still be on its way, so they get more time.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use throughline_model::id::TraceId;

use super::QUIET;

/// How long a trace that lacks something gets no span before that is believed. A proxy sends once a second what it has, so
/// two parts of one trace may well come a second apart, and later where a sender is busy or has to try again.
pub const QUIET_IN_DOUBT: Duration = Duration::from_secs(3);

/// Findings on traces that lack something, kept back until they are believed. Pure, as [`super::Settler`] is.
#[derive(Debug)]
pub struct Doubts<T> {
    most: usize,
    findings: HashMap<TraceId, (Duration, T)>,
    /// In the order in which they are to be believed; those that were withdrawn are still there.
    by_time: VecDeque<(Duration, TraceId)>,
}

impl<T> Doubts<T> {
    /// Keeps back at most so many findings.
    pub fn with_capacity(most: usize) -> Self {
        Self { most, findings: HashMap::new(), by_time: VecDeque::new() }
    }

    /// Keeps a finding on a trace back that has just been found quiet. Gives it back where there is no room: it is to be
    /// believed as it is then.
    pub fn keep_back(&mut self, trace_id: TraceId, finding: T, now: Duration) -> Option<T> {
        // Withdrawn ones take room as well until their time has come, so that there is a bound whatever comes.
        if self.by_time.len() >= self.most {
            return Some(finding);
        }
        let due = now.saturating_add(QUIET_IN_DOUBT.saturating_sub(QUIET));
        self.findings.insert(trace_id, (due, finding));
        self.by_time.push_back((due, trace_id));
        None
    }

    /// These traces got spans: what was found before does not count any more.
    pub fn withdraw(&mut self, trace_ids: &[TraceId]) {
        if !self.findings.is_empty() {
            trace_ids.iter().for_each(|trace_id| drop(self.findings.remove(trace_id)));
        }
    }

    /// Takes the findings whose traces got no span for [`QUIET_IN_DOUBT`], in the order in which they were made.
    pub fn take_believed(&mut self, now: Duration) -> Vec<(TraceId, T)> {
        let mut believed = Vec::new();
        while let Some((due, trace_id)) = self.by_time.front().copied().filter(|(due, _)| *due <= now) {
            self.by_time.pop_front();
            if self.findings.get(&trace_id).is_some_and(|(wanted, _)| *wanted == due)
                && let Some((_, finding)) = self.findings.remove(&trace_id)
            {
                believed.push((trace_id, finding));
            }
        }
        believed
    }
}

#[cfg(test)]
mod tests;
