//! The columns' types and encodings.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
};
use parquet::schema::types::ColumnPath;
use throughline_model::attribute::PATH;

use super::BlockError;
use super::columns::{self, ATTRIBUTE_COLUMNS, ColumnType};

const ZSTD_LEVEL: i32 = 3;
const ROW_GROUP_ROWS: usize = 131_072;
const PAGE_ROWS: usize = 1_024;
/// The page limit is looked at once for each of these.
const WRITE_ROWS: usize = 1_024;
/// What a list of paths may have.
const MAX_PATHS_BYTES: usize = 32 * 1024;
/// Every false alarm costs the reading of a page, in each of many blocks.
const BLOOM_FALSE_POSITIVES: f64 = 0.000_1;

/// The columns of a block, in order.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let needed = |name, data_type| Field::new(name, data_type, false);
    let optional = |name, data_type| Field::new(name, data_type, true);
    let mut fields = vec![
        needed(columns::TRACE_ID, DataType::FixedSizeBinary(16)),
        needed(columns::SPAN_ID, DataType::FixedSizeBinary(8)),
        optional(columns::PARENT_SPAN_ID, DataType::FixedSizeBinary(8)),
        needed(columns::TRACE_STATE, DataType::Utf8),
        needed(columns::FLAGS, DataType::UInt32),
        needed(columns::NAME, DataType::Utf8),
        needed(columns::KIND, DataType::UInt8),
        needed(columns::START, DataType::UInt64),
        needed(columns::DURATION, DataType::UInt64),
        optional(columns::END_BEFORE_START, DataType::UInt64),
        needed(columns::STATUS, DataType::UInt8),
        needed(columns::STATUS_MESSAGE, DataType::Utf8),
        needed(columns::SERVICE, DataType::Utf8),
        needed(columns::RESOURCE, DataType::Binary),
        needed(columns::ATTRIBUTES, DataType::Binary),
        optional(columns::EVENTS, DataType::Binary),
        optional(columns::LINKS, DataType::Binary),
    ];
    fields.extend(ATTRIBUTE_COLUMNS.iter().map(|attribute| {
        let data_type = match attribute.column_type {
            ColumnType::Word | ColumnType::Text => DataType::Utf8,
            ColumnType::Integer => DataType::Int64,
        };
        optional(attribute.column, data_type)
    }));
    Arc::new(Schema::new(fields))
});

/// Refuses a file whose columns are not those of this version.
pub(super) fn check(found: &SchemaRef) -> Result<(), BlockError> {
    if found.fields() == SCHEMA.fields() {
        Ok(())
    } else {
        Err(BlockError::Damaged("its columns are not those of a block"))
    }
}

/// How a block is written; `traces` is how many different trace ids it has, `constant` the columns in which all rows are alike.
pub(super) fn properties(
    traces: u64,
    footer: Vec<KeyValue>,
    constant: &[&str],
) -> Result<WriterProperties, ParquetError> {
    let column = |name: &str| ColumnPath::from(name);
    let sorting = [columns::TRACE_ID, columns::START].into_iter().filter_map(|name| {
        let index = i32::try_from(SCHEMA.index_of(name).ok()?).ok()?;
        Some(SortingColumn { column_idx: index, descending: false, nulls_first: false })
    });
    let mut builder = with_statistics(WriterProperties::builder())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(WRITE_ROWS)
        .set_sorting_columns(Some(sorting.collect()))
        .set_key_value_metadata(Some(footer))
        // With the page index and the footer behind them, so that one end of the file has all that is kept in memory.
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_column_bloom_filter_enabled(column(columns::TRACE_ID), true)
        .set_column_bloom_filter_fpp(column(columns::TRACE_ID), BLOOM_FALSE_POSITIVES)
        .set_column_bloom_filter_max_ndv(column(columns::TRACE_ID), traces.clamp(1, ROW_GROUP_ROWS as u64));
    for name in [columns::START, columns::DURATION] {
        builder = builder
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED);
    }
    // Where calls take many ways through a mesh, a list of them all would be read for every trace. What is behind its end stands
    // there as it is: Parquet's way to write differences of texts is read without a look at the lengths in a damaged page.
    for attribute in ATTRIBUTE_COLUMNS.iter().filter(|attribute| attribute.key == PATH) {
        builder = builder.set_column_dictionary_page_size_limit(column(attribute.column), MAX_PATHS_BYTES);
    }
    let texts = ATTRIBUTE_COLUMNS.iter().filter(|attribute| attribute.column_type == ColumnType::Text);
    let mostly_unique = texts.map(|attribute| attribute.column);
    for name in mostly_unique.chain([columns::TRACE_ID, columns::SPAN_ID, columns::PARENT_SPAN_ID]) {
        builder = builder.set_column_dictionary_enabled(column(name), false);
    }
    // What is left of these are places in a dictionary, small differences, or the same bytes again: LZ4 does as well, and has
    // no state to set up for every page that is read. Ways behind the end of their list take 2.5 bytes a span more by it.
    let words = ATTRIBUTE_COLUMNS
        .iter()
        .filter(|attribute| attribute.column_type != ColumnType::Text && attribute.key != PATH);
    let own = [
        columns::TRACE_ID,
        columns::START,
        columns::DURATION,
        columns::NAME,
        columns::KIND,
        columns::FLAGS,
        columns::STATUS,
        columns::SERVICE,
        columns::RESOURCE,
    ];
    for name in words.map(|attribute| attribute.column).chain(own) {
        builder = builder.set_column_compression(column(name), Compression::LZ4_RAW);
    }
    // Ids are as good as random.
    for name in constant.iter().copied().chain([columns::SPAN_ID, columns::PARENT_SPAN_ID]) {
        builder = builder.set_column_compression(column(name), Compression::UNCOMPRESSED);
    }
    Ok(builder.build())
}

/// Which statistics are kept: each costs bytes, in the file and in memory.
fn with_statistics(builder: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let column = |name: &str| ColumnPath::from(name);
    let mut builder = builder.set_statistics_enabled(EnabledStatistics::None);
    for name in [columns::TRACE_ID, columns::START, columns::DURATION] {
        builder = builder.set_column_statistics_enabled(column(name), EnabledStatistics::Page);
    }
    // What a row group has nothing of is not read, see `absent`. And most meshes have few kinds of links: whole row groups need
    // not be read for another one.
    let often_empty = [
        columns::TRACE_STATE,
        columns::END_BEFORE_START,
        columns::STATUS_MESSAGE,
        columns::EVENTS,
        columns::LINKS,
    ];
    for name in ATTRIBUTE_COLUMNS.iter().map(|attribute| attribute.column).chain(often_empty) {
        builder = builder.set_column_statistics_enabled(column(name), EnabledStatistics::Chunk);
    }
    builder
}
