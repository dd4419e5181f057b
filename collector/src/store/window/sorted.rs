//! A window on its way to a block: its spans by trace and start, each once, decoded one by one.

use std::collections::HashSet;

use throughline_model::span::Span;

use super::{Decoder, FiledBatch, Head, Window};
use crate::store::StoreError;

/// The spans of a window in the order of a block.
#[derive(Debug)]
pub(in crate::store) struct SortedSpans<'a> {
    spans: std::vec::IntoIter<(&'a FiledBatch, &'a Head)>,
    decoder: Decoder,
    traces: u64,
    starts: (u64, u64),
}

impl Window {
    /// The spans by trace and start; of those with the same ids and kind only the one that came first.
    pub(in crate::store) fn sorted(&self) -> SortedSpans<'_> {
        let mut spans: Vec<(&FiledBatch, &Head)> =
            self.batches.iter().flat_map(|batch| batch.heads.iter().map(|head| (&**batch, head))).collect();
        // Stable, so that the first of several copies stays the first.
        spans.sort_by_key(|(_, head)| head.trace_id);
        let (mut traces, mut current, mut seen) = (0, None, HashSet::new());
        spans.retain(|(_, head)| {
            if current != Some(head.trace_id) {
                current = Some(head.trace_id);
                traces += 1;
                seen.clear();
            }
            seen.insert((head.span_id, head.kind))
        });
        spans.sort_by_key(|(_, head)| (head.trace_id, head.start_unix_ns));
        let starts = || spans.iter().map(|(_, head)| head.start_unix_ns);
        let starts = (starts().min().unwrap_or_default(), starts().max().unwrap_or_default());
        SortedSpans { spans: spans.into_iter(), decoder: Decoder::default(), traces, starts }
    }
}

impl SortedSpans<'_> {
    /// How many different traces there are.
    pub(in crate::store) fn traces(&self) -> u64 {
        self.traces
    }

    /// The earliest and the latest start.
    pub(in crate::store) fn starts_unix_ns(&self) -> (u64, u64) {
        self.starts
    }
}

impl Iterator for SortedSpans<'_> {
    type Item = Result<Span, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (batch, head) = self.spans.next()?;
        Some(self.decoder.span(batch, head))
    }
}
