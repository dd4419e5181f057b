//! Reads query parameters strictly: what is not understood is refused with what would be right.

pub(super) mod selection;
pub(super) mod view;
pub(super) mod window;

use std::collections::HashSet;

use axum::extract::Query;
use axum::http::Uri;
use throughline_model::id::TraceId;
use throughline_model::link::LinkKind;
use throughline_model::span::SpanKind;

use super::find::{Position, Question};
use super::problem::Problem;
use super::timestamp;
use super::traceql::Query as TraceQuery;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 1000;

/// Longer than any name that a proxy makes.
const MAX_TEXT_BYTES: usize = 1024;

const NANOSECONDS_PER_MILLISECOND: f64 = 1e6;

/// The parameters of a search; `attribute` may be given several times.
pub(super) const SEARCH_PARAMETERS: [&str; 15] = [
    "service",
    "operation",
    "min_duration_ms",
    "max_duration_ms",
    "errors",
    "since",
    "until",
    "limit",
    "attribute",
    "kind",
    "link",
    "min_depth",
    "max_depth",
    "q",
    "after",
];

/// Conditions by attribute in one search.
const MAX_ATTRIBUTES: usize = 16;

/// Reads the parameters of a search.
pub(super) fn read_search(uri: &Uri, now_unix_ns: u64) -> Result<Question, Problem> {
    let mut question = Question { limit: DEFAULT_LIMIT, ..Question::default() };
    for (name, value) in read_pairs(uri, &SEARCH_PARAMETERS)? {
        let Question { filter, span, trace, .. } = &mut question;
        match name.as_str() {
            "service" => filter.service = Some(read_text(&name, value)?),
            "operation" => filter.operation = Some(read_text(&name, value)?),
            "min_duration_ms" => filter.min_duration_ns = Some(read_milliseconds(&name, &value)?),
            "max_duration_ms" => filter.max_duration_ns = Some(read_milliseconds(&name, &value)?),
            "errors" => filter.errors_only = read_truth(&name, &value)?,
            "since" => filter.since_unix_ns = Some(read_moment(&name, &value, now_unix_ns)?),
            "until" => filter.until_unix_ns = Some(read_moment(&name, &value, now_unix_ns)?),
            "attribute" => span.attributes.push(read_attribute(&name, value)?),
            "kind" => span.kind = Some(read_kind(&name, &value)?),
            "link" => span.link = Some(read_link(&name, &value)?),
            "min_depth" => trace.min_depth = Some(read_depth(&name, &value)?),
            "max_depth" => trace.max_depth = Some(read_depth(&name, &value)?),
            "q" => question.query = Some(read_query(&value)?),
            "after" => question.after = Some(read_cursor(&name, &value)?),
            _ => question.limit = read_limit(&name, &value)?,
        }
    }
    check_bounds(&question)?;
    question.narrow();
    Ok(question)
}

/// For paths without parameters.
pub(super) fn expect_none(uri: &Uri) -> Result<(), Problem> {
    read_pairs(uri, &[]).map(drop)
}

/// Reads the id in a path; upper-case digits are digits too.
pub(super) fn read_trace_id(text: &str) -> Result<TraceId, Problem> {
    TraceId::from_hex(text.to_ascii_lowercase().as_bytes()).ok_or_else(|| {
        Problem::bad_request(format!(
            "the trace id {} is not usable: write 32 hexadecimal digits that are not all zero, such as \
             4bf92f3577b34da6a3ce929d0e0e4736",
            quote(text)
        ))
    })
}

pub(super) fn read_pairs(uri: &Uri, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| Problem::bad_request(format!("the query is not readable: {error}")))?;
    let mut seen = HashSet::new();
    for (name, _) in &pairs {
        if !known.contains(&name.as_str()) {
            return Err(unknown_parameter(name, known));
        }
        if !seen.insert(name) && name != "attribute" {
            return Err(Problem::bad_request(format!("`{name}` is given more than once: give it once")));
        }
    }
    Ok(pairs)
}

fn unknown_parameter(name: &str, known: &[&str]) -> Problem {
    let nearest = known.iter().min_by_key(|candidate| strsim::damerau_levenshtein(&cut(name), candidate));
    let advice = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? Known are {}", known.join(", ")),
        None => "this path takes none".to_owned(),
    };
    Problem::bad_request(format!("unknown parameter {}: {advice}", quote(name)))
}

pub(super) fn read_text(name: &str, value: String) -> Result<String, Problem> {
    match value.len() {
        0 => Err(Problem::bad_request(format!("`{name}` is empty: give a name, or leave the parameter out"))),
        1..=MAX_TEXT_BYTES => Ok(value),
        length => Err(Problem::bad_request(format!(
            "`{name}` is {length} bytes long: at most {MAX_TEXT_BYTES} are taken"
        ))),
    }
}

pub(super) fn read_milliseconds(name: &str, value: &str) -> Result<u64, Problem> {
    let is_decimal = value.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.');
    match value.parse::<f64>() {
        // Anything beyond 584 years is as good as 584 years, which is what the conversion makes of it.
        Ok(milliseconds) if is_decimal => Ok((milliseconds * NANOSECONDS_PER_MILLISECOND).round() as u64),
        _ => Err(wrong(name, value, "milliseconds as a decimal number, such as 250 or 0.5")),
    }
}

/// `key=value`.
fn read_attribute(name: &str, value: String) -> Result<(String, String), Problem> {
    let value = read_text(name, value)?;
    match value.split_once('=') {
        Some((key, wanted)) if !key.is_empty() => Ok((key.to_owned(), wanted.to_owned())),
        _ => Err(wrong(name, &value, "KEY=VALUE, such as http.request.method=GET")),
    }
}

fn read_kind(name: &str, value: &str) -> Result<SpanKind, Problem> {
    let known = (0..=5).map(SpanKind::from_number).find(|kind| kind.as_str() == value);
    known.ok_or_else(|| wrong(name, value, "server, client, internal, producer, consumer or unspecified"))
}

pub(super) fn read_link(name: &str, value: &str) -> Result<LinkKind, Problem> {
    LinkKind::from_name(value)
        .ok_or_else(|| wrong(name, value, "propagated, request-id, token, sole or none"))
}

pub(super) fn read_depth(name: &str, value: &str) -> Result<usize, Problem> {
    value.parse().map_err(|_| wrong(name, value, "a whole number of hops"))
}

pub(super) fn read_query(value: &str) -> Result<TraceQuery, Problem> {
    TraceQuery::parse(value).map_err(|error| Problem::bad_request(format!("`q` is not usable: {error}")))
}

fn read_cursor(name: &str, value: &str) -> Result<Position, Problem> {
    value.parse().map_err(|()| wrong(name, value, "the `next` of an earlier answer"))
}

pub(super) fn read_truth(name: &str, value: &str) -> Result<bool, Problem> {
    value.parse().map_err(|_| wrong(name, value, "`true` or `false`"))
}

pub(super) fn read_moment(name: &str, value: &str, now_unix_ns: u64) -> Result<u64, Problem> {
    timestamp::parse(value, now_unix_ns).ok_or_else(|| {
        wrong(
            name,
            value,
            "an age such as 15m, 2h or 7d, or RFC 3339 such as 2026-01-31T12:00:00Z (write `+` as %2B)",
        )
    })
}

fn read_limit(name: &str, value: &str) -> Result<usize, Problem> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| wrong(name, value, &format!("a whole number from 1 to {MAX_LIMIT}")))
}

fn check_bounds(question: &Question) -> Result<(), Problem> {
    let filter = &question.filter;
    let is_above = |low: Option<u64>, high: Option<u64>| low.zip(high).is_some_and(|(low, high)| low > high);
    if is_above(filter.min_duration_ns, filter.max_duration_ns) {
        return Err(Problem::bad_request("`min_duration_ms` is above `max_duration_ms`: no span can match"));
    }
    if is_above(filter.since_unix_ns, filter.until_unix_ns) {
        return Err(Problem::bad_request("`since` is later than `until`: no span can match"));
    }
    let depth = |depth: Option<usize>| depth.map(|depth| depth as u64);
    if is_above(depth(question.trace.min_depth), depth(question.trace.max_depth)) {
        return Err(Problem::bad_request("`min_depth` is above `max_depth`: no trace can match"));
    }
    if question.span.attributes.len() > MAX_ATTRIBUTES {
        return Err(Problem::bad_request(format!("`attribute` is given more than {MAX_ATTRIBUTES} times")));
    }
    Ok(())
}

pub(super) fn wrong(name: &str, value: &str, right: &str) -> Problem {
    Problem::bad_request(format!("`{name}` is {}: write {right}", quote(value)))
}

/// What was written, short enough for a message.
fn quote(text: &str) -> String {
    let shown = cut(text);
    if shown.len() < text.len() { format!("{shown:?}...") } else { format!("{shown:?}") }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
