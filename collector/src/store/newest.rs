//! Keeps the traces with the latest matching spans while a search walks over more than it may hold.

use std::cmp::Reverse;
use std::collections::HashMap;

use throughline_model::id::TraceId;

/// How many more traces than asked for are held before the older ones are dropped.
const SLACK: usize = 4096;

/// At most `limit` traces, by their latest matching start.
pub(super) struct NewestTraces {
    limit: usize,
    latest: HashMap<TraceId, u64>,
    floor_unix_ns: u64,
}

impl NewestTraces {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, latest: HashMap::new(), floor_unix_ns: 0 }
    }

    /// Takes a matching span.
    pub(super) fn offer(&mut self, trace_id: TraceId, start_unix_ns: u64) {
        if self.limit == 0 || start_unix_ns < self.floor_unix_ns {
            return;
        }
        let latest = self.latest.entry(trace_id).or_default();
        *latest = start_unix_ns.max(*latest);
        if self.latest.len() > self.limit.saturating_add(SLACK) {
            self.prune();
        }
    }

    /// A span that starts before this cannot change the answer any more.
    pub(super) fn floor_unix_ns(&mut self) -> u64 {
        self.prune();
        self.floor_unix_ns
    }

    /// The traces found, latest first.
    pub(super) fn into_traces(mut self) -> Vec<TraceId> {
        self.sorted().into_iter().map(|(trace_id, _)| trace_id).collect()
    }

    fn prune(&mut self) {
        if self.latest.len() >= self.limit {
            let kept = self.sorted();
            self.floor_unix_ns = kept.last().map_or(self.floor_unix_ns, |(_, start)| *start);
            self.latest = kept.into_iter().collect();
        }
    }

    fn sorted(&mut self) -> Vec<(TraceId, u64)> {
        let mut all: Vec<_> = self.latest.iter().map(|(trace_id, start)| (*trace_id, *start)).collect();
        // Equal starts are put in order of their ids so that every store gives the same answer.
        all.sort_unstable_by_key(|(trace_id, start)| (Reverse(*start), *trace_id));
        all.truncate(self.limit);
        all
    }
}

#[cfg(test)]
mod tests;
