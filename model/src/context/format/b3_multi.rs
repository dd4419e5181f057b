//! `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled` and `x-b3-flags` (openzipkin b3-propagation, "Multiple Headers").

use super::digits::{Width, full_trace_id, is_hex, trace_digits};
use super::{Carried, Decision, Outgoing, Reading};
use crate::id::SpanId;

pub(super) const TRACE_ID: &str = "x-b3-traceid";
pub(super) const SPAN_ID: &str = "x-b3-spanid";
pub(super) const PARENT_SPAN_ID: &str = "x-b3-parentspanid";
pub(super) const SAMPLED: &str = "x-b3-sampled";
pub(super) const FLAGS: &str = "x-b3-flags";

/// Of repeated headers the first wins, as the specification has it.
pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let decision = decision(carried)?;
    if carried.first(PARENT_SPAN_ID).is_some_and(|parent| !is_hex(parent, 16)) {
        return Err("x-b3-parentspanid is not 16 lower-case hexadecimal digits");
    }
    match (carried.first(TRACE_ID), carried.first(SPAN_ID)) {
        (None, None) if decision != Decision::Deferred => {
            Ok(Reading { ids: None, decision, width: Width::Wide, kept: String::new() })
        }
        (Some(trace_id), Some(span_id)) => {
            let (trace_id, width) =
                full_trace_id(trace_id).ok_or("x-b3-traceid is not 32 or 16 lower-case digits, or zero")?;
            let span_id = SpanId::from_hex(span_id)
                .ok_or("x-b3-spanid is not 16 lower-case hexadecimal digits, or zero")?;
            Ok(Reading::of_ids(trace_id, span_id, decision).of_width(width))
        }
        _ => Err("x-b3-traceid and x-b3-spanid are not there together"),
    }
}

/// The debug flag implies an accept decision; other flags have no meaning.
fn decision(carried: &Carried<'_>) -> Result<Decision, &'static str> {
    if carried.first(FLAGS) == Some(b"1") {
        return Ok(Decision::Debug);
    }
    match carried.first(SAMPLED) {
        None => Ok(Decision::Deferred),
        Some(b"1" | b"true") => Ok(Decision::Sampled),
        Some(b"0" | b"false") => Ok(Decision::NotSampled),
        Some(_) => Err("x-b3-sampled is neither 1 nor 0"),
    }
}

/// A debug flag stands instead of a sampled header, not beside it.
pub(super) fn write(outgoing: &Outgoing<'_>, width: Width) -> Vec<(&'static str, String)> {
    let decision = if outgoing.is_sampled() && outgoing.is_debug {
        (FLAGS, "1".to_owned())
    } else {
        (SAMPLED, outgoing.one_or_zero().to_owned())
    };
    vec![
        (TRACE_ID, trace_digits(outgoing.context.trace_id, width)),
        (SPAN_ID, outgoing.context.span_id.to_hex()),
        decision,
    ]
}
