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

impl Endless {
    fn look_for<T>(&self, budget: &Budget) -> Found<T> {
        self.is_looking.store(true, Ordering::Release);
        while budget.allows_more() {
            std::thread::yield_now();
        }
        self.has_stopped.store(true, Ordering::Release);
        Found { items: Vec::new(), is_complete: false }
    }
}

impl Store for Endless {
    fn append(&self, _: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
    fn traces_within(&self, _: &[TraceId], budget: &Budget) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
        Ok(self.look_for(budget))
    }
    fn search_within(&self, _: &SpanFilter, _: usize, budget: &Budget) -> Result<Found<TraceId>, StoreError> {
        Ok(self.look_for(budget))
    }
    fn values(
        &self,
        _: &ValuesOf,
        _: &SpanFilter,
        _: usize,
        budget: &Budget,
    ) -> Result<Found<String>, StoreError> {
        Ok(self.look_for(budget))
    }
    fn rollups_within(&self, _: &RollupFilter, budget: &Budget) -> Result<Found<Rollup>, StoreError> {
        Ok(self.look_for(budget))
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
async fn check(path: impl Into<String>, accept: &'static str) {
    let path: String = path.into();
    let asked = path.clone();
    let store = Arc::new(Endless::default());
    let state = QueryState::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(Counters::new()));
    state.set_search_limits(100 * DEADLINE, u64::MAX);
    let reader = tokio::spawn(async move {
        let request = Request::builder().uri(asked).header("accept", accept).body(Body::empty()).unwrap();
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

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn a_trace_is_not_read_on_when_its_reader_has_gone() {
    for path in
        ["/api/v1/traces/", "/api/traces/", "/api/v3/traces/", "/api/v2/traces/", "/tempo/api/traces/"]
    {
        check(format!("{path}{TRACE}"), "application/json").await;
    }
    for path in ["critical-path", "hops"] {
        check(format!("/api/v1/traces/{TRACE}/{path}"), "application/json").await;
    }
}

#[tokio::test]
async fn nothing_is_analysed_or_counted_for_a_reader_who_has_gone() {
    for path in [
        "graph",
        "critical-path",
        "explain",
        "completeness",
        "doctor/propagation",
        "suspects",
        "compare",
        "operations",
        "edges",
    ] {
        check(format!("/api/v1/{path}"), "application/json").await;
    }
    check("/api/dependencies?endTs=1795338107753&lookback=3600000", "application/json").await;
    check("/api/services/cart/operations", "application/json").await;
    check("/api/v2/search/tags", "application/json").await;
}

/// The store needs longer than a question may take: the answer says so, and is no half truth.
#[tokio::test]
async fn what_takes_too_long_is_said_to() {
    let state = QueryState::new(Arc::new(Endless::default()), Arc::new(Counters::new()));
    state.set_search_limits(Duration::from_millis(1), u64::MAX);
    for path in
        [format!("traces/{TRACE}"), format!("traces/{TRACE}/hops"), "graph".to_owned(), "edges".to_owned()]
    {
        let request = Request::builder().uri(format!("/api/v1/{path}")).body(Body::empty()).unwrap();
        let response = TowerToHyperService::new(router(state.clone())).call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let problem = body_json(response).await;
        assert!(problem["detail"].as_str().unwrap().contains("query.search.timeout"), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_trace_that_needs_very_much_memory_is_refused_with_the_setting_that_bounds_it() {
    let text = |number: u64| text(&format!("text-{number}"), &"x".repeat(60_000));
    let large = |id| Span {
        attributes: (0..15).map(text).collect(),
        ..span(1, id, u64::from(id > 1), SpanKind::Internal, "cart")
    };
    let collector = Collector::with((1..=80).map(large).collect());
    collector.state.set_search_limits(DEADLINE, 1_000_000);
    let path = format!("/api/v1/traces/{}", trace_id(1));
    collector.check_problem(&path, 422, "query.search.max_bytes").await;
}
