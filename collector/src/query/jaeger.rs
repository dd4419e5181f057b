//! Answers as Jaeger's query service does: the JSON API that Grafana and Kiali use, and version 3 with OTLP.

pub(super) mod parameter;
mod span_json;
mod v3;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value as Json, json};
use throughline_model::span::SpanKind;

use super::find::{self, Budget, Cancel, Hit, Question, Stop};
use super::held::HeldAnswer;
use super::problem::Problem;
use super::{QueryState, figures, tempo, trace};
use crate::store::{
    Comparison, Condition, Field, RollupFilter, Series, SeriesFilter, SpanFilter, Store, StoreError, Test,
    UNKNOWN, ValuesOf,
};

/// An answer ends with the trace that reaches this.
const MAX_ANSWER_BYTES: usize = 128 * 1024 * 1024;

/// What an answer that ended at a bound calls itself: 206 Partial Content.
const PARTIAL: u16 = 206;

/// Names that a list offers at most.
const MAX_NAMES: usize = 10_000;

/// All paths of both versions.
pub(super) fn router() -> Router<QueryState> {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operations_of_service))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{trace_id}", get(one_trace))
        .route("/api/dependencies", get(dependencies))
        .merge(v3::router())
}

/// A refusal in Jaeger's form: `{"data": null, "errors": [{"code": 400, "msg": "..."}]}`.
#[derive(Debug)]
struct Refusal(Problem);

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.0.status.as_u16();
        let errors = json!([{"code": code, "msg": self.0.detail}]);
        (self.0.status, axum::Json(envelope(Json::Null, 0, errors))).into_response()
    }
}

fn envelope(data: Json, total: usize, errors: Json) -> Json {
    json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": errors})
}

/// Runs what asks the store, within the budget of a question, and wraps what it gives.
async fn answer<W>(state: &QueryState, work: W) -> Result<HeldAnswer, Refusal>
where
    W: FnOnce(&dyn Store, &Budget) -> Result<(Json, usize), Problem> + Send + 'static,
{
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.budget(state.limits());
    let run = move || {
        let (data, total) = work(store.as_ref(), &budget)?;
        room.write(&envelope(data, total, Json::Null))
    };
    Ok(state.workers.run(run).await?)
}

async fn services(State(state): State<QueryState>) -> Result<HeldAnswer, Refusal> {
    answer(&state, |store, _| {
        let services = store.services()?;
        Ok((json!(services), services.len()))
    })
    .await
}

async fn operations_of_service(
    State(state): State<QueryState>,
    Path(service): Path<String>,
) -> Result<HeldAnswer, Refusal> {
    answer(&state, move |store, budget| {
        let names: BTreeSet<String> =
            operations_by_kind(store, &service, None, budget)?.into_iter().map(|(name, _)| name).collect();
        Ok((json!(names), names.len()))
    })
    .await
}

async fn operations(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    let pairs = parameter::pairs(&uri)?;
    let service = parameter::first(&pairs, "service")
        .ok_or_else(|| Problem::bad_request("parameter `service` is required"))?
        .to_owned();
    let kind = parameter::first(&pairs, "spanKind").map(parameter::read_kind).transpose()?;
    answer(&state, move |store, budget| {
        let found = operations_by_kind(store, &service, kind, budget)?;
        let list: Vec<Json> =
            found.iter().map(|(name, kind)| json!({"name": name, "spanKind": kind_name(*kind)})).collect();
        Ok((json!(list), list.len()))
    })
    .await
}

/// The names of a service's spans with their kinds, each once.
fn operations_by_kind(
    store: &dyn Store,
    service: &str,
    only: Option<SpanKind>,
    budget: &Budget,
) -> Result<BTreeSet<(String, SpanKind)>, StoreError> {
    let kinds = (0..=5).map(SpanKind::from_number).filter(|kind| only.is_none_or(|only| only == *kind));
    let mut found = BTreeSet::new();
    for kind in kinds {
        let is_kind =
            Test::Is(Comparison::Equal, throughline_model::span::Value::Text(kind.as_str().to_owned()));
        let filter = SpanFilter {
            service: Some(service.to_owned()),
            conditions: vec![Condition::Field(Field::Kind, is_kind)],
            ..SpanFilter::default()
        };
        let names = store.values(&ValuesOf::Field(Field::Name), &filter, MAX_NAMES, budget.of_store())?;
        found.extend(names.items.into_iter().map(|name| (name, kind)));
    }
    Ok(found)
}

/// Jaeger has no word for a kind that was not stated.
fn kind_name(kind: SpanKind) -> &'static str {
    if kind == SpanKind::Unspecified { "" } else { kind.as_str() }
}

async fn search(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    let pairs = parameter::pairs(&uri)?;
    let ids = parameter::trace_ids(&pairs)?;
    if !ids.is_empty() {
        return answer(&state, move |store, budget| {
            let mut data = Vec::new();
            for trace_id in ids {
                let found = trace::lifecycle(store, trace_id, budget)?;
                data.extend(found.map(|found| span_json::trace(trace_id, &found)));
            }
            Ok((json!(data), 0))
        })
        .await;
    }
    let mut question = parameter::question(&pairs)?;
    let mut cancel = Cancel::default();
    let mut budget = cancel.budget(state.limits());
    let (store, room) = (Arc::clone(&state.store), state.answers.clone());
    let run = move || {
        by_app_and_namespace(store.as_ref(), &mut question)?;
        question.narrow();
        let write = |hit: &Hit| span_json::trace(hit.trace_id, &hit.lifecycle).to_string();
        let (traces, stopped) = gather(store.as_ref(), &question, &mut budget, &write)?;
        // What was found is given; that there may be more is told where Jaeger tells of what went wrong.
        let errors = stopped.map_or(Json::Null, |words| json!([{"code": PARTIAL, "msg": words}]));
        let data = traces.join(",");
        let text = format!("{{\"data\":[{data}],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":{errors}}}");
        room.hold(text.into_bytes(), "application/json")
    };
    Ok(state.workers.run(run).await?)
}

/// The traces that match, written one by one so that few are in memory as trees, and in words why there may be more.
fn gather(
    store: &dyn Store,
    question: &Question,
    budget: &mut Budget,
    write: &dyn Fn(&Hit) -> String,
) -> Result<(Vec<String>, Option<String>), StoreError> {
    let (mut written, mut bytes) = (Vec::new(), 0);
    let outcome = find::walk(store, question, budget, &mut |hit| {
        let text = write(&hit);
        bytes += text.len();
        written.push(text);
        if bytes < MAX_ANSWER_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let stopped = outcome.stopped.map(|stop| match stop {
        Stop::Cancelled => format!("the answer ended at its bound of {MAX_ANSWER_BYTES} bytes"),
        Stop::Time | Stop::Bytes => format!("the search ended by its bound on {}: narrow it", stop.as_str()),
    });
    Ok((written, stopped))
}

/// Istio and Kiali call a service `app.namespace`; where no service has such a name, the two parts are looked for.
fn by_app_and_namespace(store: &dyn Store, question: &mut Question) -> Result<(), StoreError> {
    let Some(service) = &question.filter.service else {
        return Ok(());
    };
    if let Some((app, namespace)) = service.rsplit_once('.')
        && !store.services()?.contains(service)
    {
        question.span.attributes.push(("k8s.namespace.name".to_owned(), namespace.to_owned()));
        question.filter.service = Some(app.to_owned());
    }
    Ok(())
}

async fn one_trace(
    State(state): State<QueryState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    // Tempo has the same path; of the two only its clients ask for protocol buffers.
    if tempo::wants_protobuf(&headers) {
        return Ok(tempo::version_1(State(state), Path(id), headers).await.into_response());
    }
    let trace_id = parameter::read_trace_id(&id)?;
    let found = answer(&state, move |store, budget| match trace::lifecycle(store, trace_id, budget)? {
        Some(lifecycle) => Ok((json!([span_json::trace(trace_id, &lifecycle)]), 0)),
        None => Err(Problem::not_found("trace not found")),
    });
    Ok(found.await?.into_response())
}

async fn dependencies(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    let range = parameter::dependency_range(&parameter::pairs(&uri)?)?;
    answer(&state, move |store, budget| {
        let mut calls: BTreeMap<(Arc<str>, Arc<str>), u64> = BTreeMap::new();
        let series = SeriesFilter::Edges { client: None, server: None };
        let filter = RollupFilter { since_unix_s: Some(range.start), until_unix_s: Some(range.end), series };
        for rollup in figures::read(store, &filter, budget)? {
            if let Series::Edge { client, server, .. } = rollup.series
                && *client != *UNKNOWN
                && *server != *UNKNOWN
            {
                *calls.entry((client, server)).or_default() += rollup.figures.calls;
            }
        }
        let one = |((parent, child), count): (&(Arc<str>, Arc<str>), &u64)| {
            json!({"parent": **parent, "child": **child, "callCount": count})
        };
        let data: Vec<Json> = calls.iter().map(one).collect();
        Ok((json!(data), 0))
    })
    .await
}

#[cfg(test)]
mod tests;
