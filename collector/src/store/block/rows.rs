//! Columns to spans.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, Int64Array, PrimitiveArray, RecordBatch, StringArray,
};
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use super::BlockError;
use super::blob;
use super::columns::{self, ATTRIBUTE_COLUMNS, ColumnType};

const MISSING: BlockError = BlockError::Damaged("a column is missing or has another type");
const BAD_ID: BlockError = BlockError::Damaged("an id is all zero");

/// Turns rows into spans.
pub(super) fn from_columns(batch: &RecordBatch) -> Result<Vec<Arc<Span>>, BlockError> {
    let columns = Columns::of(batch)?;
    let mut resources = HashMap::new();
    (0..batch.num_rows()).map(|row| Ok(Arc::new(columns.span(row, &mut resources)?))).collect()
}

struct Columns<'a> {
    trace_id: &'a FixedSizeBinaryArray,
    span_id: &'a FixedSizeBinaryArray,
    parent_span_id: &'a FixedSizeBinaryArray,
    trace_state: &'a StringArray,
    flags: &'a PrimitiveArray<UInt32Type>,
    name: &'a StringArray,
    kind: &'a PrimitiveArray<UInt8Type>,
    start: &'a PrimitiveArray<UInt64Type>,
    duration: &'a PrimitiveArray<UInt64Type>,
    end_before_start: &'a PrimitiveArray<UInt64Type>,
    status: &'a PrimitiveArray<UInt8Type>,
    status_message: &'a StringArray,
    resource: &'a BinaryArray,
    attributes: &'a BinaryArray,
    events: &'a BinaryArray,
    links: &'a BinaryArray,
    attribute_columns: Vec<(&'static str, AttributeValues<'a>)>,
}

enum AttributeValues<'a> {
    Text(&'a StringArray),
    Integer(&'a Int64Array),
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, BlockError> {
        let column = |name: &str| batch.column_by_name(name).ok_or(MISSING);
        let id = |name| column(name).and_then(|array| array.as_fixed_size_binary_opt().ok_or(MISSING));
        let text = |name| column(name).and_then(|array| array.as_string_opt().ok_or(MISSING));
        let bytes = |name| column(name).and_then(|array| array.as_binary_opt().ok_or(MISSING));
        let number = |name| column(name).and_then(|array| array.as_primitive_opt().ok_or(MISSING));
        let small = |name| column(name).and_then(|array| array.as_primitive_opt().ok_or(MISSING));
        Ok(Self {
            trace_id: id(columns::TRACE_ID)?,
            span_id: id(columns::SPAN_ID)?,
            parent_span_id: id(columns::PARENT_SPAN_ID)?,
            trace_state: text(columns::TRACE_STATE)?,
            flags: column(columns::FLAGS)?.as_primitive_opt().ok_or(MISSING)?,
            name: text(columns::NAME)?,
            kind: small(columns::KIND)?,
            start: number(columns::START)?,
            duration: number(columns::DURATION)?,
            end_before_start: number(columns::END_BEFORE_START)?,
            status: small(columns::STATUS)?,
            status_message: text(columns::STATUS_MESSAGE)?,
            resource: bytes(columns::RESOURCE)?,
            attributes: bytes(columns::ATTRIBUTES)?,
            events: bytes(columns::EVENTS)?,
            links: bytes(columns::LINKS)?,
            attribute_columns: ATTRIBUTE_COLUMNS
                .iter()
                .map(|attribute| {
                    Ok((attribute.key, values(column(attribute.column)?, attribute.column_type)?))
                })
                .collect::<Result<_, BlockError>>()?,
        })
    }

    fn span(&self, row: usize, resources: &mut HashMap<&'a [u8], Arc<Resource>>) -> Result<Span, BlockError> {
        let start_unix_ns = self.start.value(row);
        let parent = (!self.parent_span_id.is_null(row)).then(|| self.parent_span_id.value(row));
        Ok(Span {
            trace_id: TraceId::from_bytes(self.trace_id.value(row)).ok_or(BAD_ID)?,
            span_id: SpanId::from_bytes(self.span_id.value(row)).ok_or(BAD_ID)?,
            parent_span_id: parent.map(|id| SpanId::from_bytes(id).ok_or(BAD_ID)).transpose()?,
            trace_state: self.trace_state.value(row).to_owned(),
            flags: self.flags.value(row),
            name: self.name.value(row).to_owned(),
            kind: SpanKind::from_number(self.kind.value(row).into()),
            start_unix_ns,
            end_unix_ns: if self.end_before_start.is_null(row) {
                start_unix_ns.saturating_add(self.duration.value(row))
            } else {
                start_unix_ns.saturating_sub(self.end_before_start.value(row))
            },
            attributes: blob::read_attributes(self.attributes.value(row), |column| {
                self.attribute(row, column)
            })?,
            events: read_list(self.events, row, blob::read_events)?,
            links: read_list(self.links, row, blob::read_links)?,
            status: StatusCode::from_number(self.status.value(row).into()),
            status_message: self.status_message.value(row).to_owned(),
            resource: read_resource(self.resource.value(row), resources)?,
        })
    }

    fn attribute(&self, row: usize, column: usize) -> Option<Attribute> {
        let (key, values) = self.attribute_columns.get(column)?;
        let value = match values {
            AttributeValues::Text(array) if !array.is_null(row) => Value::Text(array.value(row).to_owned()),
            AttributeValues::Integer(array) if !array.is_null(row) => Value::Int(array.value(row)),
            _ => return None,
        };
        Some(Attribute { key: (*key).to_owned(), value })
    }
}

fn values(array: &ArrayRef, column_type: ColumnType) -> Result<AttributeValues<'_>, BlockError> {
    match column_type {
        ColumnType::Word | ColumnType::Text => array.as_string_opt().map(AttributeValues::Text),
        ColumnType::Integer => array.as_primitive_opt::<Int64Type>().map(AttributeValues::Integer),
    }
    .ok_or(MISSING)
}

fn read_list<T>(
    array: &BinaryArray,
    row: usize,
    read: impl FnOnce(&[u8]) -> Result<Vec<T>, BlockError>,
) -> Result<Vec<T>, BlockError> {
    if array.is_null(row) { Ok(Vec::new()) } else { read(array.value(row)) }
}

fn read_resource<'a>(
    bytes: &'a [u8],
    resources: &mut HashMap<&'a [u8], Arc<Resource>>,
) -> Result<Arc<Resource>, BlockError> {
    if let Some(resource) = resources.get(bytes) {
        return Ok(Arc::clone(resource));
    }
    let resource = Arc::new(Resource { attributes: blob::read_attributes(bytes, |_| None)? });
    resources.insert(bytes, Arc::clone(&resource));
    Ok(resource)
}
