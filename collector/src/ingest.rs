//! Takes spans in, by OTLP over gRPC and over HTTP and as Zipkin's JSON, and refuses what it cannot keep with the reason.

mod body;
mod clock;
mod compression;
mod connections;
mod grpc;
mod http;
pub(crate) mod json;
mod refusal;
mod seldom;
mod trace_size;
pub(crate) mod zipkin;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use throughline_model::id::TraceId;
use throughline_model::otlp::Tally;

use crate::store::{Batch, Store, StoreError};
use crate::telemetry::Counters;
use body::Budget;
use json::Converted;
use refusal::Refusal;
use seldom::Seldom;
use trace_size::TraceSizes;

pub use clock::ClockLimits;
pub use connections::{ConnectionLimits, Peer, serve_connections};
pub use grpc::router as grpc_router;
pub use http::router as http_router;
pub use zipkin::router as zipkin_router;

/// The limits of the receivers.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The largest message, compressed or not.
    pub max_message_bytes: usize,
    /// Bytes of all messages that are being read or kept at the same time. One sender may hold a quarter of them.
    pub max_bytes_in_flight: usize,
    /// How long a sender may take for one message.
    pub body_timeout: Duration,
    /// Which starts of spans are believed.
    pub clock: ClockLimits,
    /// How many spans one trace may have.
    pub max_trace_spans: u32,
    /// Limits of the connections of each receiver.
    pub connections: ConnectionLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 * 1024 * 1024,
            max_bytes_in_flight: 128 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            clock: ClockLimits::default(),
            max_trace_spans: 100_000,
            connections: ConnectionLimits::default(),
        }
    }
}

/// What all receivers share: clones are cheap.
#[derive(Clone)]
pub struct Ingest {
    store: Arc<dyn Store>,
    counters: Arc<Counters>,
    config: Config,
    /// The one of the configuration that was read last.
    clock: Arc<RwLock<ClockLimits>>,
    trace_sizes: Arc<TraceSizes>,
    budget: Budget,
    failures: Arc<Seldom>,
    full_traces: Arc<Seldom>,
}

/// What became of a message that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Accepted {
    /// Spans that are kept.
    spans: u64,
    /// Spans that are not.
    rejected: u64,
    /// What the sender is told of those, and of what was left out of the others.
    words: String,
}

impl Ingest {
    /// Receivers that keep what they take in a store.
    pub fn new(store: Arc<dyn Store>, counters: Arc<Counters>, config: Config) -> Self {
        let budget = Budget::new(config.max_bytes_in_flight);
        Self {
            store,
            counters,
            clock: Arc::new(RwLock::new(config.clock.clone())),
            trace_sizes: Arc::new(TraceSizes::new(config.max_trace_spans)),
            config,
            budget,
            failures: Arc::default(),
            full_traces: Arc::default(),
        }
    }

    /// Takes from another configuration what can change while spans arrive: which starts are believed, and how many spans a
    /// trace may have.
    pub fn set_limits(&self, config: &Config) {
        *self.clock.write().unwrap_or_else(PoisonError::into_inner) = config.clock.clone();
        self.trace_sizes.set_max_spans(config.max_trace_spans);
    }

    /// Checks a message and keeps its spans; returns only once they are as safe as the store promises.
    async fn accept(&self, payload: Bytes, peer: Peer) -> Result<Accepted, Refusal> {
        let _held = self.budget.take(payload.len(), peer)?;
        let read = Batch::read(payload);
        let (batch, tally) = read.map_err(|error| Refusal::Malformed(error.to_string()))?;
        self.keep(batch, tally).await
    }

    /// The same for spans that did not come as protocol buffers. They were rejected one by one already where they had to.
    async fn accept_converted(&self, converted: Converted) -> Result<Accepted, Refusal> {
        let read = Batch::of_spans(&converted.spans);
        let (batch, mut tally) = read.map_err(|error| Refusal::Malformed(error.to_string()))?;
        drop(converted.spans);
        tally.rejected += converted.rejected;
        tally.reason = converted.reason.or(tally.reason);
        self.keep(batch, tally).await
    }

    async fn keep(&self, batch: Batch, tally: Tally) -> Result<Accepted, Refusal> {
        let clock = self.clock.read().unwrap_or_else(PoisonError::into_inner).clone();
        let checked = clock::check(batch, &clock);
        let (batch, late) = checked.map_err(|error| Refusal::Malformed(error.to_string()))?;
        let (batch, of_full_traces) = self.without_full_traces(batch)?;
        let mut traces: Vec<_> = batch.trace_ids().collect();
        let (spans, bytes) = (batch.len() as u64, batch.bytes() as u64);
        if !batch.is_empty() {
            self.store.append(batch).await?;
            self.count_traces(traces.drain(..));
        }
        self.counters.batches_received.inc();
        self.counters.bytes_received.inc_by(bytes);
        self.counters.spans_received.inc_by(spans);
        self.counters.spans_rejected.add("invalid", tally.rejected - tally.too_many);
        self.counters.spans_rejected.add("too-many", tally.too_many);
        self.counters.spans_rejected.add("too-old", late.too_old);
        self.counters.spans_rejected.add("in-the-future", late.in_the_future);
        self.counters.spans_rejected.add("trace-too-large", of_full_traces);
        self.counters.span_parts_cut.inc_by(tally.cut);
        let rejected = tally.rejected + late.too_old + late.in_the_future + of_full_traces;
        let too_large = (of_full_traces > 0).then(|| {
            let most = self.trace_sizes.max_spans();
            format!(
                "{of_full_traces} spans belong to traces that have {most} spans already (max_trace_spans)"
            )
        });
        let reasons = [tally.reason.map(str::to_owned), late.words(&clock), too_large];
        Ok(Accepted { spans, rejected, words: words(reasons, tally.cut) })
    }

    /// Leaves out the spans of traces that have as many as they may; says how many that were.
    fn without_full_traces(&self, batch: Batch) -> Result<(Batch, u64), Refusal> {
        let full = self.trace_sizes.full_of(batch.trace_ids());
        if full.is_empty() {
            return Ok((batch, 0));
        }
        let rest = batch.without(&full).map_err(|error| Refusal::Malformed(error.to_string()))?;
        let rejected = (batch.len() - rest.len()) as u64;
        Ok((rest, rejected))
    }

    fn count_traces(&self, traces: impl Iterator<Item = TraceId>) {
        if let Some(trace_id) = self.trace_sizes.count(traces)
            && self.full_traces.is_due()
        {
            let spans = self.trace_sizes.max_spans();
            tracing::warn!(%trace_id, spans, "a trace has as many spans as it may, more are rejected");
        }
    }

    /// Counts a refusal, and logs it when an operator has to know.
    fn note(&self, refusal: &Refusal) {
        self.counters.requests_refused.add(refusal.reason(), 1);
        if let Refusal::Failed(error) = refusal
            && self.failures.is_due()
        {
            tracing::error!(error, "batch refused because it could not be kept");
        }
    }
}

/// What a sender is told of spans that were refused and of what was left out of the others.
fn words(reasons: [Option<String>; 3], cut: u64) -> String {
    let cut = (cut > 0)
        .then(|| format!("{cut} attributes, events, links or nested values over the limits left out"));
    let parts: Vec<String> = reasons.into_iter().flatten().chain(cut).collect();
    parts.join("; ")
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) => Self::Busy(error.to_string()),
            StoreError::Failed(_) => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
