//! Matching spans out of a block: pruned by time and service, then one column after the other, the cheapest first.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowFilter};
use parquet::file::statistics::Statistics;
use throughline_model::id::TraceId;

use super::file::BlockFile;
use super::predicates::predicates;
use super::schema::SCHEMA;
use super::{Block, BlockError, columns, fields};
use crate::store::newest::NewestTraces;
use crate::store::values::{Values, ValuesOf};
use crate::store::{Budget, Comparison, Condition, Field, Scope, SpanFilter, Test};

/// Rows that are looked at together.
const BATCH_ROWS: usize = 8_192;

/// Offers every matching span that can still change the answer. Returns whether the budget allowed to look everywhere.
pub(super) fn search(
    block: &Block,
    filter: &SpanFilter,
    newest: &mut NewestTraces,
    budget: &Budget,
) -> Result<bool, BlockError> {
    let wanted = [columns::TRACE_ID, columns::START];
    for row_group in 0..block.metadata.metadata().num_row_groups() {
        // What was found meanwhile may make older spans uninteresting.
        let floor = newest.floor_unix_ns();
        if !may_match(block, filter, floor) {
            return Ok(true);
        }
        if !budget.allows_more() {
            return Ok(false);
        }
        if !row_group_may_match(block, filter, row_group) {
            continue;
        }
        let matching = Matching { filter, floor_unix_ns: floor, row_group, budget };
        matching.read(block, &wanted, |batch| offer(batch, newest))?;
    }
    Ok(true)
}

/// Offers what matching spans have of something. Returns whether the budget allowed to look everywhere.
pub(super) fn values(
    block: &Block,
    of: &ValuesOf,
    filter: &SpanFilter,
    values: &mut Values,
    budget: &Budget,
) -> Result<bool, BlockError> {
    if !may_match(block, filter, 0) {
        return Ok(true);
    }
    let wanted = fields::columns_of_values(of, &block.footer);
    for row_group in 0..block.metadata.metadata().num_row_groups() {
        if values.is_full() || !budget.allows_more() {
            return Ok(false);
        }
        let matching = Matching { filter, floor_unix_ns: 0, row_group, budget };
        matching.read(block, &wanted, |batch| fields::offer_values(of, batch, values))?;
    }
    Ok(true)
}

fn may_match(block: &Block, filter: &SpanFilter, floor_unix_ns: u64) -> bool {
    let since = floor_unix_ns.max(filter.since_unix_ns.unwrap_or_default());
    block.footer.max_start_unix_ns >= since
        && filter.until_unix_ns.is_none_or(|until| block.footer.min_start_unix_ns <= until)
        && filter.service.as_ref().is_none_or(|service| block.footer.services.may_contain(service))
}

/// Whether the texts that some columns are asked for lie within what the row group has there, as far as that was written down.
fn row_group_may_match(block: &Block, filter: &SpanFilter, row_group: usize) -> bool {
    let Some(group) = block.metadata.metadata().row_groups().get(row_group) else { return true };
    filter.conditions.iter().all(|condition| {
        let Condition::Field(Field::Attribute(Scope::Span, key), Test::Is(Comparison::Equal, wanted)) =
            condition
        else {
            return true;
        };
        let (Some(wanted), Some(place)) = (wanted.as_text(), columns::place_of(key)) else { return true };
        let Some(own) = columns::ATTRIBUTE_COLUMNS.get(place).filter(|_| !block.footer.may_be_inline(key))
        else {
            return true;
        };
        let column = SCHEMA.column_with_name(own.column).and_then(|(place, _)| group.columns().get(place));
        match column.and_then(|column| column.statistics()) {
            Some(Statistics::ByteArray(texts)) => match (texts.min_bytes_opt(), texts.max_bytes_opt()) {
                (Some(min), Some(max)) => min <= wanted.as_bytes() && wanted.as_bytes() <= max,
                // Without bounds there is no text at all, or nobody knows.
                _ => texts.null_count_opt() != u64::try_from(group.num_rows()).ok(),
            },
            _ => true,
        }
    })
}

/// The rows of a row group that satisfy a filter and start no earlier than `floor_unix_ns`.
struct Matching<'a> {
    filter: &'a SpanFilter,
    floor_unix_ns: u64,
    row_group: usize,
    budget: &'a Budget,
}

impl Matching<'_> {
    fn read(
        &self,
        block: &Block,
        wanted: &[&str],
        mut take: impl FnMut(&RecordBatch) -> Result<(), BlockError>,
    ) -> Result<(), BlockError> {
        let floor = self.floor_unix_ns.max(self.filter.since_unix_ns.unwrap_or_default());
        let (conditions, read) = predicates(block, self.filter, floor);
        let columns = read.into_iter().chain(wanted.iter().copied());
        self.budget.spend(compressed_bytes(block, self.row_group, columns));
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(
            BlockFile::open_to_scan(&block.path)?,
            block.metadata.clone(),
        )
        .with_batch_size(BATCH_ROWS)
        .with_row_groups(vec![self.row_group])
        .with_projection(ProjectionMask::columns(block.metadata.parquet_schema(), wanted.iter().copied()))
        .with_row_filter(RowFilter::new(conditions))
        .build()?;
        for batch in reader {
            take(&batch?)?;
        }
        Ok(())
    }
}

/// How many bytes some columns of a row group have on disk.
fn compressed_bytes<'a>(block: &Block, row_group: usize, names: impl Iterator<Item = &'a str>) -> u64 {
    let Some(row_group) = block.metadata.metadata().row_groups().get(row_group) else { return 0 };
    let places: std::collections::HashSet<usize> =
        names.filter_map(|name| Some(SCHEMA.column_with_name(name)?.0)).collect();
    let wanted = places.into_iter().filter_map(|place| row_group.columns().get(place));
    wanted.map(|column| u64::try_from(column.compressed_size()).unwrap_or_default()).sum()
}

fn offer(batch: &RecordBatch, newest: &mut NewestTraces) -> Result<(), BlockError> {
    const MISSING: BlockError = BlockError::Damaged("a column is missing or has another type");
    let ids = batch.column_by_name(columns::TRACE_ID).and_then(|column| column.as_fixed_size_binary_opt());
    let starts =
        batch.column_by_name(columns::START).and_then(|column| column.as_primitive_opt::<UInt64Type>());
    let (ids, starts) = ids.zip(starts).ok_or(MISSING)?;
    for (id, start) in ids.iter().flatten().zip(starts.values()) {
        newest.offer(TraceId::from_bytes(id).ok_or(BlockError::Damaged("an id is all zero"))?, *start);
    }
    Ok(())
}
