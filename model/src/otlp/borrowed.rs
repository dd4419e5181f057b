//! Spans as they stand in a message: nothing is copied, and text is bytes that need not be UTF-8.

use crate::id::{SpanId, TraceId};

/// What a span holds beyond what it is found by.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRef<'a> {
    /// The `tracestate` it was sent with; empty when there was none.
    pub trace_state: &'a [u8],
    /// OTLP flags: bits 0-7 are the trace flags, 0x100 and 0x200 tell whether the parent was remote.
    pub flags: u32,
    /// A name of low cardinality.
    pub name: &'a [u8],
    /// Facts about the operation.
    pub attributes: Vec<AttributeRef<'a>>,
    /// What happened during it, in the order sent.
    pub events: Vec<EventRef<'a>>,
    /// Other spans it names.
    pub links: Vec<LinkRef<'a>>,
    /// The sender's words about an error; empty when there are none.
    pub status_message: &'a [u8],
}

/// What most spans hold beyond what they are found by, nothing of it cut; the attributes as they stand in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainSpan<'a> {
    /// The `tracestate` it was sent with; empty when there was none.
    pub trace_state: &'a [u8],
    /// OTLP flags: bits 0-7 are the trace flags, 0x100 and 0x200 tell whether the parent was remote.
    pub flags: u32,
    /// A name of low cardinality.
    pub name: &'a [u8],
    /// The sender's words about an error; empty when there are none.
    pub status_message: &'a [u8],
    /// The bytes of each `KeyValue`.
    pub attributes: Vec<&'a [u8]>,
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeRef<'a> {
    /// The name, such as `http.request.method`.
    pub key: &'a [u8],
    /// The value.
    pub value: ValueRef<'a>,
}

/// An attribute's value: OTLP `AnyValue`.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// A string.
    Text(&'a [u8]),
    /// A truth value.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A double-precision number.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// Several values in order.
    List(Vec<ValueRef<'a>>),
    /// Named values in order.
    Map(Vec<AttributeRef<'a>>),
}

/// Something that happened during a span: OTLP `Span.Event`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRef<'a> {
    /// When, in nanoseconds since 1970-01-01 UTC, on the sender's clock.
    pub time_unix_ns: u64,
    /// What happened, such as `exception`.
    pub name: &'a [u8],
    /// Facts about it.
    pub attributes: Vec<AttributeRef<'a>>,
}

/// A span that another span names without being its child: OTLP `Span.Link`.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkRef<'a> {
    /// The trace of the linked span.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// Why they are linked.
    pub attributes: Vec<AttributeRef<'a>>,
}

/// What tells of a span who called whom, and how that is known: its name, and of its attributes `http.route`, `server.address`,
/// `envoy.upstream_cluster`, `throughline.path` and `throughline.link.kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanOutline<'a> {
    /// A name of low cardinality.
    pub name: &'a [u8],
    pub(super) attributes: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

impl<'a> SpanOutline<'a> {
    /// The text of the first attribute with this key; `None` where there is none, and where it is no text or empty.
    pub fn text(&self, key: &str) -> Option<&'a [u8]> {
        let (_, value) = self.attributes.iter().find(|(known, _)| *known == key.as_bytes())?;
        value.filter(|text| !text.is_empty())
    }
}
