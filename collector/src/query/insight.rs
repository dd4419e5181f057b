//! What the analyses say, over HTTP: one trace in depth, many traces together, and two groups against each other.

pub mod completeness;
pub mod doctor;
pub mod graph;
pub mod groups;
pub mod one_trace;
pub mod together;

mod selection;

use axum::Router;
use axum::routing::get;

use super::QueryState;

/// The paths of this room.
pub(super) fn routes() -> Router<QueryState> {
    Router::new()
        .route("/api/v1/graph", get(graph::graph))
        .route("/api/v1/traces/{trace_id}/critical-path", get(one_trace::critical_path))
        .route("/api/v1/traces/{trace_id}/hops", get(one_trace::hops))
        .route("/api/v1/critical-path", get(together::critical_path))
        .route("/api/v1/explain", get(together::explain))
        .route("/api/v1/suspects", get(groups::suspects))
        .route("/api/v1/compare", get(groups::compare))
        .route("/api/v1/completeness", get(completeness::completeness))
        .route("/api/v1/doctor/propagation", get(doctor::propagation))
}

#[cfg(test)]
mod tests;
