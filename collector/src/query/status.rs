//! How the process is doing: its numbers, its metrics and its probes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use super::answer::Status;
use super::problem::Problem;
use super::{QueryState, mesh_metrics, parameter};
use crate::telemetry::METRICS_CONTENT_TYPE;

/// `GET /api/v1/status`
pub(super) async fn status(State(state): State<QueryState>, uri: Uri) -> Result<Json<Status>, Problem> {
    parameter::expect_none(&uri)?;
    let kept = state.store.stats();
    let counters = &state.counters;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: counters.uptime().as_secs(),
        spans_received: counters.spans_received.get(),
        spans_rejected: counters.spans_rejected.sum(),
        spans_live: kept.spans_live,
        blocks: kept.blocks,
        bytes_on_disk: kept.bytes_on_disk,
        object_store: state.store.object_store().map(Into::into),
        traces_complete: counters.traces_complete.get(),
        traces_incomplete: counters.traces_incomplete.get(),
        otlp_http_port: state.otlp_http_port,
    }))
}

/// `GET /metrics`
pub(super) async fn metrics(State(state): State<QueryState>) -> Result<Response, Problem> {
    let mut text = state.counters.encode().map_err(|error| Problem::internal(error.to_string()))?;
    let store = Arc::clone(&state.store);
    let totals = spawn_blocking(move || store.totals()).await;
    let totals = totals.map_err(|error| Problem::internal(error.to_string()))?;
    mesh_metrics::insert(&mut text, &totals);
    Ok(([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], text).into_response())
}

/// `GET /healthz`
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Every other question while the log is being replayed.
pub(super) async fn replaying() -> Problem {
    Problem::unavailable("not ready: the write-ahead log is being replayed; ask again in a moment")
}

/// `GET /readyz`
pub(super) async fn ready(State(state): State<QueryState>) -> Result<&'static str, Problem> {
    if state.counters.is_ready() {
        return Ok("ready\n");
    }
    Err(Problem::unavailable(
        "not ready: the write-ahead log is being replayed, or the process is about to stop",
    ))
}
