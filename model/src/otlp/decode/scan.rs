//! A message without building its spans: every byte is checked, and of each span only what it is found by is told.

use super::limits;
use super::resource::{self, ResourceFields};
use super::span::{Ids, SpanFields};
use super::value::Checked;
use super::{DecodeError, Tally, each_field, message};
use crate::id::{SpanId, TraceId};
use crate::otlp::stub;
use crate::span::{SpanKind, StatusCode};

/// Where in a message a span and the resource it belongs to stand: all that is needed to decode it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanPlace {
    /// Where the span's bytes begin.
    pub span_at: u32,
    /// How many they are.
    pub span_bytes: u32,
    /// Where the bytes of its resource begin.
    pub resource_at: u32,
    /// How many they are; none for spans without a resource.
    pub resource_bytes: u32,
    /// Whether its scope says that it is a stub.
    pub is_stub: bool,
}

/// What a span is found by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanHead<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// Its role in the call.
    pub kind: SpanKind,
    /// The outcome.
    pub status: StatusCode,
    /// Start, in nanoseconds since 1970-01-01 UTC, on the sender's clock.
    pub start_unix_ns: u64,
    /// End, in nanoseconds since 1970-01-01 UTC, on the sender's clock.
    pub end_unix_ns: u64,
    /// Its name; not necessarily UTF-8.
    pub name: &'a [u8],
    /// `service.name` of its resource; `None` where that is missing or no text.
    pub service_name: Option<&'a [u8]>,
    /// Where it stands.
    pub place: SpanPlace,
}

/// Reads an `ExportTraceServiceRequest` and calls `take` for each usable span in the order sent. Finds every fault that
/// [`super::decode_export_request`] finds; what was taken before a fault is void.
pub fn scan_export_request<'a>(
    bytes: &'a [u8],
    mut take: impl FnMut(SpanHead<'a>),
) -> Result<Tally, DecodeError> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(DecodeError::TooLong);
    }
    let mut scan = Scan { message: bytes, tally: Tally::default(), take: &mut take };
    each_field(bytes, |number, field| match number {
        1 => scan.resource_spans(message(field, "ExportTraceServiceRequest", number)?),
        _ => Ok(()),
    })?;
    Ok(scan.tally)
}

struct Scan<'a, 'b> {
    message: &'a [u8],
    tally: Tally,
    take: &'b mut dyn FnMut(SpanHead<'a>),
}

/// What all spans of one `ScopeSpans` share.
#[derive(Clone, Copy)]
struct Around<'a> {
    resource: (u32, u32),
    service_name: Option<&'a [u8]>,
    is_stub: bool,
}

impl<'a> Scan<'a, '_> {
    fn resource_spans(&mut self, bytes: &'a [u8]) -> Result<(), DecodeError> {
        // The resource may stand behind the spans, so it is looked for first.
        let raw = resource::find(bytes)?;
        let resource = ResourceFields::<Checked>::read(raw)?;
        self.tally.cut += resource.cut;
        let around =
            Around { resource: self.place(raw), service_name: resource::service_name(raw)?, is_stub: false };
        each_field(bytes, |number, field| match number {
            2 => self.scope_spans(message(field, "ResourceSpans", number)?, around),
            _ => Ok(()),
        })
    }

    fn scope_spans(&mut self, bytes: &'a [u8], mut around: Around<'a>) -> Result<(), DecodeError> {
        // Neither need the scope stand before its spans.
        each_field(bytes, |number, field| {
            if number == 1 {
                around.is_stub |= stub::is_scope_of_stubs(message(field, "ScopeSpans", number)?)?;
            }
            Ok(())
        })?;
        each_field(bytes, |number, field| match number {
            2 => self.span(message(field, "ScopeSpans", number)?, around),
            _ => Ok(()),
        })
    }

    fn span(&mut self, bytes: &'a [u8], around: Around<'a>) -> Result<(), DecodeError> {
        if self.tally.spans >= limits::MAX_SPANS as u64 {
            self.tally.reject_one_too_many();
            return Ok(());
        }
        if bytes.len() > limits::MAX_SPAN_BYTES {
            self.tally.reject("a span may have 1,048,576 bytes");
            return Ok(());
        }
        let fields = SpanFields::<Checked>::read(bytes)?;
        self.tally.cut += fields.cut;
        let Ids { trace_id, span_id, parent_span_id } = match fields.ids() {
            Ok(ids) => ids,
            Err(reason) => {
                self.tally.reject(reason);
                return Ok(());
            }
        };
        self.tally.spans += 1;
        let (span_at, span_bytes) = self.place(bytes);
        let (resource_at, resource_bytes) = around.resource;
        (self.take)(SpanHead {
            trace_id,
            span_id,
            parent_span_id,
            kind: fields.kind,
            status: fields.status,
            start_unix_ns: fields.start_unix_ns,
            end_unix_ns: fields.end_unix_ns,
            name: fields.name,
            service_name: around.service_name,
            place: SpanPlace { span_at, span_bytes, resource_at, resource_bytes, is_stub: around.is_stub },
        });
        Ok(())
    }

    /// Where a part stands in the message. Its length was checked to fit.
    fn place(&self, part: &[u8]) -> (u32, u32) {
        if part.is_empty() {
            return (0, 0);
        }
        let at = part.as_ptr().addr().wrapping_sub(self.message.as_ptr().addr());
        (at as u32, part.len() as u32)
    }
}
