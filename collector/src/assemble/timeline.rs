//! Where the time of a trace goes: its bounds, and what each span spent outside its children.

use super::tree::{Node, Place};

/// The times of a trace.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) start_unix_ns: u64,
    pub(super) duration_ns: u64,
    /// For each node, the part of its duration that no child covers.
    pub(super) self_ns: Vec<u64>,
}

/// How much of a span its children cover, and up to where; children come by start.
#[derive(Clone, Copy, Default)]
struct Cover {
    until_unix_ns: u64,
    covered_ns: u64,
}

pub(super) fn measure(nodes: &[Node]) -> Timeline {
    let start_unix_ns = nodes.iter().map(|node| node.span.start_unix_ns).min().unwrap_or(0);
    // A span whose end is before its start still lasted until its start.
    let latest = nodes.iter().map(|node| node.span.end_unix_ns.max(node.span.start_unix_ns)).max();
    let mut covers = vec![Cover::default(); nodes.len()];
    for node in nodes {
        if let Place::Under(parent) = node.place
            && let (Some(cover), Some(parent)) = (covers.get_mut(parent), nodes.get(parent))
        {
            // Clipped to the parent: a child may start or end outside by design or by another clock.
            let from = node.span.start_unix_ns.max(parent.span.start_unix_ns).max(cover.until_unix_ns);
            let until = node.span.end_unix_ns.min(parent.span.end_unix_ns);
            if until > from {
                cover.covered_ns += until - from;
                cover.until_unix_ns = until;
            }
        }
    }
    Timeline {
        start_unix_ns,
        duration_ns: latest.unwrap_or(0).saturating_sub(start_unix_ns),
        self_ns: nodes
            .iter()
            .zip(covers)
            .map(|(node, cover)| node.span.duration_ns().saturating_sub(cover.covered_ns))
            .collect(),
    }
}
