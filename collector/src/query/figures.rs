//! What services did in a stretch of time, from the counts by minute: operations, and the edges between services.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;

use super::answer::{Counts, Edge, Edges, Exemplar, Operation, Operations};
use super::find::{Budget, Cancel};
use super::held::HeldAnswer;
use super::problem::Problem;
use super::{QueryState, parameter, timestamp};
use crate::store::{self, Figures, Rollup, RollupFilter, Series, SeriesFilter, Store, UNKNOWN};

/// The parameters of operations and edges.
pub(super) const PARAMETERS: [&str; 3] = ["service", "since", "until"];

const DEFAULT_SINCE_NS: u64 = 15 * 60 * NANOSECONDS_PER_SECOND;
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// A service and a stretch of time in whole seconds.
struct Asked {
    service: Option<String>,
    since_unix_s: u64,
    until_unix_s: Option<u64>,
}

/// `GET /api/v1/operations`
pub(super) async fn operations(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Problem> {
    let asked = read_asked(&uri)?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.budget(state.limits());
    let count = move || {
        let series = SeriesFilter::Operations { service: asked.service.clone() };
        let mut sums: BTreeMap<Series, Figures> = BTreeMap::new();
        for rollup in read(store.as_ref(), &asked.filter(series), &budget)? {
            sums.entry(rollup.series).or_default().add(&rollup.figures);
        }
        let operations = sums.iter().filter_map(|(series, figures)| match series {
            Series::Operation { service, kind, operation } => Some(Operation {
                service: service.to_string(),
                kind: kind.as_str().to_owned(),
                name: operation.to_string(),
                counts: counts(figures),
            }),
            Series::Edge { .. } => None,
        });
        room.write(&Operations { operations: operations.collect() })
    };
    state.workers.run(count).await
}

/// `GET /api/v1/edges`
pub(super) async fn edges(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Problem> {
    let asked = read_asked(&uri)?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.budget(state.limits());
    let count = move || {
        let series = SeriesFilter::Edges { client: None, server: None };
        let mut sums: BTreeMap<(Arc<str>, Arc<str>), Figures> = BTreeMap::new();
        for rollup in read(store.as_ref(), &asked.filter(series), &budget)? {
            if let Series::Edge { client, server, .. } = rollup.series
                && asked.service.as_ref().is_none_or(|service| **service == *client || **service == *server)
            {
                sums.entry((client, server)).or_default().add(&rollup.figures);
            }
        }
        let known = |name: &Arc<str>| (**name != *UNKNOWN).then(|| name.to_string());
        let edges = sums.iter().map(|((client, server), figures)| Edge {
            client: known(client),
            server: known(server),
            counts: counts(figures),
        });
        room.write(&Edges { edges: edges.collect() })
    };
    state.workers.run(count).await
}

impl Asked {
    fn filter(&self, series: SeriesFilter) -> RollupFilter {
        RollupFilter { since_unix_s: Some(self.since_unix_s), until_unix_s: self.until_unix_s, series }
    }
}

/// What was counted; a part of it would be a wrong answer.
pub(super) fn read(
    store: &dyn Store,
    filter: &RollupFilter,
    budget: &Budget,
) -> Result<Vec<Rollup>, Problem> {
    let found = store.rollups_within(filter, budget.of_store())?;
    if found.is_complete { Ok(found.items) } else { Err(budget.used_up("counting that stretch of time")) }
}

fn read_asked(uri: &Uri) -> Result<Asked, Problem> {
    let now_unix_ns = timestamp::now_unix_ns();
    let mut asked = Asked {
        service: None,
        since_unix_s: now_unix_ns.saturating_sub(DEFAULT_SINCE_NS) / NANOSECONDS_PER_SECOND,
        until_unix_s: None,
    };
    for (name, value) in parameter::read_pairs(uri, &PARAMETERS)? {
        match name.as_str() {
            "service" => asked.service = Some(parameter::read_text(&name, value)?),
            "since" => {
                asked.since_unix_s =
                    parameter::read_moment(&name, &value, now_unix_ns)? / NANOSECONDS_PER_SECOND;
            }
            _ => {
                let until = parameter::read_moment(&name, &value, now_unix_ns)?;
                asked.until_unix_s = Some(until.div_ceil(NANOSECONDS_PER_SECOND));
            }
        }
    }
    Ok(asked)
}

fn counts(figures: &Figures) -> Counts {
    let quantile = |share| figures.durations.quantile_ns(share);
    Counts {
        calls: figures.calls,
        errors: figures.errors,
        p50_ns: quantile(0.5),
        p95_ns: quantile(0.95),
        p99_ns: quantile(0.99),
        slowest: figures.slowest.as_ref().map(exemplar),
        slowest_error: figures.slowest_error.as_ref().map(exemplar),
    }
}

fn exemplar(found: &store::Exemplar) -> Exemplar {
    Exemplar {
        trace_id: found.trace_id.to_hex(),
        span_id: found.span_id.to_hex(),
        duration_ns: found.duration_ns,
    }
}

#[cfg(test)]
mod tests;
