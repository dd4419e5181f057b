//! Consistent probability sampling in `tracestate` (OpenTelemetry, "TraceState: Probability Sampling"): the member
//! `ot` with its threshold `th` and its randomness `rv`.
//!
//! Everybody who sees a trace holds the same 56 random bits R against a threshold T and keeps the trace iff R >= T.
//! A trace that was kept at T stands for 2^56 / (2^56 - T) traces.

use super::{TraceContext, TraceFlags};
use crate::id::TraceId;

/// The member's key.
pub(super) const KEY: &str = "ot";
/// The member where every trace is kept, and nothing else is said.
pub(super) const EVERYTHING_MEMBER: &str = "ot=th:0";
/// Thresholds and randomness are numbers below this.
const RANGE: u64 = 1 << 56;
/// Hexadecimal digits of a number of 56 bits.
const DIGITS: usize = 14;
/// Digits of a threshold that are sent, after those that are all `f` or all zero.
const PRECISION: usize = 4;
/// Most characters of the member's value.
const MAX_VALUE_CHARS: usize = 256;

/// T: how much of the randomness is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

impl Threshold {
    /// Keeps every trace.
    pub const EVERYTHING: Self = Self(0);

    /// The threshold of a probability, rounded to four significant digits. `None` when nothing is to be kept: there
    /// is no such threshold.
    pub fn from_probability(probability: f64) -> Option<Self> {
        let kept = (probability.clamp(0.0, 1.0) * RANGE as f64).round();
        // A NaN is no probability, and a trace that is kept with less than 2^-56 is kept by nobody.
        if !(1.0..=RANGE as f64).contains(&kept) {
            return None;
        }
        let exact = RANGE - kept as u64;
        let leading = leading_zero_digits(exact).max(leading_zero_digits(RANGE - 1 - exact));
        let cut_bits = 4 * DIGITS.saturating_sub(leading + PRECISION);
        let rounded = (exact + ((1_u64 << cut_bits) >> 1)) >> cut_bits << cut_bits;
        Some(Self(rounded.min(RANGE - 1)))
    }

    /// Reads a `th`: 1 to 14 lower-case hexadecimal digits, zeros left out on the right.
    pub fn from_digits(digits: &str) -> Option<Self> {
        if !(1..=DIGITS).contains(&digits.len()) {
            return None;
        }
        let missing = DIGITS.saturating_sub(digits.len()) as u32;
        hexadecimal(digits).map(|number| Self(number << (4 * missing)))
    }

    /// Writes a `th`.
    pub fn to_digits(self) -> String {
        if self == Self::EVERYTHING {
            return "0".to_owned();
        }
        let all = format!("{:014x}", self.0);
        all.trim_end_matches('0').to_owned()
    }

    /// Whether a trace with this randomness is kept.
    pub fn keeps(self, randomness: Randomness) -> bool {
        randomness.0 >= self.0
    }

    /// How many traces one stands for that was kept.
    pub fn adjusted_count(self) -> f64 {
        RANGE as f64 / RANGE.saturating_sub(self.0).max(1) as f64
    }
}

/// R: the 56 random bits of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randomness(u64);

impl Randomness {
    /// The right-most 56 bits of a trace id, presumed random whether its flag says so or not.
    pub fn from_trace_id(trace_id: TraceId) -> Self {
        let number = u128::from_be_bytes(*trace_id.as_bytes());
        Self((number & u128::from(RANGE - 1)) as u64)
    }

    /// Reads an `rv`: exactly 14 lower-case hexadecimal digits.
    pub fn from_digits(digits: &str) -> Option<Self> {
        (digits.len() == DIGITS).then_some(())?;
        hexadecimal(digits).map(Self)
    }
}

/// Of the 14 digits of a number of 56 bits.
fn leading_zero_digits(number: u64) -> usize {
    (number.leading_zeros().saturating_sub(u64::BITS - 56) / 4) as usize
}

fn hexadecimal(digits: &str) -> Option<u64> {
    let is_lower = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if is_lower { u64::from_str_radix(digits, 16).ok() } else { None }
}

/// The value of the member `ot`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SamplingMember {
    /// `th`.
    pub threshold: Option<Threshold>,
    /// The other sub-keys, word for word.
    others: String,
}

impl SamplingMember {
    /// Reads a value. Of what breaks the grammar nothing is kept.
    pub(super) fn parse(value: &str) -> Self {
        let mut member = Self::default();
        for pair in value.split(';') {
            match pair.split_once(':') {
                Some(("th", digits)) => member.threshold = Threshold::from_digits(digits),
                Some((key, value)) if is_sub_key(key) && is_sub_value(value) => member.push_other(pair),
                _ => {}
            }
        }
        member
    }

    fn push_other(&mut self, pair: &str) {
        if !self.others.is_empty() {
            self.others.push(';');
        }
        self.others.push_str(pair);
    }

    /// The value; `None` when nothing is in it. Where a threshold leaves too little room, the right-most other
    /// sub-keys are left out.
    pub(super) fn to_value(&self) -> Option<String> {
        let Some(threshold) = self.threshold else {
            return (!self.others.is_empty()).then(|| self.others.clone());
        };
        let own = ["th:", &threshold.to_digits()].concat();
        let mut others = self.others.as_str();
        while own.len() + 1 + others.len() > MAX_VALUE_CHARS {
            others = others.rsplit_once(';').map_or("", |(kept, _)| kept);
        }
        Some(if others.is_empty() { own } else { [&own, ";", others].concat() })
    }

    /// `rv`, where somebody has set it.
    pub fn randomness(&self) -> Option<Randomness> {
        self.others.split(';').find_map(|pair| Randomness::from_digits(pair.strip_prefix("rv:")?))
    }
}

fn is_sub_key(key: &str) -> bool {
    let starts_well = key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    starts_well && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_sub_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

impl TraceContext {
    /// Decides anew whether the trace is recorded, as its root does, or somebody who does not trust the caller's
    /// decision. A trace that is recorded says at what threshold; of one that is not, nobody knows any.
    pub fn decide_sampling(&mut self, threshold: Option<Threshold>) {
        if threshold == Some(Threshold::EVERYTHING) && self.state.begin_sampling_everything() {
            self.flags = self.flags.sampled();
            return;
        }
        let mut member = self.state.sampling();
        let randomness = member.randomness().unwrap_or_else(|| Randomness::from_trace_id(self.trace_id));
        let kept_at = threshold.filter(|threshold| threshold.keeps(randomness));
        self.flags = match kept_at {
            Some(_) => TraceFlags(self.flags.0 | TraceFlags::SAMPLED),
            None => TraceFlags(self.flags.0 & !TraceFlags::SAMPLED),
        };
        if member.threshold != kept_at {
            member.threshold = kept_at;
            self.state.set_sampling(&member);
        }
    }

    /// Follows the caller's decision. Its threshold is passed on as it is, unless the flag says the contrary of what
    /// it says: then nobody knows with what probability the trace is recorded.
    pub fn inherit_sampling(&mut self) {
        // As it is in nearly every trace.
        if self.flags.is_sampled() && self.state.samples_everything() {
            return;
        }
        let mut member = self.state.sampling();
        let Some(threshold) = member.threshold else { return };
        let randomness = member.randomness().unwrap_or_else(|| Randomness::from_trace_id(self.trace_id));
        if threshold.keeps(randomness) != self.flags.is_sampled() {
            member.threshold = None;
            self.state.set_sampling(&member);
        }
    }
}

#[cfg(test)]
mod tests;
