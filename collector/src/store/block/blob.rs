//! Attributes, events and links as bytes: lossless, with varint lengths, and a place for values that have a column.
//!
//! A list is its count and its entries. An attribute is a tag and, for tag 0, its key and value; a tag of `n + 1` says that
//! the key and the value are those of attribute column `n` of the same row. A value is a tag of its own and its bytes.

use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::{AttributeRef, EventRef, LinkRef, ValueRef};
use throughline_model::span::{Attribute, SpanEvent, SpanLink, Value};

use super::BlockError;
use crate::store::text::shown;

/// Values nest less than this: what comes in is checked when it is decoded.
const MAX_DEPTH: usize = 64;
const INLINE: u64 = 0;

const TEXT: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INT: u8 = 4;
const DOUBLE: u8 = 5;
const BYTES: u8 = 6;
const LIST: u8 = 7;
const MAP: u8 = 8;

/// Writes a number in groups of seven bits, the lowest first.
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Text as it is shown: what is not UTF-8 gets replacement characters.
fn write_text(out: &mut Vec<u8>, raw: &[u8]) {
    write_bytes(out, shown(raw).as_bytes());
}

/// Writes attributes; `column_of` gives the column that already holds one, told with its place.
pub(super) fn write_attributes<'a>(
    out: &mut Vec<u8>,
    attributes: &[AttributeRef<'a>],
    mut column_of: impl FnMut(usize, &AttributeRef<'a>) -> Option<usize>,
) {
    write_count(out, attributes.len());
    for (place, attribute) in attributes.iter().enumerate() {
        match column_of(place, attribute) {
            Some(column) => write_in_column(out, column),
            None => write_inline(out, attribute),
        }
    }
}

/// Writes how many attributes follow.
pub(super) fn write_count(out: &mut Vec<u8>, count: usize) {
    write_number(out, count as u64);
}

/// Writes that a column holds the next attribute.
pub(super) fn write_in_column(out: &mut Vec<u8>, column: usize) {
    write_number(out, column as u64 + 1);
}

/// Writes an attribute that no column holds.
pub(super) fn write_inline(out: &mut Vec<u8>, attribute: &AttributeRef<'_>) {
    write_number(out, INLINE);
    write_text(out, attribute.key);
    write_value(out, &attribute.value);
}

fn write_value(out: &mut Vec<u8>, value: &ValueRef<'_>) {
    match value {
        ValueRef::Text(raw) => {
            out.push(TEXT);
            write_text(out, raw);
        }
        ValueRef::Bytes(bytes) => {
            out.push(BYTES);
            write_bytes(out, bytes);
        }
        ValueRef::Bool(truth) => out.push(if *truth { TRUE } else { FALSE }),
        ValueRef::Int(number) => {
            out.push(INT);
            out.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Double(number) => {
            out.push(DOUBLE);
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        ValueRef::List(values) => {
            out.push(LIST);
            write_number(out, values.len() as u64);
            values.iter().for_each(|value| write_value(out, value));
        }
        ValueRef::Map(attributes) => {
            out.push(MAP);
            write_attributes(out, attributes, |_, _| None);
        }
    }
}

/// Writes events.
pub(super) fn write_events(out: &mut Vec<u8>, events: &[EventRef<'_>]) {
    write_number(out, events.len() as u64);
    for event in events {
        out.extend_from_slice(&event.time_unix_ns.to_le_bytes());
        write_text(out, event.name);
        write_attributes(out, &event.attributes, |_, _| None);
    }
}

/// Writes links.
pub(super) fn write_links(out: &mut Vec<u8>, links: &[LinkRef<'_>]) {
    write_number(out, links.len() as u64);
    for link in links {
        out.extend_from_slice(link.trace_id.as_bytes());
        out.extend_from_slice(link.span_id.as_bytes());
        write_attributes(out, &link.attributes, |_, _| None);
    }
}

const CUT: BlockError = BlockError::Damaged("a list of attributes ends too early");
const UNKNOWN: BlockError = BlockError::Damaged("a list of attributes has an unknown tag");
const NOT_TEXT: BlockError = BlockError::Damaged("a text is not UTF-8");
const TOO_DEEP: BlockError = BlockError::Damaged("values nest too deep");

/// Reads attributes; `value_of` gives the key and the value that a column holds.
pub(super) fn read_attributes(
    bytes: &[u8],
    mut value_of: impl FnMut(usize) -> Option<Attribute>,
) -> Result<Vec<Attribute>, BlockError> {
    Reader { rest: bytes }.attributes(0, &mut value_of)
}

/// Where the first attribute with some key is.
#[derive(Debug, PartialEq)]
pub(super) enum FirstValue {
    /// In its column.
    InColumn,
    /// Among those without one.
    Inline(Value),
    Absent,
}

/// Looks for the first attribute with a key; `column` is the one for this key, if there is one.
pub(super) fn first_value(bytes: &[u8], key: &str, column: Option<usize>) -> Result<FirstValue, BlockError> {
    let mut reader = Reader { rest: bytes };
    for _ in 0..reader.number()? {
        match reader.number()? {
            INLINE if reader.slice()? == key.as_bytes() => return Ok(FirstValue::Inline(reader.value(0)?)),
            INLINE => reader.skip_value(0)?,
            tag if column.is_some_and(|column| tag == column as u64 + 1) => return Ok(FirstValue::InColumn),
            _ => {}
        }
    }
    Ok(FirstValue::Absent)
}

/// The name of an attribute, or the column that tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AttributeKey<'a> {
    Inline(&'a str),
    Column(usize),
}

/// Hands out the name of every attribute.
pub(super) fn each_key(bytes: &[u8], mut take: impl FnMut(AttributeKey<'_>)) -> Result<(), BlockError> {
    let mut reader = Reader { rest: bytes };
    for _ in 0..reader.number()? {
        match reader.number()? {
            INLINE => {
                let key = std::str::from_utf8(reader.slice()?).map_err(|_| NOT_TEXT)?;
                take(AttributeKey::Inline(key));
                reader.skip_value(0)?;
            }
            tag => take(AttributeKey::Column(usize::try_from(tag - 1).map_err(|_| UNKNOWN)?)),
        }
    }
    Ok(())
}

/// Reads events.
pub(super) fn read_events(bytes: &[u8]) -> Result<Vec<SpanEvent>, BlockError> {
    let mut reader = Reader { rest: bytes };
    (0..reader.number()?)
        .map(|_| {
            Ok(SpanEvent {
                time_unix_ns: u64::from_le_bytes(reader.array()?),
                name: reader.text()?,
                attributes: reader.attributes(0, &mut |_| None)?,
            })
        })
        .collect()
}

/// Reads links.
pub(super) fn read_links(bytes: &[u8]) -> Result<Vec<SpanLink>, BlockError> {
    let mut reader = Reader { rest: bytes };
    (0..reader.number()?)
        .map(|_| {
            Ok(SpanLink {
                trace_id: TraceId::from_bytes(&reader.array::<16>()?).ok_or(UNKNOWN)?,
                span_id: SpanId::from_bytes(&reader.array::<8>()?).ok_or(UNKNOWN)?,
                attributes: reader.attributes(0, &mut |_| None)?,
            })
        })
        .collect()
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], BlockError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(CUT)?;
        self.rest = rest;
        Ok(*array)
    }

    fn number(&mut self) -> Result<u64, BlockError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(UNKNOWN)
    }

    fn slice(&mut self) -> Result<&'a [u8], BlockError> {
        let length = usize::try_from(self.number()?).map_err(|_| CUT)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn bytes(&mut self) -> Result<Vec<u8>, BlockError> {
        Ok(self.slice()?.to_vec())
    }

    fn text(&mut self) -> Result<String, BlockError> {
        String::from_utf8(self.bytes()?).map_err(|_| NOT_TEXT)
    }

    fn skip_value(&mut self, depth: usize) -> Result<(), BlockError> {
        if depth >= MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        let [tag] = self.array()?;
        match tag {
            TEXT | BYTES => self.slice().map(drop),
            FALSE | TRUE => Ok(()),
            INT | DOUBLE => self.array::<8>().map(drop),
            LIST => (0..self.number()?).try_for_each(|_| self.skip_value(depth + 1)),
            MAP => (0..self.number()?).try_for_each(|_| match self.number()? {
                INLINE => {
                    self.slice()?;
                    self.skip_value(depth + 1)
                }
                _ => Err(UNKNOWN),
            }),
            _ => Err(UNKNOWN),
        }
    }

    fn attributes(
        &mut self,
        depth: usize,
        value_of: &mut dyn FnMut(usize) -> Option<Attribute>,
    ) -> Result<Vec<Attribute>, BlockError> {
        (0..self.number()?)
            .map(|_| match self.number()? {
                INLINE => Ok(Attribute { key: self.text()?, value: self.value(depth)? }),
                tag => usize::try_from(tag - 1).ok().and_then(&mut *value_of).ok_or(UNKNOWN),
            })
            .collect()
    }

    fn value(&mut self, depth: usize) -> Result<Value, BlockError> {
        if depth >= MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        let [tag] = self.array()?;
        Ok(match tag {
            TEXT => Value::Text(self.text()?),
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            INT => Value::Int(i64::from_le_bytes(self.array()?)),
            DOUBLE => Value::Double(f64::from_bits(u64::from_le_bytes(self.array()?))),
            BYTES => Value::Bytes(self.bytes()?),
            LIST => {
                Value::List((0..self.number()?).map(|_| self.value(depth + 1)).collect::<Result<_, _>>()?)
            }
            MAP => Value::Map(self.attributes(depth + 1, &mut |_| None)?),
            _ => return Err(UNKNOWN),
        })
    }
}
