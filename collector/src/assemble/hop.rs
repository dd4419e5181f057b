//! Counts calls from one workload to another, and how many of them lie on the longest path.

use throughline_model::span::{Span, SpanKind};

use super::tree::{Node, Place};

/// How far a request travelled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Journey {
    pub(super) hops: usize,
    pub(super) depth: usize,
}

pub(super) fn count(nodes: &[Node]) -> Journey {
    let mut hops_on_path: Vec<usize> = Vec::with_capacity(nodes.len());
    let mut hops = 0;
    for node in nodes {
        let parent = match node.place {
            Place::Under(parent) => nodes.get(parent).zip(hops_on_path.get(parent)),
            Place::Root | Place::Missing | Place::Loop => None,
        };
        let begins = begins_hop(end(&node.span), parent.map(|(parent, _)| end(&parent.span)));
        hops += usize::from(begins);
        hops_on_path.push(parent.map_or(0, |(_, before)| *before) + usize::from(begins));
    }
    Journey { hops, depth: hops_on_path.into_iter().max().unwrap_or(0) }
}

fn end(span: &Span) -> (SpanKind, &str) {
    (span.kind, span.service_name())
}

/// Whether a hop begins with a span, told by its kind and service and those of its parent. A client span begins one, and so
/// does a server span that no client span announced. Where an application and its proxy both report one end of a call, the
/// two spans are one hop.
pub fn begins_hop((kind, service): (SpanKind, &str), parent: Option<(SpanKind, &str)>) -> bool {
    let Some(parent) = parent else {
        return matches!(kind, SpanKind::Client | SpanKind::Server);
    };
    let is_seen_twice = (kind, service) == parent;
    match kind {
        SpanKind::Client => !is_seen_twice,
        SpanKind::Server => !is_seen_twice && parent.0 != SpanKind::Client,
        SpanKind::Unspecified | SpanKind::Internal | SpanKind::Producer | SpanKind::Consumer => false,
    }
}
