//! Version 3 of Jaeger's API: the same questions, answered in OTLP.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value as Json, json};

use super::{gather, kind_name, operations_by_kind, parameter};
use crate::query::answer::MAX_SPANS;
use crate::query::find::{self, Budget, Cancel, Hit, Question};
use crate::query::held::HeldAnswer;
use crate::query::otlp_json::{self, Dialect};
use crate::query::problem::Problem;
use crate::query::{QueryState, timestamp, trace};
use crate::store::Store;

/// All paths of version 3.
pub(super) fn router() -> Router<QueryState> {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(search))
        .route("/api/v3/traces/{trace_id}", get(one_trace))
        .route("/api/v3/trace-summaries", get(summaries))
}

/// A refusal in the form of version 3: `{"error": {"httpCode": 404, "message": "..."}}`.
#[derive(Debug)]
struct Refusal(Problem);

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.0.status;
        let body = json!({"error": {"httpCode": status.as_u16(), "message": self.0.detail}});
        (status, axum::Json(body)).into_response()
    }
}

async fn answer<W>(state: &QueryState, work: W) -> Result<HeldAnswer, Refusal>
where
    W: FnOnce(&dyn Store, &mut Budget) -> Result<Json, Problem> + Send + 'static,
{
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let mut budget = cancel.budget(state.limits());
    let run = move || room.write(&work(store.as_ref(), &mut budget)?);
    Ok(state.workers.run(run).await?)
}

async fn services(State(state): State<QueryState>) -> Result<HeldAnswer, Refusal> {
    answer(&state, |store, _| Ok(json!({"services": store.services()?}))).await
}

async fn operations(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    let pairs = parameter::pairs(&uri)?;
    let service = parameter::first(&pairs, "service")
        .ok_or_else(|| Problem::bad_request("parameter `service` is required"))?
        .to_owned();
    let kind = parameter::first(&pairs, "span_kind").map(parameter::read_kind).transpose()?;
    answer(&state, move |store, budget| {
        let found = operations_by_kind(store, &service, kind, budget)?;
        let one = |(name, kind): &(String, _)| json!({"name": name, "spanKind": kind_name(*kind)});
        Ok(json!({"operations": found.iter().map(one).collect::<Vec<Json>>()}))
    })
    .await
}

async fn one_trace(State(state): State<QueryState>, Path(id): Path<String>) -> Result<HeldAnswer, Refusal> {
    let trace_id = parameter::read_trace_id(&id)?;
    answer(&state, move |store, budget| {
        let lifecycle = trace::lifecycle(store, trace_id, budget)?.ok_or_else(none_found)?;
        let groups =
            otlp_json::by_resource(lifecycle.spans.iter().take(MAX_SPANS).map(|placed| &placed.span));
        Ok(json!({"result": {"resourceSpans": otlp_json::resource_spans(&groups, Dialect::Otlp)}}))
    })
    .await
}

fn none_found() -> Problem {
    Problem::not_found("No traces found")
}

async fn search(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    let question = read_question(&parameter::pairs(&uri)?)?;
    let mut cancel = Cancel::default();
    let mut budget = cancel.budget(state.limits());
    let (store, room) = (Arc::clone(&state.store), state.answers.clone());
    let run = move || {
        let (groups, _) = gather(store.as_ref(), &question, &mut budget, &groups_of)?;
        if groups.is_empty() {
            return Err(none_found());
        }
        let text = format!("{{\"result\":{{\"resourceSpans\":[{}]}}}}", groups.join(","));
        room.hold(text.into_bytes(), "application/json")
    };
    Ok(state.workers.run(run).await?)
}

/// The `ResourceSpans` of one trace, separated by commas.
fn groups_of(hit: &Hit) -> String {
    let spans = hit.lifecycle.spans.iter().take(MAX_SPANS).map(|placed| &placed.span);
    let groups = otlp_json::resource_spans(&otlp_json::by_resource(spans), Dialect::Otlp);
    let texts: Vec<String> = groups.as_array().into_iter().flatten().map(Json::to_string).collect();
    texts.join(",")
}

async fn summaries(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    let question = read_question(&parameter::pairs(&uri)?)?;
    answer(&state, move |store, budget| {
        let mut summaries = Vec::new();
        find::walk(store, &question, budget, &mut |hit| {
            summaries.push(summary(&hit));
            ControlFlow::Continue(())
        })?;
        Ok(json!({"summaries": summaries}))
    })
    .await
}

fn summary(hit: &Hit) -> Json {
    let lifecycle = &hit.lifecycle;
    let mut services: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for placed in &lifecycle.spans {
        let (spans, errors) = services.entry(placed.span.service_name()).or_default();
        *spans += 1;
        *errors += u64::from(placed.span.status == throughline_model::span::StatusCode::Error);
    }
    let service = |(name, (spans, errors)): (&&str, &(u64, u64))| match errors {
        0 => json!({"name": name, "spanCount": spans}),
        _ => json!({"name": name, "spanCount": spans, "errorSpanCount": errors}),
    };
    let root = lifecycle.root();
    json!({
        "traceId": hit.trace_id.to_hex(),
        "rootServiceName": root.map_or("", |root| root.service_name()),
        "rootOperationName": root.map_or("", |root| root.name.as_str()),
        "minStartTimeUnixNano": lifecycle.start_unix_ns.to_string(),
        "maxEndTimeUnixNano": lifecycle.start_unix_ns.saturating_add(lifecycle.duration_ns).to_string(),
        "spanCount": lifecycle.spans.len(),
        "services": services.iter().map(service).collect::<Vec<Json>>(),
    })
}

/// `query.service_name` and its like; camel case is taken too, as protocol buffers allow.
fn read_question(pairs: &parameter::Pairs) -> Result<Question, Problem> {
    let value = |snake: &str, camel: &str| {
        parameter::first(pairs, &format!("query.{snake}"))
            .or_else(|| parameter::first(pairs, &format!("query.{camel}")))
    };
    let mut question = Question::default();
    question.filter.service = value("service_name", "serviceName").map(str::to_owned);
    question.filter.operation = value("operation_name", "operationName").map(str::to_owned);
    let moment = |snake, camel| {
        let read = |text| {
            timestamp::parse(text, 0).ok_or_else(|| {
                Problem::bad_request(format!(
                    "`query.{snake}` is not usable: write RFC 3339, such as 2026-01-31T12:00:00Z"
                ))
            })
        };
        value(snake, camel).map(read).transpose()
    };
    question.filter.since_unix_ns = moment("start_time_min", "startTimeMin")?;
    question.filter.until_unix_ns = moment("start_time_max", "startTimeMax")?;
    let duration = |snake: &str, camel: &str| match parameter::duration(pairs, &format!("query.{snake}"))? {
        Some(found) => Ok(Some(found)),
        None => parameter::duration(pairs, &format!("query.{camel}")),
    };
    question.filter.min_duration_ns = duration("duration_min", "durationMin")?;
    question.filter.max_duration_ns = duration("duration_max", "durationMax")?;
    question.limit =
        parameter::limit(value("search_depth", "searchDepth").or(value("num_traces", "numTraces")))?;
    if let Some(text) = value("attributes", "attributes") {
        parameter::ask_for_tags(&mut question, parameter::read_tags("query.attributes", text)?)?;
    }
    question.narrow();
    Ok(question)
}
