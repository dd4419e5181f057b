//! One span's fields.

use std::sync::Arc;

use super::limits::{self, Room};
use super::value::{Borrowed, Owned, Target, push_attribute};
use super::{DecodeError, SpanPlace, each_field};
use crate::attribute::{CUT, STUB};
use crate::id::{SpanId, TraceId};
use crate::otlp::borrowed::{AttributeRef, SpanRef, ValueRef};
use crate::otlp::wire::{Field, Reader};
use crate::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

/// A span as it stands on the wire, its parts as the target makes them.
pub(super) struct SpanFields<'a, T: Target<'a>> {
    pub(super) trace_id: &'a [u8],
    pub(super) span_id: &'a [u8],
    pub(super) parent_span_id: &'a [u8],
    pub(super) trace_state: T::Text,
    pub(super) flags: u32,
    pub(super) name: &'a [u8],
    pub(super) kind: SpanKind,
    pub(super) start_unix_ns: u64,
    pub(super) end_unix_ns: u64,
    pub(super) attributes: Vec<T::Attribute>,
    pub(super) events: Vec<T::Event>,
    pub(super) links: Vec<T::Link>,
    pub(super) status: StatusCode,
    pub(super) status_message: T::Text,
    /// Parts that were left out or shortened.
    pub(super) cut: u64,
}

impl<'a, T: Target<'a>> Default for SpanFields<'a, T> {
    fn default() -> Self {
        Self {
            trace_id: &[],
            span_id: &[],
            parent_span_id: &[],
            trace_state: T::Text::default(),
            flags: 0,
            name: &[],
            kind: SpanKind::default(),
            start_unix_ns: 0,
            end_unix_ns: 0,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: StatusCode::default(),
            status_message: T::Text::default(),
            cut: 0,
        }
    }
}

/// The ids of a span, checked.
pub(super) struct Ids {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent_span_id: Option<SpanId>,
}

impl<'a, T: Target<'a>> SpanFields<'a, T> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut room = Room::new();
        let mut span = Self { attributes: Vec::with_capacity(T::EXPECTED_ATTRIBUTES), ..Self::default() };
        let mut reader = Reader::new(bytes);
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Bytes(id)) => span.trace_id = id,
                (2, Field::Bytes(id)) => span.span_id = id,
                (3, Field::Bytes(raw)) => span.trace_state = T::text(room.shorten(raw)),
                (4, Field::Bytes(id)) => span.parent_span_id = id,
                (5, Field::Bytes(raw)) => span.name = room.shorten(raw),
                (6, Field::Varint(kind)) => span.kind = SpanKind::from_number(kind),
                (7, Field::Fixed64(time)) => span.start_unix_ns = time,
                (8, Field::Fixed64(time)) => span.end_unix_ns = time,
                (9, Field::Bytes(raw)) => {
                    push_attribute::<T>(&mut span.attributes, limits::MAX_ATTRIBUTES, raw, 0, &mut room)?;
                }
                (11, Field::Bytes(raw)) => push_event::<T>(&mut span.events, raw, &mut room)?,
                (13, Field::Bytes(raw)) => push_link::<T>(&mut span.links, raw, &mut room)?,
                (15, Field::Bytes(raw)) => {
                    (span.status, span.status_message) = read_status::<T>(raw, &mut room)?;
                }
                (16, Field::Fixed32(flags)) => span.flags = flags,
                (1..=9 | 11 | 13 | 15 | 16, _) => {
                    return Err(DecodeError::WrongType { message: "Span", field: number });
                }
                _ => {}
            }
        }
        span.cut = room.cut();
        Ok(span)
    }

    pub(super) fn ids(&self) -> Result<Ids, &'static str> {
        let trace_id = TraceId::from_bytes(self.trace_id).ok_or("trace_id is not 16 bytes, or all zero")?;
        let span_id = SpanId::from_bytes(self.span_id).ok_or("span_id is not 8 bytes, or all zero")?;
        let parent_span_id = match self.parent_span_id {
            // Some senders write a root's parent as eight zero bytes instead of leaving it out.
            [] | [0, 0, 0, 0, 0, 0, 0, 0] => None,
            raw => Some(SpanId::from_bytes(raw).ok_or("parent_span_id is not 8 bytes")?),
        };
        Ok(Ids { trace_id, span_id, parent_span_id })
    }
}

impl SpanFields<'_, Owned> {
    pub(super) fn into_span(
        mut self,
        place: SpanPlace,
        resource: &Arc<Resource>,
    ) -> Result<Span, &'static str> {
        let Ids { trace_id, span_id, parent_span_id } = self.ids()?;
        if place.is_stub {
            self.attributes.push(Attribute { key: STUB.to_owned(), value: Value::Bool(true) });
        }
        if self.cut > 0 {
            self.attributes.push(Attribute { key: CUT.to_owned(), value: Value::Int(self.cut as i64) });
        }
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state: self.trace_state,
            flags: self.flags,
            name: Owned::text(self.name),
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

impl<'a> SpanFields<'a, Borrowed> {
    pub(super) fn into_span_ref(mut self, place: SpanPlace) -> SpanRef<'a> {
        if place.is_stub {
            self.attributes.push(AttributeRef { key: STUB.as_bytes(), value: ValueRef::Bool(true) });
        }
        if self.cut > 0 {
            self.attributes.push(AttributeRef { key: CUT.as_bytes(), value: ValueRef::Int(self.cut as i64) });
        }
        SpanRef {
            trace_state: self.trace_state,
            flags: self.flags,
            name: self.name,
            attributes: self.attributes,
            events: self.events,
            links: self.links,
            status_message: self.status_message,
        }
    }
}

/// An event without any field says nothing and is left out.
fn push_event<'a, T: Target<'a>>(
    events: &mut Vec<T::Event>,
    bytes: &'a [u8],
    room: &mut Room,
) -> Result<(), DecodeError> {
    if !T::TAKES_EVENTS_AND_LINKS || bytes.is_empty() || !room.admits(events.len(), limits::MAX_EVENTS) {
        return Ok(());
    }
    let (mut time_unix_ns, mut name, mut attributes) = (0, T::Text::default(), Vec::new());
    each_field(bytes, |number, field| {
        match (number, field) {
            (1, Field::Fixed64(time)) => time_unix_ns = time,
            (2, Field::Bytes(raw)) => name = T::text(room.shorten(raw)),
            (3, Field::Bytes(raw)) => {
                push_attribute::<T>(&mut attributes, limits::MAX_ATTRIBUTES, raw, 0, room)?;
            }
            (1..=3, _) => return Err(DecodeError::WrongType { message: "Span.Event", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    events.push(T::event(time_unix_ns, name, attributes));
    Ok(())
}

/// A link without usable ids says nothing and is left out.
fn push_link<'a, T: Target<'a>>(
    links: &mut Vec<T::Link>,
    bytes: &'a [u8],
    room: &mut Room,
) -> Result<(), DecodeError> {
    if !T::TAKES_EVENTS_AND_LINKS || !room.admits(links.len(), limits::MAX_LINKS) {
        return Ok(());
    }
    let (mut trace_id, mut span_id, mut attributes) = (None, None, Vec::new());
    each_field(bytes, |number, field| {
        match (number, field) {
            (1, Field::Bytes(raw)) => trace_id = TraceId::from_bytes(raw),
            (2, Field::Bytes(raw)) => span_id = SpanId::from_bytes(raw),
            (4, Field::Bytes(raw)) => {
                push_attribute::<T>(&mut attributes, limits::MAX_ATTRIBUTES, raw, 0, room)?;
            }
            (1 | 2 | 4, _) => return Err(DecodeError::WrongType { message: "Span.Link", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    links.extend(trace_id.zip(span_id).map(|(trace_id, span_id)| T::link(trace_id, span_id, attributes)));
    Ok(())
}

pub(super) fn read_status<'a, T: Target<'a>>(
    bytes: &'a [u8],
    room: &mut Room,
) -> Result<(StatusCode, T::Text), DecodeError> {
    let (mut code, mut words) = (StatusCode::Unset, T::Text::default());
    each_field(bytes, |number, field| {
        match (number, field) {
            (2, Field::Bytes(raw)) => words = T::text(room.shorten(raw)),
            (3, Field::Varint(number)) => code = StatusCode::from_number(number),
            (2 | 3, _) => return Err(DecodeError::WrongType { message: "Status", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    Ok((code, words))
}
