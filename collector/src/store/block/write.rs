//! Spans to a block: in one file that is durable before it is known.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowWriter;

use super::BlockError;
use super::draft::Draft;
use super::footer::Footer;
use super::schema::{self, SCHEMA};
use crate::store::services::ServiceNames;
use crate::store::window::{BlockPlace, SortedSpans};

/// Rows that are turned into columns at a time.
const BATCH_ROWS: usize = 8_192;
/// Encoded spans that are read together at most: what is made of them is in memory until it is written.
const MAX_DRAFT_BYTES: u64 = 160 * 1024 * 1024;

/// What a block is made of.
#[derive(Debug)]
pub(in crate::store) struct Contents<'a> {
    /// Spans by trace and start, each once.
    pub(in crate::store) spans: SortedSpans<'a>,
    /// Names of all their services.
    pub(in crate::store) services: ServiceNames,
    /// The first and the last segment of the log that held them.
    pub(in crate::store) segments: (u64, u64),
    /// Now, in nanoseconds since 1970-01-01 UTC.
    pub(in crate::store) written_unix_ns: u64,
}

/// Writes a block into a folder and returns its path. It exists under that path only when all of it is on disk; making
/// the folder itself durable is left to the caller.
pub(in crate::store) fn write(folder: &Path, contents: Contents<'_>) -> Result<PathBuf, BlockError> {
    let (min, max) = contents.spans.starts_unix_ns();
    let (first_segment, last_segment) = contents.segments;
    // What is inline is known once all spans were seen, and added then.
    let footer = Footer {
        min_start_unix_ns: min,
        max_start_unix_ns: max,
        written_unix_ns: contents.written_unix_ns,
        first_segment,
        last_segment,
        services: contents.services,
        inline: None,
        level: 0,
    };
    // Segment numbers never come back, so neither does the name.
    let path = folder.join(format!("{min:020}-{max:020}-{last_segment:08}.parquet"));
    let unfinished = path.with_extension("tmp");
    let spans = contents.spans;
    let parts = parts(&spans);
    let (mut writer, mut inline) = (None, BTreeSet::new());
    for places in &parts {
        let draft = Draft::read(&spans, places)?;
        let writer = match &mut writer {
            Some(writer) => writer,
            None => {
                let constant = if parts.len() == 1 { draft.constant_columns() } else { Vec::new() };
                let properties = schema::properties(spans.traces(), footer.entries(), &constant)?;
                let file = File::create(&unfinished)?;
                writer.insert(ArrowWriter::try_new(file, Arc::clone(&SCHEMA), Some(properties))?)
            }
        };
        for begin in (0..draft.rows()).step_by(BATCH_ROWS) {
            writer.write(&draft.columns(begin..draft.rows().min(begin + BATCH_ROWS))?)?;
        }
        inline.extend(draft.inline().iter().cloned());
    }
    let mut writer = writer.ok_or(BlockError::Damaged("it would have no spans"))?;
    writer.append_key_value_metadata(Footer::inline_entry(&inline));
    writer.into_inner()?.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// Stretches of the rows whose spans have a bounded number of bytes, or are one span.
fn parts<'a>(spans: &'a SortedSpans<'_>) -> Vec<&'a [BlockPlace]> {
    let (mut parts, mut rest, mut rows, mut bytes) = (Vec::new(), spans.places(), 0, 0);
    for place in spans.places() {
        bytes += spans.head(*place).map_or(0, |head| u64::from(head.place.span_bytes));
        if bytes > MAX_DRAFT_BYTES && rows > 0 {
            let (part, behind) = rest.split_at(rows);
            parts.push(part);
            (rest, rows, bytes) = (behind, 0, 0);
        }
        rows += 1;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}
