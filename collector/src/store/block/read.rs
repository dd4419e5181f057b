//! Traces out of a block by their ids: bloom filter, then page index, then the rows themselves.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use arrow_array::BooleanArray;
use arrow_array::cast::AsArray as _;
use arrow_schema::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};
use parquet::bloom_filter::Sbbf;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use throughline_model::id::TraceId;
use throughline_model::span::Span;

use super::absent;
use super::columns::TRACE_ID;
use super::file::BlockFile;
use super::rows::from_columns;
use super::schema::SCHEMA;
use super::{Block, BlockError};

/// The bloom filter of each row group's trace ids.
pub(super) fn load_bloom_filters(
    file: &File,
    metadata: &ArrowReaderMetadata,
) -> Result<Vec<Option<Sbbf>>, BlockError> {
    let column = SCHEMA.index_of(TRACE_ID)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone());
    (0..metadata.metadata().num_row_groups())
        .map(|row_group| Ok(builder.get_row_group_column_bloom_filter(row_group, column)?))
        .collect()
}

/// Offers every span of some traces, in the order of their ids, until `take` breaks.
pub(super) fn traces(
    block: &Block,
    wanted: &BTreeSet<TraceId>,
    take: &mut dyn FnMut(Arc<Span>) -> ControlFlow<()>,
) -> Result<(), BlockError> {
    for (row_group, bloom_filter) in block.trace_ids.iter().enumerate() {
        let may_be_here = |trace_id: &&TraceId| {
            bloom_filter.as_ref().is_none_or(|filter| filter.check(trace_id.as_bytes().as_slice()))
        };
        let here: BTreeSet<TraceId> = wanted.iter().filter(may_be_here).copied().collect();
        let mut ranges = Vec::new();
        for trace_id in &here {
            ranges.extend(rows_of_pages(block, row_group, *trace_id)?);
        }
        if !ranges.is_empty() && read_rows(block, row_group, joined(ranges), here, take)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The same rows as ranges in order that do not meet.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

/// The rows of the pages that may hold the trace.
fn rows_of_pages(
    block: &Block,
    row_group: usize,
    trace_id: TraceId,
) -> Result<Vec<Range<usize>>, BlockError> {
    const NO_INDEX: BlockError = BlockError::Damaged("its page index is missing");
    let column = SCHEMA.index_of(TRACE_ID)?;
    let metadata = block.metadata.metadata();
    let index = metadata.page_index_for_row_group(row_group);
    let Some(ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(values)) = index.column_index(column) else {
        return Err(NO_INDEX);
    };
    let locations = index.page_locations(column).ok_or(NO_INDEX)?;
    let group_rows = metadata.row_groups().get(row_group).ok_or(NO_INDEX)?.num_rows();
    let ends = locations.iter().skip(1).map(|next| next.first_row_index).chain([group_rows]);
    let wanted = trace_id.as_bytes().as_slice();
    let pages = locations.iter().zip(ends).enumerate().filter(|(page, _)| {
        // A page without statistics is read.
        values.min_value(*page).is_none_or(|min| min <= wanted)
            && values.max_value(*page).is_none_or(|max| wanted <= max)
    });
    pages
        .map(|(_, (location, end))| {
            let start = usize::try_from(location.first_row_index).map_err(|_| NO_INDEX)?;
            Ok(start..usize::try_from(end).map_err(|_| NO_INDEX)?)
        })
        .collect()
}

fn read_rows(
    block: &Block,
    row_group: usize,
    ranges: Vec<Range<usize>>,
    wanted: BTreeSet<TraceId>,
    take: &mut dyn FnMut(Arc<Span>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, BlockError> {
    let metadata = block.metadata.metadata();
    let group_rows = metadata.row_groups().get(row_group).map_or(0, |group| group.num_rows());
    let selection =
        RowSelection::from_consecutive_ranges(ranges.into_iter(), usize::try_from(group_rows).unwrap_or(0));
    let only_ids = ProjectionMask::columns(block.metadata.parquet_schema(), [TRACE_ID]);
    let is_wanted = ArrowPredicateFn::new(only_ids, move |batch| {
        let ids = batch.column(0).as_fixed_size_binary_opt();
        let ids = ids.ok_or_else(|| ArrowError::SchemaError("trace ids have another type".to_owned()))?;
        let is_one =
            |id: Option<&[u8]>| id.and_then(TraceId::from_bytes).is_some_and(|id| wanted.contains(&id));
        Ok(ids.iter().map(|id| Some(is_one(id))).collect::<BooleanArray>())
    });
    let present = absent::present(&block.metadata, row_group);
    let file = BlockFile::open(&block.path)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, block.metadata.clone())
        .with_row_groups(vec![row_group])
        .with_projection(ProjectionMask::roots(block.metadata.parquet_schema(), present))
        .with_row_selection(selection)
        .with_row_filter(RowFilter::new(vec![Box::new(is_wanted)]))
        .build()?;
    for batch in reader {
        if from_columns(&absent::with_absent(&batch?)?)?.into_iter().try_for_each(&mut *take).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
