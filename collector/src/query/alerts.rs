//! Alerts, silences and rules over HTTP.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::{QueryState, parameter};
use crate::alert::Alerts;
use crate::alert::book::{Alert, Silence};

const MAX_SILENCE_BYTES: usize = 16 * 1024;

/// Every alert that is kept, and how the watch goes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AlertList {
    /// Those that fire first, then pending, then resolved ones, each newest first; without `chart` and `critical_path`.
    #[schemars(with = "Vec<Alert>")]
    alerts: Vec<Value>,
    /// How the watch goes.
    watching: Watch,
}

/// How the watch goes.
#[derive(Debug, Serialize, JsonSchema)]
struct Watch {
    /// Series that are watched.
    series: u64,
    /// Observations of series and traces beyond the number that is watched.
    crowded_out: u64,
    /// How far back the baselines reach.
    learned_minutes: u64,
    /// What the baselines were made from: `learned` or `fast-forward`.
    baseline: &'static str,
    /// When it last looked.
    looked_at_unix_s: u64,
}

/// The rules in force, who is told, and what is wrong with a newer file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AlertRules {
    /// In the order in which they are asked: own ones before built-in ones.
    rules: Vec<AlertRule>,
    /// Who is told.
    receivers: Vec<Receiver>,
    /// Why the newest file was not taken, with lines; empty when it was.
    faults: Vec<String>,
}

/// One rule.
#[derive(Debug, Serialize, JsonSchema)]
struct AlertRule {
    /// Its name.
    name: String,
    /// What it looks at.
    kind: &'static str,
    /// Whether it is on.
    enabled: bool,
    /// The services it is about; empty means all.
    services: Vec<String>,
    /// `info`, `warning` or `critical`, where the rule says so.
    severity: Option<&'static str>,
    /// How long the condition has to hold before the alert fires.
    for_s: u64,
    /// How long it goes on firing after it last held.
    keep_firing_for_s: u64,
}

/// One receiver of messages.
#[derive(Debug, Serialize, JsonSchema)]
struct Receiver {
    /// Its name.
    name: String,
    /// How it is told.
    kind: &'static str,
    /// Messages that it took.
    delivered: u64,
    /// Attempts that failed.
    failed: u64,
    /// The last failure, until it takes something again.
    last_error: Option<String>,
}

/// Every silence that has not ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Silences {
    /// In the order in which they were made.
    #[schemars(with = "Vec<Silence>")]
    silences: Value,
}

/// A silence that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MadeSilence {
    /// Under which it can be ended.
    id: String,
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
        evidence.remove("critical_path");
    }
    without_inner(value)
}

/// What only the collector itself needs to know is not shown.
fn without_inner(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        for inner in ["told", "last_held_unix_s", "keep_firing_for_s", "has_ended_silenced"] {
            fields.remove(inner);
        }
    }
    value
}

/// `GET /api/v1/alerts`
pub(super) async fn all(State(state): State<QueryState>, uri: Uri) -> Result<Json<AlertList>, Problem> {
    parameter::expect_none(&uri)?;
    let shared = alerts_of(&state)?.shared();
    let watching = shared.watching();
    let alerts = shared.book().alerts().into_iter().map(brief).collect();
    Ok(Json(AlertList {
        alerts,
        watching: Watch {
            series: watching.series,
            crowded_out: watching.crowded_out,
            learned_minutes: watching.learned_minutes,
            baseline: watching.baseline,
            looked_at_unix_s: watching.looked_at_unix_s,
        },
    }))
}

/// `GET /api/v1/alerts/{id}`
pub(super) async fn one(
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
pub(super) async fn rules(State(state): State<QueryState>, uri: Uri) -> Result<Json<AlertRules>, Problem> {
    parameter::expect_none(&uri)?;
    let shared = alerts_of(&state)?.shared();
    let held = shared.rules_state();
    let deliveries = shared.deliveries();
    let rules = held.rules.rules.iter().map(|rule| AlertRule {
        name: rule.name.clone(),
        kind: rule.kind.name(),
        enabled: rule.is_enabled,
        services: rule.services.clone(),
        severity: rule.severity.map(|severity| severity.as_str()),
        for_s: rule.for_s,
        keep_firing_for_s: rule.keep_firing_for_s,
    });
    let receivers = held.rules.receivers.iter().map(|receiver| {
        let delivery = deliveries.get(&receiver.name).cloned().unwrap_or_default();
        Receiver {
            name: receiver.name.clone(),
            kind: receiver.kind.name(),
            delivered: delivery.delivered,
            failed: delivery.failed,
            last_error: delivery.last_error,
        }
    });
    Ok(Json(AlertRules { rules: rules.collect(), receivers: receivers.collect(), faults: held.faults }))
}

/// `GET /api/v1/silences`
pub(super) async fn silences(State(state): State<QueryState>, uri: Uri) -> Result<Json<Silences>, Problem> {
    parameter::expect_none(&uri)?;
    let book = alerts_of(&state)?.shared().book();
    Ok(Json(Silences { silences: json!(book.silences()) }))
}

/// `POST /api/v1/silences`
pub(super) async fn silence(
    State(state): State<QueryState>,
    body: Bytes,
) -> Result<(StatusCode, Json<MadeSilence>), Problem> {
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
    Ok((StatusCode::CREATED, Json(MadeSilence { id })))
}

/// `DELETE /api/v1/silences/{id}`
pub(super) async fn end_silence(
    State(state): State<QueryState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let shared = alerts_of(&state)?.shared();
    if !shared.book().end_silence(&id) {
        return Err(Problem::not_found("no silence of this id; GET /api/v1/silences lists them"));
    }
    shared.save();
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
