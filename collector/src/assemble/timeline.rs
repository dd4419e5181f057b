//! Where the time of a trace goes: its bounds, where each span lies, and what it spent outside its children.

use super::tree::{Node, Place};

/// The times of a trace.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) start_unix_ns: u64,
    pub(super) duration_ns: u64,
    /// For each node.
    pub(super) places: Vec<TimePlace>,
}

/// Where a span lies in time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimePlace {
    /// From the start of the trace.
    pub(super) offset_ns: u64,
    /// The part of its duration that no child covers.
    pub(super) self_ns: u64,
}

/// Start and end on the common clock.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    end: u64,
}

/// How much of a span its children cover, and up to where; children come by start.
#[derive(Clone, Copy, Default)]
struct Cover {
    until: u64,
    covered_ns: u64,
}

/// Measures with each node's times moved by its correction.
pub(super) fn measure(nodes: &[Node], corrections: &[i64]) -> Timeline {
    let all: Vec<Times> =
        nodes.iter().zip(corrections).map(|(node, correction)| corrected(node, *correction)).collect();
    let start_unix_ns = all.iter().map(|times| times.start).min().unwrap_or(0);
    // A span whose end is before its start still lasted until its start.
    let latest = all.iter().map(|times| times.end.max(times.start)).max();
    let mut covers = vec![Cover::default(); nodes.len()];
    for (node, times) in nodes.iter().zip(&all) {
        if let Place::Under(parent) = node.place
            && let (Some(cover), Some(around)) = (covers.get_mut(parent), all.get(parent))
        {
            // Clipped to the parent: a child may start or end outside by design or by another clock.
            let from = times.start.max(around.start).max(cover.until);
            let until = times.end.min(around.end);
            if until > from {
                cover.covered_ns += until - from;
                cover.until = until;
            }
        }
    }
    let places = nodes.iter().zip(&all).zip(covers).map(|((node, times), cover)| TimePlace {
        offset_ns: times.start.saturating_sub(start_unix_ns),
        self_ns: node.span.duration_ns().saturating_sub(cover.covered_ns),
    });
    Timeline {
        start_unix_ns,
        duration_ns: latest.unwrap_or(0).saturating_sub(start_unix_ns),
        places: places.collect(),
    }
}

fn corrected(node: &Node, correction: i64) -> Times {
    Times {
        start: node.span.start_unix_ns.saturating_add_signed(correction),
        end: node.span.end_unix_ns.saturating_add_signed(correction),
    }
}
