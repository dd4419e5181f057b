//! Finds traces, and shows one.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use throughline_model::attribute;
use throughline_model::id::TraceId;
use throughline_model::span::Span;
use tokio::sync::mpsc;

use super::answer::{Inspected, Matched, Search, Services, Summary, Trace, Traces};
use super::find::{self, Budget, Cancel, Hit, Outcome, Question};
use super::held::HeldAnswer;
use super::problem::Problem;
use super::{QueryState, joined, parameter, timestamp};
use crate::assemble::{Circumstances, Drops, LATE_NS, Lifecycle, assemble};
use crate::store::{self, SpanFilter, Store, StoreError};

/// One JSON value a line.
const NDJSON: &str = "application/x-ndjson";

/// Matching spans of one trace that a search names.
const MAX_NAMED_SPANS: usize = 20;

/// What proxies told of dropped spans: how many such reports are looked at, how long one may last, and what looking for them
/// may cost.
const MAX_DROPS: usize = 1_000;
const LONGEST_DROP_NS: u64 = 3_600_000_000_000;
const DROPS_TIME: Duration = Duration::from_millis(500);
const DROPS_BYTES: u64 = 64 * 1024 * 1024;

/// Answers that may wait for a slow reader of a stream.
const MAX_LINES_AHEAD: usize = 64;

/// `GET /api/v1/traces`
pub(super) async fn search(
    State(state): State<QueryState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let question = parameter::read_search(&uri, timestamp::now_unix_ns())?;
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains(NDJSON) {
        return Ok(stream(state, question));
    }
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let mut budget = cancel.budget(state.limits());
    let find = move || {
        let mut traces = Vec::new();
        let outcome = find::walk(store.as_ref(), &question, &mut budget, &mut |hit| {
            traces.push(summary_of(&hit));
            ControlFlow::Continue(())
        })?;
        traces.sort_by_key(|summary| Reverse(summary.start_unix_ns));
        room.write(&Traces { traces, search: Search::of(&outcome) })
    };
    Ok(state.workers.run(find).await?.into_response())
}

/// Writes each trace as soon as it is found; the last line says how the search went, or why it failed. The search ends when
/// the reader goes away.
fn stream(state: QueryState, question: Question) -> Response {
    let (sender, receiver) = mpsc::channel::<String>(MAX_LINES_AHEAD);
    tokio::spawn(async move {
        let (store, mut cancel, lines) = (Arc::clone(&state.store), Cancel::default(), sender.clone());
        let mut budget = cancel.budget(state.limits());
        let find = move || {
            Ok(find::walk(store.as_ref(), &question, &mut budget, &mut |hit| match lines
                .blocking_send(line(&summary_of(&hit)))
            {
                Ok(()) => ControlFlow::Continue(()),
                Err(_gone) => ControlFlow::Break(()),
            })?)
        };
        let found = tokio::select! {
            found = state.workers.run(find) => found,
            // What finds nothing never writes, and would not see that the reader has gone.
            () = sender.closed() => return,
        };
        let last = match found {
            Ok(outcome) => line(&Search::of(&outcome)),
            Err(problem) => line(&problem.into_document()),
        };
        // An error says that the reader has gone.
        let _is_read = sender.send(last).await;
    });
    let lines = unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|line| (Ok::<_, Infallible>(line), receiver))
    });
    ([(CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response()
}

fn line(answer: &impl Serialize) -> String {
    serde_json::to_string(answer)
        .map_or_else(|error| format!("{{\"detail\":\"{error}\"}}\n"), |json| json + "\n")
}

fn summary_of(hit: &Hit) -> Summary {
    let mut summary = Summary::of(hit.trace_id, &hit.lifecycle);
    if !hit.found.is_empty() {
        let mut spans: Vec<usize> = hit.found.iter().flat_map(|set| set.spans.iter().copied()).collect();
        spans.sort_unstable();
        spans.dedup();
        let ids = spans.iter().filter_map(|index| hit.lifecycle.spans.get(*index));
        let span_ids = ids.take(MAX_NAMED_SPANS).map(|placed| placed.span.span_id.to_hex()).collect();
        summary.matched = Some(Matched { spans: spans.len(), span_ids });
    }
    summary
}

impl Search {
    fn of(outcome: &Outcome) -> Self {
        let find::Inspected { traces, spans, bytes } = outcome.inspected;
        Self {
            next: outcome.next.map(|position| position.to_string()),
            stopped: outcome.stopped.map(|stop| stop.as_str().to_owned()),
            inspected: Inspected { traces, spans, bytes },
        }
    }
}

/// `GET /api/v1/traces/{trace_id}`
pub(super) async fn one(
    State(state): State<QueryState>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let Path(trace_id) = path.map_err(|error| Problem::bad_request(error.body_text()))?;
    let trace_id = parameter::read_trace_id(&trace_id)?;
    let view = parameter::view::read(&uri)?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.budget(state.limits());
    let show = move || match joined::lifecycle(store.as_ref(), trace_id, view, &budget)? {
        Some(mut found) => {
            name_causes(store.as_ref(), std::iter::once(&mut found.lifecycle))?;
            room.write(&Trace { seams_cut: found.is_cut, ..Trace::of(trace_id, &found.lifecycle) })
        }
        None => Err(unknown(trace_id)),
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
    let spans = store.trace(trace_id)?;
    Ok((!spans.is_empty()).then(|| Summary::of(trace_id, &assemble(&spans))))
}

/// The trace put together by itself; `None` when the store does not know it.
pub(super) fn lifecycle(
    store: &dyn Store,
    trace_id: TraceId,
    budget: &Budget,
) -> Result<Option<Lifecycle>, Problem> {
    let spans = spans_of(store, trace_id, budget)?;
    Ok((!spans.is_empty()).then(|| assemble(&spans)))
}

/// Says of each gap why it is there, from what the store knows of the mesh.
pub(super) fn name_causes<'a>(
    store: &dyn Store,
    lifecycles: impl Iterator<Item = &'a mut Lifecycle>,
) -> Result<(), StoreError> {
    let mut with_gaps = lifecycles.filter(|lifecycle| !lifecycle.gaps.is_empty()).peekable();
    if with_gaps.peek().is_none() {
        return Ok(());
    }
    let traced_services = store.services()?.into_iter().collect();
    let with_gaps: Vec<&mut Lifecycle> = with_gaps.collect();
    let times = || with_gaps.iter().flat_map(|lifecycle| &lifecycle.gaps).map(|gap| gap.times_unix_ns);
    let first_unix_ns = times().map(|(from, _)| from).min().unwrap_or_default();
    let last_unix_ns = times().map(|(_, until)| until).max().unwrap_or_default();
    let drops = drops_about(store, first_unix_ns, last_unix_ns)?;
    let now_unix_ns = timestamp::now_unix_ns();
    for lifecycle in with_gaps {
        lifecycle.name_causes(&Circumstances {
            traced_services: &traced_services,
            drops: &drops,
            now_unix_ns,
        });
    }
    Ok(())
}

/// What proxies told of dropped spans around a time.
fn drops_about(store: &dyn Store, first_unix_ns: u64, last_unix_ns: u64) -> Result<Drops, StoreError> {
    let filter = SpanFilter {
        operation: Some(attribute::DROPPED_SPAN_NAME.to_owned()),
        since_unix_ns: Some(first_unix_ns.saturating_sub(LONGEST_DROP_NS)),
        until_unix_ns: Some(last_unix_ns.saturating_add(LATE_NS)),
        ..SpanFilter::default()
    };
    let budget = store::Budget::new(DROPS_TIME, DROPS_BYTES);
    let found = store.search_within(&filter, MAX_DROPS, &budget)?;
    let mut drops = Drops::default();
    let reports = store.traces_within(&found.items, &budget)?.items;
    reports.iter().flatten().for_each(|span| drops.add(span));
    Ok(drops)
}

pub(super) fn unknown(trace_id: TraceId) -> Problem {
    Problem::not_found(format!(
        "trace {trace_id} is not known: it never arrived here, or is older than the retention"
    ))
}

/// The spans of a trace; none when the store does not know it.
pub(super) fn spans_of(
    store: &dyn Store,
    trace_id: TraceId,
    budget: &Budget,
) -> Result<Vec<Arc<Span>>, Problem> {
    let mut found = store.traces_within(&[trace_id], budget.of_store())?.items;
    found.pop().ok_or_else(|| budget.used_up("reading the trace"))
}
