//! What one subject did in one minute, as the detectors need it.

use throughline_model::id::TraceId;

use super::error_rate::Counts;

/// Durations in buckets: upper bounds in nanoseconds, rising, and how many calls fell in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Durations(Vec<(u64, u64)>);

impl Durations {
    pub(super) fn from_buckets(buckets: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut all = Self::default();
        buckets.for_each(|(high_ns, count)| all.put(high_ns, count));
        all
    }

    fn put(&mut self, high_ns: u64, count: u64) {
        match self.0.binary_search_by_key(&high_ns, |(high, _)| *high) {
            Ok(place) => {
                if let Some((_, before)) = self.0.get_mut(place) {
                    *before += count;
                }
            }
            Err(place) => self.0.insert(place, (high_ns, count)),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(high_ns, count)| self.put(*high_ns, *count));
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// How many took longer; whole buckets only.
    pub(super) fn beyond(&self, bound_ns: u64) -> u64 {
        self.0.iter().filter(|(high_ns, _)| *high_ns > bound_ns).map(|(_, count)| count).sum()
    }

    /// The duration that this share does not exceed.
    pub(super) fn quantile_ns(&self, share: f64) -> Option<u64> {
        let rank = (share * self.count() as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        self.0.iter().find_map(|(high_ns, count)| {
            below += count;
            (below >= rank).then_some(*high_ns)
        })
    }
}

/// One minute of one subject.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) calls: u64,
    pub(super) errors: u64,
    pub(super) durations: Durations,
    /// Traces that stand for the failed calls, and for the slow ones.
    pub(super) failed: Vec<TraceId>,
    pub(super) slow: Vec<TraceId>,
}

impl Sample {
    pub(super) fn counts(&self) -> Counts {
        Counts { requests: self.calls as f64, errors: self.errors as f64 }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.durations.add(&other.durations);
        self.failed.extend(&other.failed);
        self.slow.extend(&other.slow);
    }
}
