//! Columns that say nothing in a row group: they are not read, and stand in every row as what they say.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow_schema::{DataType, Field};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;

use super::BlockError;
use super::schema::SCHEMA;

/// Which columns of a row group have to be read, by their places: all but those of which its statistics say that they hold
/// nothing. A block of an older version has fewer statistics.
pub(super) fn present(metadata: &ArrowReaderMetadata, row_group: usize) -> Vec<usize> {
    let group = metadata.metadata().row_groups().get(row_group);
    let is_empty = |place: usize, field: &Field| {
        group.is_some_and(|group| {
            group.columns().get(place).is_some_and(|column| says_nothing(field, column, group.num_rows()))
        })
    };
    let fields = SCHEMA.fields().iter().enumerate().filter(|(place, field)| !is_empty(*place, field));
    fields.map(|(place, _)| place).collect()
}

fn says_nothing(field: &Field, column: &ColumnChunkMetaData, rows: i64) -> bool {
    let Some(statistics) = column.statistics() else { return false };
    if field.is_nullable() {
        return u64::try_from(rows).is_ok_and(|rows| rows > 0 && statistics.null_count_opt() == Some(rows));
    }
    // No text is less than the empty one, and a greatest one that is empty cannot have been cut.
    matches!(statistics, Statistics::ByteArray(texts)
        if field.data_type() == &DataType::Utf8
            && texts.max_bytes_opt().is_some_and(<[u8]>::is_empty)
            && texts.min_bytes_opt().is_some_and(<[u8]>::is_empty))
}

/// The rows with all columns: those that were not read are null, or the empty text where null is not allowed.
pub(super) fn with_absent(batch: &RecordBatch) -> Result<RecordBatch, BlockError> {
    let (found, rows) = (batch.schema(), batch.num_rows());
    let mut read = found.fields().iter().zip(batch.columns()).peekable();
    let column = |field: &Arc<Field>| -> ArrayRef {
        match read.next_if(|(name, _)| name.name() == field.name()) {
            Some((_, column)) => Arc::clone(column),
            None if field.is_nullable() => new_null_array(field.data_type(), rows),
            None => Arc::new(StringArray::from(vec![""; rows])),
        }
    };
    let columns: Vec<ArrayRef> = SCHEMA.fields().iter().map(column).collect();
    debug_assert!(columns.iter().all(|column| column.len() == rows));
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
}
