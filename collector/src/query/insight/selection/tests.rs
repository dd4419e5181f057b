//! What is found is read, though finding uses up all that it may.

use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use throughline_model::span::{Span, SpanKind};
use tokio::sync::broadcast;

use super::*;
use crate::query::find::{Cancel, Limits};
use crate::query::tests::{START, span};
use crate::store::{
    Batch, Budget, Comparison, Condition, Field, Figures, Found, MemoryStore, Rollup, RollupFilter, Series,
    SpanFilter, StoreStats, Test, ValuesOf,
};

const SECOND: u64 = 1_000_000_000;
const TRACES: u8 = 120;

/// A trace in each second, each of which came by itself.
fn store() -> MemoryStore {
    let store = MemoryStore::new();
    (1..=TRACES).for_each(|second| store.insert(vec![span(second, 1, 0, SpanKind::Server, "front")]));
    store
}

/// All of them, by something for which spans have to be read.
fn everything() -> Selection {
    let is_server = Test::Is(Comparison::Equal, Value::Text("server".to_owned()));
    let filter = SpanFilter {
        since_unix_ns: Some(START),
        until_unix_ns: Some(START + 240 * SECOND),
        conditions: vec![Condition::Field(Field::Kind, is_server)],
        ..SpanFilter::default()
    };
    Selection { filter, version: None, limit: 100 }
}

/// Finds traces, and does not stop looking for more while it may.
struct Greedy(MemoryStore);

impl Store for Greedy {
    fn search_within(
        &self,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<TraceId>, StoreError> {
        while budget.allows_more() {
            std::thread::yield_now();
        }
        let found = self.0.search_within(filter, limit, &Budget::unlimited())?;
        Ok(Found { is_complete: false, ..found })
    }
    fn traces_within(&self, ids: &[TraceId], budget: &Budget) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
        self.0.traces_within(ids, budget)
    }
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.append(batch)
    }
    fn values(
        &self,
        of: &ValuesOf,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<String>, StoreError> {
        self.0.values(of, filter, limit, budget)
    }
    fn rollups_within(&self, filter: &RollupFilter, budget: &Budget) -> Result<Found<Rollup>, StoreError> {
        self.0.rollups_within(filter, budget)
    }
    fn totals(&self) -> Vec<(Series, Figures)> {
        self.0.totals()
    }
    fn services(&self) -> Result<Vec<String>, StoreError> {
        self.0.services()
    }
    fn subscribe(&self) -> broadcast::Receiver<Arc<[TraceId]>> {
        self.0.subscribe()
    }
    fn stats(&self) -> StoreStats {
        self.0.stats()
    }
}

fn load_all(store: &dyn Store, limits: Limits) -> [Loaded; 3] {
    let (mut cancel, selection) = (Cancel::default(), everything());
    let one = load(store, &selection, &cancel.sample_budget(limits)).unwrap();
    let budgets = cancel.two_sample_budgets(limits);
    let (first, second) = load_two(store, (&selection, &selection), START, &budgets).unwrap();
    [one, first, second]
}

#[test]
fn some_traces_are_read_where_finding_needs_more_bytes_than_there_are() {
    let limits = Limits { time: Duration::from_secs(600), bytes: 3_000 };
    for loaded in load_all(&store(), limits) {
        assert!(loaded.is_cut && !loaded.traces.is_empty(), "{} traces", loaded.traces.len());
    }
}

#[test]
fn all_that_was_found_is_read_where_finding_takes_all_the_time_that_it_may() {
    let limits = Limits { time: Duration::from_secs(3), bytes: u64::MAX };
    for loaded in load_all(&Greedy(store()), limits) {
        assert_eq!((loaded.is_cut, loaded.traces.len()), (true, 100));
    }
}
