//! A walk over many pages does not begin anew for each of a few traces.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_core::future::BoxFuture;
use tokio::sync::broadcast;

use super::*;
use crate::store::{
    self, Batch, Figures, Found, MemoryStore, Rollup, RollupFilter, Series, StoreStats, ValuesOf,
};

/// Counts how often it is searched.
struct Counting(MemoryStore, AtomicUsize);

impl Store for Counting {
    fn search_within(
        &self,
        filter: &SpanFilter,
        limit: usize,
        budget: &store::Budget,
    ) -> Result<Found<TraceId>, StoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.search_within(filter, limit, budget)
    }
    fn traces_within(
        &self,
        ids: &[TraceId],
        budget: &store::Budget,
    ) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
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
        budget: &store::Budget,
    ) -> Result<Found<String>, StoreError> {
        self.0.values(of, filter, limit, budget)
    }
    fn rollups_within(
        &self,
        filter: &RollupFilter,
        budget: &store::Budget,
    ) -> Result<Found<Rollup>, StoreError> {
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

#[test]
fn asks_for_more_at_once_the_longer_it_finds_nothing() {
    let store = Counting(store(3_000), AtomicUsize::new(0));
    let question = Question { query: query("{ false }"), limit: 2, ..Question::default() };
    let outcome =
        walk(&store, &question, &mut Cancel::default().budget(PLENTY), &mut |_| ControlFlow::Continue(()));
    assert_eq!(outcome.unwrap().inspected.traces, 3_000);
    // Twice over 3,000 traces by at most 512, less where it begins with few; by 32 it would be more than a hundred times.
    let searches = store.1.load(Ordering::Relaxed);
    assert!(searches < 30, "{searches} searches");
}
