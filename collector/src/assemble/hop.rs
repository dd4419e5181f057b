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
        let begins = begins_hop(&node.span, parent.map(|(parent, _)| parent.span.as_ref()));
        hops += usize::from(begins);
        hops_on_path.push(parent.map_or(0, |(_, before)| *before) + usize::from(begins));
    }
    Journey { hops, depth: hops_on_path.into_iter().max().unwrap_or(0) }
}

/// A client span begins a hop, and so does a server span that no client span announced. Where an application and its
/// proxy both report one end of a call, the two spans are one hop.
fn begins_hop(span: &Span, parent: Option<&Span>) -> bool {
    let Some(parent) = parent else {
        return matches!(span.kind, SpanKind::Client | SpanKind::Server);
    };
    let is_seen_twice = span.kind == parent.kind && span.service_name() == parent.service_name();
    match span.kind {
        SpanKind::Client => !is_seen_twice,
        SpanKind::Server => !is_seen_twice && parent.kind != SpanKind::Client,
        SpanKind::Unspecified | SpanKind::Internal | SpanKind::Producer | SpanKind::Consumer => false,
    }
}
