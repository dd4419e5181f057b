//! A window on its way to a block: its spans by trace and start, each once, still encoded.

use std::sync::Arc;

use throughline_model::id::SpanId;
use throughline_model::span::SpanKind;

use super::{FiledBatch, Head, Window};

/// The spans of a window in the order of a block.
#[derive(Debug)]
pub(in crate::store) struct SortedSpans<'a> {
    batches: &'a [Arc<FiledBatch>],
    places: Vec<BlockPlace>,
    traces: u64,
    starts: (u64, u64),
}

/// Where a span is in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct BlockPlace {
    pub(in crate::store) batch: u32,
    pub(in crate::store) head: u32,
}

/// What a span is sorted by: trace and start, then the order in which spans came.
type Key = (u128, u64, u32);

impl Window {
    /// The spans by trace and start; of those with the same ids and kind only the one that came first.
    pub(in crate::store) fn sorted(&self) -> SortedSpans<'_> {
        let places: Vec<BlockPlace> = (0..)
            .zip(&self.batches)
            .flat_map(|(batch, filed)| {
                (0..filed.heads.len() as u32).map(move |head| BlockPlace { batch, head })
            })
            .collect();
        let heads = self.batches.iter().flat_map(|batch| batch.heads.iter());
        let mut keys: Vec<Key> = (0..)
            .zip(heads)
            .map(|(number, head)| {
                (u128::from_be_bytes(*head.trace_id.as_bytes()), head.start_unix_ns, number)
            })
            .collect();
        keys.sort_unstable();
        let place = |number: u32| places.get(number as usize).copied();
        let mut sorted = SortedSpans {
            batches: &self.batches,
            places: Vec::with_capacity(keys.len()),
            traces: 0,
            starts: (u64::MAX, 0),
        };
        let mut seen = Vec::new();
        for trace in keys.chunk_by(|one, other| one.0 == other.0) {
            sorted.traces += 1;
            let copies = copies(trace, |number| self.head(place(number)?), &mut seen);
            for (_, start, number) in trace.iter().filter(|key| !copies.contains(&key.2)) {
                sorted.starts = (sorted.starts.0.min(*start), sorted.starts.1.max(*start));
                sorted.places.extend(place(*number));
            }
        }
        sorted
    }

    fn head(&self, place: BlockPlace) -> Option<&Head> {
        self.batches.get(place.batch as usize)?.heads.get(place.head as usize)
    }
}

/// The spans of one trace that came before with the same id and kind.
fn copies<'a>(
    trace: &[Key],
    head: impl Fn(u32) -> Option<&'a Head>,
    seen: &mut Vec<(SpanId, SpanKind, u32)>,
) -> Vec<u32> {
    seen.clear();
    let known = trace.iter().filter_map(|(_, _, number)| Some((head(*number)?, *number)));
    seen.extend(known.map(|(head, number)| (head.span_id, head.kind, number)));
    seen.sort_unstable();
    let pairs = seen.windows(2).filter_map(|pair| match pair {
        [one, other] if (one.0, one.1) == (other.0, other.1) => Some(other.2),
        _ => None,
    });
    pairs.collect()
}

impl<'a> SortedSpans<'a> {
    /// Where the spans are, in the order of a block.
    pub(in crate::store) fn places(&self) -> &[BlockPlace] {
        &self.places
    }

    /// The batches that the places refer to.
    pub(in crate::store) fn batches(&self) -> &'a [Arc<FiledBatch>] {
        self.batches
    }

    /// What a span is found by.
    pub(in crate::store) fn head(&self, place: BlockPlace) -> Option<&'a Head> {
        self.batches.get(place.batch as usize)?.heads.get(place.head as usize)
    }

    /// How many different traces there are.
    pub(in crate::store) fn traces(&self) -> u64 {
        self.traces
    }

    /// The earliest and the latest start; both zero where there is no span.
    pub(in crate::store) fn starts_unix_ns(&self) -> (u64, u64) {
        if self.places.is_empty() { (0, 0) } else { self.starts }
    }
}
