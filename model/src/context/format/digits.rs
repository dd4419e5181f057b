//! Ids as other formats write them: shorter than 128 bits, without leading zeros, or decimal.

use crate::id::{SpanId, TraceId};

/// Digits of a full trace id.
const WIDE_DIGITS: usize = 32;
/// Digits of a trace id of 64 bits.
const NARROW_DIGITS: usize = 16;
/// Digits of the largest number of 64 bits.
const MAX_DECIMAL_DIGITS: usize = 20;

/// How many bits a caller's trace ids have; what is written back to it has as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// 128 bits.
    Wide,
    /// 64 bits.
    Narrow,
}

/// A trace id of just 32 or 16 digits; the shorter one gets zeros on its left (Level 2, "Interoperating with
/// existing systems which use shorter identifiers").
pub(super) fn full_trace_id(digits: &[u8]) -> Option<(TraceId, Width)> {
    matches!(digits.len(), NARROW_DIGITS | WIDE_DIGITS).then(|| padded_trace_id(digits)).flatten()
}

/// A trace id whose leading zeros may be missing.
pub(super) fn padded_trace_id(digits: &[u8]) -> Option<(TraceId, Width)> {
    let width = if digits.len() > NARROW_DIGITS { Width::Wide } else { Width::Narrow };
    Some((TraceId::from_hex(&padded::<WIDE_DIGITS>(digits)?)?, width))
}

/// A span id whose leading zeros may be missing.
pub(super) fn padded_span_id(digits: &[u8]) -> Option<SpanId> {
    SpanId::from_hex(&padded::<NARROW_DIGITS>(digits)?)
}

fn padded<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut room = [b'0'; N];
    let missing = N.checked_sub(digits.len()).filter(|_| !digits.is_empty())?;
    room.get_mut(missing..)?.copy_from_slice(digits);
    Some(room)
}

/// A trace id with as many digits as its receiver can take: the right-most ones, unless those are all zero.
pub(super) fn trace_digits(trace_id: TraceId, width: Width) -> String {
    match (width, narrow(trace_id)) {
        (Width::Wide, _) | (Width::Narrow, 0) => trace_id.to_hex(),
        (Width::Narrow, id) => format!("{id:016x}"),
    }
}

/// The right-most 64 bits of a trace id.
pub(super) fn narrow(trace_id: TraceId) -> u64 {
    u128::from_be_bytes(*trace_id.as_bytes()) as u64
}

/// The left-most 64 bits of a trace id.
pub(super) fn upper(trace_id: TraceId) -> u64 {
    (u128::from_be_bytes(*trace_id.as_bytes()) >> 64) as u64
}

/// The trace id made of two halves.
pub(super) fn trace_id_from_halves(upper: u64, lower: u64) -> Option<TraceId> {
    let number = (u128::from(upper) << 64) | u128::from(lower);
    TraceId::from_bytes(&number.to_be_bytes())
}

/// A span id as a number.
pub(super) fn span_number(span_id: SpanId) -> u64 {
    u64::from_be_bytes(*span_id.as_bytes())
}

/// The span id with this number.
pub(super) fn span_id_from_number(number: u64) -> Option<SpanId> {
    SpanId::from_bytes(&number.to_be_bytes())
}

/// A decimal number of 64 bits: digits only, no sign.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if !(1..=MAX_DECIMAL_DIGITS).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether these are that many lower-case hexadecimal digits.
pub(super) fn is_hex(digits: &[u8], count: usize) -> bool {
    digits.len() == count && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}
