//! `GET /api/search`: traces with the spans that a query found in them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use axum::extract::State;
use axum::http::Uri;
use serde_json::{Map, Value as Json, json};
use throughline_model::span::StatusCode;

use super::{Pairs, Refusal, answer, first, pairs, seconds};
use crate::query::QueryState;
use crate::query::find::{self, Cancel, Hit, Outcome, Question};
use crate::query::held::HeldAnswer;
use crate::query::jaeger::parameter;
use crate::query::problem::Problem;
use crate::query::traceql::{Operand, Query, Spanset, SyntaxError, View};

/// As Tempo has it.
const DEFAULT_SPANS_PER_SPANSET: usize = 3;
const MAX_SPANS_PER_SPANSET: usize = 1_000;

/// What Tempo writes where no root arrived.
const NO_ROOT: &str = "<root span not yet received>";

pub(super) async fn search(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    let pairs = pairs(&uri)?;
    let question = read_question(&pairs)?;
    let spans_per_set = read_spans_per_set(&pairs)?;
    let mut cancel = Cancel::default();
    let mut budget = cancel.budget(state.limits());
    let find = answer(&state, move |store| {
        let mut traces = Vec::new();
        let outcome = find::walk(store, &question, &mut budget, &mut |hit| {
            traces.push(one_trace(&hit, question.query.as_ref(), spans_per_set));
            ControlFlow::Continue(())
        })?;
        Ok(json!({"traces": traces, "metrics": metrics(&outcome)}))
    });
    find.await
}

fn metrics(outcome: &Outcome) -> Json {
    // A search that ran into a bound has not done all its work.
    let completed = usize::from(outcome.stopped.is_none());
    json!({
        "inspectedTraces": outcome.inspected.traces,
        "inspectedBytes": outcome.inspected.bytes.to_string(),
        "completedJobs": completed,
        "totalJobs": 1,
    })
}

fn read_question(pairs: &Pairs) -> Result<Question, Problem> {
    let mut question = Question { limit: parameter::limit(first(pairs, "limit"))?, ..Question::default() };
    question.filter.since_unix_ns = seconds(pairs, "start")?;
    question.filter.until_unix_ns = seconds(pairs, "end")?;
    question.trace.min_duration_ns = parameter::duration(pairs, "minDuration")?;
    question.trace.max_duration_ns = parameter::duration(pairs, "maxDuration")?;
    match first(pairs, "q") {
        Some(text) => question.query = Some(Query::parse(text).map_err(refuse)?),
        None => question.span.attributes = read_tags(first(pairs, "tags").unwrap_or_default())?,
    }
    question.narrow();
    Ok(question)
}

/// The form in which Tempo reports a mistake, which its clients show.
pub(super) fn refuse(error: SyntaxError) -> Problem {
    Problem::bad_request(format!(
        "invalid TraceQL query: parse error at line 1, col {}: {}",
        error.column, error.message
    ))
}

/// `key=value key="a value"`, as in logfmt.
fn read_tags(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let wrong = || {
        Problem::bad_request(
            "invalid tags: write key=value, separated by blanks, and values with blanks in quotes",
        )
    };
    let mut tags = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').ok_or_else(wrong)?;
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(wrong)?,
            None => behind.split_once(char::is_whitespace).unwrap_or((behind, "")),
        };
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(wrong());
        }
        tags.push((key.to_owned(), value.to_owned()));
        rest = behind.trim_start();
    }
    Ok(tags)
}

fn read_spans_per_set(pairs: &Pairs) -> Result<usize, Problem> {
    match first(pairs, "spss").map(str::parse::<usize>) {
        None | Some(Ok(0)) => Ok(DEFAULT_SPANS_PER_SPANSET),
        Some(Ok(number)) => Ok(number.min(MAX_SPANS_PER_SPANSET)),
        Some(Err(_)) => Err(Problem::bad_request("invalid spss: write a whole number of spans per spanset")),
    }
}

fn one_trace(hit: &Hit, query: Option<&Query>, spans_per_set: usize) -> Json {
    let lifecycle = &hit.lifecycle;
    let root = lifecycle.root();
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| {
        object.insert(key.to_owned(), value);
    };
    put("traceID", json!(hit.trace_id.to_hex()));
    put("rootServiceName", json!(root.map_or(NO_ROOT, |root| root.service_name())));
    put("rootTraceName", json!(root.map_or("", |root| root.name.as_str())));
    put("startTimeUnixNano", json!(lifecycle.start_unix_ns.to_string()));
    put("durationMs", json!(lifecycle.duration_ns / 1_000_000));
    if let Some(query) = query {
        let view = View::new(hit.trace_id, lifecycle);
        let sets: Vec<Json> = hit.found.iter().map(|set| one_set(set, query, &view, spans_per_set)).collect();
        put("spanSet", sets.first().cloned().unwrap_or_default());
        put("spanSets", Json::Array(sets));
        put("serviceStats", service_stats(hit));
    }
    Json::Object(object)
}

fn one_set(set: &Spanset, query: &Query, view: &View<'_>, spans_per_set: usize) -> Json {
    let spans: Vec<Json> =
        set.spans.iter().take(spans_per_set).filter_map(|index| one_span(*index, query, view)).collect();
    let mut object = Map::new();
    object.insert("spans".to_owned(), Json::Array(spans));
    object.insert("matched".to_owned(), json!(set.spans.len()));
    if !set.values.is_empty() {
        object.insert("attributes".to_owned(), set.values.iter().map(attribute).collect());
    }
    Json::Object(object)
}

fn one_span(index: usize, query: &Query, view: &View<'_>) -> Option<Json> {
    let span = &view.lifecycle.spans.get(index)?.span;
    let mut object = Map::new();
    object.insert("spanID".to_owned(), json!(span.span_id.to_hex()));
    object.insert("startTimeUnixNano".to_owned(), json!(span.start_unix_ns.to_string()));
    object.insert("durationNanos".to_owned(), json!(span.duration_ns().to_string()));
    let mut attributes = query.values(view, index);
    // Each span says its duration anyway, and its name in a field of its own.
    attributes.retain(|(name, _)| name != "duration");
    if let Some(place) = attributes.iter().position(|(name, _)| name == "name") {
        attributes.remove(place);
        object.insert("name".to_owned(), json!(span.name));
    }
    if !attributes.is_empty() {
        object.insert("attributes".to_owned(), attributes.iter().map(attribute).collect());
    }
    Some(Json::Object(object))
}

fn attribute((key, value): &(String, Operand<'_>)) -> Json {
    json!({"key": key, "value": any_value(value)})
}

fn any_value(value: &Operand<'_>) -> Json {
    match value {
        Operand::Nil => json!({"stringValue": "nil"}),
        Operand::Bool(truth) => json!({"boolValue": truth}),
        Operand::Int(number) => json!({"intValue": number.to_string()}),
        Operand::Float(number) => json!({"doubleValue": number}),
        Operand::Text(text) => json!({"stringValue": text}),
        Operand::Status(status) => json!({"stringValue": status.as_str()}),
        Operand::Kind(kind) => json!({"stringValue": kind.as_str()}),
        Operand::Any(values) => {
            json!({"arrayValue": {"values": values.iter().map(any_value).collect::<Vec<Json>>()}})
        }
    }
}

fn service_stats(hit: &Hit) -> Json {
    let mut services: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for placed in &hit.lifecycle.spans {
        let (spans, errors) = services.entry(placed.span.service_name()).or_default();
        *spans += 1;
        *errors += u64::from(placed.span.status == StatusCode::Error);
    }
    let one = |(name, (spans, errors)): (&str, (u64, u64))| {
        let stats = match errors {
            0 => json!({"spanCount": spans}),
            _ => json!({"spanCount": spans, "errorCount": errors}),
        };
        (name.to_owned(), stats)
    };
    Json::Object(services.into_iter().map(one).collect())
}
