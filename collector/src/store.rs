//! Keeps spans and finds them again: the write-ahead log, the live window and the blocks on disk as one.

mod block;
mod distinct;
mod feed;
mod local;
mod memory;
mod newest;
mod services;
mod window;

#[cfg(test)]
pub(crate) mod contract;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use throughline_model::id::TraceId;
use throughline_model::span::{Span, StatusCode};

use feed::Feed;

pub use local::LocalStore;
pub use memory::MemoryStore;

/// What the embedded store needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Folder that keeps all data; made when it does not exist.
    pub data_dir: PathBuf,
    /// How long spans are kept: a block is removed once its newest span is older.
    pub retention: Duration,
    /// How many spans the live window holds before it becomes a block.
    pub block_max_spans: usize,
    /// How old the live window gets before it becomes a block.
    pub block_max_age: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("throughline-data"),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            block_max_spans: 250_000,
            block_max_age: Duration::from_secs(5 * 60),
        }
    }
}

/// What a search asks of one span; a trace matches when one of its spans satisfies every condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanFilter {
    /// `service.name` of the span's resource.
    pub service: Option<String>,
    /// The span's name.
    pub operation: Option<String>,
    /// Shortest duration, inclusive.
    pub min_duration_ns: Option<u64>,
    /// Longest duration, inclusive.
    pub max_duration_ns: Option<u64>,
    /// Only spans whose status is an error.
    pub errors_only: bool,
    /// Earliest start, inclusive; nanoseconds since 1970-01-01 UTC.
    pub since_unix_ns: Option<u64>,
    /// Latest start, inclusive; nanoseconds since 1970-01-01 UTC.
    pub until_unix_ns: Option<u64>,
}

impl SpanFilter {
    /// Whether one span satisfies every condition.
    pub fn matches(&self, span: &Span) -> bool {
        self.since_unix_ns.is_none_or(|since| span.start_unix_ns >= since)
            && self.until_unix_ns.is_none_or(|until| span.start_unix_ns <= until)
            && self.min_duration_ns.is_none_or(|min| span.duration_ns() >= min)
            && self.max_duration_ns.is_none_or(|max| span.duration_ns() <= max)
            && (!self.errors_only || span.status == StatusCode::Error)
            && self.operation.as_ref().is_none_or(|operation| span.name == *operation)
            && self.service.as_ref().is_none_or(|service| span.service_name() == service)
    }
}

/// Why the store could not do what was asked, divided by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is full or busy; the same call may succeed later.
    #[error("store is busy: {0}")]
    Busy(String),
    /// Reading or writing failed; the operator has to look.
    #[error("store failed: {0}")]
    Failed(String),
}

/// Numbers for the status answer and `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Spans in the live window.
    pub spans_live: u64,
    /// Blocks on disk.
    pub blocks: u64,
    /// Bytes of blocks and log on disk.
    pub bytes_on_disk: u64,
}

/// A place where spans are kept.
///
/// A span is visible to every read as soon as its `append` has returned; no span is returned twice by one read, where two spans
/// are the same when trace id, span id and kind are the same (the first one wins).
pub trait Store: Send + Sync + 'static {
    /// Keeps a batch. `payload` is the OTLP `ExportTraceServiceRequest` that `spans` were decoded from.
    /// Returns once the batch would survive a crash of the process and of the machine.
    fn append(&self, payload: bytes::Bytes, spans: Vec<Span>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Every span of one trace, in no particular order; empty when the trace is unknown. May block on disk.
    fn trace(&self, trace_id: TraceId) -> Result<Vec<Arc<Span>>, StoreError>;

    /// Traces with a matching span, the one with the latest matching start first, at most `limit`. May block on disk.
    fn search(&self, filter: &SpanFilter, limit: usize) -> Result<Vec<TraceId>, StoreError>;

    /// Names of all services that spans are kept of, sorted; a store may leave out absurdly long names, and names beyond a
    /// number that no mesh has. May block on disk.
    fn services(&self) -> Result<Vec<String>, StoreError>;

    /// Ids of traces as spans of them become visible, one item for each batch. A slow receiver loses the oldest.
    fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Arc<[TraceId]>>;

    /// Current numbers.
    fn stats(&self) -> StoreStats;
}
