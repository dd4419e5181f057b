//! The batch being filled: spans are written once, straight into the message that will be sent.

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::{BatchWriter, SpanWriter, Stub};
use throughline_model::span::{Resource, SpanKind};

use crate::settings::{Key, Kind, Reader};

/// Who the scope of our spans is.
const SCOPE_NAME: &str = "throughline-filter";
/// A batch is closed at this size whatever the number of its spans, so that messages stay far below gRPC's
/// usual limit of 4 MiB.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// `batch.max_spans`.
const MAX_SPANS: Key =
    Key::new("batch.max_spans", Kind::Number { least: 1, most: 8_192 }, "512", "spans of a full batch");
/// `batch.interval_ms`.
const INTERVAL_MS: Key = Key::new(
    "batch.interval_ms",
    Kind::Number { least: 100, most: 60_000 },
    "1000",
    "how long the first span of a batch waits",
);
/// `batch.max_buffer_bytes`.
const MAX_BUFFER_BYTES: Key = Key::new(
    "batch.max_buffer_bytes",
    Kind::Number { least: 64 * 1024, most: 64 * 1024 * 1024 },
    "1048576",
    "bound on all spans held by one worker, those being sent included",
);

/// The keys of this room.
pub const KEYS: &[Key] = &[MAX_SPANS, INTERVAL_MS, MAX_BUFFER_BYTES];

/// `batch.*`: when a batch is full, and how much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Spans of a full batch.
    pub max_spans: usize,
    /// How long the first span of a batch waits.
    pub interval_ns: u64,
    /// Bound on all spans held by one worker, those being sent included.
    pub max_buffer_bytes: usize,
}

impl BatchLimits {
    /// Reads the keys of this room.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            max_spans: reader.size(&MAX_SPANS),
            interval_ns: reader.number(&INTERVAL_MS).saturating_mul(1_000_000),
            max_buffer_bytes: reader.size(&MAX_BUFFER_BYTES),
        }
    }
}

impl BatchLimits {
    /// A batch must fit into the buffer beside the one being filled and those under way, or it would be dropped at once.
    fn max_batch_bytes(&self) -> usize {
        MAX_BATCH_BYTES.min(self.max_buffer_bytes / 4)
    }
}

/// A batch that is ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedBatch {
    /// The encoded `ExportTraceServiceRequest`.
    pub message: Vec<u8>,
    /// How many spans of requests are in it.
    pub spans: usize,
    /// What is lost with it: its spans, or those whose loss it tells.
    pub worth: Losses,
}

/// Spans that the collector will not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// How many.
    pub spans: usize,
    /// When the first of them was written, on the monotonic clock.
    pub from_ns: u64,
    /// No later one was written.
    pub until_ns: u64,
}

impl Losses {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        if other.spans == 0 {
            return;
        }
        self.from_ns = if self.spans == 0 { other.from_ns } else { self.from_ns.min(other.from_ns) };
        self.until_ns = self.until_ns.max(other.until_ns);
        self.spans = self.spans.saturating_add(other.spans);
    }
}

/// Collects spans until there are enough of them, or the first has waited long enough.
#[derive(Debug)]
pub struct Collecting {
    limits: BatchLimits,
    resource: Resource,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    writer: BatchWriter,
    stubs: Option<BatchWriter>,
    since_ns: u64,
}

impl Collecting {
    /// Starts with nothing.
    pub fn new(limits: BatchLimits, resource: Resource) -> Self {
        Self { limits, resource, open: None }
    }

    /// Starts a span in the open batch. `now_ns` is monotonic.
    pub fn begin_span(&mut self, trace_id: TraceId, span_id: SpanId, now_ns: u64) -> SpanWriter<'_> {
        self.open(now_ns).0.writer.begin_span(trace_id, span_id)
    }

    /// Adds a stub to the open batch. `now_ns` is monotonic.
    pub fn push_stub(&mut self, stub: &Stub<'_>, now_ns: u64) {
        let (open, resource) = self.open(now_ns);
        let begin = || BatchWriter::for_stubs(resource, SCOPE_NAME, env!("CARGO_PKG_VERSION"));
        open.stubs.get_or_insert_with(begin).push_stub(stub);
    }

    fn open(&mut self, now_ns: u64) -> (&mut Open, &Resource) {
        let resource = &self.resource;
        let open = self.open.get_or_insert_with(|| Open {
            writer: BatchWriter::new(resource, SCOPE_NAME, env!("CARGO_PKG_VERSION")),
            stubs: None,
            since_ns: now_ns,
        });
        (open, resource)
    }

    /// The batch, if it is full or its first span has waited long enough.
    pub fn take_due(&mut self, now_ns: u64) -> Option<ClosedBatch> {
        let open = self.open.as_ref()?;
        let is_due = open.span_count() >= self.limits.max_spans
            || open.byte_count() >= self.limits.max_batch_bytes()
            || now_ns.saturating_sub(open.since_ns) >= self.limits.interval_ns;
        if is_due { self.take(now_ns) } else { None }
    }

    /// The batch as it is; `None` when it is empty.
    pub fn take(&mut self, now_ns: u64) -> Option<ClosedBatch> {
        let open = self.open.take()?;
        let spans = open.span_count();
        let worth = Losses { spans, from_ns: open.since_ns, until_ns: now_ns };
        let mut message = open.writer.finish();
        // Two messages of this kind one behind the other are one (protocol buffers, "Merging").
        message.extend(open.stubs.map(BatchWriter::finish).unwrap_or_default());
        Some(ClosedBatch { spans, message, worth })
    }

    /// A message that tells what was lost, as a span of its own: it keeps what it says wherever spans are kept. `ahead_ns` is
    /// what the wall clock is ahead of the monotonic one.
    pub fn report(&self, losses: Losses, ids: (TraceId, SpanId), ahead_ns: u64) -> ClosedBatch {
        let mut writer = BatchWriter::new(&self.resource, SCOPE_NAME, env!("CARGO_PKG_VERSION"));
        let unix = |at_ns: u64| at_ns.saturating_add(ahead_ns);
        let mut span = writer.begin_span(ids.0, ids.1);
        span.flags(1).name(attribute::DROPPED_SPAN_NAME).kind(SpanKind::Internal);
        span.times(unix(losses.from_ns), unix(losses.until_ns));
        span.int(attribute::DROPPED_SPANS, i64::try_from(losses.spans).unwrap_or(i64::MAX));
        drop(span);
        ClosedBatch { message: writer.finish(), spans: 0, worth: losses }
    }

    /// How many bytes wait in the open batch.
    pub fn byte_count(&self) -> usize {
        self.open.as_ref().map_or(0, Open::byte_count)
    }
}

impl Open {
    fn span_count(&self) -> usize {
        self.writer.span_count() + self.stubs.as_ref().map_or(0, BatchWriter::span_count)
    }

    fn byte_count(&self) -> usize {
        self.writer.byte_count() + self.stubs.as_ref().map_or(0, BatchWriter::byte_count)
    }
}
