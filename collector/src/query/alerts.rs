//! Alerts, silences and rules over HTTP.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::routing::{delete, get};
use serde_json::{Value, json};

use super::problem::Problem;
use super::{QueryState, parameter};
use crate::alert::Alerts;
use crate::alert::book::{Alert, Silence};

const MAX_SILENCE_BYTES: usize = 16 * 1024;

/// Every path about alerts.
pub(super) fn routes() -> Router<QueryState> {
    Router::new()
        .route("/api/v1/alerts", get(all))
        .route("/api/v1/alerts/{id}", get(one))
        .route("/api/v1/alert-rules", get(rules))
        .route("/api/v1/silences", get(silences).post(silence))
        .route("/api/v1/silences/{id}", delete(end_silence))
}

fn alerts_of(state: &QueryState) -> Result<&Alerts, Problem> {
    state.alerts.as_ref().ok_or_else(|| Problem::unavailable("this process watches nothing"))
}

/// The alert without the long parts of its evidence.
fn brief(alert: &Alert) -> Value {
    let mut value = json!(alert);
    let evidence = value.get_mut("evidence").and_then(Value::as_object_mut);
    if let Some(evidence) = evidence {
        evidence.remove("chart");
        evidence.remove("self_time");
    }
    without_inner(value)
}

/// What only the collector itself needs to know is not shown.
fn without_inner(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        for inner in ["told", "last_held_unix_s", "keep_firing_for_s"] {
            fields.remove(inner);
        }
    }
    value
}

/// `GET /api/v1/alerts`
async fn all(State(state): State<QueryState>, uri: Uri) -> Result<Json<Value>, Problem> {
    parameter::expect_none(&uri)?;
    let shared = alerts_of(&state)?.shared();
    let watching = shared.watching();
    let book = shared.book();
    Ok(Json(json!({
        "alerts": book.alerts().into_iter().map(brief).collect::<Vec<_>>(),
        "watching": {
            "series": watching.series,
            "crowded_out": watching.crowded_out,
            "learned_minutes": watching.learned_minutes,
            "baseline": watching.baseline,
            "looked_at_unix_s": watching.looked_at_unix_s,
        },
    })))
}

/// `GET /api/v1/alerts/{id}`
async fn one(
    State(state): State<QueryState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    parameter::expect_none(&uri)?;
    let book = alerts_of(&state)?.shared().book();
    let alert = book.alert(&id).map(|alert| without_inner(json!(alert)));
    alert
        .map(Json)
        .ok_or_else(|| Problem::not_found("no alert of this id is kept; GET /api/v1/alerts lists them"))
}

/// `GET /api/v1/alert-rules`
async fn rules(State(state): State<QueryState>, uri: Uri) -> Result<Json<Value>, Problem> {
    parameter::expect_none(&uri)?;
    let shared = alerts_of(&state)?.shared();
    let held = shared.rules_state();
    let deliveries = shared.deliveries();
    let rules = held.rules.rules.iter().map(|rule| {
        json!({
            "name": rule.name,
            "kind": rule.kind.name(),
            "enabled": rule.is_enabled,
            "services": rule.services,
            "severity": rule.severity.map(|severity| severity.as_str()),
            "for_s": rule.for_s,
            "keep_firing_for_s": rule.keep_firing_for_s,
        })
    });
    let receivers = held.rules.receivers.iter().map(|receiver| {
        let delivery = deliveries.get(&receiver.name).cloned().unwrap_or_default();
        json!({
            "name": receiver.name,
            "kind": receiver.kind.name(),
            "delivered": delivery.delivered,
            "failed": delivery.failed,
            "last_error": delivery.last_error,
        })
    });
    Ok(Json(json!({
        "rules": rules.collect::<Vec<_>>(),
        "receivers": receivers.collect::<Vec<_>>(),
        "faults": held.faults,
    })))
}

/// `GET /api/v1/silences`
async fn silences(State(state): State<QueryState>, uri: Uri) -> Result<Json<Value>, Problem> {
    parameter::expect_none(&uri)?;
    let book = alerts_of(&state)?.shared().book();
    Ok(Json(json!({"silences": book.silences()})))
}

/// `POST /api/v1/silences`
async fn silence(State(state): State<QueryState>, body: Bytes) -> Result<(StatusCode, Json<Value>), Problem> {
    if body.len() > MAX_SILENCE_BYTES {
        return Err(Problem::bad_request(format!("a silence has at most {MAX_SILENCE_BYTES} bytes")));
    }
    let silence: Silence = serde_json::from_slice(&body).map_err(|error| {
        let right = r#"{"service": "cart", "until_unix_s": 1767225600, "comment": "known, see the ticket"}"#;
        Problem::bad_request(format!("this is no silence: {error}; write such as {right}"))
    })?;
    let shared = alerts_of(&state)?.shared();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let id = shared.book().silence(now, silence).map_err(Problem::bad_request)?;
    shared.save();
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

/// `DELETE /api/v1/silences/{id}`
async fn end_silence(State(state): State<QueryState>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let shared = alerts_of(&state)?.shared();
    if !shared.book().end_silence(&id) {
        return Err(Problem::not_found("no silence of this id; GET /api/v1/silences lists them"));
    }
    shared.save();
    Ok(StatusCode::NO_CONTENT)
}
