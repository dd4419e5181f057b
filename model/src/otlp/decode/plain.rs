//! A span of which nothing can have been cut, its attributes left as they stand: who has met an attribute before need not
//! read it again.

use super::limits::{self, Room};
use super::span::read_status;
use super::value::{Borrowed, read_attribute};
use super::{DecodeError, SpanPlace};
use crate::otlp::borrowed::{AttributeRef, PlainSpan};
use crate::otlp::wire::{Field, Reader};

/// A part takes two bytes at least, so that a span of fewer bytes has fewer parts than any limit, and no long text.
const TOO_MANY_BYTES: usize = 2 * limits::MAX_VALUES;

/// Reads the bytes of one span that a scan has told of, all but its attributes. `None` for one that is to be read by
/// [`super::read_span`]: it is large, has events or links, or is a stub.
pub fn read_plain_span(bytes: &[u8], place: SpanPlace) -> Result<Option<PlainSpan<'_>>, DecodeError> {
    if bytes.len() >= TOO_MANY_BYTES || place.is_stub {
        return Ok(None);
    }
    let mut span = PlainSpan {
        trace_state: &[],
        flags: 0,
        name: &[],
        status_message: &[],
        attributes: Vec::with_capacity(16),
    };
    let mut reader = Reader::new(bytes);
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (3, Field::Bytes(raw)) => span.trace_state = raw,
            (5, Field::Bytes(raw)) => span.name = raw,
            (9, Field::Bytes(raw)) => span.attributes.push(raw),
            (11 | 13, _) => return Ok(None),
            (15, Field::Bytes(raw)) => {
                (_, span.status_message) = read_status::<Borrowed>(raw, &mut Room::new())?;
            }
            (16, Field::Fixed32(flags)) => span.flags = flags,
            _ => {}
        }
    }
    Ok(Some(span))
}

/// Reads one attribute of a [`PlainSpan`]; `None` for one without a value, which says nothing.
pub fn read_plain_attribute(bytes: &[u8]) -> Result<Option<AttributeRef<'_>>, DecodeError> {
    read_attribute::<Borrowed>(bytes, 0, &mut Room::new())
}
