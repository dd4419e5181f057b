//! `b3: {TraceId}-{SpanId}-{SamplingState}-{ParentSpanId}`, the last two optional, or a sampling state alone (openzipkin
//! b3-propagation, "Single Header").

use super::digits::{Width, full_trace_id, is_hex, trace_digits};
use super::{Carried, Decision, Outgoing, Reading};
use crate::id::SpanId;

pub(super) const HEADER: &str = "b3";

pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let value = carried.only(HEADER)?.unwrap_or_default();
    if let Some(decision) = state(value) {
        return Ok(Reading { ids: None, decision, width: Width::Wide, kept: String::new() });
    }
    let mut parts = value.split(|byte| *byte == b'-');
    let (trace_id, width) = parts
        .next()
        .and_then(full_trace_id)
        .ok_or("b3 trace id is not 32 or 16 lower-case digits, or zero")?;
    let span_id = parts
        .next()
        .and_then(SpanId::from_hex)
        .ok_or("b3 span id is not 16 lower-case hexadecimal digits, or zero")?;
    // Without a sampling state the parent may follow at once.
    let (third, fourth) = (parts.next(), parts.next());
    let (decision, parent) = match (third, third.and_then(state)) {
        (_, Some(decision)) => (decision, fourth),
        (Some(_), None) if fourth.is_some() => return Err("b3 sampling state is none of 0, 1, d"),
        (third, None) => (Decision::Deferred, third),
    };
    if parent.is_some_and(|parent| !is_hex(parent, 16)) {
        return Err("b3 parent span id is not 16 lower-case hexadecimal digits");
    }
    if parts.next().is_some() {
        return Err("b3 has more than four parts");
    }
    Ok(Reading::of_ids(trace_id, span_id, decision).of_width(width))
}

fn state(part: &[u8]) -> Option<Decision> {
    match part {
        b"0" => Some(Decision::NotSampled),
        b"1" => Some(Decision::Sampled),
        b"d" => Some(Decision::Debug),
        _ => None,
    }
}

/// The parent is left out, as OpenTelemetry's rules for B3 want it.
pub(super) fn write(outgoing: &Outgoing<'_>, width: Width) -> Vec<(&'static str, String)> {
    let state = if outgoing.is_sampled() && outgoing.is_debug { "d" } else { outgoing.one_or_zero() };
    let trace_id = trace_digits(outgoing.context.trace_id, width);
    vec![(HEADER, format!("{trace_id}-{}-{state}", outgoing.context.span_id))]
}
