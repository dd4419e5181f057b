//! Blocks: immutable Parquet files of spans sorted by trace, found by time, service, bloom filter and page index.

mod absent;
mod attributes;
mod blob;
mod columns;
mod draft;
mod fields;
mod file;
mod filling;
mod footer;
mod merge;
mod predicates;
mod read;
mod rows;
mod schema;
mod search;
mod write;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use throughline_model::id::TraceId;
use throughline_model::span::Span;

use super::newest::NewestTraces;
use super::services::ServiceNames;
use super::values::{Values, ValuesOf};
use super::{Budget, SpanFilter};
use footer::Footer;

pub(super) use merge::{Merge, Merged, merge};
pub(super) use write::{Contents, write};

/// Why a block cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BlockError {
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("{0}")]
    Damaged(&'static str),
    /// What is to be written cannot be read.
    #[error("{0}")]
    Source(String),
}

/// An open block: its footer, page index and bloom filters are in memory, its rows on disk.
#[derive(Debug)]
pub(super) struct Block {
    path: PathBuf,
    bytes: u64,
    footer: Footer,
    metadata: ArrowReaderMetadata,
    /// The bloom filter of the trace ids of each row group.
    trace_ids: Vec<Option<Sbbf>>,
}

impl Block {
    /// Reads what is kept in memory.
    pub(super) fn open(path: &Path) -> Result<Self, BlockError> {
        Self::open_head(path, path)
    }

    /// Reads it from a file that has the head of the block at its place; the rows are read from `path` later.
    pub(super) fn open_head(head: &Path, path: &Path) -> Result<Self, BlockError> {
        let file = File::open(head)?;
        let bytes = file.metadata()?.len();
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        schema::check(metadata.schema())?;
        let footer = Footer::read(metadata.metadata().file_metadata())?;
        let trace_ids = read::load_bloom_filters(&file, &metadata)?;
        Ok(Self { path: path.to_owned(), bytes, footer, metadata, trace_ids })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name, by which the manifest knows the block.
    pub(super) fn file_name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the head begins: bloom filters, page index and footer lie behind.
    pub(super) fn head_offset(&self) -> u64 {
        let columns = self.metadata.metadata().row_groups().iter().flat_map(|group| group.columns());
        let offsets = columns.flat_map(|column| {
            [column.bloom_filter_offset(), column.column_index_offset(), column.offset_index_offset()]
        });
        offsets.flatten().min().and_then(|offset| u64::try_from(offset).ok()).unwrap_or_default()
    }

    /// The first and the last segment of the log whose spans it holds.
    pub(super) fn segments(&self) -> (u64, u64) {
        (self.footer.first_segment, self.footer.last_segment)
    }

    /// How many spans it has.
    pub(super) fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// Whether a block holds all that another one held, as a merge leaves it.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.footer.level > other.footer.level
            && self.footer.first_segment <= other.footer.first_segment
            && other.footer.last_segment <= self.footer.last_segment
    }

    pub(super) fn services(&self) -> &ServiceNames {
        &self.footer.services
    }

    /// The latest start of a span; what lies behind the time of writing is a sender's wrong clock and does not count.
    pub(super) fn newest_unix_ns(&self) -> u64 {
        self.footer.max_start_unix_ns.min(self.footer.written_unix_ns)
    }

    /// The earliest start of a span, as sent.
    pub(super) fn min_start_unix_ns(&self) -> u64 {
        self.footer.min_start_unix_ns
    }

    /// The latest start of a span, as sent.
    pub(super) fn max_start_unix_ns(&self) -> u64 {
        self.footer.max_start_unix_ns
    }

    /// Whether spans of a trace may be in it.
    pub(super) fn may_have(&self, trace_id: TraceId) -> bool {
        let admits = |filter: &Sbbf| filter.check(trace_id.as_bytes().as_slice());
        self.trace_ids.iter().any(|filter| filter.as_ref().is_none_or(admits))
    }

    /// Offers every span of some traces, in the order of their ids, until `take` breaks.
    pub(super) fn traces(
        &self,
        wanted: &BTreeSet<TraceId>,
        take: &mut dyn FnMut(Arc<Span>) -> ControlFlow<()>,
    ) -> Result<(), BlockError> {
        read::traces(self, wanted, take)
    }

    /// Offers every matching span. Returns whether the budget allowed to look everywhere.
    pub(super) fn search(
        &self,
        filter: &SpanFilter,
        newest: &mut NewestTraces,
        budget: &Budget,
    ) -> Result<bool, BlockError> {
        search::search(self, filter, newest, budget)
    }

    /// Offers what matching spans have of something. Returns whether the budget allowed to look everywhere.
    pub(super) fn values(
        &self,
        of: &ValuesOf,
        filter: &SpanFilter,
        values: &mut Values,
        budget: &Budget,
    ) -> Result<bool, BlockError> {
        search::values(self, of, filter, values, budget)
    }
}

#[cfg(test)]
mod tests;
