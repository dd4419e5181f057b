//! The critical paths of many traces added up: a tree of who waited for whom, in the shape of a flame graph.

use std::collections::HashMap;

use throughline_model::span::SpanKind;

use super::critical_path::critical_path;
use crate::assemble::{Lifecycle, PlacedSpan};

/// Frames below this depth count as their last ancestor within it.
pub const MAX_DEPTH: usize = 128;
/// Frames beyond so many count as their caller.
pub const MAX_FRAMES: usize = 20_000;

/// Critical paths added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flame {
    /// How many traces were added.
    pub traces: usize,
    /// The sum of their roots' durations, and of all own times.
    pub total_ns: u64,
    /// Callers before those they called.
    pub frames: Vec<Frame>,
    places: HashMap<(Option<usize>, Name), usize>,
}

/// The same work at the same place of the tree in all traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Its place among [`Flame::frames`].
    pub caller: Option<usize>,
    /// What it is.
    pub name: Name,
    /// How deep it stands; 0 for roots.
    pub depth: usize,
    /// Time on critical paths in which nothing below was waited for.
    pub self_ns: u64,
    /// The same with everything below.
    pub total_ns: u64,
    /// Traces whose path comes through here.
    pub traces: usize,
}

/// What a frame stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The service.
    pub service: String,
    /// The span's name.
    pub operation: String,
    /// The span's role.
    pub kind: SpanKind,
}

impl Flame {
    /// Adds the critical path of one trace.
    pub fn add(&mut self, lifecycle: &Lifecycle) {
        let path = critical_path(lifecycle);
        let own_times = path.self_ns(lifecycle);
        let subtree = sum_up(lifecycle, &own_times);
        let mut frame_of: Vec<Option<usize>> = Vec::with_capacity(lifecycle.spans.len());
        // A trace comes through a frame once, however many of its spans lie there.
        let mut counted: Vec<usize> = Vec::new();
        for ((placed, own), total) in lifecycle.spans.iter().zip(own_times).zip(subtree) {
            let above = placed.parent.and_then(|parent| frame_of.get(parent).copied().flatten());
            let frame = if total == 0 { None } else { self.frame(above, placed) };
            let is_same_as_above = frame == above;
            frame_of.push(frame);
            if let Some((index, frame)) = frame.and_then(|index| Some((index, self.frames.get_mut(index)?))) {
                frame.self_ns = frame.self_ns.saturating_add(own);
                if !is_same_as_above {
                    frame.total_ns = frame.total_ns.saturating_add(total);
                }
                counted.push(index);
            }
        }
        counted.sort_unstable();
        counted.dedup();
        for index in counted {
            if let Some(frame) = self.frames.get_mut(index) {
                frame.traces += 1;
            }
        }
        self.traces += 1;
        self.total_ns = self.total_ns.saturating_add(path.duration_ns);
    }

    /// The frame's share of all time, itself and everything below.
    pub fn share(&self, frame: &Frame) -> f64 {
        frame.total_ns as f64 / self.total_ns.max(1) as f64
    }

    fn frame(&mut self, caller: Option<usize>, placed: &PlacedSpan) -> Option<usize> {
        let depth = caller.and_then(|caller| self.frames.get(caller)).map_or(0, |caller| caller.depth + 1);
        if depth > MAX_DEPTH {
            return caller;
        }
        let name = Name {
            service: placed.span.service_name().to_owned(),
            operation: placed.span.name.clone(),
            kind: placed.span.kind,
        };
        let key = (caller, name);
        if let Some(known) = self.places.get(&key) {
            return Some(*known);
        }
        if self.frames.len() >= MAX_FRAMES {
            return caller;
        }
        let name = key.1.clone();
        self.places.insert(key, self.frames.len());
        self.frames.push(Frame { caller, name, depth, self_ns: 0, total_ns: 0, traces: 0 });
        self.frames.len().checked_sub(1)
    }
}

/// For each span its own time on the path and that of everything below.
fn sum_up(lifecycle: &Lifecycle, own_times: &[u64]) -> Vec<u64> {
    let mut sums = own_times.to_vec();
    for (index, placed) in lifecycle.spans.iter().enumerate().rev() {
        let sum = sums.get(index).copied().unwrap_or(0);
        if let Some(above) = placed.parent.and_then(|parent| sums.get_mut(parent)) {
            *above = above.saturating_add(sum);
        }
    }
    sums
}

#[cfg(test)]
mod tests;
