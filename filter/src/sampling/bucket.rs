//! A token bucket that lowers a probability instead of refusing: what it gives back is the rate that was achieved.
//!
//! The bucket is charged with the probability that a request is recorded, and not with its being recorded, and the
//! emptier it is, the lower is the probability. Below the bound it stays nearly full and nothing changes; at n times the
//! bound it settles where one in n is recorded, within a second; a burst costs at most one bucket more. The
//! probability is never zero: no request goes without another that stands for it.

/// Nanoseconds in a second.
const SECOND_NS: f64 = 1e9;
/// With this share of its tokens the bucket lowers nothing, so that in quiet times the rate is the one asked for.
const NEARLY_FULL: f64 = 0.5;

/// The least probability, however empty the bucket is.
const LEAST: f64 = 1e-6;

/// The tokens of one worker.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens_per_second: f64,
    capacity: f64,
    tokens: f64,
    filled_ns: u64,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(max_per_second: u64) -> Self {
        let tokens_per_second = max_per_second as f64;
        // Two seconds' worth, and so much more that no single request can empty it.
        let capacity = 2.0 * (tokens_per_second + 1.0);
        Self { tokens_per_second, capacity, tokens: capacity, filled_ns: 0 }
    }

    /// The probability with which one request may be recorded that is to be recorded with `wanted`.
    pub(super) fn allow(&mut self, wanted: f64, now_ns: u64) -> f64 {
        let seconds = now_ns.saturating_sub(self.filled_ns) as f64 / SECOND_NS;
        self.filled_ns = now_ns.max(self.filled_ns);
        self.tokens = (self.tokens + seconds * self.tokens_per_second).min(self.capacity);
        let allowed = wanted.min(LEAST.max(self.tokens / (self.capacity * NEARLY_FULL)));
        self.tokens = (self.tokens - allowed).max(0.0);
        allowed
    }
}
