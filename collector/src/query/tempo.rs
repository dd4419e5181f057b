//! Answers as Grafana Tempo does, as far as Grafana's data source and Kiali ask: search, tags, traces by id.

mod search;
mod tags;
mod traces;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value as Json, json};

use super::QueryState;
use super::held::HeldAnswer;
use super::jaeger::parameter::{Pairs, first, pairs};
use super::problem::Problem;
use crate::store::Store;

pub(super) use traces::version_1;

/// The paths that collide with no other API on the address.
pub(super) fn router() -> Router<QueryState> {
    Router::new()
        .route("/api/echo", get(|| async { "echo" }))
        .route("/api/status/buildinfo", get(build_information))
        .route("/status/services", get(services))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(tags::names))
        .route("/api/search/tag/{tag}/values", get(tags::values))
        .route("/api/v2/search/tags", get(tags::scoped_names))
        .route("/api/v2/search/tag/{tag}/values", get(tags::typed_values))
        .route("/api/v2/traces/{trace_id}", get(traces::version_2))
        .route("/api/metrics/query_range", get(no_metrics))
        .route("/api/metrics/query", get(no_metrics))
}

/// All paths, for clients that are given an address with a prefix of its own.
pub(super) fn whole_router() -> Router<QueryState> {
    router().route("/api/traces/{trace_id}", get(version_1)).route("/ready", get(|| async { "ready\n" }))
}

/// A refusal in Tempo's form: plain words.
#[derive(Debug)]
pub(super) struct Refusal(Problem);

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0.status, self.0.detail).into_response()
    }
}

/// Runs what asks the store.
async fn answer<W>(state: &QueryState, work: W) -> Result<HeldAnswer, Refusal>
where
    W: FnOnce(&dyn Store) -> Result<Json, Problem> + Send + 'static,
{
    let (store, room) = (Arc::clone(&state.store), state.answers.clone());
    let run = move || room.write(&work(store.as_ref())?);
    Ok(state.workers.run(run).await?)
}

/// A version that is no number: Grafana then takes the server for a recent one, and asks for all it knows.
async fn build_information() -> axum::Json<Json> {
    let version = concat!("throughline-", env!("CARGO_PKG_VERSION"));
    axum::Json(json!({
        "version": version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""
    }))
}

/// What Kiali asks to see whether the server lives.
async fn services(State(state): State<QueryState>) -> Result<&'static str, Problem> {
    if state.counters.is_ready() {
        Ok("throughline: Running\n")
    } else {
        Err(Problem::unavailable("starting"))
    }
}

async fn no_metrics() -> Refusal {
    Refusal(Problem::bad_request(
        "TraceQL metrics are not part of the subset that is understood; /metrics has rates and durations",
    ))
}

pub(super) fn wants_protobuf(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/protobuf"))
}

/// Seconds since 1970 as nanoseconds.
fn seconds(pairs: &Pairs, name: &str) -> Result<Option<u64>, Problem> {
    let read = |text: &str| {
        let moment: u64 = text.parse().map_err(|_| {
            Problem::bad_request(format!("invalid {name}: write seconds since 1970-01-01 UTC"))
        })?;
        Ok(moment.saturating_mul(1_000_000_000))
    };
    first(pairs, name).map(read).transpose()
}

#[cfg(test)]
mod tests;
