//! Spans to a block: sorted by trace and start, each span once, in one file that is durable before it is known.

use std::collections::{BTreeSet, HashSet};
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
pub(in crate::store) struct Contents<'a> {
    /// Spans in the order they came; of those with the same ids and kind the first is kept.
    pub(in crate::store) spans: Vec<&'a Arc<Span>>,
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
    let Contents { mut spans, services, segments: (first_segment, last_segment), written_unix_ns } = contents;
    let traces = sort_and_deduplicate(&mut spans);
    let starts = || spans.iter().map(|span| span.start_unix_ns);
    let footer = Footer {
        min_start_unix_ns: starts().min().unwrap_or_default(),
        max_start_unix_ns: starts().max().unwrap_or_default(),
        written_unix_ns,
        first_segment,
        last_segment,
        services,
        inline: Some(inline_attributes(&spans)),
    };
    // Segment numbers never come back, so neither does the name.
    let (min, max) = (footer.min_start_unix_ns, footer.max_start_unix_ns);
    let path = folder.join(format!("{min:020}-{max:020}-{last_segment:08}.parquet"));
    let unfinished = path.with_extension("tmp");
    let properties = schema::properties(traces, footer.entries())?;
    let mut writer = ArrowWriter::try_new(File::create(&unfinished)?, Arc::clone(&SCHEMA), Some(properties))?;
    for batch in spans.chunks(BATCH_ROWS) {
        writer.write(&rows::to_columns(batch)?)?;
    }
    writer.into_inner()?.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// Attributes with a column that some span has with a value of another type, or more than once.
fn inline_attributes(spans: &[&Arc<Span>]) -> BTreeSet<String> {
    let mut inline = BTreeSet::new();
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
    inline
}

/// Returns how many different traces there are.
fn sort_and_deduplicate(spans: &mut Vec<&Arc<Span>>) -> u64 {
    // Stable, so that the first of several copies stays the first.
    spans.sort_by_key(|span| span.trace_id);
    let mut traces = 0;
    let mut current = None;
    let mut seen = HashSet::new();
    spans.retain(|span| {
        if current != Some(span.trace_id) {
            current = Some(span.trace_id);
            traces += 1;
            seen.clear();
        }
        seen.insert((span.span_id, span.kind))
    });
    spans.sort_by_key(|span| (span.trace_id, span.start_unix_ns));
    traces
}
