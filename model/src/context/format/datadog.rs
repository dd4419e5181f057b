//! `x-datadog-trace-id` and its companions: decimal halves of ids, the upper half among the tags (Datadog, "Trace Context
//! Propagation").

use super::digits::{decimal, is_hex, narrow, span_id_from_number, span_number, trace_id_from_halves, upper};
use super::{Carried, Decision, Outgoing, Reading};

pub(super) const TRACE_ID: &str = "x-datadog-trace-id";
pub(super) const PARENT_ID: &str = "x-datadog-parent-id";
pub(super) const PRIORITY: &str = "x-datadog-sampling-priority";
pub(super) const TAGS: &str = "x-datadog-tags";
/// The tag with the upper half of the trace id.
const UPPER_HALF: &str = "_dd.p.tid=";
/// Most bytes of the tags, as Datadog's own libraries have it.
const MAX_TAGS_BYTES: usize = 512;

pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let lower = carried.only(TRACE_ID)?.and_then(decimal).filter(|number| *number != 0);
    let lower = lower.ok_or("x-datadog-trace-id is not a decimal number of 64 bits, or zero")?;
    let parent = carried.only(PARENT_ID)?.and_then(decimal).and_then(span_id_from_number);
    let parent = parent.ok_or("x-datadog-parent-id is not a decimal number of 64 bits, or zero")?;
    let tags = tags(carried.only(TAGS)?.unwrap_or_default());
    let upper = tags.clone().find_map(|tag| tag.strip_prefix(UPPER_HALF)).and_then(upper_half).unwrap_or(0);
    let trace_id = trace_id_from_halves(upper, lower).ok_or("x-datadog-trace-id is zero")?;
    let others: Vec<&str> = tags.filter(|tag| !tag.starts_with(UPPER_HALF)).collect();
    Ok(Reading::of_ids(trace_id, parent, decision(carried)?).keeping(others.join(",")))
}

/// The tags; none when they are too long, or not printable.
fn tags(value: &[u8]) -> impl Iterator<Item = &str> + Clone {
    let is_good = value.len() <= MAX_TAGS_BYTES && value.iter().all(|byte| matches!(byte, 0x20..=0x7e));
    let text = std::str::from_utf8(value).ok().filter(|_| is_good).unwrap_or_default();
    text.split(',').filter(|tag| !tag.is_empty())
}

fn upper_half(digits: &str) -> Option<u64> {
    is_hex(digits.as_bytes(), 16).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

/// -1 and 0 reject, 1 keeps, 2 keeps because somebody wanted just this trace.
fn decision(carried: &Carried<'_>) -> Result<Decision, &'static str> {
    match carried.only(PRIORITY)? {
        None => Ok(Decision::Deferred),
        Some(b"-1" | b"0") => Ok(Decision::NotSampled),
        Some(b"1") => Ok(Decision::Sampled),
        Some(b"2") => Ok(Decision::Debug),
        Some(_) => Err("x-datadog-sampling-priority is none of -1, 0, 1, 2"),
    }
}

/// A trace id whose lower half is zero cannot be said in this format, so nothing is.
pub(super) fn write(outgoing: &Outgoing<'_>, kept: &str) -> Vec<(&'static str, String)> {
    let trace_id = outgoing.context.trace_id;
    let (upper, lower) = (upper(trace_id), narrow(trace_id));
    if lower == 0 {
        return Vec::new();
    }
    let is_kept = outgoing.is_sampled() && outgoing.is_debug;
    let priority = if is_kept { "2" } else { outgoing.one_or_zero() };
    let mut values = vec![
        (TRACE_ID, lower.to_string()),
        (PARENT_ID, span_number(outgoing.context.span_id).to_string()),
        (PRIORITY, priority.to_owned()),
    ];
    let upper_half = (upper != 0).then(|| format!("{UPPER_HALF}{upper:016x}"));
    let all_tags: Vec<&str> =
        upper_half.as_deref().into_iter().chain((!kept.is_empty()).then_some(kept)).collect();
    if !all_tags.is_empty() {
        values.push((TAGS, all_tags.join(",")));
    }
    values
}
