//! `traceparent`: checked by length, then alphabet, then meaning (section 3.2).

use super::TraceFlags;
use crate::id::{SpanId, TraceId};

/// Length of a version 00 value, and the shortest length of any later one.
const LENGTH: usize = 55;

/// Takes one header value apart; the error says what is wrong with it.
pub(super) fn parse(value: &[u8]) -> Result<(TraceId, SpanId, TraceFlags), &'static str> {
    let (known, rest) = value.split_at_checked(LENGTH).ok_or("traceparent is shorter than 55 characters")?;
    let [version, trace_id, span_id, flags] =
        fields(known).ok_or("traceparent is not version, trace-id, parent-id and flags joined by dashes")?;
    let version = hex_byte(version).ok_or("version is not two lower-case hexadecimal digits")?;
    match (version, rest.first()) {
        (0xff, _) => return Err("version ff is forbidden"),
        (0, Some(_)) => return Err("version 00 is longer than 55 characters"),
        (_, Some(byte)) if *byte != b'-' => return Err("flags are not followed by a dash"),
        _ => {}
    }
    let trace_id =
        TraceId::from_hex(trace_id).ok_or("trace-id is not 32 lower-case hexadecimal digits, or zero")?;
    let span_id =
        SpanId::from_hex(span_id).ok_or("parent-id is not 16 lower-case hexadecimal digits, or zero")?;
    let flags = hex_byte(flags).ok_or("trace-flags are not two lower-case hexadecimal digits")?;
    Ok((trace_id, span_id, TraceFlags::from_bits(flags)))
}

/// The four fields, of the lengths that they must have.
fn fields(known: &[u8]) -> Option<[&[u8]; 4]> {
    if let [version @ .., b'-', _, _] = known
        && let Some((version, rest)) = version.split_first_chunk::<2>()
        && let [b'-', trace_id @ ..] = rest
        && let Some((trace_id, [b'-', span_id @ ..])) = trace_id.split_first_chunk::<32>()
        && let Some(flags) = known.last_chunk::<2>()
    {
        return Some([version, trace_id, span_id, flags]);
    }
    None
}

/// Writes a version 00 value.
pub(super) fn format(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> String {
    let mut text = String::with_capacity(LENGTH);
    text.push_str("00-");
    trace_id.push_hex(&mut text);
    text.push('-');
    span_id.push_hex(&mut text);
    // Only the two lowest of the flags are ever kept: one digit says them all.
    text.push_str(match flags.bits() {
        0 => "-00",
        1 => "-01",
        2 => "-02",
        _ => "-03",
    });
    text
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let [left, right] = digits else { return None };
    Some(digit(left)? << 4 | digit(right)?)
}
