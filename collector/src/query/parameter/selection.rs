//! One group of traces, or two that are compared.

use axum::http::Uri;

use super::{read_milliseconds, read_moment, read_pairs, read_text, read_truth, wrong};
use crate::query::problem::Problem;
use crate::store::SpanFilter;

const NANOSECONDS_PER_MINUTE: u64 = 60 * 1_000_000_000;
/// How far back a group begins that names no begin.
const DEFAULT_AGE_NS: u64 = 5 * NANOSECONDS_PER_MINUTE;
/// How long the time before it is that it is compared with.
const DEFAULT_BASELINE_NS: u64 = 60 * NANOSECONDS_PER_MINUTE;

const DEFAULT_TRACES: usize = 500;
const MAX_TRACES: usize = 2_000;

/// What chooses one group.
pub(in crate::query) const OF_ONE: [&str; 9] = [
    "service",
    "operation",
    "min_duration_ms",
    "max_duration_ms",
    "errors",
    "since",
    "until",
    "version",
    "limit",
];
/// What chooses two.
pub(in crate::query) const OF_TWO: [&str; 9] = [
    "service",
    "operation",
    "since",
    "until",
    "version",
    "baseline_since",
    "baseline_until",
    "baseline_version",
    "limit",
];

/// A group of traces.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::query) struct Selection {
    pub(in crate::query) filter: SpanFilter,
    /// A span of this version takes part.
    pub(in crate::query) version: Option<String>,
    /// At most so many traces.
    pub(in crate::query) limit: usize,
}

/// Reads one group; without `since` it is the last five minutes.
pub(in crate::query) fn read_one(uri: &Uri, now_unix_ns: u64) -> Result<Selection, Problem> {
    let mut selection = Selection { limit: DEFAULT_TRACES, ..Selection::default() };
    selection.filter.since_unix_ns = Some(now_unix_ns.saturating_sub(DEFAULT_AGE_NS));
    for (name, value) in read_pairs(uri, &OF_ONE)? {
        take(&mut selection, &name, value, now_unix_ns)?;
    }
    check_bounds(&selection.filter)?;
    Ok(selection)
}

/// Reads a group and the one it is compared with. Without `baseline_since` that is the hour before, or for versions
/// the same time.
pub(in crate::query) fn read_two(uri: &Uri, now_unix_ns: u64) -> Result<(Selection, Selection), Problem> {
    let mut selected = Selection { limit: DEFAULT_TRACES, ..Selection::default() };
    let mut baseline = selected.clone();
    selected.filter.since_unix_ns = Some(now_unix_ns.saturating_sub(DEFAULT_AGE_NS));
    for (name, value) in read_pairs(uri, &OF_TWO)? {
        match name.strip_prefix("baseline_") {
            Some(of_baseline) => take(&mut baseline, of_baseline, value, now_unix_ns)?,
            None => take(&mut selected, &name, value, now_unix_ns)?,
        }
    }
    (baseline.filter.service, baseline.filter.operation) =
        (selected.filter.service.clone(), selected.filter.operation.clone());
    baseline.limit = selected.limit;
    let compares_versions = selected.version.is_some() || baseline.version.is_some();
    let names_no_time = baseline.filter.since_unix_ns.is_none() && baseline.filter.until_unix_ns.is_none();
    if compares_versions && names_no_time {
        baseline.filter.since_unix_ns = selected.filter.since_unix_ns;
        baseline.filter.until_unix_ns = selected.filter.until_unix_ns;
    }
    let until = baseline.filter.until_unix_ns.or(selected.filter.since_unix_ns).unwrap_or(now_unix_ns);
    baseline.filter.until_unix_ns.get_or_insert(until);
    baseline.filter.since_unix_ns.get_or_insert(until.saturating_sub(DEFAULT_BASELINE_NS));
    if compares_versions && names_no_time {
        baseline.filter.until_unix_ns = selected.filter.until_unix_ns;
    }
    check_bounds(&selected.filter)?;
    check_bounds(&baseline.filter)?;
    Ok((selected, baseline))
}

fn take(selection: &mut Selection, name: &str, value: String, now_unix_ns: u64) -> Result<(), Problem> {
    let filter = &mut selection.filter;
    match name {
        "service" => filter.service = Some(read_text(name, value)?),
        "operation" => filter.operation = Some(read_text(name, value)?),
        "min_duration_ms" => filter.min_duration_ns = Some(read_milliseconds(name, &value)?),
        "max_duration_ms" => filter.max_duration_ns = Some(read_milliseconds(name, &value)?),
        "errors" => filter.errors_only = read_truth(name, &value)?,
        "since" => filter.since_unix_ns = Some(read_moment(name, &value, now_unix_ns)?),
        "until" => filter.until_unix_ns = Some(read_moment(name, &value, now_unix_ns)?),
        "version" => selection.version = Some(read_text(name, value)?),
        _ => selection.limit = read_traces(name, &value)?,
    }
    Ok(())
}

fn check_bounds(filter: &SpanFilter) -> Result<(), Problem> {
    let is_above = |low: Option<u64>, high: Option<u64>| low.zip(high).is_some_and(|(low, high)| low > high);
    if is_above(filter.min_duration_ns, filter.max_duration_ns) {
        return Err(Problem::bad_request("`min_duration_ms` is above `max_duration_ms`: no span can match"));
    }
    if is_above(filter.since_unix_ns, filter.until_unix_ns) {
        return Err(Problem::bad_request("the begin of a group is later than its end: no span can match"));
    }
    Ok(())
}

fn read_traces(name: &str, value: &str) -> Result<usize, Problem> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_TRACES).contains(limit));
    limit.ok_or_else(|| wrong(name, value, &format!("a whole number from 1 to {MAX_TRACES}")))
}

#[cfg(test)]
mod tests;
