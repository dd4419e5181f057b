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
pub(crate) mod zipkin;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use throughline_model::otlp::Tally;

use crate::store::{Batch, Store, StoreError};
use crate::telemetry::Counters;
use body::Budget;
use json::Converted;
use refusal::Refusal;
use seldom::Seldom;

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
    budget: Budget,
    failures: Arc<Seldom>,
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
        Self { store, counters, config, budget, failures: Arc::default() }
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
        let checked = clock::check(batch, &self.config.clock);
        let (batch, late) = checked.map_err(|error| Refusal::Malformed(error.to_string()))?;
        let (spans, bytes) = (batch.len() as u64, batch.bytes() as u64);
        if !batch.is_empty() {
            self.store.append(batch).await?;
        }
        self.counters.batches_received.inc();
        self.counters.bytes_received.inc_by(bytes);
        self.counters.spans_received.inc_by(spans);
        self.counters.spans_rejected.add("invalid", tally.rejected - tally.too_many);
        self.counters.spans_rejected.add("too-many", tally.too_many);
        self.counters.spans_rejected.add("too-old", late.too_old);
        self.counters.spans_rejected.add("in-the-future", late.in_the_future);
        self.counters.span_parts_cut.inc_by(tally.cut);
        let rejected = tally.rejected + late.too_old + late.in_the_future;
        let reasons = [tally.reason.map(str::to_owned), late.words(&self.config.clock)];
        Ok(Accepted { spans, rejected, words: words(reasons, tally.cut) })
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
fn words(reasons: [Option<String>; 2], cut: u64) -> String {
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
