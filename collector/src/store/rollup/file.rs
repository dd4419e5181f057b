//! Rollups on disk: one Parquet file for each stretch of the log, and neighbours merged into one.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use throughline_model::link::LinkKind;

use super::part::Part;
use super::rows;
use crate::store::block::BlockError;

const FORMAT: &str = "throughline.rollup_format";
/// The formats that are read, each with how many of the columns it has; the last one is written.
const FORMATS: [(&str, usize); 2] = [("1", 15), (FORMAT_WRITTEN, 15 + LINK_COLUMNS.len())];
const FORMAT_WRITTEN: &str = "2";
const FIRST_MINUTE: &str = "throughline.first_minute_unix_s";
const LAST_MINUTE: &str = "throughline.last_minute_unix_s";
const ZSTD_LEVEL: i32 = 3;
const ROW_GROUP_ROWS: usize = 131_072;

/// The calls by kind of link; format 1 lacks these columns.
pub(super) const LINK_COLUMNS: [(LinkKind, &str); 5] = [
    (LinkKind::Propagated, "links_propagated"),
    (LinkKind::RequestId, "links_request_id"),
    (LinkKind::Token, "links_token"),
    (LinkKind::Sole, "links_sole"),
    (LinkKind::None, "links_none"),
];

/// The columns of a file of rollups.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let needed = |name, data_type| Field::new(name, data_type, false);
    let optional = |name, data_type| Field::new(name, data_type, true);
    let mut columns = vec![
        needed("minute_unix_s", DataType::UInt64),
        needed("series", DataType::Utf8),
        optional("client", DataType::Utf8),
        needed("service", DataType::Utf8),
        optional("kind", DataType::UInt8),
        needed("name", DataType::Utf8),
        needed("calls", DataType::UInt64),
        needed("errors", DataType::UInt64),
        needed("one_sided", DataType::UInt64),
        needed("duration_sum_ns", DataType::UInt64),
        needed("durations", DataType::Binary),
        needed("client_duration_sum_ns", DataType::UInt64),
        needed("client_durations", DataType::Binary),
        optional("slowest", DataType::FixedSizeBinary(rows::EXEMPLAR_BYTES)),
        optional("slowest_error", DataType::FixedSizeBinary(rows::EXEMPLAR_BYTES)),
    ];
    columns.extend(LINK_COLUMNS.map(|(_, name)| needed(name, DataType::UInt64)));
    Arc::new(Schema::new(columns))
});

/// A file of rollups; its rows are on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RollupFile {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// The first and the last segment of the log that it counts.
    pub(super) segments: (u64, u64),
    /// The first and the last minute in it.
    pub(super) minutes: (u64, u64),
}

/// Writes a file that exists under its name only when all of it is on disk; making the folder durable is left to the caller.
pub(super) fn write(folder: &Path, segments: (u64, u64), part: &Part) -> Result<RollupFile, BlockError> {
    write_columns(folder, segments, part.minutes(), (FORMAT_WRITTEN, &rows::to_columns(part)?))
}

pub(super) fn write_columns(
    folder: &Path,
    segments: (u64, u64),
    minutes: (u64, u64),
    (format, columns): (&str, &RecordBatch),
) -> Result<RollupFile, BlockError> {
    let path = folder.join(format!("{:08}-{:08}.parquet", segments.0, segments.1));
    let unfinished = path.with_extension("tmp");
    let footer = [
        (FORMAT, format.to_owned()),
        (FIRST_MINUTE, minutes.0.to_string()),
        (LAST_MINUTE, minutes.1.to_string()),
    ];
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(
            footer.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect(),
        ))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(&unfinished)?, columns.schema(), Some(properties))?;
    writer.write(columns)?;
    let file = writer.into_inner()?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    fs::rename(&unfinished, &path)?;
    Ok(RollupFile { path, bytes, segments, minutes })
}

/// Opens a file. Its name tells which part of the log it counts.
pub(super) fn open(path: &Path) -> Result<RollupFile, BlockError> {
    const BAD_NAME: BlockError = BlockError::Damaged("its name tells no segments of the log");
    let stem = path.file_stem().and_then(|stem| stem.to_str()).ok_or(BAD_NAME)?;
    let (first, last) = stem.split_once('-').ok_or(BAD_NAME)?;
    let segments = (first.parse().map_err(|_| BAD_NAME)?, last.parse().map_err(|_| BAD_NAME)?);
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let entries = metadata.metadata().file_metadata().key_value_metadata();
    let facts: HashMap<&str, &str> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry.key.as_str(), entry.value.as_deref()?)))
        .collect();
    let format = FORMATS.iter().find(|(format, _)| facts.get(FORMAT) == Some(format));
    let (_, columns) = format.ok_or(BlockError::Damaged("it was written by another version"))?;
    if !metadata.schema().fields().iter().eq(SCHEMA.fields().iter().take(*columns)) {
        return Err(BlockError::Damaged("its columns are not those of rollups"));
    }
    let minute = |key| {
        let text = facts.get(key).and_then(|text| text.parse().ok());
        text.ok_or(BlockError::Damaged("its footer lacks a fact"))
    };
    Ok(RollupFile {
        path: path.to_owned(),
        bytes,
        segments,
        minutes: (minute(FIRST_MINUTE)?, minute(LAST_MINUTE)?),
    })
}

impl RollupFile {
    /// Reads everything; `None` when it was merged or removed meanwhile.
    pub(super) fn read(&self, part: &mut Part) -> Result<Option<()>, BlockError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
            let batch: RecordBatch = batch?;
            rows::from_columns(&batch, part)?;
        }
        Ok(Some(()))
    }
}
