//! Several blocks into one: rows are merged as columns, no span is built; a span that is in two of them is kept once.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{UInt8Type, UInt64Type};
use arrow_array::{FixedSizeBinaryArray, RecordBatch, StringArray, UInt8Array, UInt64Array};
use arrow_select::interleave::interleave_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;

use super::file::BlockFile;
use super::footer::Footer;
use super::schema::{self, SCHEMA};
use super::{Block, BlockError, columns};
use crate::store::services::ServiceNames;

const BATCH_ROWS: usize = 4_096;
/// A trace with more rows than this is not sorted as a whole: that would take too much memory.
const SORTED_ROWS: usize = 65_536;
const MISSING: BlockError = BlockError::Damaged("a column is missing or has another type");

/// What becomes of the blocks that go into a merge.
pub(in crate::store) struct Merge<'a> {
    /// Neighbours, the oldest first: of two copies of a span the older one is kept.
    pub(in crate::store) blocks: &'a [Arc<Block>],
    /// Services whose spans are left out.
    pub(in crate::store) without: &'a BTreeSet<String>,
    /// Asked now and then whether to give up.
    pub(in crate::store) is_given_up: &'a dyn Fn() -> bool,
}

/// How a merge ended.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Merged {
    /// The new block, which exists only when all of it is on disk.
    Into(PathBuf),
    /// No span was left.
    Nothing,
    GivenUp,
}

/// Merges blocks into a new one beside them.
pub(in crate::store) fn merge(folder: &Path, merge: &Merge<'_>) -> Result<Merged, BlockError> {
    let footer = footer_of(merge);
    let (first, last, level) = (footer.first_segment, footer.last_segment, footer.level);
    let (min, max) = (footer.min_start_unix_ns, footer.max_start_unix_ns);
    let path = folder.join(format!("{min:020}-{max:020}-{first:08}-{last:08}-{level:04}.parquet"));
    let unfinished = path.with_extension("tmp");
    let rows: u64 = merge.blocks.iter().map(|block| block.rows()).sum();
    let inline = footer.inline.as_ref().map(Footer::inline_entry);
    let entries = footer.entries().into_iter().chain(inline).collect();
    let properties = schema::properties(rows, entries, &uncompressed_columns(merge.blocks))?;
    let writer = ArrowWriter::try_new(File::create(&unfinished)?, Arc::clone(&SCHEMA), Some(properties))?;
    let mut output = Output { writer, batches: Vec::new(), rows: Vec::new(), written: 0 };
    let mut inputs = Vec::new();
    for block in merge.blocks {
        inputs.push(Input::open(block, &mut output)?);
    }
    while let Some(trace_id) = inputs.iter().filter_map(Input::trace_id).min().map(<[u8]>::to_vec) {
        if output.rows.len() >= BATCH_ROWS {
            output.flush(&mut inputs)?;
            if (merge.is_given_up)() {
                fs::remove_file(&unfinished)?;
                return Ok(Merged::GivenUp);
            }
        }
        take_trace(&trace_id, &mut inputs, &mut output, merge.without)?;
    }
    output.flush(&mut inputs)?;
    if output.written == 0 {
        fs::remove_file(&unfinished)?;
        return Ok(Merged::Nothing);
    }
    output.writer.into_inner()?.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(Merged::Into(path))
}

/// The columns that no block compresses: all rows of each are alike in them.
fn uncompressed_columns(blocks: &[Arc<Block>]) -> Vec<&'static str> {
    let is_compressed = |index: usize| {
        let mut groups = blocks.iter().flat_map(|block| block.metadata.metadata().row_groups());
        groups.any(|group| {
            group.columns().get(index).is_none_or(|column| column.compression() != Compression::UNCOMPRESSED)
        })
    };
    let fields = SCHEMA.fields().iter().enumerate().filter(|(index, _)| !is_compressed(*index));
    fields.map(|(_, field)| field.name().as_str()).collect()
}

fn footer_of(merge: &Merge<'_>) -> Footer {
    let footers = || merge.blocks.iter().map(|block| &block.footer);
    let names: BTreeSet<String> = footers()
        .flat_map(|footer| footer.services.names())
        .filter(|name| !merge.without.contains(*name))
        .cloned()
        .collect();
    let has_more = footers().any(|footer| footer.services.has_more());
    let inline = footers().map(|footer| footer.inline.clone()).collect::<Option<Vec<_>>>();
    Footer {
        min_start_unix_ns: footers().map(|footer| footer.min_start_unix_ns).min().unwrap_or_default(),
        max_start_unix_ns: footers().map(|footer| footer.max_start_unix_ns).max().unwrap_or_default(),
        // How old spans are is judged by when they came.
        written_unix_ns: footers().map(|footer| footer.written_unix_ns).max().unwrap_or_default(),
        first_segment: footers().map(|footer| footer.first_segment).min().unwrap_or_default(),
        last_segment: footers().map(|footer| footer.last_segment).max().unwrap_or_default(),
        services: if has_more { ServiceNames::some(names) } else { ServiceNames::all(names) },
        inline: inline.map(|inline| inline.into_iter().flatten().collect()),
        level: footers().map(|footer| footer.level).max().unwrap_or_default() + 1,
    }
}

/// Moves the rows of one trace from the inputs to the output.
fn take_trace(
    trace_id: &[u8],
    inputs: &mut [Input],
    output: &mut Output,
    without: &BTreeSet<String>,
) -> Result<(), BlockError> {
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for input in inputs {
        while input.trace_id() == Some(trace_id) {
            let row = input.row();
            if !without.contains(row.service) && seen.insert((row.span_id, row.kind)) {
                rows.push((row.start_unix_ns, (input.batch, input.next)));
            }
            input.advance(output)?;
            if rows.len() >= SORTED_ROWS {
                output.push(&mut rows);
            }
        }
    }
    output.push(&mut rows);
    Ok(())
}

/// One block that is read row by row.
struct Input {
    reader: ParquetRecordBatchReader,
    /// The number of the current batch in the output's list, and the next row in it.
    batch: usize,
    next: usize,
    keys: Option<Keys>,
}

/// The columns of a batch that decide where its rows go.
struct Keys {
    trace_id: FixedSizeBinaryArray,
    span_id: FixedSizeBinaryArray,
    kind: UInt8Array,
    start: UInt64Array,
    service: StringArray,
}

struct Row<'a> {
    span_id: [u8; 8],
    kind: u8,
    start_unix_ns: u64,
    service: &'a str,
}

impl Input {
    fn open(block: &Block, output: &mut Output) -> Result<Self, BlockError> {
        let file = BlockFile::open_to_scan(&block.path)?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, block.metadata.clone())
            .with_batch_size(BATCH_ROWS)
            .build()?;
        let mut input = Self { reader, batch: 0, next: 0, keys: None };
        input.load(output)?;
        Ok(input)
    }

    fn load(&mut self, output: &mut Output) -> Result<(), BlockError> {
        self.keys = None;
        if let Some(batch) = self.reader.next().transpose()? {
            self.keys = Some(Keys::of(&batch)?);
            self.batch = output.batches.len();
            self.next = 0;
            output.batches.push(batch);
        }
        Ok(())
    }

    fn advance(&mut self, output: &mut Output) -> Result<(), BlockError> {
        self.next += 1;
        match &self.keys {
            Some(keys) if self.next >= keys.start.len() => self.load(output),
            _ => Ok(()),
        }
    }

    fn trace_id(&self) -> Option<&[u8]> {
        self.keys.as_ref().map(|keys| keys.trace_id.value(self.next))
    }

    fn row(&self) -> Row<'_> {
        let Some(keys) = &self.keys else {
            return Row { span_id: [0; 8], kind: 0, start_unix_ns: 0, service: "" };
        };
        Row {
            span_id: keys.span_id.value(self.next).try_into().unwrap_or_default(),
            kind: keys.kind.value(self.next),
            start_unix_ns: keys.start.value(self.next),
            service: keys.service.value(self.next),
        }
    }
}

impl Keys {
    fn of(batch: &RecordBatch) -> Result<Self, BlockError> {
        let column = |name: &str| batch.column_by_name(name).ok_or(MISSING);
        let id = |name| column(name)?.as_fixed_size_binary_opt().ok_or(MISSING).cloned();
        Ok(Self {
            trace_id: id(columns::TRACE_ID)?,
            span_id: id(columns::SPAN_ID)?,
            kind: column(columns::KIND)?.as_primitive_opt::<UInt8Type>().ok_or(MISSING)?.clone(),
            start: column(columns::START)?.as_primitive_opt::<UInt64Type>().ok_or(MISSING)?.clone(),
            service: column(columns::SERVICE)?.as_string_opt::<i32>().ok_or(MISSING)?.clone(),
        })
    }
}

/// The block that is being written, and what goes into it next.
struct Output {
    writer: ArrowWriter<File>,
    batches: Vec<RecordBatch>,
    /// Batch and row.
    rows: Vec<(usize, usize)>,
    written: usize,
}

impl Output {
    fn push(&mut self, rows: &mut Vec<(u64, (usize, usize))>) {
        // Stable: rows of an older block stay in front.
        rows.sort_by_key(|(start_unix_ns, _)| *start_unix_ns);
        self.rows.extend(rows.drain(..).map(|(_, place)| place));
    }

    /// Writes what waits, and lets go of the batches that are used up.
    fn flush(&mut self, inputs: &mut [Input]) -> Result<(), BlockError> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        for rows in self.rows.chunks(BATCH_ROWS) {
            self.writer.write(&interleave_record_batch(&batches, rows)?)?;
        }
        self.written += self.rows.len();
        self.rows.clear();
        let mut current = Vec::new();
        for input in inputs.iter_mut().filter(|input| input.keys.is_some()) {
            if let Some(batch) = self.batches.get(input.batch) {
                input.batch = current.len();
                current.push(batch.clone());
            }
        }
        self.batches = current;
        Ok(())
    }
}
