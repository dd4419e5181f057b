//! Spans to a block: in one file that is durable before it is known.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use throughline_model::span::Span;

use super::columns::{self, ATTRIBUTE_COLUMNS};
use super::footer::Footer;
use super::schema::{self, SCHEMA};
use super::{BlockError, rows};
use crate::store::services::ServiceNames;

/// Rows that are turned into columns at a time.
const BATCH_ROWS: usize = 4_096;

/// What a block is made of.
#[derive(Debug)]
pub(in crate::store) struct Contents<I> {
    /// Spans by trace and start, each once.
    pub(in crate::store) spans: I,
    /// How many different traces they belong to.
    pub(in crate::store) traces: u64,
    /// Their earliest and their latest start.
    pub(in crate::store) starts_unix_ns: (u64, u64),
    /// Names of all their services.
    pub(in crate::store) services: ServiceNames,
    /// The first and the last segment of the log that held them.
    pub(in crate::store) segments: (u64, u64),
    /// Now, in nanoseconds since 1970-01-01 UTC.
    pub(in crate::store) written_unix_ns: u64,
}

/// Writes a block into a folder and returns its path. It exists under that path only when all of it is on disk; making
/// the folder itself durable is left to the caller.
pub(in crate::store) fn write(
    folder: &Path,
    contents: Contents<impl Iterator<Item = Result<Arc<Span>, BlockError>>>,
) -> Result<PathBuf, BlockError> {
    let (min, max) = contents.starts_unix_ns;
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
    let properties = schema::properties(contents.traces, footer.entries())?;
    let mut writer = ArrowWriter::try_new(File::create(&unfinished)?, Arc::clone(&SCHEMA), Some(properties))?;
    let (mut spans, mut inline) = (contents.spans, BTreeSet::new());
    loop {
        let batch = spans.by_ref().take(BATCH_ROWS).collect::<Result<Vec<_>, _>>()?;
        if batch.is_empty() {
            break;
        }
        note_inline_attributes(&batch, &mut inline);
        writer.write(&rows::to_columns(&batch)?)?;
    }
    writer.append_key_value_metadata(Footer::inline_entry(&inline));
    writer.into_inner()?.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// Collects the attributes with a column that some span has with a value of another type, or more than once.
fn note_inline_attributes(spans: &[Arc<Span>], inline: &mut BTreeSet<String>) {
    for span in spans {
        for (number, attribute) in span.attributes.iter().enumerate() {
            let Some(column) =
                columns::place_of(&attribute.key).and_then(|place| ATTRIBUTE_COLUMNS.get(place))
            else {
                continue;
            };
            let mut before = span.attributes.iter().take(number);
            let is_first = before.all(|other| other.key != attribute.key);
            if (!is_first || !column.takes(&attribute.value)) && !inline.contains(&attribute.key) {
                inline.insert(attribute.key.clone());
            }
        }
    }
}
