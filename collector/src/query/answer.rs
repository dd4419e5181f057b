//! The JSON of the API: written by the server, read by the command line.

mod sample;
mod seam;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use throughline_model::id::TraceId;
use throughline_model::link::LinkKind;
use throughline_model::{attribute, span};

use super::attribute_json;
use crate::assemble::{Gap, Lifecycle, PlacedSpan, confidence_of};
use crate::store::MAX_TRACE_SPANS;
use crate::store::ObjectStoreStatus;

pub use sample::{Covered, Sample};
pub use seam::Seam;

/// Spans of one trace that are answered; the others are only counted.
pub const MAX_SPANS: usize = 50_000;

/// The answer to a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Traces {
    /// Newest first.
    pub traces: Vec<Summary>,
    /// How the search went; a collector of an older version does not say.
    #[serde(flatten, default)]
    pub search: Search,
}

/// How a search went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Search {
    /// The cursor for `after`, when there may be more.
    pub next: Option<String>,
    /// `time` or `bytes`: the budget that ended the search before everything was looked at.
    pub stopped: Option<String>,
    /// What was looked at.
    pub inspected: Inspected,
}

/// What a search looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inspected {
    /// Traces that were read.
    pub traces: u64,
    /// Their spans.
    pub spans: u64,
    /// About how many bytes these take.
    pub bytes: u64,
}

/// What a query found in a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matched {
    /// How many spans.
    pub spans: usize,
    /// Some of them.
    pub span_ids: Vec<String>,
}

/// The names of all services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Services {
    /// Sorted.
    pub services: Vec<String>,
}

/// What operations did in a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operations {
    /// By service, kind and name.
    pub operations: Vec<Operation>,
}

/// What the spans of one name, kind and service did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// The service.
    pub service: String,
    /// The kind of its spans.
    pub kind: String,
    /// Their name.
    pub name: String,
    /// What they did.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Calls between services in a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edges {
    /// By caller and called.
    pub edges: Vec<Edge>,
}

/// The calls from one service to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// Who called; `None` where no span tells.
    pub client: Option<String>,
    /// Who was called; `None` where no span tells.
    pub server: Option<String>,
    /// What became of the calls.
    #[serde(flatten)]
    pub counts: Counts,
}

/// How many, how many failed, how long they took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Spans of an operation, calls of an edge.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
    /// The duration that half of them did not exceed, at most 6.25 % off.
    pub p50_ns: Option<u64>,
    /// The same for 95 of a hundred.
    pub p95_ns: Option<u64>,
    /// The same for 99 of a hundred.
    pub p99_ns: Option<u64>,
    /// The slowest of all.
    pub slowest: Option<Exemplar>,
    /// The slowest that failed.
    pub slowest_error: Option<Exemplar>,
}

/// A span that stands for many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: String,
    /// The span itself.
    pub span_id: String,
    /// How long it took.
    pub duration_ns: u64,
}

/// One trace in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// 32 lower-case hexadecimal digits.
    pub trace_id: String,
    /// Start of the earliest span.
    #[serde(with = "decimal_text")]
    #[schemars(with = "String")]
    pub start_unix_ns: u64,
    /// From there to the end of the latest span.
    pub duration_ns: u64,
    /// What the trace began with; `None` when no root arrived.
    pub root: Option<Root>,
    /// The services that take part, in the order in which the tree meets them.
    pub services: Vec<String>,
    /// How many spans arrived.
    pub spans: usize,
    /// Calls from one workload to another, the entry included.
    pub hops: usize,
    /// Spans in error.
    pub errors: usize,
    /// Hops on the longest path.
    pub depth: usize,
    /// The weakest evidence on any hop.
    pub link: Option<String>,
    /// The probability that every link is right, 0 to 1; a collector of an older version does not say.
    #[serde(default = "certain")]
    pub confidence: f64,
    /// One root, nothing missing.
    pub complete: bool,
    /// It has so many spans that only the first of them were read; all figures are of those, and it never counts as complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// How many things are missing.
    pub gaps: usize,
    /// Of the spans that were due, how many arrived; a collector of an older version does not say.
    #[serde(default)]
    pub percent_complete: Option<f64>,
    /// What the query found, where one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matched>,
}

/// What a trace began with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Root {
    /// The service of the root span.
    pub service: String,
    /// Its name.
    pub name: String,
}

/// One lifecycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    /// The trace in a line.
    pub summary: Summary,
    /// In tree order, at most [`MAX_SPANS`].
    pub spans: Vec<Span>,
    /// How many spans were left out.
    pub omitted_spans: usize,
    /// What is missing.
    pub gaps: Vec<MissingPart>,
    /// Where other traces were joined to this one, and where that is open.
    #[serde(default)]
    pub seams: Vec<Seam>,
    /// There may be more traces that belong to it than were looked at.
    #[serde(default)]
    pub seams_cut: bool,
}

/// One span of a lifecycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// The trace that it was sent in: of a joined one its own.
    #[serde(default)]
    pub trace_id: String,
    /// 16 lower-case hexadecimal digits.
    pub span_id: String,
    /// The parent that the span names.
    pub parent_span_id: Option<String>,
    /// The service that sent it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its role in the call.
    pub kind: String,
    /// Start on the sender's clock.
    #[serde(with = "decimal_text")]
    #[schemars(with = "String")]
    pub start_unix_ns: u64,
    /// Start, measured from the start of the trace.
    pub offset_ns: u64,
    /// What was added to the sender's times to place it.
    pub clock_correction_ns: i64,
    /// End minus start.
    pub duration_ns: u64,
    /// The part of the duration that no child covers.
    pub self_ns: u64,
    /// Depth in the tree.
    pub level: usize,
    /// `unset`, `ok` or `error`.
    pub status: String,
    /// The sender's words about an error.
    pub status_message: String,
    /// What ties the call to its cause.
    pub link: Option<String>,
    /// The probability that this is right, 0 to 1; `null` where nothing is claimed.
    #[serde(default)]
    pub link_confidence: Option<f64>,
    /// Hops from the entry to here, as the proxy counted.
    pub trace_depth: Option<i64>,
    /// The workloads passed so far, joined by `>`.
    pub path: Option<String>,
    /// It names a parent under which it could not be placed.
    pub missing_parent: bool,
    /// Facts about the operation.
    pub attributes: Map<String, Value>,
    /// What happened during it.
    pub events: Vec<Event>,
    /// Who sent it.
    pub resource: Map<String, Value>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When, on the sender's clock.
    #[serde(with = "decimal_text")]
    #[schemars(with = "String")]
    pub time_unix_ns: u64,
    /// What happened.
    pub name: String,
    /// Facts about it.
    pub attributes: Map<String, Value>,
}

/// Something that should have been there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MissingPart {
    /// The span at whose side it is missing.
    pub span_id: String,
    /// The service of that span.
    pub service: String,
    /// `missing-parent` or `no-server-span`.
    pub reason: String,
    /// Why: `late`, `not-sampled`, `dropped`, `no-sidecar` or `unknown`.
    pub cause: String,
    /// With the cause `dropped`: how many spans the sender counted as dropped about then.
    #[serde(default)]
    pub dropped_spans: u64,
    /// The same in words.
    pub detail: String,
}

/// The state of the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The version of the collector.
    pub version: String,
    /// Whole seconds since the process started.
    pub uptime_s: u64,
    /// Spans acknowledged.
    pub spans_received: u64,
    /// Spans that were not usable.
    pub spans_rejected: u64,
    /// Spans in the live window.
    pub spans_live: u64,
    /// Blocks, on disk or in the object store.
    pub blocks: u64,
    /// Bytes of blocks and log on disk.
    pub bytes_on_disk: u64,
    /// How blocks and object store stand; `null` without an object store.
    #[serde(default)]
    pub object_store: Option<ObjectStore>,
    /// Traces that went quiet complete.
    pub traces_complete: i64,
    /// Traces that went quiet with something missing.
    pub traces_incomplete: i64,
    /// The port that takes spans by OTLP/HTTP.
    #[serde(default)]
    pub otlp_http_port: Option<u16>,
}

/// How blocks and object store stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectStore {
    /// The address.
    pub url: String,
    /// Blocks that are in the object store.
    pub blocks_uploaded: u64,
    /// Blocks that are on the local disk only, to be uploaded.
    pub blocks_waiting: u64,
    /// Their bytes.
    pub bytes_waiting: u64,
    /// Bytes of blocks on the local disk.
    pub bytes_cached: u64,
    /// Why the last try failed; `null` when it did not.
    pub failure: Option<String>,
}

impl From<ObjectStoreStatus> for ObjectStore {
    fn from(status: ObjectStoreStatus) -> Self {
        Self {
            url: status.url,
            blocks_uploaded: status.blocks_uploaded,
            blocks_waiting: status.blocks_waiting,
            bytes_waiting: status.bytes_waiting,
            bytes_cached: status.bytes_cached,
            failure: status.failure,
        }
    }
}

/// RFC 9457.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong and what would be right.
    pub detail: String,
}

/// Whether a trace may have more spans than were read.
pub(super) fn is_truncated(lifecycle: &Lifecycle) -> bool {
    lifecycle.spans.len() >= MAX_TRACE_SPANS
}

impl Summary {
    /// Sums a lifecycle up.
    pub fn of(trace_id: TraceId, lifecycle: &Lifecycle) -> Self {
        let root = lifecycle
            .root()
            .map(|root| Root { service: root.service_name().to_owned(), name: root.name.clone() });
        Self {
            trace_id: trace_id.to_hex(),
            start_unix_ns: lifecycle.start_unix_ns,
            duration_ns: lifecycle.duration_ns,
            root,
            services: lifecycle.services().into_iter().map(str::to_owned).collect(),
            spans: lifecycle.spans.len(),
            hops: lifecycle.hops,
            errors: lifecycle.errors,
            depth: lifecycle.depth,
            link: lifecycle.weakest_link.map(link_name),
            confidence: lifecycle.confidence(),
            complete: lifecycle.is_complete() && !is_truncated(lifecycle),
            truncated: is_truncated(lifecycle),
            gaps: lifecycle.gaps.len(),
            percent_complete: Some(percent(lifecycle.completeness())),
            matched: None,
        }
    }
}

impl Trace {
    /// Writes a lifecycle out, as far as [`MAX_SPANS`].
    pub fn of(trace_id: TraceId, lifecycle: &Lifecycle) -> Self {
        Self {
            summary: Summary::of(trace_id, lifecycle),
            spans: lifecycle.spans.iter().take(MAX_SPANS).map(Span::of).collect(),
            omitted_spans: lifecycle.spans.len().saturating_sub(MAX_SPANS),
            gaps: lifecycle.gaps.iter().take(MAX_SPANS).map(MissingPart::of).collect(),
            seams: lifecycle.seams.iter().map(|seam| Seam::of(seam, lifecycle)).collect(),
            seams_cut: false,
        }
    }
}

impl Span {
    fn of(placed: &PlacedSpan) -> Self {
        let span = &placed.span;
        let event = |event: &span::SpanEvent| Event {
            time_unix_ns: event.time_unix_ns,
            name: event.name.clone(),
            attributes: attribute_json::object(&event.attributes),
        };
        Self {
            trace_id: span.trace_id.to_hex(),
            span_id: span.span_id.to_hex(),
            parent_span_id: span.parent_span_id.map(|parent| parent.to_hex()),
            service: span.service_name().to_owned(),
            name: span.name.clone(),
            kind: span.kind.as_str().to_owned(),
            start_unix_ns: span.start_unix_ns,
            offset_ns: placed.offset_ns,
            clock_correction_ns: placed.clock_correction_ns,
            duration_ns: span.duration_ns(),
            self_ns: placed.self_ns,
            level: placed.level,
            status: span.status.as_str().to_owned(),
            status_message: span.status_message.clone(),
            link: span.link_kind().map(link_name),
            link_confidence: span.link_kind().and_then(confidence_of),
            trace_depth: span.attribute(attribute::DEPTH).and_then(span::Value::as_int),
            path: span.attribute(attribute::PATH).and_then(span::Value::as_text).map(str::to_owned),
            missing_parent: placed.is_parent_missing,
            attributes: attribute_json::object(&span.attributes),
            events: span.events.iter().map(event).collect(),
            resource: attribute_json::object(&span.resource.attributes),
        }
    }
}

impl MissingPart {
    fn of(gap: &Gap) -> Self {
        Self {
            span_id: gap.span_id.to_hex(),
            service: gap.service.clone(),
            reason: gap.reason.as_str().to_owned(),
            cause: gap.cause.as_str().to_owned(),
            dropped_spans: gap.dropped_spans,
            detail: gap.words(),
        }
    }
}

fn certain() -> f64 {
    1.0
}

fn percent((arrived, due): (usize, usize)) -> f64 {
    100.0 * arrived as f64 / due.max(1) as f64
}

fn link_name(kind: LinkKind) -> String {
    kind.as_str().to_owned()
}

/// Nanoseconds since 1970 do not fit the doubles of JSON readers, so they travel as decimal text.
mod decimal_text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format_args!("`{text}` is not a decimal number of nanoseconds")))
    }
}
