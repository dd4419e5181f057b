//! Finds traces, and shows one.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use throughline_model::id::TraceId;

use super::answer::{Services, Summary, Trace, Traces};
use super::held::HeldAnswer;
use super::problem::Problem;
use super::{QueryState, parameter, timestamp};
use crate::assemble::{Lifecycle, assemble};
use crate::store::{Store, StoreError};

/// `GET /api/v1/traces`
pub(super) async fn search(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Problem> {
    let search = parameter::read_search(&uri, timestamp::now_unix_ns())?;
    let (store, room) = (Arc::clone(&state.store), state.answers.clone());
    let find = move || {
        let mut traces = Vec::new();
        for trace_id in store.search(&search.filter, search.limit)? {
            // A trace may have expired since it was found.
            traces.extend(summarise(store.as_ref(), trace_id)?);
        }
        traces.sort_by_key(|summary| Reverse(summary.start_unix_ns));
        room.write(&Traces { traces })
    };
    state.workers.run(find).await
}

/// `GET /api/v1/traces/{trace_id}`
pub(super) async fn one(
    State(state): State<QueryState>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let Path(trace_id) = path.map_err(|error| Problem::bad_request(error.body_text()))?;
    let trace_id = parameter::read_trace_id(&trace_id)?;
    parameter::expect_none(&uri)?;
    let (store, room) = (Arc::clone(&state.store), state.answers.clone());
    let show = move || match lifecycle(store.as_ref(), trace_id)? {
        Some(lifecycle) => room.write(&Trace::of(trace_id, &lifecycle)),
        None => Err(Problem::not_found(format!(
            "trace {trace_id} is not known: it never arrived here, or is older than the retention"
        ))),
    };
    state.workers.run(show).await
}

/// `GET /api/v1/services`
pub(super) async fn services(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Problem> {
    parameter::expect_none(&uri)?;
    let (store, room) = (Arc::clone(&state.store), state.answers.clone());
    state.workers.run(move || room.write(&Services { services: store.services()? })).await
}

/// The trace in a line; `None` when the store does not know it.
pub(super) fn summarise(store: &dyn Store, trace_id: TraceId) -> Result<Option<Summary>, StoreError> {
    Ok(lifecycle(store, trace_id)?.map(|lifecycle| Summary::of(trace_id, &lifecycle)))
}

fn lifecycle(store: &dyn Store, trace_id: TraceId) -> Result<Option<Lifecycle>, StoreError> {
    let spans = store.trace(trace_id)?;
    Ok((!spans.is_empty()).then(|| assemble(&spans)))
}
