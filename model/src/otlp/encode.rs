//! Spans to bytes: straight into one buffer, every length patched in place, nothing copied twice.

use super::stub::Stub;
use super::wire::{
    OpenMessage, bytes_field_length, close_message, open_message, put_bytes, put_fixed64, put_number,
    put_varint, varint,
};
use crate::attribute::{SCHEMA_URL, STUB};
use crate::id::{SpanId, TraceId};
use crate::span::{Attribute, Resource, Span, SpanEvent, SpanKind, SpanLink, StatusCode, Value};

/// Room that is made at once for a span, more than most take.
const SPAN_ROOM: usize = 1024;
/// Tags of fields of bytes, as one byte: the number, and wire type 2.
const KEY_TAG: u8 = 1 << 3 | 2;
const VALUE_TAG: u8 = 2 << 3 | 2;
const TEXT_TAG: u8 = 1 << 3 | 2;
const ATTRIBUTE_TAG: u8 = 9 << 3 | 2;
const TRACE_ID_TAG: u8 = 1 << 3 | 2;
const SPAN_ID_TAG: u8 = 2 << 3 | 2;
/// The tag of an integer in a value.
const INT_TAG: u8 = 3 << 3;

/// An `ExportTraceServiceRequest` with one resource and one scope, growing span by span.
#[derive(Debug)]
pub struct BatchWriter {
    bytes: Vec<u8>,
    resource_spans: OpenMessage,
    scope_spans: OpenMessage,
    spans: usize,
}

impl BatchWriter {
    /// An empty batch of one sender.
    pub fn new(resource: &Resource, scope_name: &str, scope_version: &str) -> Self {
        Self::with_scope(resource, scope_name, scope_version, &[])
    }

    /// An empty batch for stubs of one sender.
    pub fn for_stubs(resource: &Resource, scope_name: &str, scope_version: &str) -> Self {
        let is_stub = Attribute { key: STUB.to_owned(), value: Value::Bool(true) };
        Self::with_scope(resource, scope_name, scope_version, &[is_stub])
    }

    fn with_scope(
        resource: &Resource,
        scope_name: &str,
        scope_version: &str,
        scope_attributes: &[Attribute],
    ) -> Self {
        let mut bytes = Vec::new();
        let resource_spans = open_message(&mut bytes, 1);
        put_bytes(&mut bytes, 3, SCHEMA_URL.as_bytes());
        let resource_message = open_message(&mut bytes, 1);
        put_attributes(&mut bytes, 1, &resource.attributes);
        close_message(&mut bytes, resource_message);
        let scope_spans = open_message(&mut bytes, 2);
        let scope = open_message(&mut bytes, 1);
        put_bytes(&mut bytes, 1, scope_name.as_bytes());
        put_bytes(&mut bytes, 2, scope_version.as_bytes());
        put_attributes(&mut bytes, 3, scope_attributes);
        close_message(&mut bytes, scope);
        Self { bytes, resource_spans, scope_spans, spans: 0 }
    }

    /// Starts a span; it is part of the batch once the writer is dropped or finished.
    pub fn begin_span(&mut self, trace_id: TraceId, span_id: SpanId) -> SpanWriter<'_> {
        self.spans += 1;
        SpanWriter::begin(&mut self.bytes, trace_id, span_id)
    }

    /// Adds a stub.
    pub fn push_stub(&mut self, stub: &Stub<'_>) {
        self.spans += 1;
        stub.encode(&mut self.bytes);
    }

    /// How many spans the batch holds.
    pub fn span_count(&self) -> usize {
        self.spans
    }

    /// How many bytes the batch takes.
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// The finished message.
    pub fn finish(mut self) -> Vec<u8> {
        close_message(&mut self.bytes, self.scope_spans);
        close_message(&mut self.bytes, self.resource_spans);
        self.bytes
    }
}

/// One span being written; each method adds one field.
#[derive(Debug)]
pub struct SpanWriter<'a> {
    bytes: &'a mut Vec<u8>,
    span: OpenMessage,
}

impl<'a> SpanWriter<'a> {
    fn begin(bytes: &'a mut Vec<u8>, trace_id: TraceId, span_id: SpanId) -> Self {
        bytes.reserve(SPAN_ROOM);
        let span = open_message(bytes, 2);
        bytes.extend_from_slice(&[TRACE_ID_TAG, 16]);
        bytes.extend_from_slice(trace_id.as_bytes());
        bytes.extend_from_slice(&[SPAN_ID_TAG, 8]);
        bytes.extend_from_slice(span_id.as_bytes());
        Self { bytes, span }
    }

    /// The span that caused this one.
    pub fn parent(&mut self, parent: SpanId) -> &mut Self {
        put_bytes(self.bytes, 4, parent.as_bytes());
        self
    }

    /// The `tracestate` it travels with.
    pub fn trace_state(&mut self, text: &str) -> &mut Self {
        put_bytes(self.bytes, 3, text.as_bytes());
        self
    }

    /// OTLP flags.
    pub fn flags(&mut self, flags: u32) -> &mut Self {
        let [a, b, c, d] = flags.to_le_bytes();
        // Field 16 of wire type 5.
        self.bytes.extend_from_slice(&[0x85, 0x01, a, b, c, d]);
        self
    }

    /// Its name.
    pub fn name(&mut self, name: &str) -> &mut Self {
        put_bytes(self.bytes, 5, name.as_bytes());
        self
    }

    /// Its kind.
    pub fn kind(&mut self, kind: SpanKind) -> &mut Self {
        self.bytes.extend_from_slice(&[6 << 3, kind as u8]);
        self
    }

    /// Start and end in nanoseconds since 1970-01-01 UTC.
    pub fn times(&mut self, start_unix_ns: u64, end_unix_ns: u64) -> &mut Self {
        put_fixed64(self.bytes, 7, start_unix_ns);
        put_fixed64(self.bytes, 8, end_unix_ns);
        self
    }

    /// An attribute with a text.
    pub fn text(&mut self, key: &str, text: &str) -> &mut Self {
        let value = bytes_field_length(text.len());
        if self.short_key(key, value) {
            self.bytes.extend_from_slice(&[VALUE_TAG, value as u8, TEXT_TAG, text.len() as u8]);
        } else {
            self.long_key(key, value);
            self.bytes.push(TEXT_TAG);
            put_varint(self.bytes, text.len() as u64);
        }
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// An attribute with an integer.
    pub fn int(&mut self, key: &str, number: i64) -> &mut Self {
        let (digits, length) = varint(number as u64);
        let value = 1 + length;
        if self.short_key(key, value) {
            self.bytes.extend_from_slice(&[VALUE_TAG, value as u8, INT_TAG]);
        } else {
            self.long_key(key, value);
            self.bytes.push(INT_TAG);
        }
        self.bytes.extend_from_slice(digits.get(..length).unwrap_or_default());
        self
    }

    /// Begins an attribute in which every length is a single byte, up to its key. Whether it is one; its value will take so
    /// many bytes.
    fn short_key(&mut self, key: &str, value: usize) -> bool {
        let attribute = 2 + key.len() + 2 + value;
        let is_short = attribute < 0x80;
        if is_short {
            self.bytes.extend_from_slice(&[ATTRIBUTE_TAG, attribute as u8, KEY_TAG, key.len() as u8]);
            self.bytes.extend_from_slice(key.as_bytes());
        }
        is_short
    }

    /// All of a longer attribute but what its value says. Lengths that are known beforehand take a byte or two instead
    /// of four.
    fn long_key(&mut self, key: &str, value: usize) {
        self.bytes.push(ATTRIBUTE_TAG);
        put_varint(self.bytes, (bytes_field_length(key.len()) + bytes_field_length(value)) as u64);
        self.bytes.push(KEY_TAG);
        put_varint(self.bytes, key.len() as u64);
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.push(VALUE_TAG);
        put_varint(self.bytes, value as u64);
    }

    /// An attribute of any kind.
    pub fn attribute(&mut self, attribute: &Attribute) -> &mut Self {
        put_attribute(self.bytes, 9, attribute);
        self
    }

    /// The outcome; `Unset` needs no field.
    pub fn status(&mut self, code: StatusCode, message: &str) -> &mut Self {
        if code == StatusCode::Unset && message.is_empty() {
            return self;
        }
        let status = open_message(self.bytes, 15);
        if !message.is_empty() {
            put_bytes(self.bytes, 2, message.as_bytes());
        }
        put_number(self.bytes, 3, code as u64);
        close_message(self.bytes, status);
        self
    }

    fn event(&mut self, event: &SpanEvent) {
        let message = open_message(self.bytes, 11);
        put_fixed64(self.bytes, 1, event.time_unix_ns);
        put_bytes(self.bytes, 2, event.name.as_bytes());
        put_attributes(self.bytes, 3, &event.attributes);
        close_message(self.bytes, message);
    }

    /// A link to a span that is not its parent.
    pub fn link(&mut self, link: &SpanLink) {
        let message = open_message(self.bytes, 13);
        put_bytes(self.bytes, 1, link.trace_id.as_bytes());
        put_bytes(self.bytes, 2, link.span_id.as_bytes());
        put_attributes(self.bytes, 4, &link.attributes);
        close_message(self.bytes, message);
    }
}

impl Drop for SpanWriter<'_> {
    fn drop(&mut self) {
        close_message(self.bytes, self.span);
    }
}

/// Any spans as one `ExportTraceServiceRequest`, each run of spans with the same resource under one entry.
pub fn encode_export_request(spans: &[Span]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for group in spans.chunk_by(|left, right| left.resource == right.resource) {
        let Some(first) = group.first() else { continue };
        let mut batch = BatchWriter::new(&first.resource, "", "");
        group.iter().for_each(|span| write_span(&mut batch, span));
        bytes.extend_from_slice(&batch.finish());
    }
    bytes
}

fn write_span(batch: &mut BatchWriter, span: &Span) {
    let mut writer = batch.begin_span(span.trace_id, span.span_id);
    if let Some(parent) = span.parent_span_id {
        writer.parent(parent);
    }
    if !span.trace_state.is_empty() {
        writer.trace_state(&span.trace_state);
    }
    writer.flags(span.flags).name(&span.name).kind(span.kind).times(span.start_unix_ns, span.end_unix_ns);
    span.attributes.iter().for_each(|attribute| {
        writer.attribute(attribute);
    });
    span.events.iter().for_each(|event| writer.event(event));
    span.links.iter().for_each(|link| writer.link(link));
    writer.status(span.status, &span.status_message);
}

/// An `ExportTraceServiceResponse`: empty when everything was kept, else a partial success with the number of
/// spans refused and the reason.
pub fn encode_export_response(rejected: u64, message: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if rejected > 0 || !message.is_empty() {
        let partial = open_message(&mut bytes, 1);
        put_number(&mut bytes, 1, rejected);
        put_bytes(&mut bytes, 2, message.as_bytes());
        close_message(&mut bytes, partial);
    }
    bytes
}

fn put_attributes(bytes: &mut Vec<u8>, number: u32, attributes: &[Attribute]) {
    attributes.iter().for_each(|attribute| put_attribute(bytes, number, attribute));
}

fn put_attribute(bytes: &mut Vec<u8>, number: u32, attribute: &Attribute) {
    let message = open_message(bytes, number);
    put_bytes(bytes, 1, attribute.key.as_bytes());
    put_value(bytes, 2, &attribute.value);
    close_message(bytes, message);
}

fn put_value(bytes: &mut Vec<u8>, number: u32, value: &Value) {
    let message = open_message(bytes, number);
    match value {
        Value::Text(text) => put_bytes(bytes, 1, text.as_bytes()),
        Value::Bool(truth) => put_number(bytes, 2, u64::from(*truth)),
        Value::Int(number) => put_number(bytes, 3, *number as u64),
        Value::Double(number) => put_fixed64(bytes, 4, number.to_bits()),
        Value::List(values) => {
            let list = open_message(bytes, 5);
            values.iter().for_each(|value| put_value(bytes, 1, value));
            close_message(bytes, list);
        }
        Value::Map(attributes) => {
            let map = open_message(bytes, 6);
            put_attributes(bytes, 1, attributes);
            close_message(bytes, map);
        }
        Value::Bytes(raw) => put_bytes(bytes, 7, raw),
    }
    close_message(bytes, message);
}
