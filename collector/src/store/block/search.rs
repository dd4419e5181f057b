//! Matching spans out of a block: pruned by time and service, then one column after the other, the cheapest first.

use std::fs::File;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{UInt8Type, UInt64Type};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter,
};
use throughline_model::id::TraceId;
use throughline_model::span::StatusCode;

use super::{Block, BlockError, columns};
use crate::store::SpanFilter;
use crate::store::newest::NewestTraces;

/// Rows that are looked at together.
const BATCH_ROWS: usize = 8_192;

/// Offers every matching span that can still change the answer.
pub(super) fn search(
    block: &Block,
    filter: &SpanFilter,
    newest: &mut NewestTraces,
) -> Result<(), BlockError> {
    let floor = newest.floor_unix_ns().max(filter.since_unix_ns.unwrap_or_default());
    if !may_match(block, filter, floor) {
        return Ok(());
    }
    let file = File::open(&block.path)?;
    let wanted = [columns::TRACE_ID, columns::START];
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, block.metadata.clone())
        .with_batch_size(BATCH_ROWS)
        .with_projection(ProjectionMask::columns(block.metadata.parquet_schema(), wanted))
        .with_row_filter(RowFilter::new(predicates(block, filter, floor)))
        .build()?;
    for batch in reader {
        offer(&batch?, newest)?;
    }
    Ok(())
}

fn may_match(block: &Block, filter: &SpanFilter, floor_unix_ns: u64) -> bool {
    block.footer.max_start_unix_ns >= floor_unix_ns
        && filter.until_unix_ns.is_none_or(|until| block.footer.min_start_unix_ns <= until)
        && filter.service.as_ref().is_none_or(|service| block.footer.services.may_contain(service))
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

/// One predicate for each condition; later ones see only the rows that earlier ones let through.
fn predicates(block: &Block, filter: &SpanFilter, floor_unix_ns: u64) -> Vec<Box<dyn ArrowPredicate>> {
    let mut predicates = Vec::new();
    let until = filter.until_unix_ns.unwrap_or(u64::MAX);
    if floor_unix_ns > block.footer.min_start_unix_ns || until < block.footer.max_start_unix_ns {
        predicates.push(number_between(block, columns::START, floor_unix_ns, until));
    }
    if filter.min_duration_ns.is_some() || filter.max_duration_ns.is_some() {
        let (min, max) = (filter.min_duration_ns.unwrap_or(0), filter.max_duration_ns.unwrap_or(u64::MAX));
        predicates.push(number_between(block, columns::DURATION, min, max));
    }
    if filter.errors_only {
        predicates.push(predicate(block, columns::STATUS, |batch| {
            let values = batch.column(0).as_primitive_opt::<UInt8Type>().ok_or_else(another_type)?;
            Ok(values.iter().map(|value| Some(value == Some(StatusCode::Error as u8))).collect())
        }));
    }
    if let Some(service) = &filter.service {
        predicates.push(text_is(block, columns::SERVICE, service));
    }
    if let Some(operation) = &filter.operation {
        predicates.push(text_is(block, columns::NAME, operation));
    }
    predicates
}

fn number_between(block: &Block, column: &str, min: u64, max: u64) -> Box<dyn ArrowPredicate> {
    predicate(block, column, move |batch| {
        let values = batch.column(0).as_primitive_opt::<UInt64Type>().ok_or_else(another_type)?;
        Ok(values.iter().map(|value| value.map(|number| (min..=max).contains(&number))).collect())
    })
}

fn text_is(block: &Block, column: &str, wanted: &str) -> Box<dyn ArrowPredicate> {
    let wanted = wanted.to_owned();
    predicate(block, column, move |batch| {
        let values = batch.column(0).as_string_opt::<i32>().ok_or_else(another_type)?;
        Ok(values.iter().map(|value| Some(value == Some(wanted.as_str()))).collect())
    })
}

fn predicate(
    block: &Block,
    column: &str,
    matches: impl FnMut(RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
) -> Box<dyn ArrowPredicate> {
    let mask = ProjectionMask::columns(block.metadata.parquet_schema(), [column]);
    Box::new(ArrowPredicateFn::new(mask, matches))
}

fn another_type() -> ArrowError {
    ArrowError::SchemaError("a column has another type".to_owned())
}
