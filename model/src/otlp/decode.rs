//! Bytes to spans: a message is taken whole or refused whole, a single span with unusable ids is refused alone, and what
//! goes beyond the limits is left out and counted.

mod limits;

use std::sync::Arc;

use super::stub;
use super::wire::{Field, Reader};
use crate::attribute::STUB;
use crate::id::{SpanId, TraceId};
use crate::span::{Attribute, Resource, Span, SpanEvent, SpanKind, SpanLink, StatusCode, Value};
use limits::Room;

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
}

/// What a message held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The usable spans, in the order sent.
    pub spans: Vec<Span>,
    /// How many spans were not usable.
    pub rejected: u64,
    /// Why the first of them was not.
    pub reason: Option<&'static str>,
    /// How many of the spans that were not usable were only too many.
    pub too_many: u64,
    /// How many attributes, events, links and nested values were left out because there were too many.
    pub cut: u64,
}

/// Decodes an `ExportTraceServiceRequest`. Text that is not UTF-8 is kept with replacement characters; unknown
/// fields are passed over.
pub fn decode_export_request(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let mut decoded = Decoded::default();
    let mut room = Room::of_one_message();
    each_field(bytes, |number, field| match number {
        1 => {
            let resource_spans = message(field, "ExportTraceServiceRequest", number)?;
            decode_resource_spans(resource_spans, &mut decoded, &mut room)
        }
        _ => Ok(()),
    })?;
    decoded.cut = room.cut();
    Ok(decoded)
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

fn decode_resource_spans(bytes: &[u8], decoded: &mut Decoded, room: &mut Room) -> Result<(), DecodeError> {
    // The resource may stand behind the spans, so it is read in a pass of its own.
    let mut resource = Resource::default();
    each_field(bytes, |number, field| match number {
        1 => each_field(message(field, "ResourceSpans", number)?, |number, field| match number {
            1 => {
                let raw = message(field, "Resource", number)?;
                push_attribute(&mut resource.attributes, limits::MAX_RESOURCE_ATTRIBUTES, raw, 0, room)
            }
            _ => Ok(()),
        }),
        _ => Ok(()),
    })?;
    let resource = Arc::new(resource);
    each_field(bytes, |number, field| match number {
        2 => decode_scope_spans(message(field, "ResourceSpans", number)?, &resource, decoded, room),
        _ => Ok(()),
    })
}

fn decode_scope_spans(
    bytes: &[u8],
    resource: &Arc<Resource>,
    decoded: &mut Decoded,
    room: &mut Room,
) -> Result<(), DecodeError> {
    let first = decoded.spans.len();
    let mut is_of_stubs = false;
    each_field(bytes, |number, field| match number {
        1 => {
            is_of_stubs |= stub::is_scope_of_stubs(message(field, "ScopeSpans", number)?)?;
            Ok(())
        }
        2 => decode_span(message(field, "ScopeSpans", number)?, resource, decoded, room),
        _ => Ok(()),
    })?;
    // Their scope says it once for all of them.
    for span in decoded.spans.iter_mut().skip(first).filter(|_| is_of_stubs) {
        span.attributes.push(Attribute { key: STUB.to_owned(), value: Value::Bool(true) });
    }
    Ok(())
}

fn decode_span(
    bytes: &[u8],
    resource: &Arc<Resource>,
    decoded: &mut Decoded,
    room: &mut Room,
) -> Result<(), DecodeError> {
    let span = if decoded.spans.len() < limits::MAX_SPANS {
        SpanFields::decode(bytes, room)?.into_span(resource)
    } else {
        decoded.too_many += 1;
        Err("a message may have 100,000 spans; send smaller batches")
    };
    match span {
        Ok(span) => decoded.spans.push(span),
        Err(reason) => {
            decoded.rejected += 1;
            decoded.reason.get_or_insert(reason);
        }
    }
    Ok(())
}

#[derive(Default)]
struct SpanFields<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: String,
    flags: u32,
    name: String,
    kind: SpanKind,
    start_unix_ns: u64,
    end_unix_ns: u64,
    attributes: Vec<Attribute>,
    events: Vec<SpanEvent>,
    links: Vec<SpanLink>,
    status: StatusCode,
    status_message: String,
}

impl<'a> SpanFields<'a> {
    fn decode(bytes: &'a [u8], room: &mut Room) -> Result<Self, DecodeError> {
        let mut span = Self::default();
        let mut reader = Reader::new(bytes);
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Bytes(id)) => span.trace_id = id,
                (2, Field::Bytes(id)) => span.span_id = id,
                (3, Field::Bytes(raw)) => span.trace_state = text(raw),
                (4, Field::Bytes(id)) => span.parent_span_id = id,
                (5, Field::Bytes(raw)) => span.name = text(raw),
                (6, Field::Varint(kind)) => span.kind = SpanKind::from_number(kind),
                (7, Field::Fixed64(time)) => span.start_unix_ns = time,
                (8, Field::Fixed64(time)) => span.end_unix_ns = time,
                (9, Field::Bytes(raw)) => {
                    push_attribute(&mut span.attributes, limits::MAX_ATTRIBUTES, raw, 0, room)?;
                }
                (11, Field::Bytes(raw)) => push_event(&mut span.events, raw, room)?,
                (13, Field::Bytes(raw)) => push_link(&mut span.links, raw, room)?,
                (15, Field::Bytes(raw)) => (span.status, span.status_message) = decode_status(raw)?,
                (16, Field::Fixed32(flags)) => span.flags = flags,
                (1..=9 | 11 | 13 | 15 | 16, _) => {
                    return Err(DecodeError::WrongType { message: "Span", field: number });
                }
                _ => {}
            }
        }
        Ok(span)
    }

    fn into_span(self, resource: &Arc<Resource>) -> Result<Span, &'static str> {
        let trace_id = TraceId::from_bytes(self.trace_id).ok_or("trace_id is not 16 bytes, or all zero")?;
        let span_id = SpanId::from_bytes(self.span_id).ok_or("span_id is not 8 bytes, or all zero")?;
        let parent_span_id = match self.parent_span_id {
            // Some senders write a root's parent as eight zero bytes instead of leaving it out.
            [] | [0, 0, 0, 0, 0, 0, 0, 0] => None,
            raw => Some(SpanId::from_bytes(raw).ok_or("parent_span_id is not 8 bytes")?),
        };
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state: self.trace_state,
            flags: self.flags,
            name: self.name,
            kind: self.kind,
            start_unix_ns: self.start_unix_ns,
            end_unix_ns: self.end_unix_ns,
            attributes: self.attributes,
            events: self.events,
            links: self.links,
            status: self.status,
            status_message: self.status_message,
            resource: Arc::clone(resource),
        })
    }
}

fn push_event(events: &mut Vec<SpanEvent>, bytes: &[u8], room: &mut Room) -> Result<(), DecodeError> {
    if !room.admits(events.len(), limits::MAX_EVENTS) {
        return Ok(());
    }
    let mut event = SpanEvent { time_unix_ns: 0, name: String::new(), attributes: Vec::new() };
    each_field(bytes, |number, field| {
        match (number, field) {
            (1, Field::Fixed64(time)) => event.time_unix_ns = time,
            (2, Field::Bytes(raw)) => event.name = text(raw),
            (3, Field::Bytes(raw)) => {
                push_attribute(&mut event.attributes, limits::MAX_ATTRIBUTES, raw, 0, room)?;
            }
            (1..=3, _) => return Err(DecodeError::WrongType { message: "Span.Event", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    events.push(event);
    Ok(())
}

/// A link without usable ids says nothing and is left out.
fn push_link(links: &mut Vec<SpanLink>, bytes: &[u8], room: &mut Room) -> Result<(), DecodeError> {
    if !room.admits(links.len(), limits::MAX_LINKS) {
        return Ok(());
    }
    let (mut trace_id, mut span_id, mut attributes) = (None, None, Vec::new());
    each_field(bytes, |number, field| {
        match (number, field) {
            (1, Field::Bytes(raw)) => trace_id = TraceId::from_bytes(raw),
            (2, Field::Bytes(raw)) => span_id = SpanId::from_bytes(raw),
            (4, Field::Bytes(raw)) => push_attribute(&mut attributes, limits::MAX_ATTRIBUTES, raw, 0, room)?,
            (1 | 2 | 4, _) => return Err(DecodeError::WrongType { message: "Span.Link", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    links.extend(trace_id.zip(span_id).map(|(trace_id, span_id)| SpanLink { trace_id, span_id, attributes }));
    Ok(())
}

fn decode_status(bytes: &[u8]) -> Result<(StatusCode, String), DecodeError> {
    let (mut code, mut words) = (StatusCode::Unset, String::new());
    each_field(bytes, |number, field| {
        match (number, field) {
            (2, Field::Bytes(raw)) => words = text(raw),
            (3, Field::Varint(number)) => code = StatusCode::from_number(number),
            (2 | 3, _) => return Err(DecodeError::WrongType { message: "Status", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    Ok((code, words))
}

/// Leaves the attribute out, and counts it, when there are `max` already.
fn push_attribute(
    attributes: &mut Vec<Attribute>,
    max: usize,
    bytes: &[u8],
    depth: usize,
    room: &mut Room,
) -> Result<(), DecodeError> {
    if !room.admits(attributes.len(), max) {
        return Ok(());
    }
    let (mut key, mut value) = (String::new(), None);
    each_field(bytes, |number, field| {
        match (number, field) {
            (1, Field::Bytes(raw)) => key = text(raw),
            (2, Field::Bytes(raw)) => value = decode_value(raw, depth, room)?,
            (1 | 2, _) => return Err(DecodeError::WrongType { message: "KeyValue", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    attributes.extend(value.map(|value| Attribute { key, value }));
    Ok(())
}

fn decode_value(bytes: &[u8], depth: usize, room: &mut Room) -> Result<Option<Value>, DecodeError> {
    if depth >= MAX_VALUE_DEPTH {
        return Err(DecodeError::TooDeep);
    }
    let mut value = None;
    each_field(bytes, |number, field| {
        value = Some(match (number, field) {
            (1, Field::Bytes(raw)) => Value::Text(text(raw)),
            (2, Field::Varint(truth)) => Value::Bool(truth != 0),
            (3, Field::Varint(number)) => Value::Int(number as i64),
            (4, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Field::Bytes(raw)) => Value::List(decode_list(raw, depth + 1, room)?),
            (6, Field::Bytes(raw)) => Value::Map(decode_map(raw, depth + 1, room)?),
            (7, Field::Bytes(raw)) => Value::Bytes(raw.to_vec()),
            (1..=7, _) => return Err(DecodeError::WrongType { message: "AnyValue", field: number }),
            _ => return Ok(()),
        });
        Ok(())
    })?;
    Ok(value)
}

fn decode_list(bytes: &[u8], depth: usize, room: &mut Room) -> Result<Vec<Value>, DecodeError> {
    let mut values = Vec::new();
    each_field(bytes, |number, field| {
        if number == 1 {
            let raw = message(field, "ArrayValue", number)?;
            if room.admits(values.len(), limits::MAX_VALUES) {
                values.extend(decode_value(raw, depth, room)?);
            }
        }
        Ok(())
    })?;
    Ok(values)
}

fn decode_map(bytes: &[u8], depth: usize, room: &mut Room) -> Result<Vec<Attribute>, DecodeError> {
    let mut attributes = Vec::new();
    each_field(bytes, |number, field| match number {
        1 => {
            let raw = message(field, "KeyValueList", number)?;
            push_attribute(&mut attributes, limits::MAX_VALUES, raw, depth, room)
        }
        _ => Ok(()),
    })?;
    Ok(attributes)
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
