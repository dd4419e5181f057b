//! One trace in depth: its critical path, and its hops as a timeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use throughline_model::id::TraceId;

use crate::analyse::critical_path;
use crate::analyse::hops;
use crate::assemble::Lifecycle;
use crate::query::find::Cancel;
use crate::query::held::HeldAnswer;
use crate::query::problem::Problem;
use crate::query::{QueryState, joined, parameter, trace};

/// Steps of a path that are answered.
const MAX_STEPS: usize = 50_000;
/// Hops that are answered.
const MAX_HOPS: usize = 5_000;

/// Where the time of a trace's root went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CriticalPath {
    /// 32 lower-case hexadecimal digits.
    pub trace_id: String,
    /// The span whose duration is divided up.
    pub root_span_id: Option<String>,
    /// Its duration, and the sum of all steps.
    pub duration_ns: u64,
    /// By time, without hole or overlap.
    pub steps: Vec<Step>,
    /// Steps that were left out.
    pub omitted_steps: usize,
    /// The same by service, the longest first.
    pub services: Vec<ServiceShare>,
}

/// A stretch of time in which one span's own work was waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// 16 lower-case hexadecimal digits.
    pub span_id: String,
    /// The service of the span.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// Its role in the call.
    pub kind: String,
    /// Begin, from the start of the root.
    pub from_ns: u64,
    /// End, from the start of the root.
    pub until_ns: u64,
}

/// What one service has on the path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceShare {
    /// The service.
    pub service: String,
    /// Own time of its spans.
    pub self_ns: u64,
    /// Of the root's duration, 0 to 1.
    pub share: f64,
}

/// The hops of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hops {
    /// 32 lower-case hexadecimal digits.
    pub trace_id: String,
    /// By start, at most 5,000.
    pub hops: Vec<Hop>,
    /// Hops that begin after these.
    #[serde(default)]
    pub omitted_hops: usize,
}

/// One call from one workload to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// Who called.
    pub client: Option<String>,
    /// Who was called.
    pub server: Option<String>,
    /// The caller's span.
    pub client_span_id: Option<String>,
    /// The callee's span.
    pub server_span_id: Option<String>,
    /// Hops on its path so far, itself included.
    pub depth: usize,
    /// From the start of the trace.
    pub offset_ns: u64,
    /// As the caller saw it, or the callee where the caller sent no span.
    pub duration_ns: u64,
    /// Hops of the same parent under way when it began, itself included.
    pub concurrency: usize,
    /// The callee's own time.
    pub self_ns: u64,
    /// The callee's time in its own calls.
    pub wait_ns: u64,
    /// In the caller's proxy.
    pub client_proxy_ns: Option<u64>,
    /// Between the proxies.
    pub network_ns: Option<u64>,
    /// Both together.
    pub between_ns: Option<u64>,
    /// In the callee's proxy.
    pub server_proxy_ns: Option<u64>,
    /// In the callee's application.
    pub application_ns: Option<u64>,
    /// What ties it to the request that caused it: the kind of a link, or of a seam between joined traces.
    #[serde(default)]
    pub link: Option<String>,
    /// The probability that this is right, 0 to 1; `null` where nothing is claimed.
    #[serde(default)]
    pub link_confidence: Option<f64>,
}

type TracePath = Result<Path<String>, PathRejection>;

/// `GET /api/v1/traces/{trace_id}/critical-path`
pub(in crate::query) async fn critical_path(
    State(state): State<QueryState>,
    path: TracePath,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    answer(state, path, &uri, tell_path).await
}

/// `GET /api/v1/traces/{trace_id}/hops`
pub(in crate::query) async fn hops(
    State(state): State<QueryState>,
    path: TracePath,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    answer(state, path, &uri, tell_hops).await
}

async fn answer<T: Serialize + 'static>(
    state: QueryState,
    path: TracePath,
    uri: &Uri,
    tell: fn(TraceId, &Lifecycle) -> T,
) -> Result<HeldAnswer, Problem> {
    let Path(trace_id) = path.map_err(|error| Problem::bad_request(error.body_text()))?;
    let trace_id = parameter::read_trace_id(&trace_id)?;
    let view = parameter::view::read(uri)?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.budget(state.limits());
    let show = move || match joined::lifecycle(store.as_ref(), trace_id, view, &budget)? {
        Some(found) => room.write(&tell(trace_id, &found.lifecycle)),
        None => Err(trace::unknown(trace_id)),
    };
    state.workers.run(show).await
}

fn tell_path(trace_id: TraceId, lifecycle: &Lifecycle) -> CriticalPath {
    let path = critical_path::critical_path(lifecycle);
    let span = |index: usize| lifecycle.spans.get(index).map(|placed| &placed.span);
    let mut by_service: BTreeMap<&str, u64> = BTreeMap::new();
    for step in &path.steps {
        if let Some(span) = span(step.span) {
            *by_service.entry(span.service_name()).or_default() += step.duration_ns();
        }
    }
    let mut services: Vec<ServiceShare> = by_service
        .into_iter()
        .map(|(service, self_ns)| ServiceShare {
            service: service.to_owned(),
            self_ns,
            share: self_ns as f64 / path.duration_ns.max(1) as f64,
        })
        .collect();
    services.sort_by_key(|share| std::cmp::Reverse(share.self_ns));
    let steps = path.steps.iter().take(MAX_STEPS).filter_map(|step| {
        let span = span(step.span)?;
        Some(Step {
            span_id: span.span_id.to_hex(),
            service: span.service_name().to_owned(),
            name: span.name.clone(),
            kind: span.kind.as_str().to_owned(),
            from_ns: step.from_ns,
            until_ns: step.until_ns,
        })
    });
    CriticalPath {
        trace_id: trace_id.to_hex(),
        root_span_id: path.root.and_then(span).map(|span| span.span_id.to_hex()),
        duration_ns: path.duration_ns,
        steps: steps.collect(),
        omitted_steps: path.steps.len().saturating_sub(MAX_STEPS),
        services,
    }
}

fn tell_hops(trace_id: TraceId, lifecycle: &Lifecycle) -> Hops {
    let span =
        |place: Option<usize>| place.and_then(|place| lifecycle.spans.get(place)).map(|placed| &placed.span);
    let tell = |hop: &hops::Hop| {
        let (client, server) = (span(hop.client), span(hop.server));
        Hop {
            client: client.map(|span| span.service_name().to_owned()),
            server: server.map(|span| span.service_name().to_owned()),
            client_span_id: client.map(|span| span.span_id.to_hex()),
            server_span_id: server.map(|span| span.span_id.to_hex()),
            depth: hop.depth,
            offset_ns: hop.offset_ns,
            duration_ns: hop.duration_ns,
            concurrency: hop.concurrency,
            self_ns: hop.self_ns,
            wait_ns: hop.wait_ns,
            client_proxy_ns: hop.split.client_proxy_ns,
            network_ns: hop.split.network_ns,
            between_ns: hop.split.between_ns,
            server_proxy_ns: hop.split.server_proxy_ns,
            application_ns: hop.split.application_ns,
            link: hop.link.map(str::to_owned),
            link_confidence: hop.confidence,
        }
    };
    let hops = hops::hops(lifecycle);
    Hops {
        trace_id: trace_id.to_hex(),
        hops: hops.iter().take(MAX_HOPS).map(tell).collect(),
        omitted_hops: hops.len().saturating_sub(MAX_HOPS),
    }
}
