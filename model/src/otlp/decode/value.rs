//! Attributes and their values, read into whatever a [`Target`] makes of them.

use super::limits::{self, Room};
use super::{DecodeError, MAX_VALUE_DEPTH, each_field, message};
use crate::attribute;
use crate::id::{SpanId, TraceId};
use crate::otlp::borrowed::{AttributeRef, EventRef, LinkRef, ValueRef};
use crate::otlp::wire::{Field, Reader};
use crate::span::{Attribute, SpanEvent, SpanLink, Value};

/// What is made of the parts of a span: owned values, or nothing where bytes are only checked. Both go the same way through
/// the bytes, so both find the same faults and cut the same parts.
pub(super) trait Target<'a> {
    type Text: Default;
    type Value;
    type Attribute;
    type Event;
    type Link;

    /// How many attributes a span is expected to have: room for them is made at once.
    const EXPECTED_ATTRIBUTES: usize = 0;

    /// Whether events and links are made at all.
    const TAKES_EVENTS_AND_LINKS: bool = true;

    /// Whether an attribute of a span is made.
    fn takes(_key: &[u8]) -> bool {
        true
    }

    fn text(raw: &'a [u8]) -> Self::Text;
    fn scalar(value: Scalar<'a>) -> Self::Value;
    fn list(values: Vec<Self::Value>) -> Self::Value;
    fn map(attributes: Vec<Self::Attribute>) -> Self::Value;
    fn attribute(key: Self::Text, value: Self::Value) -> Self::Attribute;
    fn event(time_unix_ns: u64, name: Self::Text, attributes: Vec<Self::Attribute>) -> Self::Event;
    fn link(trace_id: TraceId, span_id: SpanId, attributes: Vec<Self::Attribute>) -> Self::Link;
}

/// A value without parts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// Makes owned values. Text that is not UTF-8 gets replacement characters.
#[derive(Debug)]
pub(super) enum Owned {}

impl Target<'_> for Owned {
    type Text = String;
    type Value = Value;
    type Attribute = Attribute;
    type Event = SpanEvent;
    type Link = SpanLink;

    fn text(raw: &[u8]) -> String {
        String::from_utf8_lossy(raw).into_owned()
    }

    fn scalar(value: Scalar<'_>) -> Value {
        match value {
            Scalar::Text(raw) => Value::Text(Self::text(raw)),
            Scalar::Bool(truth) => Value::Bool(truth),
            Scalar::Int(number) => Value::Int(number),
            Scalar::Double(number) => Value::Double(number),
            Scalar::Bytes(raw) => Value::Bytes(raw.to_vec()),
        }
    }

    fn list(values: Vec<Value>) -> Value {
        Value::List(values)
    }

    fn map(attributes: Vec<Attribute>) -> Value {
        Value::Map(attributes)
    }

    fn attribute(key: String, value: Value) -> Attribute {
        Attribute { key, value }
    }

    fn event(time_unix_ns: u64, name: String, attributes: Vec<Attribute>) -> SpanEvent {
        SpanEvent { time_unix_ns, name, attributes }
    }

    fn link(trace_id: TraceId, span_id: SpanId, attributes: Vec<Attribute>) -> SpanLink {
        SpanLink { trace_id, span_id, attributes }
    }
}

/// Leaves everything where it is.
#[derive(Debug)]
pub(super) enum Borrowed {}

impl<'a> Target<'a> for Borrowed {
    type Text = &'a [u8];
    type Value = ValueRef<'a>;
    type Attribute = AttributeRef<'a>;
    type Event = EventRef<'a>;
    type Link = LinkRef<'a>;

    const EXPECTED_ATTRIBUTES: usize = 16;

    fn text(raw: &'a [u8]) -> &'a [u8] {
        raw
    }

    fn scalar(value: Scalar<'a>) -> ValueRef<'a> {
        match value {
            Scalar::Text(raw) => ValueRef::Text(raw),
            Scalar::Bool(truth) => ValueRef::Bool(truth),
            Scalar::Int(number) => ValueRef::Int(number),
            Scalar::Double(number) => ValueRef::Double(number),
            Scalar::Bytes(raw) => ValueRef::Bytes(raw),
        }
    }

    fn list(values: Vec<ValueRef<'a>>) -> ValueRef<'a> {
        ValueRef::List(values)
    }

    fn map(attributes: Vec<AttributeRef<'a>>) -> ValueRef<'a> {
        ValueRef::Map(attributes)
    }

    fn attribute(key: &'a [u8], value: ValueRef<'a>) -> AttributeRef<'a> {
        AttributeRef { key, value }
    }

    fn event(time_unix_ns: u64, name: &'a [u8], attributes: Vec<AttributeRef<'a>>) -> EventRef<'a> {
        EventRef { time_unix_ns, name, attributes }
    }

    fn link(trace_id: TraceId, span_id: SpanId, attributes: Vec<AttributeRef<'a>>) -> LinkRef<'a> {
        LinkRef { trace_id, span_id, attributes }
    }
}

/// Leaves where it is what tells who called whom, and makes nothing of the rest.
#[derive(Debug)]
pub(super) enum Outline {}

impl<'a> Target<'a> for Outline {
    type Text = &'a [u8];
    /// Text, or no text.
    type Value = Option<&'a [u8]>;
    type Attribute = (&'a [u8], Option<&'a [u8]>);
    type Event = ();
    type Link = ();

    const TAKES_EVENTS_AND_LINKS: bool = false;

    fn takes(key: &[u8]) -> bool {
        // The last byte tells nearly all others apart.
        let is_one = |wanted: &str| wanted.as_bytes().last() == key.last() && wanted.as_bytes() == key;
        OUTLINE_ATTRIBUTES.into_iter().any(is_one)
    }

    fn text(raw: &'a [u8]) -> &'a [u8] {
        raw
    }

    fn scalar(value: Scalar<'a>) -> Option<&'a [u8]> {
        match value {
            Scalar::Text(raw) => Some(raw),
            _ => None,
        }
    }

    fn list(_: Vec<Option<&'a [u8]>>) -> Option<&'a [u8]> {
        None
    }

    fn map(_: Vec<Self::Attribute>) -> Option<&'a [u8]> {
        None
    }

    fn attribute(key: &'a [u8], value: Option<&'a [u8]>) -> Self::Attribute {
        (key, value)
    }

    fn event(_: u64, _: &'a [u8], _: Vec<Self::Attribute>) {}
    fn link(_: TraceId, _: SpanId, _: Vec<Self::Attribute>) {}
}

/// The attributes of an outline.
const OUTLINE_ATTRIBUTES: [&str; 5] = [
    attribute::HTTP_ROUTE,
    attribute::SERVER_ADDRESS,
    attribute::ENVOY_UPSTREAM_CLUSTER,
    attribute::PATH,
    attribute::LINK_KIND,
];

/// Makes nothing: for a look at whether bytes can be read at all.
#[derive(Debug)]
pub(super) enum Checked {}

impl Target<'_> for Checked {
    type Text = ();
    type Value = ();
    type Attribute = ();
    type Event = ();
    type Link = ();

    fn text(_: &[u8]) {}
    fn scalar(_: Scalar<'_>) {}
    fn list(_: Vec<()>) {}
    fn map(_: Vec<()>) {}
    fn attribute((): (), (): ()) {}
    fn event(_: u64, (): (), _: Vec<()>) {}
    fn link(_: TraceId, _: SpanId, _: Vec<()>) {}
}

/// Leaves the attribute out, and counts it, when there are `max` already.
#[inline]
pub(super) fn push_attribute<'a, T: Target<'a>>(
    attributes: &mut Vec<T::Attribute>,
    max: usize,
    bytes: &'a [u8],
    depth: usize,
    room: &mut Room,
) -> Result<(), DecodeError> {
    if room.admits(attributes.len(), max) {
        attributes.extend(read_attribute::<T>(bytes, depth, room)?);
    }
    Ok(())
}

/// `None` for an attribute without a value, and for one that the target does not take.
pub(super) fn read_attribute<'a, T: Target<'a>>(
    bytes: &'a [u8],
    depth: usize,
    room: &mut Room,
) -> Result<Option<T::Attribute>, DecodeError> {
    if depth < MAX_VALUE_DEPTH
        && let Some((key, value)) = key_and_scalar(bytes)
    {
        return Ok(T::takes(key).then(|| T::attribute(T::text(key), T::scalar(value))));
    }
    let (mut key, mut value, mut is_wanted) = (T::Text::default(), None, true);
    each_field(bytes, |number, field| {
        match (number, field) {
            (1, Field::Bytes(raw)) => {
                is_wanted = T::takes(raw);
                if is_wanted {
                    key = T::text(room.shorten(raw));
                }
            }
            (2, Field::Bytes(_)) if !is_wanted => {}
            (2, Field::Bytes(raw)) => value = read_value::<T>(raw, depth, room)?,
            (1 | 2, _) => return Err(DecodeError::WrongType { message: "KeyValue", field: number }),
            _ => {}
        }
        Ok(())
    })?;
    Ok(value.filter(|_| is_wanted).map(|value| T::attribute(key, value)))
}

/// Key and value of an attribute of the shape that nearly all have: a key and behind it a text or an integer, each once, and
/// nothing to be cut. Any other is read field by field, with its faults.
#[inline(always)]
fn key_and_scalar(bytes: &[u8]) -> Option<(&[u8], Scalar<'_>)> {
    const KEY: u8 = 1 << 3 | 2;
    const VALUE: u8 = 2 << 3 | 2;
    const TEXT: u8 = 1 << 3 | 2;
    const INT: u8 = 3 << 3;
    let mut attribute = Reader::new(bytes);
    let key = attribute.bytes_of(KEY)?;
    let mut value = Reader::new(attribute.bytes_of(VALUE)?);
    let scalar = if value.is_at(TEXT) {
        Scalar::Text(value.bytes_of(TEXT)?)
    } else {
        Scalar::Int(value.number_of(INT)? as i64)
    };
    let is_all = attribute.is_at_end() && value.is_at_end();
    (is_all && bytes.len() <= limits::MAX_TEXT_BYTES).then_some((key, scalar))
}

fn read_value<'a, T: Target<'a>>(
    bytes: &'a [u8],
    depth: usize,
    room: &mut Room,
) -> Result<Option<T::Value>, DecodeError> {
    if depth >= MAX_VALUE_DEPTH {
        return Err(DecodeError::TooDeep);
    }
    let mut value = None;
    each_field(bytes, |number, field| {
        value = Some(match (number, field) {
            (1, Field::Bytes(raw)) => T::scalar(Scalar::Text(room.shorten(raw))),
            (2, Field::Varint(truth)) => T::scalar(Scalar::Bool(truth != 0)),
            (3, Field::Varint(number)) => T::scalar(Scalar::Int(number as i64)),
            (4, Field::Fixed64(bits)) => T::scalar(Scalar::Double(f64::from_bits(bits))),
            (5, Field::Bytes(raw)) => T::list(read_list::<T>(raw, depth + 1, room)?),
            (6, Field::Bytes(raw)) => T::map(read_map::<T>(raw, depth + 1, room)?),
            (7, Field::Bytes(raw)) => T::scalar(Scalar::Bytes(room.shorten(raw))),
            (1..=7, _) => return Err(DecodeError::WrongType { message: "AnyValue", field: number }),
            _ => return Ok(()),
        });
        Ok(())
    })?;
    Ok(value)
}

fn read_list<'a, T: Target<'a>>(
    bytes: &'a [u8],
    depth: usize,
    room: &mut Room,
) -> Result<Vec<T::Value>, DecodeError> {
    let mut values = Vec::new();
    each_field(bytes, |number, field| {
        if number == 1 {
            let raw = message(field, "ArrayValue", number)?;
            if room.admits(values.len(), limits::MAX_VALUES) {
                values.extend(read_value::<T>(raw, depth, room)?);
            }
        }
        Ok(())
    })?;
    Ok(values)
}

fn read_map<'a, T: Target<'a>>(
    bytes: &'a [u8],
    depth: usize,
    room: &mut Room,
) -> Result<Vec<T::Attribute>, DecodeError> {
    let mut attributes = Vec::new();
    each_field(bytes, |number, field| match number {
        1 => {
            let raw = message(field, "KeyValueList", number)?;
            push_attribute::<T>(&mut attributes, limits::MAX_VALUES, raw, depth, room)
        }
        _ => Ok(()),
    })?;
    Ok(attributes)
}
