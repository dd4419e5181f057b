//! Durations in buckets that are the same everywhere, so that any two histograms add up exactly.
//!
//! Below 8 ns each value has a bucket of its own; above, every power of two is cut into eight equal parts, so a bucket is at
//! most an eighth of its lower bound wide. This is the layout of HDR histograms with three bits of precision.

const PARTS_BITS: u32 = 3;
const PARTS: u64 = 1 << PARTS_BITS;

/// How many durations fell into which bucket, and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Buckets that are not empty, by rising index.
    buckets: Vec<(u16, u64)>,
    sum_ns: u64,
}

impl Histogram {
    /// Takes a duration.
    pub fn observe(&mut self, duration_ns: u64) {
        self.add_to_bucket(index(duration_ns), 1);
        self.sum_ns = self.sum_ns.saturating_add(duration_ns);
    }

    /// Takes all of another histogram.
    pub fn add(&mut self, other: &Self) {
        other.buckets.iter().for_each(|(index, count)| self.add_to_bucket(*index, *count));
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// How many durations it holds.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// Their sum in nanoseconds.
    pub fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The duration that a share of all (0 to 1) does not exceed, in nanoseconds, at most 6.25 % off; `None` when empty.
    pub fn quantile_ns(&self, share: f64) -> Option<u64> {
        let rank = (share.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        self.buckets.iter().find_map(|(index, count)| {
            below += count;
            let (low, high) = bounds_ns(*index);
            (below >= rank).then_some(low + (high - low) / 2)
        })
    }

    /// How many durations lie below a power of two of at least 8 ns, exactly.
    pub fn count_below(&self, bound_ns: u64) -> u64 {
        self.buckets().take_while(|(_, high, _)| *high < bound_ns).map(|(_, _, count)| count).sum()
    }

    /// The buckets that are not empty by rising duration: lowest and highest duration in nanoseconds, both inclusive, and
    /// how many there are.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.buckets.iter().map(|(index, count)| {
            let (low, high) = bounds_ns(*index);
            (low, high, *count)
        })
    }

    /// The buckets as they are written to disk.
    pub(super) fn raw(&self) -> &[(u16, u64)] {
        &self.buckets
    }

    /// From what was written.
    pub(super) fn from_raw(buckets: impl IntoIterator<Item = (u16, u64)>, sum_ns: u64) -> Self {
        let mut histogram = Self { sum_ns, ..Self::default() };
        buckets.into_iter().for_each(|(index, count)| histogram.add_to_bucket(index, count));
        histogram
    }

    fn add_to_bucket(&mut self, index: u16, count: u64) {
        match self.buckets.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(place) => {
                if let Some((_, before)) = self.buckets.get_mut(place) {
                    *before += count;
                }
            }
            Err(place) => self.buckets.insert(place, (index, count)),
        }
    }
}

fn index(duration_ns: u64) -> u16 {
    if duration_ns < PARTS {
        return duration_ns as u16;
    }
    let exponent = duration_ns.ilog2();
    let part = (duration_ns >> (exponent - PARTS_BITS)) & (PARTS - 1);
    ((u64::from(exponent - PARTS_BITS) + 1) * PARTS + part) as u16
}

fn bounds_ns(index: u16) -> (u64, u64) {
    let index = u64::from(index);
    if index < PARTS {
        return (index, index);
    }
    // What comes from a damaged file may be beyond every index.
    let shift = (index / PARTS - 1).min(u64::from(63 - PARTS_BITS));
    let low = (PARTS + index % PARTS) << shift;
    (low, low + ((1 << shift) - 1))
}

#[cfg(test)]
mod tests;
