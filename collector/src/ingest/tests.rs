//! What is taken, what is refused with which words and codes, and how connections are bounded.

mod connections;
mod grpc;
mod http;
mod zipkin;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use futures_core::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use throughline_model::id::TraceId;
use throughline_model::otlp::encode_export_request;
use throughline_model::span::Span;
use tokio::sync::broadcast;

use super::*;
use crate::store::{
    Budget, Figures, Found, MemoryStore, Rollup, RollupFilter, Series, SpanFilter, StoreStats, ValuesOf,
    contract,
};

/// A store whose appends end as the test says.
struct BrokenStore(fn() -> StoreError);

impl Store for BrokenStore {
    fn append(&self, _batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Err((self.0)()) })
    }
    fn traces_within(&self, _: &[TraceId], _: &Budget) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
        Err((self.0)())
    }
    fn search_within(&self, _: &SpanFilter, _: usize, _: &Budget) -> Result<Found<TraceId>, StoreError> {
        Err((self.0)())
    }
    fn values(
        &self,
        _: &ValuesOf,
        _: &SpanFilter,
        _: usize,
        _: &Budget,
    ) -> Result<Found<String>, StoreError> {
        Err((self.0)())
    }
    fn rollups_within(&self, _: &RollupFilter, _: &Budget) -> Result<Found<Rollup>, StoreError> {
        Err((self.0)())
    }
    fn totals(&self) -> Vec<(Series, Figures)> {
        Vec::new()
    }
    fn services(&self) -> Result<Vec<String>, StoreError> {
        Err((self.0)())
    }
    fn subscribe(&self) -> broadcast::Receiver<Arc<[TraceId]>> {
        broadcast::Sender::new(1).subscribe()
    }
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}

fn busy() -> Arc<dyn Store> {
    Arc::new(BrokenStore(|| StoreError::Busy("full".to_owned())))
}

fn failed() -> Arc<dyn Store> {
    Arc::new(BrokenStore(|| StoreError::Failed("no disk".to_owned())))
}

/// Test spans begin in 1970.
fn any_clock() -> Config {
    let clock = ClockLimits { max_age: Duration::from_secs(1_000 * 365 * 86_400), ..ClockLimits::default() };
    Config { clock, ..Config::default() }
}

/// Receivers in front of a store, and what they count.
struct Fixture {
    counters: Arc<Counters>,
    ingest: Ingest,
}

impl Fixture {
    fn new(store: Arc<dyn Store>, config: Config) -> Self {
        let counters = Arc::new(Counters::new());
        let ingest = Ingest::new(store, Arc::clone(&counters), config);
        Self { counters, ingest }
    }

    fn with_memory() -> (Self, Arc<MemoryStore>) {
        let store = Arc::new(MemoryStore::new());
        (Self::new(store.clone(), any_clock()), store)
    }

    fn refused(&self, reason: &str) -> bool {
        let line = format!("throughline_requests_refused_total{{reason=\"{reason}\"}} 1");
        self.counters.encode().unwrap().contains(&line)
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn call(router: Router, request: Request<Body>) -> Answer {
    let (parts, body) = TowerToHyperService::new(router).call(request).await.unwrap().into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

fn batch(traces: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    let spans: Vec<Span> = traces.map(|trace| contract::span(trace, 1, "cart", 100)).collect();
    encode_export_request(&spans)
}

/// A batch of one good span and one whose trace id has 3 bytes.
fn partly_bad_batch() -> Vec<u8> {
    let bad_span = [0x0a, 3, 1, 2, 3];
    let mut scope_spans = vec![0x12, bad_span.len() as u8];
    scope_spans.extend(bad_span);
    let mut resource_spans = vec![0x12, scope_spans.len() as u8];
    resource_spans.extend(scope_spans);
    let mut bytes = batch(1..=1);
    bytes.extend([0x0a, resource_spans.len() as u8]);
    bytes.extend(resource_spans);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
