//! `x-cloud-trace-context: {trace-id}/{span-id, decimal};o={0|1}` (Google Cloud, "Trace context", the legacy header).

use super::digits::{decimal, span_id_from_number, span_number};
use super::{Carried, Decision, Outgoing, Reading};
use crate::id::TraceId;

pub(super) const HEADER: &str = "x-cloud-trace-context";

pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let value = carried.only(HEADER)?.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
    let (ids, options) = match value.split_once(';') {
        Some((ids, options)) => (ids, Some(options)),
        None => (value, None),
    };
    let (trace_id, span_id) = ids.split_once('/').ok_or("x-cloud-trace-context has no slash")?;
    let trace_id = TraceId::from_hex(trace_id.as_bytes())
        .ok_or("x-cloud-trace-context's trace id is not 32 lower-case hexadecimal digits, or zero")?;
    let span_id = decimal(span_id.as_bytes())
        .and_then(span_id_from_number)
        .ok_or("x-cloud-trace-context's span id is not a decimal number of 64 bits, or zero")?;
    let decision = match options {
        None => Decision::Deferred,
        Some("o=0") => Decision::NotSampled,
        Some("o=1") => Decision::Sampled,
        Some(_) => return Err("x-cloud-trace-context's options are neither o=0 nor o=1"),
    };
    Ok(Reading::of_ids(trace_id, span_id, decision))
}

pub(super) fn write(outgoing: &Outgoing<'_>) -> Vec<(&'static str, String)> {
    let (trace_id, span_id) = (outgoing.context.trace_id, span_number(outgoing.context.span_id));
    vec![(HEADER, format!("{trace_id}/{span_id};o={}", outgoing.one_or_zero()))]
}
