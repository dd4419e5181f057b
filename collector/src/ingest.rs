//! Takes spans in, by OTLP over gRPC and over HTTP, and refuses what it cannot keep with the reason.

mod body;
mod connections;
mod grpc;
mod http;
mod refusal;
mod seldom;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use throughline_model::otlp::{Tally, encode_export_response};

use crate::store::{Batch, Store, StoreError};
use crate::telemetry::Counters;
use body::Budget;
use refusal::Refusal;
use seldom::Seldom;

pub use connections::{ConnectionLimits, serve_connections};
pub use grpc::router as grpc_router;
pub use http::router as http_router;

/// The limits of the receivers.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The largest message, compressed or not.
    pub max_message_bytes: usize,
    /// Bytes of all messages that are being read or kept at the same time.
    pub max_bytes_in_flight: usize,
    /// How long a sender may take for one message.
    pub body_timeout: Duration,
    /// Limits of the connections of each receiver.
    pub connections: ConnectionLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 * 1024 * 1024,
            max_bytes_in_flight: 256 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            connections: ConnectionLimits::default(),
        }
    }
}

/// What both receivers share: clones are cheap.
#[derive(Clone)]
pub struct Ingest {
    store: Arc<dyn Store>,
    counters: Arc<Counters>,
    config: Config,
    budget: Budget,
    failures: Arc<Seldom>,
}

impl Ingest {
    /// Receivers that keep what they take in a store.
    pub fn new(store: Arc<dyn Store>, counters: Arc<Counters>, config: Config) -> Self {
        let budget = Budget::new(config.max_bytes_in_flight);
        Self { store, counters, config, budget, failures: Arc::default() }
    }

    /// Decodes a message, keeps its spans, and returns the `ExportTraceServiceResponse`: only once they would survive a
    /// crash.
    async fn accept(&self, payload: Bytes) -> Result<Bytes, Refusal> {
        let _held = self.budget.take(payload.len())?;
        let bytes = payload.len() as u64;
        let (batch, tally) = Batch::read(payload).map_err(|error| Refusal::Malformed(error.to_string()))?;
        if !batch.is_empty() {
            self.store.append(batch).await?;
        }
        self.counters.batches_received.inc();
        self.counters.bytes_received.inc_by(bytes);
        self.count(&tally);
        Ok(encode_export_response(tally.rejected, &words(tally.reason, tally.cut)).into())
    }

    fn count(&self, tally: &Tally) {
        self.counters.spans_received.inc_by(tally.spans);
        self.counters.spans_rejected.add("invalid-id", tally.rejected - tally.too_many);
        self.counters.spans_rejected.add("too-many", tally.too_many);
        self.counters.span_parts_cut.inc_by(tally.cut);
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
fn words(reason: Option<&str>, cut: u64) -> String {
    let cut = (cut > 0)
        .then(|| format!("{cut} attributes, events, links or nested values over the limits left out"));
    let parts: Vec<String> = reason.map(str::to_owned).into_iter().chain(cut).collect();
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
