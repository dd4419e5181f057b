//! Searches end when whoever asked has gone.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_core::future::BoxFuture;
use throughline_model::span::Span;
use tokio::sync::broadcast;

use super::*;
use crate::store::{
    Batch, Budget, Figures, Found, Rollup, RollupFilter, Series, SpanFilter, StoreError, StoreStats, ValuesOf,
};

/// Looks for ever and finds nothing, until it is told to stop.
#[derive(Default)]
struct Endless {
    is_looking: AtomicBool,
    has_stopped: AtomicBool,
}

impl Store for Endless {
    fn append(&self, _: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
    fn trace(&self, _: TraceId) -> Result<Vec<Arc<Span>>, StoreError> {
        Ok(Vec::new())
    }
    fn search_within(&self, _: &SpanFilter, _: usize, budget: &Budget) -> Result<Found<TraceId>, StoreError> {
        self.is_looking.store(true, Ordering::Release);
        while budget.allows_more() {
            std::thread::yield_now();
        }
        self.has_stopped.store(true, Ordering::Release);
        Ok(Found { items: Vec::new(), is_complete: false })
    }
    fn values(
        &self,
        _: &ValuesOf,
        _: &SpanFilter,
        _: usize,
        _: &Budget,
    ) -> Result<Found<String>, StoreError> {
        Ok(Found::default())
    }
    fn rollups(&self, _: &RollupFilter) -> Result<Vec<Rollup>, StoreError> {
        Ok(Vec::new())
    }
    fn totals(&self) -> Vec<(Series, Figures)> {
        Vec::new()
    }
    fn services(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
    fn subscribe(&self) -> broadcast::Receiver<Arc<[TraceId]>> {
        broadcast::Sender::new(1).subscribe()
    }
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}

async fn wait_for(what: &AtomicBool) {
    let began = Instant::now();
    while !what.load(Ordering::Acquire) {
        assert!(began.elapsed() < DEADLINE, "it has not come to that");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The time that a search may take is far longer than the test waits, so only the reader's going can end it.
async fn check(path: &'static str, accept: &'static str) {
    let store = Arc::new(Endless::default());
    let state = QueryState::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(Counters::new()));
    state.set_search_limits(100 * DEADLINE, u64::MAX);
    let reader = tokio::spawn(async move {
        let request = Request::builder().uri(path).header("accept", accept).body(Body::empty()).unwrap();
        let response = TowerToHyperService::new(router(state)).call(request).await.unwrap();
        response.into_body().collect().await.ok()
    });
    wait_for(&store.is_looking).await;
    assert!(!store.has_stopped.load(Ordering::Acquire), "{path} ended by itself");
    reader.abort();
    wait_for(&store.has_stopped).await;
}

#[tokio::test]
async fn a_search_ends_when_its_reader_has_gone() {
    check("/api/v1/traces?service=cart", "application/json").await;
}

#[tokio::test]
async fn a_stream_that_finds_nothing_ends_when_its_reader_has_gone() {
    check("/api/v1/traces?service=cart", "application/x-ndjson").await;
}

#[tokio::test]
async fn searches_of_jaegers_and_tempos_clients_end_when_these_have_gone() {
    check("/api/traces?service=cart", "application/json").await;
    check("/api/search?q=%7B%7D", "application/json").await;
}
