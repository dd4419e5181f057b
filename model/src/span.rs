//! A finished span as OTLP defines it, owned: what the collector keeps and works with.

use std::sync::Arc;

use crate::attribute;
use crate::id::{SpanId, TraceId};
use crate::link::LinkKind;

/// The role of a span in a call; the numbers are those of OTLP `Span.SpanKind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpanKind {
    /// Not stated by the sender.
    #[default]
    Unspecified = 0,
    /// Work inside one process.
    Internal = 1,
    /// A request as its receiver saw it.
    Server = 2,
    /// A request as its sender saw it.
    Client = 3,
    /// A message sent.
    Producer = 4,
    /// A message received.
    Consumer = 5,
}

impl SpanKind {
    /// The kind for an OTLP number; unknown numbers are `Unspecified`.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// The lower-case name used in the API, the page and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// The outcome of a span; the numbers are those of OTLP `Status.StatusCode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StatusCode {
    /// No error was seen, and nobody vouched for success.
    #[default]
    Unset = 0,
    /// Success, as stated by an application.
    Ok = 1,
    /// The operation failed.
    Error = 2,
}

impl StatusCode {
    /// The code for an OTLP number; unknown numbers are `Unset`.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }

    /// The lower-case name used in the API, the page and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// An attribute's value: OTLP `AnyValue`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A double-precision number.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Several values in order.
    List(Vec<Value>),
    /// Named values in order.
    Map(Vec<Attribute>),
}

impl Value {
    /// The text of a `Text` value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an `Int` value.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The name, such as `http.request.method`.
    pub key: String,
    /// The value.
    pub value: Value,
}

/// What sent the spans: one workload instance, shared by all its spans of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// The identity as OpenTelemetry resource attributes.
    pub attributes: Vec<Attribute>,
}

impl Resource {
    /// Puts attributes in place of those with the same key, and adds the others.
    pub fn override_with(&mut self, attributes: Vec<Attribute>) {
        for attribute in attributes {
            self.attributes.retain(|known| known.key != attribute.key);
            self.attributes.push(attribute);
        }
    }

    /// `service.name`, or `unknown_service` as the OpenTelemetry resource specification has it.
    pub fn service_name(&self) -> &str {
        find(&self.attributes, attribute::SERVICE_NAME).and_then(Value::as_text).unwrap_or("unknown_service")
    }
}

/// A span that another span names without being its child: OTLP `Span.Link`.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    /// The trace of the linked span.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// Why they are linked.
    pub attributes: Vec<Attribute>,
}

/// Something that happened during a span: OTLP `Span.Event`.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    /// When, in nanoseconds since 1970-01-01 UTC, on the sender's clock.
    pub time_unix_ns: u64,
    /// What happened, such as `exception`.
    pub name: String,
    /// Facts about it.
    pub attributes: Vec<Attribute>,
}

/// One finished span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// The `tracestate` it was sent with; empty when there was none.
    pub trace_state: String,
    /// OTLP flags: bits 0-7 are the trace flags, 0x100 and 0x200 tell whether the parent was remote.
    pub flags: u32,
    /// A name of low cardinality.
    pub name: String,
    /// Its role in the call.
    pub kind: SpanKind,
    /// Start, in nanoseconds since 1970-01-01 UTC, on the sender's clock.
    pub start_unix_ns: u64,
    /// End, in nanoseconds since 1970-01-01 UTC, on the sender's clock.
    pub end_unix_ns: u64,
    /// Facts about the operation.
    pub attributes: Vec<Attribute>,
    /// What happened during it, in the order sent.
    pub events: Vec<SpanEvent>,
    /// Other spans it names.
    pub links: Vec<SpanLink>,
    /// The outcome.
    pub status: StatusCode,
    /// The sender's words about an error; empty when there are none.
    pub status_message: String,
    /// Who sent it.
    pub resource: Arc<Resource>,
}

impl Span {
    /// End minus start; zero when a bad clock put the end before the start.
    pub fn duration_ns(&self) -> u64 {
        self.end_unix_ns.saturating_sub(self.start_unix_ns)
    }

    /// The value of an attribute of the span itself.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        find(&self.attributes, key)
    }

    /// The service that sent it.
    pub fn service_name(&self) -> &str {
        self.resource.service_name()
    }

    /// How the outbound call was tied to the request that caused it; `None` where the sender did not say.
    pub fn link_kind(&self) -> Option<LinkKind> {
        self.attribute(attribute::LINK_KIND).and_then(Value::as_text).and_then(LinkKind::from_name)
    }
}

/// The first value with this key.
pub fn find<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}
