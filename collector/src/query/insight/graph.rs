//! `GET /api/v1/graph`: who called whom in a window of time, live, with what appeared and what vanished since the window before.

mod fold;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::query::figures;
use crate::query::find::Cancel;
use crate::query::held::HeldAnswer;
use crate::query::problem::Problem;
use crate::query::{QueryState, parameter, timestamp};
use crate::store::{RollupFilter, Series, SeriesFilter};

/// The services of a window and the calls between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Graph {
    /// The first minute, in seconds since 1970-01-01 UTC.
    pub since_unix_s: u64,
    /// The end, exclusive.
    pub until_unix_s: u64,
    /// By name.
    pub nodes: Vec<Node>,
    /// By caller and callee.
    pub edges: Vec<Edge>,
    /// Edges of the window before, of the same length, on which nothing was called in this one.
    pub vanished: Vec<VanishedEdge>,
}

/// What a window holds of calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GraphCalls")]
pub struct Calls {
    /// How many there were.
    pub requests: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Half of them took no longer, as the callee saw it; in nanoseconds, at most 6.25 % off.
    pub p50_ns: Option<u64>,
    /// 95 % of them took no longer.
    pub p95_ns: Option<u64>,
    /// 99 % of them took no longer.
    pub p99_ns: Option<u64>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GraphNode")]
pub struct Node {
    /// Its name.
    pub service: String,
    /// Requests that it received.
    #[serde(flatten)]
    pub calls: Calls,
}

/// All calls from one service to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GraphEdge")]
pub struct Edge {
    /// Who called; `null` for requests from outside, of whose caller no span tells.
    pub client: Option<String>,
    /// Who was called; a host where no span of a service tells.
    pub server: String,
    /// Its calls.
    #[serde(flatten)]
    pub calls: Calls,
    /// Half of them took no longer as the caller saw it.
    pub client_p50_ns: Option<u64>,
    /// 99 % of them took no longer as the caller saw it.
    pub client_p99_ns: Option<u64>,
    /// Calls of which only one end sent a span.
    pub one_sided: u64,
    /// Calls by what ties each to the request that caused it: `propagated`, `request-id`, `token`, `sole`, and `none` for one that
    /// began a trace of its own, whether or not that is joined when it is read. Calls whose caller sent no span are in none.
    #[serde(default)]
    pub links: BTreeMap<String, u64>,
    /// How far these links may be trusted; `null` where no call has one.
    pub link_confidence: Option<LinkConfidence>,
    /// Nothing was called here in the window before.
    pub appeared: bool,
    /// The slowest call.
    pub slowest: Option<Exemplar>,
    /// The slowest call that failed.
    pub slowest_error: Option<Exemplar>,
    /// The same by route, the busiest first.
    pub routes: Vec<Route>,
}

/// The probability that a link is right, over the calls that have one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinkConfidence {
    /// That of the weakest kind among them.
    pub lowest: f64,
    /// The mean of all.
    pub mean: f64,
}

/// Calls of one edge to one route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GraphRoute")]
pub struct Route {
    /// Its name.
    pub route: String,
    /// Its calls.
    #[serde(flatten)]
    pub calls: Calls,
    /// The slowest call.
    pub slowest: Option<Exemplar>,
    /// The slowest call that failed.
    pub slowest_error: Option<Exemplar>,
}

/// A call that stands for many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GraphExemplar")]
pub struct Exemplar {
    /// 32 lower-case hexadecimal digits.
    pub trace_id: String,
    /// 16 lower-case hexadecimal digits.
    pub span_id: String,
    /// How long it took.
    pub duration_ns: u64,
}

/// An edge that is no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VanishedEdge {
    /// Who called.
    pub client: Option<String>,
    /// Who was called.
    pub server: String,
    /// How often, in the window before.
    pub requests_before: u64,
}

/// `GET /api/v1/graph`
pub(in crate::query) async fn graph(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let (window, service) = parameter::window::read_minutes(&uri, timestamp::now_unix_ns())?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.budget(state.limits());
    let fold = move || {
        let edges = |since: u64, until: u64| {
            let series = SeriesFilter::Edges { client: None, server: None };
            let filter = RollupFilter { since_unix_s: Some(since), until_unix_s: Some(until), series };
            let all = figures::read(store.as_ref(), &filter, &budget);
            all.map(|mut edges| {
                edges.retain(|edge| service.as_ref().is_none_or(|service| touches(&edge.series, service)));
                edges
            })
        };
        let before = edges(window.before_unix_s(), window.since_unix_s)?;
        let now = edges(window.since_unix_s, window.until_unix_s)?;
        room.write(&fold::fold((window.since_unix_s, window.until_unix_s), &before, &now))
    };
    state.workers.run(fold).await
}

/// Whether a service is at either end of an edge.
fn touches(series: &Series, service: &str) -> bool {
    matches!(series, Series::Edge { client, server, .. } if **client == *service || **server == *service)
}

#[cfg(test)]
mod tests;
