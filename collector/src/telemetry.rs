//! The process's own counters and log: what was taken in, refused, kept and lost.

mod log;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

pub use log::{Level, UnknownLevel, set_log_level, start_log};

/// The content type of [`Counters::encode`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A counter with the label `reason`.
#[derive(Debug, Default)]
pub struct CounterByReason {
    by_reason: Family<[(&'static str, &'static str); 1], Counter>,
    sum: AtomicU64,
}

impl CounterByReason {
    /// Adds to one reason. Reasons come from the code, never from the network, so their number is bounded.
    pub fn add(&self, reason: &'static str, count: u64) {
        if count > 0 {
            self.by_reason.get_or_create(&[("reason", reason)]).inc_by(count);
            self.sum.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// The sum over all reasons.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

/// Traces by their final verdict, each counted once: a counter with the label `verdict`.
#[derive(Debug)]
pub struct TracesJudged {
    by_verdict: Family<[(&'static str, &'static str); 1], Counter>,
    /// Those that lacked nothing.
    pub complete: Counter,
    /// Those that lacked something.
    pub incomplete: Counter,
}

impl Default for TracesJudged {
    /// Both are there from the beginning: a rate needs to know that nothing was counted before.
    fn default() -> Self {
        let by_verdict: Family<_, Counter> = Family::default();
        let of = |verdict| by_verdict.get_or_create(&[("verdict", verdict)]).clone();
        let (complete, incomplete) = (of("complete"), of("incomplete"));
        Self { by_verdict, complete, incomplete }
    }
}

/// Every counter of the process, and whether it is ready. Each is counted once, in the room where the thing happens.
#[derive(Debug)]
pub struct Counters {
    registry: Registry,
    ready: AtomicBool,
    started: Instant,
    /// Spans that were acknowledged.
    pub spans_received: Counter,
    /// Spans that were not usable, alone among the spans of a batch that was taken.
    pub spans_rejected: CounterByReason,
    /// Attributes, events, links and nested values that were left out of spans because there were too many.
    pub span_parts_cut: Counter,
    /// Batches that were acknowledged.
    pub batches_received: Counter,
    /// Bytes of the batches that were acknowledged, uncompressed.
    pub bytes_received: Counter,
    /// Requests that were refused whole.
    pub requests_refused: CounterByReason,
    /// Connections that are open now.
    pub connections_open: Gauge,
    /// Connections that were closed at once because too many were open.
    pub connections_refused: Counter,
    /// Batches written to the write-ahead log.
    pub log_records: Counter,
    /// Bytes written to the write-ahead log.
    pub log_bytes: Counter,
    /// Times the write-ahead log was forced to disk.
    pub log_syncs: Counter,
    /// Times writing the log or forcing it to disk failed.
    pub log_failures: Counter,
    /// Torn or corrupt places in the log that were passed over when the store was opened.
    pub log_records_torn: Counter,
    /// Torn or corrupt records of the manifest that were passed over when the store was opened.
    pub manifest_records_torn: Counter,
    /// Blocks written.
    pub blocks_written: Counter,
    /// Blocks that could not be written or read.
    pub block_failures: Counter,
    /// Blocks that were merged into others.
    pub blocks_merged: Counter,
    /// Blocks removed because their spans were older than the retention, or all blocks together too large.
    pub blocks_expired: Counter,
    /// Blocks that were copied to the object store.
    pub blocks_uploaded: Counter,
    /// Blocks that were brought back from the object store because they were read.
    pub blocks_fetched: Counter,
    /// Blocks that were removed from the object store.
    pub objects_removed: Counter,
    /// Times the object store failed to do what was asked.
    pub object_store_failures: Counter,
    /// Blocks that are not in the object store yet.
    pub blocks_waiting: Gauge,
    /// Bytes of blocks on the local disk, when there is an object store.
    pub block_cache_bytes: Gauge,
    /// Spans in the live window, including the part that is being written to a block.
    pub spans_live: Gauge,
    /// Blocks on disk.
    pub blocks: Gauge,
    /// Bytes of blocks and log on disk.
    pub bytes_on_disk: Gauge,
    /// Traces that went quiet complete; a gauge, because late spans may change the verdict.
    pub traces_complete: Gauge,
    /// Traces that went quiet with something missing; late spans may complete them.
    pub traces_incomplete: Gauge,
    /// Traces by their verdict a while after they went quiet; unlike the totals above these never go down.
    pub traces_judged: TracesJudged,
    /// Traces, or notices of new spans, that were lost on the way to a verdict.
    pub traces_unjudged: CounterByReason,
    /// Times a trace was read in part only, because it has more spans than are read.
    pub traces_truncated: Counter,
    /// Summaries that a reader of the tail was too slow for.
    pub tail_summaries_skipped: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters {
    /// Counters at zero, of a process that is not ready yet.
    pub fn new() -> Self {
        let mut counters = Self {
            registry: Registry::default(),
            ready: AtomicBool::new(false),
            started: Instant::now(),
            spans_received: Counter::default(),
            spans_rejected: CounterByReason::default(),
            span_parts_cut: Counter::default(),
            batches_received: Counter::default(),
            bytes_received: Counter::default(),
            requests_refused: CounterByReason::default(),
            connections_open: Gauge::default(),
            connections_refused: Counter::default(),
            log_records: Counter::default(),
            log_bytes: Counter::default(),
            log_syncs: Counter::default(),
            log_failures: Counter::default(),
            log_records_torn: Counter::default(),
            manifest_records_torn: Counter::default(),
            blocks_written: Counter::default(),
            block_failures: Counter::default(),
            blocks_merged: Counter::default(),
            blocks_expired: Counter::default(),
            blocks_uploaded: Counter::default(),
            blocks_fetched: Counter::default(),
            objects_removed: Counter::default(),
            object_store_failures: Counter::default(),
            blocks_waiting: Gauge::default(),
            block_cache_bytes: Gauge::default(),
            spans_live: Gauge::default(),
            blocks: Gauge::default(),
            bytes_on_disk: Gauge::default(),
            traces_complete: Gauge::default(),
            traces_incomplete: Gauge::default(),
            traces_judged: TracesJudged::default(),
            traces_unjudged: CounterByReason::default(),
            traces_truncated: Counter::default(),
            tail_summaries_skipped: Counter::default(),
        };
        counters.register_intake();
        counters.register_traces();
        counters.register_store();
        counters.register_object_store();
        counters
    }

    /// All counters in the OpenMetrics text format.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Says that the log has been replayed and the receivers listen.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Says that the process is about to stop.
    pub fn set_stopping(&self) {
        self.ready.store(false, Ordering::Release);
    }

    /// Whether the process takes spans and answers questions.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Time since the counters were made, which is when the process started.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    fn register(&mut self, name: &str, help: &str, metric: impl Metric) {
        self.registry.register(format!("throughline_{name}"), help, metric);
    }

    // The registry adds `_total` to the names of counters and a full stop to the help text.
    fn register_intake(&mut self) {
        self.register("spans_received", "Spans acknowledged", self.spans_received.clone());
        let rejected = self.spans_rejected.by_reason.clone();
        self.register("spans_rejected", "Spans that were not usable", rejected);
        let cut = self.span_parts_cut.clone();
        self.register("span_parts_cut", "Attributes, events and links left out of spans over a limit", cut);
        self.register("batches_received", "Batches acknowledged", self.batches_received.clone());
        self.register("received_bytes", "Bytes of acknowledged batches", self.bytes_received.clone());
        let refused = self.requests_refused.by_reason.clone();
        self.register("requests_refused", "Requests refused whole", refused);
        self.register("connections_open", "Connections open now", self.connections_open.clone());
        let refused = self.connections_refused.clone();
        self.register("connections_refused", "Connections over the limit, closed at once", refused);
    }

    fn register_traces(&mut self) {
        let complete = self.traces_complete.clone();
        self.register("traces_complete", "Traces that went quiet complete", complete);
        let incomplete = self.traces_incomplete.clone();
        self.register("traces_incomplete", "Traces that went quiet with something missing", incomplete);
        let judged = self.traces_judged.by_verdict.clone();
        self.register(
            "traces_judged",
            "Traces by their verdict once late spans are hardly to be expected",
            judged,
        );
        let unjudged = self.traces_unjudged.by_reason.clone();
        self.register("traces_unjudged", "Traces or notices lost on the way to a verdict", unjudged);
        let truncated = self.traces_truncated.clone();
        self.register("traces_truncated", "Times a trace of too many spans was read in part", truncated);
        let skipped = self.tail_summaries_skipped.clone();
        self.register("tail_summaries_skipped", "Summaries that tail readers were too slow for", skipped);
    }

    fn register_store(&mut self) {
        self.register("log_records", "Batches written to the write-ahead log", self.log_records.clone());
        self.register("log_written_bytes", "Bytes written to the write-ahead log", self.log_bytes.clone());
        self.register("log_syncs", "Times the log was forced to disk", self.log_syncs.clone());
        self.register("log_failures", "Failed writes to the log", self.log_failures.clone());
        let torn = self.log_records_torn.clone();
        self.register("log_records_torn", "Torn or corrupt places of the log passed over", torn);
        let torn = self.manifest_records_torn.clone();
        self.register("manifest_records_torn", "Torn or corrupt manifest records passed over", torn);
        self.register("blocks_written", "Blocks written", self.blocks_written.clone());
        self.register("block_failures", "Blocks not writable or not readable", self.block_failures.clone());
        self.register("blocks_merged", "Blocks merged into others", self.blocks_merged.clone());
        self.register("blocks_expired", "Blocks removed by retention", self.blocks_expired.clone());
        self.register("spans_live", "Spans in the live window", self.spans_live.clone());
        self.register("blocks", "Blocks", self.blocks.clone());
        self.register("disk_bytes", "Bytes of blocks and log on disk", self.bytes_on_disk.clone());
    }

    fn register_object_store(&mut self) {
        let uploaded = self.blocks_uploaded.clone();
        self.register("blocks_uploaded", "Blocks copied to the object store", uploaded);
        let fetched = self.blocks_fetched.clone();
        self.register("blocks_fetched", "Blocks brought back from the object store to be read", fetched);
        let removed = self.objects_removed.clone();
        self.register("objects_removed", "Blocks removed from the object store", removed);
        let failures = self.object_store_failures.clone();
        self.register("object_store_failures", "Failures of the object store", failures);
        let waiting = self.blocks_waiting.clone();
        self.register("blocks_waiting", "Blocks not in the object store yet", waiting);
        let cached = self.block_cache_bytes.clone();
        self.register("block_cache_bytes", "Bytes of blocks on the local disk", cached);
    }
}

#[cfg(test)]
mod tests;
