//! Keeps spans and finds them again: the write-ahead log, the live window and the blocks on disk as one.

mod batch;
mod block;
mod budget;
mod distinct;
mod feed;
mod filter;
mod gathering;
mod hash;
mod local;
mod memory;
mod newest;
mod objects;
mod rollup;
mod services;
mod text;
mod values;
mod whole;
mod window;

#[cfg(test)]
pub(crate) mod contract;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use throughline_model::id::TraceId;
use throughline_model::span::Span;

use feed::Feed;

pub use batch::Batch;
pub use budget::Budget;
pub use distinct::MAX_TRACE_SPANS;
pub use filter::{BadPattern, Comparison, Condition, Field, FieldValue, Pattern, Scope, SpanFilter, Test};
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use local::{framed_record, intact_payload_bytes};

pub use gathering::memory_bytes;
pub use local::LocalStore;
pub use memory::MemoryStore;
pub use objects::{ObjectStoreConfig, ObjectStoreStatus, Secret};
pub use rollup::{
    Exemplar, Figures, Histogram, Links, PATIENCE, Rollup, RollupFilter, Series, SeriesFilter, UNKNOWN,
};
pub use values::ValuesOf;
pub use whole::{WholeSpan, WholeTrace};

/// What the embedded store needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Folder that keeps all data; made when it does not exist.
    pub data_dir: PathBuf,
    /// How long spans are kept: a block is removed once its newest span is older.
    pub retention: Duration,
    /// How long spans of some services are kept, by their name, in place of `retention`.
    pub retention_by_service: BTreeMap<String, Duration>,
    /// How many bytes all blocks may have together; the oldest ones are removed beyond.
    pub max_block_bytes: Option<u64>,
    /// Where blocks go besides the disk; the disk is a cache of them then.
    pub object_store: Option<ObjectStoreConfig>,
    /// How long rollups are kept.
    pub rollup_retention: Duration,
    /// How many spans the live window holds before it becomes a block.
    pub block_max_spans: usize,
    /// How old the live window gets before it becomes a block.
    pub block_max_age: Duration,
    /// When a batch counts as kept.
    pub durability: Durability,
    /// Memory that spans may take which are in no block yet; batches are refused as long as it is full.
    pub memory_bytes: usize,
    /// How long the spans of a block are still known in memory once it is written, where there is room: whoever judges
    /// traces that have just gone quiet need not read them back.
    pub linger: Duration,
}

/// What must have happened to a batch before its sender is told that it was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It was forced to disk: neither a crash of the process nor one of the machine loses it.
    #[default]
    Fsync,
    /// It was given to the operating system: a crash of the process does not lose it, one of the machine may lose the last
    /// seconds.
    Os,
    /// It is in memory: a crash loses what is in no block yet, up to `block_max_age` of it. A stop in good order loses nothing.
    Memory,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("throughline-data"),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            retention_by_service: BTreeMap::new(),
            max_block_bytes: None,
            object_store: None,
            rollup_retention: Duration::from_secs(90 * 24 * 60 * 60),
            block_max_spans: 250_000,
            block_max_age: Duration::from_secs(5 * 60),
            durability: Durability::default(),
            memory_bytes: 256 * 1024 * 1024,
            linger: Duration::from_secs(2),
        }
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
    /// Blocks, on disk or in the object store.
    pub blocks: u64,
    /// Bytes of blocks and log on disk.
    pub bytes_on_disk: u64,
}

/// The answer to a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found, in the order that the question asks for.
    pub items: Vec<T>,
    /// Whether the store looked everywhere it had to; false when the budget was used up before.
    pub is_complete: bool,
}

/// A place where spans are kept.
///
/// A span is visible to every read as soon as its `append` has returned; no span is returned twice by one read, where two spans
/// are the same when trace id, span id and kind are the same (the first one wins).
pub trait Store: Send + Sync + 'static {
    /// Keeps a batch. Returns once the batch is as safe as the store promises: as a rule, once it would survive a crash of
    /// the process and of the machine.
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The spans of several traces, each in no particular order, empty where the trace is unknown: of the first ones asked for,
    /// as many as may be in memory together, but at least one. None, and the answer is not complete, when the budget was used
    /// up before. At most [`MAX_TRACE_SPANS`] of a trace are read. May block on disk.
    fn traces_within(
        &self,
        trace_ids: &[TraceId],
        budget: &Budget,
    ) -> Result<Found<Vec<Arc<Span>>>, StoreError>;

    /// The spans of one trace without further bounds; empty when it is unknown. May block on disk.
    fn trace(&self, trace_id: TraceId) -> Result<Vec<Arc<Span>>, StoreError> {
        Ok(self.traces_within(&[trace_id], &Budget::unlimited())?.items.pop().unwrap_or_default())
    }

    /// Traces with a matching span, the one with the latest matching start first, at most `limit`. What was found when
    /// the budget is used up is answered as it is. May block on disk.
    fn search_within(
        &self,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<TraceId>, StoreError>;

    /// The same without bounds.
    fn search(&self, filter: &SpanFilter, limit: usize) -> Result<Vec<TraceId>, StoreError> {
        Ok(self.search_within(filter, limit, &Budget::unlimited())?.items)
    }

    /// Which names or values occur on matching spans: sorted, each once, at most `limit`. May block on disk.
    fn values(
        &self,
        of: &ValuesOf,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<String>, StoreError>;

    /// What every operation and every edge did, minute by minute: by minute, then by series. Spans count within a second of
    /// being visible, calls as [`Rollup`] says. Rollups outlive the spans they are made of. May block on disk.
    /// Not complete when the budget was used up before.
    fn rollups_within(&self, filter: &RollupFilter, budget: &Budget) -> Result<Found<Rollup>, StoreError>;

    /// The same without bounds.
    fn rollups(&self, filter: &RollupFilter) -> Result<Vec<Rollup>, StoreError> {
        Ok(self.rollups_within(filter, &Budget::unlimited())?.items)
    }

    /// Every series with all that happened since the process started, for counters that only grow.
    fn totals(&self) -> Vec<(Series, Figures)>;

    /// Of each trace whether it lacks nothing beyond doubt: it has one root, every parent is there, and every call was seen
    /// from both ends. `false` says nothing at all: who wants to know reads the trace. Never blocks on disk.
    fn are_surely_whole(&self, trace_ids: &[TraceId]) -> Vec<bool> {
        vec![false; trace_ids.len()]
    }

    /// The same traces with what is known of their spans; `None` too where a name is not at hand. Never blocks on disk.
    fn whole_traces(&self, trace_ids: &[TraceId]) -> Vec<Option<WholeTrace>> {
        vec![None; trace_ids.len()]
    }

    /// Names of all services that spans are kept of, sorted; a store may leave out absurdly long names, and names beyond a
    /// number that no mesh has. May block on disk.
    fn services(&self) -> Result<Vec<String>, StoreError>;

    /// Ids of traces as spans of them become visible, one item for each batch. A slow receiver loses the oldest.
    fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Arc<[TraceId]>>;

    /// Current numbers.
    fn stats(&self) -> StoreStats;

    /// How blocks and object store stand; `None` for a store without one.
    fn object_store(&self) -> Option<ObjectStoreStatus> {
        None
    }
}
