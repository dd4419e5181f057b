//! `traceparent`: checked by length, then alphabet, then meaning (section 3.2).

use super::TraceFlags;
use crate::id::{SpanId, TraceId};

/// Length of a version 00 value, and the shortest length of any later one.
const LENGTH: usize = 55;

/// Takes one header value apart; the error says what is wrong with it.
pub(super) fn parse(value: &[u8]) -> Result<(TraceId, SpanId, TraceFlags), &'static str> {
    let (known, rest) = value.split_at_checked(LENGTH).ok_or("traceparent is shorter than 55 characters")?;
    let mut fields = known.split(|byte| *byte == b'-');
    let mut next = || fields.next().unwrap_or_default();
    let (version, trace_id, span_id, flags) = (next(), next(), next(), next());
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

/// Writes a version 00 value.
pub(super) fn format(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> String {
    let mut text = String::with_capacity(LENGTH);
    text.push_str("00-");
    trace_id.push_hex(&mut text);
    text.push('-');
    span_id.push_hex(&mut text);
    // Only the two lowest of the flags are ever kept: one digit says them all.
    text.push_str("-0");
    text.push(char::from(b'0' + (flags.bits() & 0x0f)));
    text
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let mut byte = [0u8; 1];
    if digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    hex::decode_to_slice(digits, &mut byte).ok()?;
    Some(u8::from_be_bytes(byte))
}
