//! Rows of a block before they are columns on disk: filled from encoded spans in the order in which they came, each at the
//! place that it has in the block.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{ArrayRef, RecordBatch, UInt8Array, UInt32Array, UInt64Array};
use arrow_schema::{Field, Schema, SchemaRef};
use throughline_model::otlp::{
    PlainSpan, SpanRef, read_plain_span, read_resource, read_service_name, read_span,
};

use super::attributes::AttributeColumns;
use super::columns;
use super::filling::{Repetition, TextColumn};
use super::schema::SCHEMA;
use super::{BlockError, blob};
use crate::store::batch::Head;
use crate::store::window::{BlockPlace, FiledBatch, SortedSpans, UNKNOWN_SERVICE, part};

/// Rows that lie next to each other in a block.
pub(super) struct Draft<'a> {
    heads: Vec<&'a Head>,
    flags: Vec<u32>,
    trace_state: TextColumn,
    name: TextColumn,
    status_message: TextColumn,
    service: TextColumn,
    resource: TextColumn,
    attributes: TextColumn,
    events: TextColumn,
    links: TextColumn,
    attribute_columns: AttributeColumns,
}

impl<'a> Draft<'a> {
    /// Reads the spans of some places. May block on disk.
    pub(super) fn read(spans: &SortedSpans<'a>, places: &[BlockPlace]) -> Result<Self, BlockError> {
        let mut draft = Self::of(places.iter().filter_map(|place| spans.head(*place)).collect());
        let mut by_batch: Vec<(BlockPlace, u32)> = places.iter().copied().zip(0..).collect();
        by_batch.sort_unstable_by_key(|(place, _)| (place.batch, place.head));
        let mut buffer = Vec::new();
        for wanted in by_batch.chunk_by(|one, other| one.0.batch == other.0.batch) {
            let batch = wanted.first().and_then(|(place, _)| spans.batches().get(place.batch as usize));
            if let Some(batch) = batch {
                draft.read_batch(batch, wanted, &mut buffer)?;
            }
        }
        Ok(draft)
    }

    fn of(heads: Vec<&'a Head>) -> Self {
        let rows = heads.len();
        let words = || TextColumn::new(rows, Repetition::Frequent);
        Self {
            heads,
            flags: vec![0; rows],
            trace_state: words(),
            name: words(),
            status_message: words(),
            service: words(),
            resource: words(),
            attributes: words(),
            events: words(),
            links: words(),
            attribute_columns: AttributeColumns::new(rows),
        }
    }

    fn read_batch(
        &mut self,
        batch: &FiledBatch,
        wanted: &[(BlockPlace, u32)],
        buffer: &mut Vec<u8>,
    ) -> Result<(), BlockError> {
        let message = batch.message(buffer).map_err(|error| BlockError::Source(error.to_string()))?;
        let (mut resource, mut sender, mut scratch) = (None, (0, 0), Vec::new());
        for row in wanted.iter().map(|(_, row)| *row as usize) {
            let Some(head) = self.heads.get(row).copied() else { continue };
            if resource != Some(head.place.resource_at) {
                resource = Some(head.place.resource_at);
                sender = self.sender(part(message, head.place.resource()), &mut scratch)?;
            }
            self.service.set(row, sender.0);
            self.resource.set(row, sender.1);
            let bytes = part(message, head.place.span());
            match read_plain_span(bytes, head.place).map_err(unreadable)? {
                Some(span) => self.set_plain_span(row, &span, &mut scratch)?,
                None => {
                    let span = read_span(bytes, head.place).map_err(unreadable)?;
                    self.set_span(row, &span, &mut scratch);
                }
            }
        }
        Ok(())
    }

    /// The numbers of a service and of a resource.
    fn sender(&mut self, resource: &[u8], scratch: &mut Vec<u8>) -> Result<(u32, u32), BlockError> {
        let service = read_service_name(resource).map_err(unreadable)?;
        scratch.clear();
        blob::write_attributes(scratch, &read_resource(resource).map_err(unreadable)?, |_, _| None);
        let service = self.service.text(service.unwrap_or(UNKNOWN_SERVICE.as_bytes()));
        Ok((service, self.resource.bytes(scratch)))
    }

    fn set_plain_span(
        &mut self,
        row: usize,
        span: &PlainSpan<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<(), BlockError> {
        self.set_words(row, span.flags, [span.trace_state, span.name, span.status_message]);
        let taken = self.attribute_columns.take_plain(row, &span.attributes, scratch);
        taken.map_err(unreadable)?;
        set_bytes(&mut self.attributes, row, scratch);
        Ok(())
    }

    fn set_span(&mut self, row: usize, span: &SpanRef<'_>, scratch: &mut Vec<u8>) {
        self.set_words(row, span.flags, [span.trace_state, span.name, span.status_message]);
        self.attribute_columns.take(row, &span.attributes, scratch);
        set_bytes(&mut self.attributes, row, scratch);
        if !span.events.is_empty() {
            scratch.clear();
            blob::write_events(scratch, &span.events);
            set_bytes(&mut self.events, row, scratch);
        }
        if !span.links.is_empty() {
            scratch.clear();
            blob::write_links(scratch, &span.links);
            set_bytes(&mut self.links, row, scratch);
        }
    }

    fn set_words(&mut self, row: usize, flags: u32, words: [&[u8]; 3]) {
        if let Some(place) = self.flags.get_mut(row) {
            *place = flags;
        }
        let columns = [&mut self.trace_state, &mut self.name, &mut self.status_message];
        for (column, raw) in columns.into_iter().zip(words) {
            let number = column.text(raw);
            column.set(row, number);
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.heads.len()
    }

    /// Attributes with a column that some span has with a value of another type, or more than once.
    pub(super) fn inline(&self) -> &BTreeSet<String> {
        self.attribute_columns.inline()
    }

    /// The columns that say the same of every row: compressing them would cost time and save nothing.
    pub(super) fn constant_columns(&self) -> Vec<&'static str> {
        let own = [
            (columns::TRACE_STATE, &self.trace_state),
            (columns::STATUS_MESSAGE, &self.status_message),
            (columns::EVENTS, &self.events),
            (columns::LINKS, &self.links),
        ];
        let own = own.into_iter().filter(|(_, column)| column.is_constant()).map(|(name, _)| name);
        own.chain(self.attribute_columns.constant()).collect()
    }

    /// Some rows in the schema's columns; where values repeat a column may be places in a list of them, which the writer
    /// takes for the values.
    pub(super) fn columns(&self, rows: Range<usize>) -> Result<RecordBatch, BlockError> {
        let mut arrays = self.id_columns(rows.clone())?;
        let heads = self.heads.get(rows.clone()).unwrap_or_default();
        let numbers = |of: fn(&Head) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(heads.iter().map(|head| of(head))))
        };
        let small = |of: fn(&Head) -> u8| -> ArrayRef {
            Arc::new(UInt8Array::from_iter_values(heads.iter().map(|head| of(head))))
        };
        let backwards = heads.iter().map(|head| {
            let backwards = head.start_unix_ns.saturating_sub(head.end_unix_ns);
            (backwards > 0).then_some(backwards)
        });
        let flags = self.flags.get(rows.clone()).unwrap_or_default();
        let bytes = |column: &TextColumn| column.binary_array(rows.clone());
        arrays.extend([
            self.trace_state.string_array(rows.clone())?,
            Arc::new(UInt32Array::from_iter_values(flags.iter().copied())),
            self.name.string_array(rows.clone())?,
            small(|head| head.kind as u8),
            numbers(|head| head.start_unix_ns),
            numbers(Head::duration_ns),
            Arc::new(UInt64Array::from_iter(backwards)),
            small(|head| head.status as u8),
            self.status_message.string_array(rows.clone())?,
            self.service.string_array(rows.clone())?,
            bytes(&self.resource)?,
            bytes(&self.attributes)?,
            bytes(&self.events)?,
            bytes(&self.links)?,
        ]);
        self.attribute_columns.push_arrays(rows, &mut arrays)?;
        Ok(RecordBatch::try_new(schema_of(&arrays), arrays)?)
    }

    fn id_columns(&self, rows: Range<usize>) -> Result<Vec<ArrayRef>, BlockError> {
        let heads = self.heads.get(rows).unwrap_or_default();
        let mut trace_id = FixedSizeBinaryBuilder::with_capacity(heads.len(), 16);
        let mut span_id = FixedSizeBinaryBuilder::with_capacity(heads.len(), 8);
        let mut parent_span_id = FixedSizeBinaryBuilder::with_capacity(heads.len(), 8);
        for head in heads {
            trace_id.append_value(head.trace_id.as_bytes())?;
            span_id.append_value(head.span_id.as_bytes())?;
            match head.parent_span_id {
                Some(parent) => parent_span_id.append_value(parent.as_bytes())?,
                None => parent_span_id.append_null(),
            }
        }
        Ok(vec![Arc::new(trace_id.finish()), Arc::new(span_id.finish()), Arc::new(parent_span_id.finish())])
    }
}

/// The schema with the types that the arrays have.
fn schema_of(arrays: &[ArrayRef]) -> SchemaRef {
    let typed = |(field, array): (&Arc<Field>, &ArrayRef)| {
        field.as_ref().clone().with_data_type(array.data_type().clone())
    };
    Arc::new(Schema::new(SCHEMA.fields().iter().zip(arrays).map(typed).collect::<Vec<_>>()))
}

fn unreadable(error: impl std::fmt::Display) -> BlockError {
    BlockError::Source(error.to_string())
}

fn set_bytes(column: &mut TextColumn, row: usize, bytes: &[u8]) {
    let number = column.bytes(bytes);
    column.set(row, number);
}
