//! Joins traces that belong to one request to one lifecycle, and remembers where they were sewn together.
//!
//! A call whose cause was not certain began a trace of its own, and so did a request at a gateway that trusts no caller. What
//! their roots say of their causes decides; the same spans give the same lifecycle, whatever order they came in.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::Span;

use super::claim::{self, Claim, Habits};
use super::tree::{self, Causes, SpanKey};
use super::{Clock, Lifecycle, SeamKind, assemble_with};

/// Most traces of one lifecycle.
pub const MAX_JOINED_TRACES: usize = 64;
/// Most seams between the trace that was asked for and any other.
pub const MAX_SEAMS_AWAY: usize = 8;

/// Where a trace was joined to another one, or could not be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seam {
    /// The trace that began here.
    pub trace_id: TraceId,
    /// Its root.
    pub span_id: SpanId,
    /// By what evidence.
    pub kind: SeamKind,
    /// The probability that the cause is the right one, or that any one candidate is.
    pub confidence: f64,
    /// How many spans could be the cause.
    pub candidates: usize,
    /// The span that caused it; `None` where that is open.
    pub cause: Option<(TraceId, SpanId)>,
    /// The root hangs under its cause in this lifecycle.
    pub is_joined: bool,
}

/// Joins what belongs to one trace out of the spans of many.
pub fn assemble_joined(spans: &[Arc<Span>], trace_id: TraceId, habits: &Habits, clock: Clock) -> Lifecycle {
    let spans = tree::distinct(spans);
    let (members, mut seams) = sew(&spans, trace_id, habits);
    seams.retain(|seam| members.contains(&seam.trace_id));
    let cause = |seam: &Seam| Some(((seam.trace_id, seam.span_id), seam.cause.filter(|_| seam.is_joined)?));
    let causes: Causes = seams.iter().filter_map(cause).collect();
    let own: Vec<Arc<Span>> = spans.into_iter().filter(|span| members.contains(&span.trace_id)).collect();
    Lifecycle { seams, ..assemble_with(&own, &causes, clock) }
}

/// The traces that [`assemble_joined`] would join to one.
pub fn traces_joined_to(spans: &[Arc<Span>], trace_id: TraceId, habits: &Habits) -> BTreeSet<TraceId> {
    sew(&tree::distinct(spans), trace_id, habits).0
}

/// The traces that belong together, and all seams.
fn sew(spans: &[Arc<Span>], trace_id: TraceId, habits: &Habits) -> (BTreeSet<TraceId>, Vec<Seam>) {
    let mut known: HashMap<SpanKey, Vec<Arc<Span>>> = HashMap::with_capacity(spans.len());
    for span in spans {
        known.entry(tree::key_of(span)).or_default().push(Arc::clone(span));
    }
    let mut seams = judge_all(spans, &known, habits);
    let members = join(&mut seams, &known, trace_id);
    (members, seams)
}

/// The seams of all roots that say something, in the order of the roots.
fn judge_all(spans: &[Arc<Span>], known: &HashMap<SpanKey, Vec<Arc<Span>>>, habits: &Habits) -> Vec<Seam> {
    let seam = |span: &Arc<Span>| {
        let judged = claim::judge(span, &Claim::of(span)?, known, habits);
        Some(Seam {
            trace_id: span.trace_id,
            span_id: span.span_id,
            kind: judged.kind,
            confidence: judged.kind.confidence(judged.candidates),
            candidates: judged.candidates,
            cause: judged.cause,
            is_joined: false,
        })
    };
    spans.iter().filter_map(seam).collect()
}

/// Marks the seams that hold, and gives the traces that they hold together with one.
fn join(
    seams: &mut [Seam],
    known: &HashMap<SpanKey, Vec<Arc<Span>>>,
    trace_id: TraceId,
) -> BTreeSet<TraceId> {
    let mut above: BTreeMap<TraceId, BTreeSet<TraceId>> = BTreeMap::new();
    for seam in seams.iter_mut() {
        let Some(cause) = seam.cause.filter(|cause| known.contains_key(cause)) else { continue };
        // Bad data may say that each of two traces caused the other.
        if !is_above(&above, seam.trace_id, cause.0) {
            above.entry(seam.trace_id).or_default().insert(cause.0);
            seam.is_joined = true;
        }
    }
    let members = neighbours(&above, trace_id);
    for seam in seams.iter_mut() {
        seam.is_joined &= seam.cause.is_some_and(|(cause, _)| members.contains(&cause));
    }
    members
}

/// Whether a trace stands somewhere above another one.
fn is_above(above: &BTreeMap<TraceId, BTreeSet<TraceId>>, upper: TraceId, lower: TraceId) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![lower]);
    while let Some(at) = open.pop() {
        if at == upper {
            return true;
        }
        if seen.insert(at) {
            open.extend(above.get(&at).into_iter().flatten());
        }
    }
    false
}

/// A trace and those that are tied to it, the nearest first, as far as the bounds allow.
fn neighbours(above: &BTreeMap<TraceId, BTreeSet<TraceId>>, trace_id: TraceId) -> BTreeSet<TraceId> {
    let mut tied: BTreeMap<TraceId, BTreeSet<TraceId>> = BTreeMap::new();
    for (lower, uppers) in above {
        for upper in uppers {
            tied.entry(*lower).or_default().insert(*upper);
            tied.entry(*upper).or_default().insert(*lower);
        }
    }
    let mut members = BTreeSet::from([trace_id]);
    let mut open = VecDeque::from([(trace_id, 0)]);
    while let Some((at, seams_away)) = open.pop_front() {
        for next in tied.get(&at).into_iter().flatten() {
            if members.len() < MAX_JOINED_TRACES && seams_away < MAX_SEAMS_AWAY && members.insert(*next) {
                open.push_back((*next, seams_away + 1));
            }
        }
    }
    members
}

#[cfg(test)]
mod tests;
