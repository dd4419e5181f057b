//! Reads the parameters that Jaeger's clients send; what Jaeger would not know either is passed over, as it does.

use std::collections::BTreeMap;
use std::ops::Range;

use axum::extract::Query;
use axum::http::Uri;
use throughline_model::id::TraceId;
use throughline_model::span::SpanKind;

use crate::config::parse_duration;
use crate::query::find::Question;
use crate::query::problem::Problem;
use crate::query::timestamp;

/// As Jaeger has it.
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 1_500;
const MAX_TAGS: usize = 32;
/// As Jaeger has it: a day.
const DEFAULT_LOOKBACK_MS: u64 = 24 * 60 * 60 * 1_000;
/// Trace ids in one request.
const MAX_IDS: usize = 100;

/// Names and values as they were sent.
pub(in crate::query) type Pairs = Vec<(String, String)>;

/// Reads a query string, which may be missing.
pub(in crate::query) fn pairs(uri: &Uri) -> Result<Pairs, Problem> {
    Query::<Pairs>::try_from_uri(uri)
        .map(|Query(pairs)| pairs)
        .map_err(|error| Problem::bad_request(format!("the query is not readable: {error}")))
}

/// The first value of a name, if it is not empty.
pub(in crate::query) fn first<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// A trace id of at most 32 hexadecimal digits; leading zeros may be left out.
pub(in crate::query) fn read_trace_id(text: &str) -> Result<TraceId, Problem> {
    let digits = format!("{:0>32}", text.to_ascii_lowercase());
    TraceId::from_hex(digits.as_bytes()).ok_or_else(|| {
        Problem::bad_request("the trace id is not usable: write at most 32 hexadecimal digits, not all zero")
    })
}

/// The ids of `traceID`, which may be given several times.
pub(super) fn trace_ids(pairs: &Pairs) -> Result<Vec<TraceId>, Problem> {
    let ids = pairs.iter().filter(|(name, _)| name == "traceID");
    ids.take(MAX_IDS).map(|(_, id)| read_trace_id(id)).collect()
}

/// Reads a search of the first version.
pub(super) fn question(pairs: &Pairs) -> Result<Question, Problem> {
    let mut question = Question { limit: DEFAULT_LIMIT, ..Question::default() };
    let service =
        first(pairs, "service").ok_or_else(|| Problem::bad_request("parameter `service` is required"))?;
    question.filter.service = Some(service.to_owned());
    question.filter.operation = first(pairs, "operation").filter(|name| *name != "all").map(str::to_owned);
    question.filter.min_duration_ns = duration(pairs, "minDuration")?;
    question.filter.max_duration_ns = duration(pairs, "maxDuration")?;
    question.filter.since_unix_ns = microseconds(pairs, "start")?;
    question.filter.until_unix_ns = microseconds(pairs, "end")?;
    if question.filter.since_unix_ns.is_none()
        && let Some(lookback) = first(pairs, "lookback").and_then(|text| parse_duration(text).ok())
    {
        let lookback_ns = u64::try_from(lookback.as_nanos()).unwrap_or(u64::MAX);
        question.filter.since_unix_ns = Some(timestamp::now_unix_ns().saturating_sub(lookback_ns));
    }
    question.limit = limit(first(pairs, "limit"))?;
    let tags = first(pairs, "tags").map(|text| read_tags("tags", text)).transpose()?.unwrap_or_default();
    let single = pairs.iter().filter(|(name, _)| name == "tag").filter_map(|(_, tag)| tag.split_once(':'));
    let single = single.map(|(key, value)| (key.to_owned(), value.to_owned()));
    ask_for_tags(&mut question, tags.into_iter().chain(single))?;
    Ok(question)
}

/// The number of traces wanted.
pub(in crate::query) fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(DEFAULT_LIMIT);
    };
    match text.parse::<usize>() {
        Ok(0) => Ok(DEFAULT_LIMIT),
        Ok(limit) => Ok(limit.min(MAX_LIMIT)),
        Err(_) => Err(Problem::bad_request(format!(
            "the limit is not usable: write a whole number up to {MAX_LIMIT}"
        ))),
    }
}

/// Reads a JSON object of texts.
pub(super) fn read_tags(name: &str, text: &str) -> Result<BTreeMap<String, String>, Problem> {
    serde_json::from_str(text).map_err(|error| {
        Problem::bad_request(format!(
            "`{name}` is no JSON object of texts, such as {{\"http.status_code\":\"503\"}}: {error}"
        ))
    })
}

/// Tags as Jaeger's users write them: some stand for what is no attribute here.
pub(super) fn ask_for_tags(
    question: &mut Question,
    tags: impl IntoIterator<Item = (String, String)>,
) -> Result<(), Problem> {
    for (key, value) in tags {
        match (key.as_str(), value.as_str()) {
            ("error", "true") | ("otel.status_code", "ERROR") => question.filter.errors_only = true,
            ("span.kind", kind) => question.span.kind = Some(read_kind(kind)?),
            _ => question.span.attributes.push((key, value)),
        }
    }
    if question.span.attributes.len() > MAX_TAGS {
        return Err(Problem::bad_request(format!("at most {MAX_TAGS} tags are taken")));
    }
    Ok(())
}

/// A kind by its name.
pub(super) fn read_kind(text: &str) -> Result<SpanKind, Problem> {
    let known = (0..=5).map(SpanKind::from_number).find(|kind| kind.as_str() == text.to_ascii_lowercase());
    known.ok_or_else(|| {
        Problem::bad_request(
            "the span kind is not usable: write server, client, internal, producer or consumer",
        )
    })
}

/// A duration as Go writes it, such as `20ms`.
pub(in crate::query) fn duration(pairs: &Pairs, name: &str) -> Result<Option<u64>, Problem> {
    let read = |text: &str| {
        let duration = parse_duration(text)
            .map_err(|right| Problem::bad_request(format!("`{name}` is not usable: {right}")))?;
        Ok(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    };
    first(pairs, name).map(read).transpose()
}

fn microseconds(pairs: &Pairs, name: &str) -> Result<Option<u64>, Problem> {
    let read = |text: &str| {
        let moment: u64 = text.parse().map_err(|_| {
            Problem::bad_request(format!("`{name}` is not usable: write microseconds since 1970-01-01 UTC"))
        })?;
        Ok(moment.saturating_mul(1_000))
    };
    first(pairs, name).map(read).transpose()
}

/// The seconds that dependencies are asked for: `endTs` and `lookback` in milliseconds.
pub(super) fn dependency_range(pairs: &Pairs) -> Result<Range<u64>, Problem> {
    let milliseconds = |name: &str| {
        first(pairs, name)
            .map(|text| {
                text.parse::<u64>()
                    .map_err(|_| Problem::bad_request(format!("`{name}` is not usable: write milliseconds")))
            })
            .transpose()
    };
    let end_ms = milliseconds("endTs")?.unwrap_or_else(|| timestamp::now_unix_ns() / 1_000_000);
    let lookback_ms = milliseconds("lookback")?.unwrap_or(DEFAULT_LOOKBACK_MS);
    Ok(end_ms.saturating_sub(lookback_ms) / 1_000..end_ms.div_ceil(1_000))
}
