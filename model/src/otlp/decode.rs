//! Bytes to spans: a message is taken whole or refused whole, a single span with unusable ids is refused alone, and what
//! goes beyond the limits is left out, counted, and marked on its span.

mod limits;
mod plain;
mod resource;
mod scan;
mod span;
mod value;

use std::sync::Arc;

use super::borrowed::{AttributeRef, SpanOutline, SpanRef};
use super::wire::{Field, Reader};
use crate::span::{Resource, Span};
use resource::ResourceFields;
use span::SpanFields;
use value::{Borrowed, Outline, Owned};

pub use plain::{read_plain_attribute, read_plain_span};
pub use scan::{SpanHead, SpanPlace, scan_export_request};

/// How deep lists and maps may nest in an attribute's value.
const MAX_VALUE_DEPTH: usize = 16;

/// Why bytes are not an `ExportTraceServiceRequest`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field says that it is longer than what is left.
    #[error("message ends inside a field")]
    Truncated,
    /// A varint of more than ten bytes.
    #[error("a varint is longer than 10 bytes")]
    VarintTooLong,
    /// Groups and wire types that do not exist.
    #[error("wire type {0} is not used by OTLP")]
    WireType(u64),
    /// Field numbers begin at 1.
    #[error("field number 0 does not exist")]
    FieldNumberZero,
    /// A known field with the wire type of another.
    #[error("field {field} of {message} has the wrong wire type")]
    WrongType {
        /// The message the field is in.
        message: &'static str,
        /// The field's number.
        field: u64,
    },
    /// Lists and maps nest too deep.
    #[error("an attribute value nests deeper than {MAX_VALUE_DEPTH} levels")]
    TooDeep,
    /// A `ResourceSpans` with more than one resource.
    #[error("a ResourceSpans has two resources; send one for each")]
    TwoResources,
    /// More bytes than places can be told of.
    #[error("a message is longer than 2^32 - 1 bytes")]
    TooLong,
    /// A place that is not in the message, or has no usable span.
    #[error("there is no span at this place")]
    NoSpan,
}

/// What became of the spans of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many spans were usable.
    pub spans: u64,
    /// How many spans were not.
    pub rejected: u64,
    /// Why the first of them was not.
    pub reason: Option<&'static str>,
    /// How many of the spans that were not usable were only too many.
    pub too_many: u64,
    /// How many attributes, events, links and nested values were left out or shortened.
    pub cut: u64,
}

impl Tally {
    fn reject(&mut self, reason: &'static str) {
        self.rejected += 1;
        self.reason.get_or_insert(reason);
    }

    fn reject_one_too_many(&mut self) {
        self.too_many += 1;
        self.reject("a message may have 100,000 spans; send smaller batches");
    }
}

/// What a message held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The usable spans, in the order sent.
    pub spans: Vec<Span>,
    /// What became of all of them.
    pub tally: Tally,
}

/// Decodes an `ExportTraceServiceRequest`. Text that is not UTF-8 is kept with replacement characters; unknown
/// fields are passed over.
pub fn decode_export_request(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let mut heads = Vec::new();
    let tally = scan_export_request(bytes, |head| heads.push(head.place))?;
    let mut resource = (None, Arc::default());
    let mut spans = Vec::with_capacity(heads.len());
    for place in heads {
        if resource.0 != Some(place.resource_at) {
            resource = (Some(place.resource_at), Arc::new(decode_resource(part(bytes, place.resource())?)?));
        }
        spans.push(decode_span(part(bytes, place.span())?, place, &resource.1)?);
    }
    Ok(Decoded { spans, tally })
}

/// Decodes the bytes of one span that a scan has told of; of its place only what its scope says of it counts.
pub fn decode_span(bytes: &[u8], place: SpanPlace, resource: &Arc<Resource>) -> Result<Span, DecodeError> {
    SpanFields::<Owned>::read(bytes)?.into_span(place, resource).map_err(|_| DecodeError::NoSpan)
}

/// Reads the bytes of one span that a scan has told of without copying any; of its place only what its scope says of it
/// counts. What it is found by is left out: the scan has told it.
pub fn read_span(bytes: &[u8], place: SpanPlace) -> Result<SpanRef<'_>, DecodeError> {
    Ok(SpanFields::<Borrowed>::read(bytes)?.into_span_ref(place))
}

/// Reads of the bytes of one span that a scan has told of only what tells who called whom.
pub fn read_span_outline(bytes: &[u8]) -> Result<SpanOutline<'_>, DecodeError> {
    let fields = SpanFields::<Outline>::read(bytes)?;
    Ok(SpanOutline { name: fields.name, attributes: fields.attributes })
}

/// Reads the attributes of one resource that a scan has told of without copying any.
pub fn read_resource(bytes: &[u8]) -> Result<Vec<AttributeRef<'_>>, DecodeError> {
    Ok(ResourceFields::<Borrowed>::read(bytes)?.attributes)
}

/// The first `service.name` of a resource that a scan has told of; `None` where that is missing or no text.
pub fn read_service_name(bytes: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    resource::service_name(bytes)
}

/// Decodes the bytes of one resource that a scan has told of.
pub fn decode_resource(bytes: &[u8]) -> Result<Resource, DecodeError> {
    Ok(Resource { attributes: ResourceFields::<Owned>::read(bytes)?.attributes })
}

impl SpanPlace {
    /// The span's first byte and the one behind its last.
    pub fn span(&self) -> (usize, usize) {
        (self.span_at as usize, self.span_at as usize + self.span_bytes as usize)
    }

    /// The same of its resource.
    pub fn resource(&self) -> (usize, usize) {
        (self.resource_at as usize, self.resource_at as usize + self.resource_bytes as usize)
    }
}

fn part(bytes: &[u8], (begin, end): (usize, usize)) -> Result<&[u8], DecodeError> {
    bytes.get(begin..end).ok_or(DecodeError::NoSpan)
}

/// How many spans an `ExportTraceServiceResponse` says were refused; zero for bytes that are no such message.
pub fn decode_rejected_spans(bytes: &[u8]) -> usize {
    let mut rejected = 0;
    let read = each_field(bytes, |number, field| match (number, field) {
        (1, Field::Bytes(partial_success)) => each_field(partial_success, |number, field| {
            if let (1, Field::Varint(spans)) = (number, field) {
                rejected = usize::try_from(spans).unwrap_or(0);
            }
            Ok(())
        }),
        _ => Ok(()),
    });
    if read.is_ok() { rejected } else { 0 }
}

fn each_field<'a>(
    bytes: &'a [u8],
    mut visit: impl FnMut(u64, Field<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    while let Some((number, field)) = reader.next()? {
        visit(number, field)?;
    }
    Ok(())
}

fn message<'a>(field: Field<'a>, message: &'static str, number: u64) -> Result<&'a [u8], DecodeError> {
    match field {
        Field::Bytes(bytes) => Ok(bytes),
        _ => Err(DecodeError::WrongType { message, field: number }),
    }
}
