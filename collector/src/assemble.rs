//! Joins the spans of one trace to a lifecycle: its tree, its timeline, its hops, and what is missing.

pub mod settle;

mod cause;
mod claim;
mod clock;
mod evidence;
mod gap;
mod hop;
mod join;
mod timeline;
mod tree;

use std::collections::HashSet;
use std::sync::Arc;

use throughline_model::id::SpanId;
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, StatusCode};

pub use cause::{Circumstances, Drops, GapCause, LATE_NS};
pub use claim::{CALLS_OF_A_HABIT, Claim, Habits, destination_of};
pub use clock::Clock;
pub use evidence::{SeamKind, confidence_of};
pub use hop::begins_hop;
pub use join::{MAX_JOINED_TRACES, MAX_SEAMS_AWAY, Seam, assemble_joined, traces_joined_to};
use tree::Causes;

/// A trace put together. The same set of spans gives the same lifecycle, whatever order they arrived in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lifecycle {
    /// Start of the earliest span, in nanoseconds since 1970-01-01 UTC, on the clock of the first root.
    pub start_unix_ns: u64,
    /// From the start of the earliest span to the end of the latest.
    pub duration_ns: u64,
    /// Every span once, in tree order: roots before spans whose parent is missing, each parent before its children,
    /// children by start.
    pub spans: Vec<PlacedSpan>,
    /// What is missing, in tree order.
    pub gaps: Vec<Gap>,
    /// Calls from one workload to another, the entry included.
    pub hops: usize,
    /// Hops on the longest path.
    pub depth: usize,
    /// Spans whose status is an error.
    pub errors: usize,
    /// The weakest evidence on any hop; `None` when no hop says.
    pub weakest_link: Option<LinkKind>,
    /// Where traces were joined to this one, by the start of their roots; a trace put together by itself has none.
    pub seams: Vec<Seam>,
}

/// A span at its place in the lifecycle.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedSpan {
    /// The span as it was received.
    pub span: Arc<Span>,
    /// Place of its parent in [`Lifecycle::spans`]; `None` for a root and where the parent is missing.
    pub parent: Option<usize>,
    /// Depth in the tree; 0 for a root and where the parent is missing.
    pub level: usize,
    /// Start, measured from the start of the trace.
    pub offset_ns: u64,
    /// What was added to the times of its sender's clock to place it; see [`Clock`].
    pub clock_correction_ns: i64,
    /// The part of its duration that no child covers.
    pub self_ns: u64,
    /// It names a parent under which it could not be placed.
    pub is_parent_missing: bool,
}

/// Something that should have been there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The span at whose side it is missing.
    pub span_id: SpanId,
    /// The service of that span.
    pub service: String,
    /// What is missing.
    pub reason: GapReason,
    /// Why it is missing, as far as that was asked for: [`Lifecycle::name_causes`].
    pub cause: GapCause,
    /// The address of the server whose span is missing, where the caller told it.
    pub target: Option<String>,
    /// Names of who should have sent what is missing, as far as they are known: services and hosts.
    pub senders: Vec<String>,
    /// When it should have been sent: the times of the span at whose side it is missing.
    pub times_unix_ns: (u64, u64),
    /// With the cause [`GapCause::Dropped`]: how many spans the sender counted as dropped about then.
    pub dropped_spans: u64,
    /// What did not arrive, in words. [`Gap::words`] also says why.
    pub detail: String,
}

impl Gap {
    /// What did not arrive, and what is known of the cause.
    pub fn words(&self) -> String {
        let what = &self.detail;
        match (self.dropped_spans, self.reason) {
            (0, GapReason::NoServerSpan) => format!("{what}: it has no proxy, or its span is late or lost"),
            (0, GapReason::MissingParent) => what.clone(),
            (spans, _) => format!("{what}; dropped {spans} spans (counted by the sender)"),
        }
    }
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapReason {
    /// The span's parent never arrived, or cannot be its parent.
    MissingParent,
    /// A proxy sent a request to a server, and no span of that server arrived.
    NoServerSpan,
}

impl GapReason {
    /// The name in the API, on the page and in the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingParent => "missing-parent",
            Self::NoServerSpan => "no-server-span",
        }
    }
}

impl Lifecycle {
    /// The earliest root; `None` when none arrived.
    pub fn root(&self) -> Option<&Arc<Span>> {
        self.spans.first().filter(|placed| placed.is_root()).map(|placed| &placed.span)
    }

    /// Exactly one root arrived, and nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty() && self.spans.iter().filter(|placed| placed.is_root()).count() == 1
    }

    /// The probability that every link is right: that of its links and of its joined seams multiplied.
    pub fn confidence(&self) -> f64 {
        let links = self.spans.iter().filter_map(|placed| placed.span.link_kind()).filter_map(confidence_of);
        let seams = self.seams.iter().filter(|seam| seam.is_joined).map(|seam| seam.confidence);
        links.chain(seams).product()
    }

    /// How many spans arrived, and how many were due: those, and each that is missing.
    pub fn completeness(&self) -> (usize, usize) {
        (self.spans.len(), self.spans.len() + self.gaps.len())
    }

    /// The services that take part, in the order in which the tree meets them.
    pub fn services(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.spans.iter().map(|placed| placed.span.service_name()).filter(|name| seen.insert(*name)).collect()
    }
}

impl PlacedSpan {
    fn is_root(&self) -> bool {
        self.parent.is_none() && !self.is_parent_missing
    }
}

/// Assembles the spans of one trace. Spans of the same id and kind count as one; bad data (parents that form a loop,
/// ends before starts) is placed as well as can be, and named as a gap where the tree has a hole.
pub fn assemble(spans: &[Arc<Span>]) -> Lifecycle {
    assemble_on(spans, Clock::Corrected)
}

/// The same, with a choice of clock.
pub fn assemble_on(spans: &[Arc<Span>], clock: Clock) -> Lifecycle {
    assemble_with(spans, &Causes::new(), clock)
}

fn assemble_with(spans: &[Arc<Span>], causes: &Causes, clock: Clock) -> Lifecycle {
    let nodes = tree::plant(spans, causes);
    let corrections = clock::corrections(&nodes, clock);
    let timeline = timeline::measure(&nodes, &corrections);
    let journey = hop::count(&nodes);
    Lifecycle {
        start_unix_ns: timeline.start_unix_ns,
        duration_ns: timeline.duration_ns,
        gaps: gap::find(&nodes),
        hops: journey.hops,
        depth: journey.depth,
        errors: nodes.iter().filter(|node| node.span.status == StatusCode::Error).count(),
        weakest_link: nodes.iter().filter_map(|node| node.span.link_kind()).max(),
        spans: nodes
            .into_iter()
            .zip(timeline.places)
            .zip(corrections)
            .map(|((node, place), correction)| place_span(node, place, correction))
            .collect(),
        seams: Vec::new(),
    }
}

fn place_span(node: tree::Node, place: timeline::TimePlace, clock_correction_ns: i64) -> PlacedSpan {
    PlacedSpan {
        offset_ns: place.offset_ns,
        clock_correction_ns,
        self_ns: place.self_ns,
        level: node.level,
        is_parent_missing: matches!(node.place, tree::Place::Missing | tree::Place::Loop),
        parent: match node.place {
            tree::Place::Under(parent) => Some(parent),
            tree::Place::Root | tree::Place::Missing | tree::Place::Loop => None,
        },
        span: node.span,
    }
}

#[cfg(test)]
mod tests;
