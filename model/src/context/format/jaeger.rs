//! `uber-trace-id: {trace-id}:{span-id}:{parent-span-id}:{flags}` (Jaeger, "Propagation Format").

use super::digits::{Width, padded_span_id, padded_trace_id, trace_digits};
use super::{Carried, Decision, Outgoing, Reading};

pub(super) const HEADER: &str = "uber-trace-id";
const SAMPLED: u8 = 0x01;
const DEBUG: u8 = 0x02;

pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let value = carried.only(HEADER)?.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
    // Clients may send the value in the encoding of URLs.
    let value = value.replace("%3A", ":").replace("%3a", ":");
    let mut parts = value.split(':');
    let mut next = || parts.next().unwrap_or_default();
    let (trace_id, span_id, parent, flags) = (next(), next(), next(), next());
    if parts.next().is_some() {
        return Err("uber-trace-id has more than four parts");
    }
    let (trace_id, width) = padded_trace_id(trace_id.as_bytes())
        .ok_or("uber-trace-id's trace id is not 1 to 32 lower-case hexadecimal digits, or zero")?;
    let span_id = padded_span_id(span_id.as_bytes())
        .ok_or("uber-trace-id's span id is not 1 to 16 lower-case hexadecimal digits, or zero")?;
    // The parent is of no use any more; zero is a valid one.
    if !is_short_hex(parent, 16) || !is_short_hex(flags, 2) {
        return Err("uber-trace-id's parent or flags are not hexadecimal");
    }
    let flags = u8::from_str_radix(flags, 16).map_err(|_| "uber-trace-id's flags are not one byte")?;
    // The debug bit counts only beside the sampled one.
    let decision = match (flags & SAMPLED != 0, flags & DEBUG != 0) {
        (true, true) => Decision::Debug,
        (true, false) => Decision::Sampled,
        (false, _) => Decision::NotSampled,
    };
    Ok(Reading::of_ids(trace_id, span_id, decision).of_width(width))
}

fn is_short_hex(digits: &str, most: usize) -> bool {
    (1..=most).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

pub(super) fn write(outgoing: &Outgoing<'_>, width: Width) -> Vec<(&'static str, String)> {
    let flags = match (outgoing.is_sampled(), outgoing.is_debug) {
        (true, true) => SAMPLED | DEBUG,
        (true, false) => SAMPLED,
        (false, _) => 0,
    };
    let trace_id = trace_digits(outgoing.context.trace_id, width);
    vec![(HEADER, format!("{trace_id}:{}:0:{flags}", outgoing.context.span_id))]
}
