//! A span of the least that identifies it, as few bytes as OTLP allows.

use super::DecodeError;
use super::wire::{Field, Reader, put_bytes, put_fixed64, put_number};
use crate::attribute::STUB;
use crate::id::{SpanId, TraceId};
use crate::span::SpanKind;

/// What a span says whose trace is not recorded. That it is a stub is said once for all of a batch, by their scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub<'a> {
    /// Its trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The span that caused it.
    pub parent: Option<SpanId>,
    /// The name of the route; empty when there is none.
    pub route: &'a str,
    /// Its kind.
    pub kind: SpanKind,
    /// Start in nanoseconds since 1970-01-01 UTC.
    pub start_unix_ns: u64,
    /// End in nanoseconds since 1970-01-01 UTC.
    pub end_unix_ns: u64,
}

impl Stub<'_> {
    /// Most bytes on the wire without the name of the route, which adds its length and two more. The span of a
    /// root takes ten less.
    pub const MAX_BYTES: usize = 60;

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let mut span = Vec::with_capacity(Self::MAX_BYTES + 2 + self.route.len());
        put_bytes(&mut span, 1, self.trace_id.as_bytes());
        put_bytes(&mut span, 2, self.span_id.as_bytes());
        if let Some(parent) = self.parent {
            put_bytes(&mut span, 4, parent.as_bytes());
        }
        if !self.route.is_empty() {
            put_bytes(&mut span, 5, self.route.as_bytes());
        }
        put_number(&mut span, 6, self.kind as u64);
        put_fixed64(&mut span, 7, self.start_unix_ns);
        put_fixed64(&mut span, 8, self.end_unix_ns);
        put_bytes(bytes, 2, &span);
    }
}

/// Whether the spans of a scope with these bytes are stubs.
pub(super) fn is_scope_of_stubs(scope: &[u8]) -> Result<bool, DecodeError> {
    let mut reader = Reader::new(scope);
    while let Some((number, field)) = reader.next()? {
        if let (3, Field::Bytes(attribute)) = (number, field)
            && Reader::new(attribute).next()? == Some((1, Field::Bytes(STUB.as_bytes())))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
