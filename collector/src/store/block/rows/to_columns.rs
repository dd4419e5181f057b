//! Spans to columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, FixedSizeBinaryBuilder, Int64Builder, StringBuilder, UInt8Builder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use throughline_model::span::{Attribute, Resource, Span, Value};

use crate::store::block::BlockError;
use crate::store::block::blob;
use crate::store::block::columns::{ATTRIBUTE_COLUMNS, ColumnType};
use crate::store::block::schema::SCHEMA;

/// Turns spans into one row each.
pub(in crate::store::block) fn to_columns(spans: &[Arc<Span>]) -> Result<RecordBatch, BlockError> {
    let mut arrays = fixed_columns(spans)?;
    let (blobs, attributes) = attribute_columns(spans)?;
    arrays.extend(blobs);
    arrays.extend(attributes);
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), arrays)?)
}

/// The columns up to `service`, in the schema's order.
fn fixed_columns(spans: &[Arc<Span>]) -> Result<Vec<ArrayRef>, BlockError> {
    let mut trace_id = FixedSizeBinaryBuilder::with_capacity(spans.len(), 16);
    let mut span_id = FixedSizeBinaryBuilder::with_capacity(spans.len(), 8);
    let mut parent_span_id = FixedSizeBinaryBuilder::with_capacity(spans.len(), 8);
    let mut trace_state = StringBuilder::new();
    let mut flags = UInt32Builder::with_capacity(spans.len());
    let mut name = StringBuilder::new();
    let mut kind = UInt8Builder::with_capacity(spans.len());
    let mut start = UInt64Builder::with_capacity(spans.len());
    let mut duration = UInt64Builder::with_capacity(spans.len());
    let mut end_before_start = UInt64Builder::with_capacity(spans.len());
    let mut status = UInt8Builder::with_capacity(spans.len());
    let mut status_message = StringBuilder::new();
    let mut service = StringBuilder::new();
    for span in spans {
        trace_id.append_value(span.trace_id.as_bytes())?;
        span_id.append_value(span.span_id.as_bytes())?;
        match span.parent_span_id {
            Some(parent) => parent_span_id.append_value(parent.as_bytes())?,
            None => parent_span_id.append_null(),
        }
        trace_state.append_value(&span.trace_state);
        flags.append_value(span.flags);
        name.append_value(&span.name);
        kind.append_value(span.kind as u8);
        start.append_value(span.start_unix_ns);
        duration.append_value(span.duration_ns());
        let backwards = span.start_unix_ns.saturating_sub(span.end_unix_ns);
        end_before_start.append_option((backwards > 0).then_some(backwards));
        status.append_value(span.status as u8);
        status_message.append_value(&span.status_message);
        service.append_value(span.service_name());
    }
    Ok(vec![
        Arc::new(trace_id.finish()),
        Arc::new(span_id.finish()),
        Arc::new(parent_span_id.finish()),
        Arc::new(trace_state.finish()),
        Arc::new(flags.finish()),
        Arc::new(name.finish()),
        Arc::new(kind.finish()),
        Arc::new(start.finish()),
        Arc::new(duration.finish()),
        Arc::new(end_before_start.finish()),
        Arc::new(status.finish()),
        Arc::new(status_message.finish()),
        Arc::new(service.finish()),
    ])
}

/// The columns `resource` to `links`, and those of the attributes.
fn attribute_columns(spans: &[Arc<Span>]) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>), BlockError> {
    let mut resources = Resources::default();
    let mut resource = BinaryBuilder::new();
    let mut attributes = BinaryBuilder::new();
    let mut events = BinaryBuilder::new();
    let mut links = BinaryBuilder::new();
    let mut columns: Vec<AttributeBuilder> = ATTRIBUTE_COLUMNS.iter().map(AttributeBuilder::new).collect();
    let mut bytes = Vec::new();
    for span in spans {
        resource.append_value(resources.bytes(&span.resource));
        bytes.clear();
        blob::write_attributes(&mut bytes, &span.attributes, |attribute| {
            columns.iter_mut().position(|column| column.takes(attribute))
        });
        attributes.append_value(&bytes);
        columns.iter_mut().for_each(AttributeBuilder::end_row);
        append_list(&mut events, &span.events, &mut bytes, blob::write_events);
        append_list(&mut links, &span.links, &mut bytes, blob::write_links);
    }
    let blobs: Vec<ArrayRef> = vec![
        Arc::new(resource.finish()),
        Arc::new(attributes.finish()),
        Arc::new(events.finish()),
        Arc::new(links.finish()),
    ];
    Ok((blobs, columns.into_iter().map(AttributeBuilder::finish).collect()))
}

fn append_list<T>(
    builder: &mut BinaryBuilder,
    list: &[T],
    bytes: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>, &[T]),
) {
    bytes.clear();
    if list.is_empty() {
        builder.append_null();
    } else {
        write(bytes, list);
        builder.append_value(bytes);
    }
}

/// The bytes of resources: neighbours share them, so each is written once.
#[derive(Default)]
struct Resources {
    // The spans of a batch live as long as this, so an address stands for one resource.
    by_address: HashMap<*const Resource, Vec<u8>>,
}

impl Resources {
    fn bytes(&mut self, resource: &Arc<Resource>) -> &[u8] {
        self.by_address.entry(Arc::as_ptr(resource)).or_insert_with(|| {
            let mut bytes = Vec::new();
            blob::write_attributes(&mut bytes, &resource.attributes, |_| None);
            bytes
        })
    }
}

/// The column of one attribute while it is being filled.
struct AttributeBuilder {
    key: &'static str,
    values: Values,
    rows: usize,
}

enum Values {
    Text(StringBuilder),
    Integer(Int64Builder),
}

impl AttributeBuilder {
    fn new(column: &crate::store::block::columns::AttributeColumn) -> Self {
        let values = match column.column_type {
            ColumnType::Word | ColumnType::Text => Values::Text(StringBuilder::new()),
            ColumnType::Integer => Values::Integer(Int64Builder::new()),
        };
        Self { key: column.key, values, rows: 0 }
    }

    fn filled(&self) -> usize {
        match &self.values {
            Values::Text(builder) => builder.len(),
            Values::Integer(builder) => builder.len(),
        }
    }

    /// Takes an attribute of the current row: the first one with the right key and type.
    fn takes(&mut self, attribute: &Attribute) -> bool {
        if attribute.key != self.key || self.filled() > self.rows {
            return false;
        }
        match (&mut self.values, &attribute.value) {
            (Values::Text(builder), Value::Text(text)) => builder.append_value(text),
            (Values::Integer(builder), Value::Int(number)) => builder.append_value(*number),
            _ => return false,
        }
        true
    }

    fn end_row(&mut self) {
        if self.filled() == self.rows {
            match &mut self.values {
                Values::Text(builder) => builder.append_null(),
                Values::Integer(builder) => builder.append_null(),
            }
        }
        self.rows += 1;
    }

    fn finish(mut self) -> ArrayRef {
        match &mut self.values {
            Values::Text(builder) => Arc::new(builder.finish()),
            Values::Integer(builder) => Arc::new(builder.finish()),
        }
    }
}
