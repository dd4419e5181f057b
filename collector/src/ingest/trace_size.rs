//! Bounds the spans of one trace: a loop that never ends, or an id that is used for everything, must not become an answer that
//! fits no memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use throughline_model::id::TraceId;

/// Traces that are counted at the same time. They share places, and the longer one keeps it.
const PLACES: usize = 1 << 16;
/// Traces that are known to be full. Beyond, the one that was longest known is forgotten.
const MAX_FULL: usize = 1_024;

/// How many spans each of the longest traces has, counted to at most what it really has: no trace is ever full too early.
#[derive(Debug)]
pub(super) struct TraceSizes {
    max_spans: AtomicU32,
    has_full: AtomicBool,
    sizes: Mutex<Sizes>,
}

#[derive(Debug)]
struct Sizes {
    places: Vec<(Option<TraceId>, u32)>,
    full: VecDeque<TraceId>,
}

impl TraceSizes {
    pub(super) fn new(max_spans: u32) -> Self {
        let sizes = Sizes { places: vec![(None, 0); PLACES], full: VecDeque::new() };
        Self {
            max_spans: AtomicU32::new(max_spans),
            has_full: AtomicBool::new(false),
            sizes: Mutex::new(sizes),
        }
    }

    pub(super) fn max_spans(&self) -> u32 {
        self.max_spans.load(Ordering::Relaxed)
    }

    /// Changes the bound. Traces that were full may go on until they reach it again.
    pub(super) fn set_max_spans(&self, max_spans: u32) {
        if self.max_spans.swap(max_spans, Ordering::Relaxed) != max_spans {
            let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
            sizes.full.clear();
            self.has_full.store(false, Ordering::Relaxed);
        }
    }

    /// The full ones among these traces, each once. Costs nothing as long as no trace is full.
    pub(super) fn full_of(&self, traces: impl Iterator<Item = TraceId>) -> Vec<TraceId> {
        if !self.has_full.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut full: Vec<TraceId> = Vec::new();
        for trace in traces {
            if sizes.full.contains(&trace) && !full.contains(&trace) {
                full.push(trace);
            }
        }
        full
    }

    /// Counts spans that were kept. Returns a trace that has become full by them.
    pub(super) fn count(&self, traces: impl Iterator<Item = TraceId>) -> Option<TraceId> {
        let max_spans = self.max_spans();
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filled = None;
        for trace in traces {
            if sizes.count(trace) < max_spans || sizes.full.contains(&trace) {
                continue;
            }
            if sizes.full.len() >= MAX_FULL {
                sizes.full.pop_front();
            }
            sizes.full.push_back(trace);
            self.has_full.store(true, Ordering::Relaxed);
            filled = Some(trace);
        }
        filled
    }
}

impl Sizes {
    /// Counts one span. A place is lost to another trace once that has sent as many spans (Boyer and Moore's majority vote).
    fn count(&mut self, trace: TraceId) -> u32 {
        // Ids are random as a rule; the multiplication (2^64 by the golden ratio) spreads those that are counted up.
        let id = u128::from_be_bytes(*trace.as_bytes());
        let place = ((id as u64 ^ (id >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize;
        let Some((held_by, spans)) = self.places.get_mut(place) else {
            return 0;
        };
        match held_by {
            Some(holder) if *holder == trace => *spans = spans.saturating_add(1),
            _ if *spans == 0 => (*held_by, *spans) = (Some(trace), 1),
            _ => {
                *spans -= 1;
                return 0;
            }
        }
        *spans
    }
}

#[cfg(test)]
mod tests;
