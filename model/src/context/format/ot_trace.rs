//! `ot-tracer-traceid`, `ot-tracer-spanid` and `ot-tracer-sampled` (OpenTelemetry, "OT Trace"): trace ids of 64 bits.

use super::digits::{Width, full_trace_id, narrow, trace_digits};
use super::{Carried, Decision, Outgoing, Reading};
use crate::id::SpanId;

pub(super) const TRACE_ID: &str = "ot-tracer-traceid";
pub(super) const SPAN_ID: &str = "ot-tracer-spanid";
pub(super) const SAMPLED: &str = "ot-tracer-sampled";

pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let (trace_id, width) = carried
        .only(TRACE_ID)?
        .and_then(full_trace_id)
        .ok_or("ot-tracer-traceid is not 16 or 32 lower-case hexadecimal digits, or zero")?;
    let span_id = carried
        .only(SPAN_ID)?
        .and_then(SpanId::from_hex)
        .ok_or("ot-tracer-spanid is not 16 lower-case hexadecimal digits, or zero")?;
    let decision = match carried.only(SAMPLED)? {
        None => Decision::Deferred,
        Some(b"true" | b"1") => Decision::Sampled,
        Some(b"false" | b"0") => Decision::NotSampled,
        Some(_) => return Err("ot-tracer-sampled is neither true nor false"),
    };
    Ok(Reading::of_ids(trace_id, span_id, decision).of_width(width))
}

/// Its readers take the right-most 16 digits; where those are zero there is nothing they could take.
pub(super) fn write(outgoing: &Outgoing<'_>) -> Vec<(&'static str, String)> {
    let trace_id = outgoing.context.trace_id;
    if narrow(trace_id) == 0 {
        return Vec::new();
    }
    let sampled = if outgoing.is_sampled() { "true" } else { "false" };
    vec![
        (TRACE_ID, trace_digits(trace_id, Width::Narrow)),
        (SPAN_ID, outgoing.context.span_id.to_hex()),
        (SAMPLED, sampled.to_owned()),
    ]
}
