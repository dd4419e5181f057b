//! Finds each span's parent and puts the spans in tree order.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Span, SpanKind};

/// What a span is known by in whichever trace.
pub(super) type SpanKey = (TraceId, SpanId);

/// Roots, and the spans of other traces that caused them.
pub(super) type Causes = HashMap<SpanKey, SpanKey>;

/// A span with its place in the tree.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Arc<Span>,
    pub(super) place: Place,
    pub(super) level: usize,
}

/// Where a span hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It names no parent.
    Root,
    /// Under the node at this index.
    Under(usize),
    /// Its parent did not arrive.
    Missing,
    /// Its chain of parents leads back to itself.
    Loop,
}

/// Every span once, in tree order; parents stand before their children. A root hangs under its cause where that is known.
pub(super) fn plant(spans: &[Arc<Span>], causes: &Causes) -> Vec<Node> {
    let spans = distinct(spans);
    let mut places = find_places(&spans, causes);
    break_loops(&mut places);
    in_tree_order(&spans, &places)
}

/// Sorted so that nothing below depends on the order of arrival; of spans with the same id and kind the first stays.
pub(super) fn distinct(spans: &[Arc<Span>]) -> Vec<Arc<Span>> {
    let mut sorted: Vec<&Arc<Span>> = spans.iter().collect();
    sorted.sort_by(|left, right| canonical_order(left, right));
    let mut seen = HashSet::with_capacity(sorted.len());
    sorted.into_iter().filter(|span| seen.insert((key_of(span), span.kind))).cloned().collect()
}

pub(super) fn key_of(span: &Span) -> SpanKey {
    (span.trace_id, span.span_id)
}

fn canonical_order(left: &Arc<Span>, right: &Arc<Span>) -> Ordering {
    let key = |span: &Span| (span.start_unix_ns, span.span_id, span.trace_id, span.kind, span.end_unix_ns);
    key(left).cmp(&key(right)).then_with(|| {
        if Arc::ptr_eq(left, right) || left == right {
            return Ordering::Equal;
        }
        // Two versions of one span that differ in little else: any order will do that does not depend on arrival.
        format!("{left:?}").cmp(&format!("{right:?}"))
    })
}

fn find_places(spans: &[Arc<Span>], causes: &Causes) -> Vec<Place> {
    let mut by_id: HashMap<SpanKey, Vec<usize>> = HashMap::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        by_id.entry(key_of(span)).or_default().push(index);
    }
    let namesakes = |key: SpanKey| by_id.get(&key).map_or(&[][..], Vec::as_slice);
    let place = |(index, span): (usize, &Arc<Span>)| {
        let parent = span.parent_span_id.map(|parent| (span.trace_id, parent));
        match find_place(spans, (index, span), parent, namesakes) {
            // A cause that is not there leaves the root what it is.
            Place::Root => {
                match find_place(spans, (index, span), causes.get(&key_of(span)).copied(), namesakes) {
                    Place::Missing => Place::Root,
                    place => place,
                }
            }
            place => place,
        }
    };
    spans.iter().enumerate().map(place).collect()
}

fn find_place<'a>(
    spans: &[Arc<Span>],
    (index, span): (usize, &Span),
    parent: Option<SpanKey>,
    namesakes: impl Fn(SpanKey) -> &'a [usize],
) -> Place {
    let kind_of = |candidate: usize| spans.get(candidate).map(|span| span.kind);
    // Zipkin's shared spans: both ends of a call carry one id, and the receiver belongs under the sender.
    if is_receiver(span.kind)
        && let Some(sender) =
            namesakes(key_of(span)).iter().find(|other| kind_of(**other).is_some_and(is_sender))
    {
        return Place::Under(*sender);
    }
    let Some(parent) = parent else {
        return Place::Root;
    };
    let candidates = || namesakes(parent).iter().copied().filter(|other| *other != index);
    // Where two spans share the id, a receiver was called by the sender, and anything else happened inside the receiver.
    let fits =
        |candidate: &usize| kind_of(*candidate).is_some_and(|kind| is_sender(kind) == is_receiver(span.kind));
    match candidates().find(fits).or_else(|| candidates().next()) {
        Some(parent) => Place::Under(parent),
        None if parent == key_of(span) => Place::Loop,
        None => Place::Missing,
    }
}

fn is_sender(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Client | SpanKind::Producer)
}

fn is_receiver(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

/// Cuts every loop at its first span, so that all spans hang on a tree.
fn break_loops(places: &mut [Place]) {
    // The walk that visited each span, so that a walk which meets its own trace has found a loop.
    let mut visited_by: Vec<Option<usize>> = vec![None; places.len()];
    for walk in 0..places.len() {
        let mut current = walk;
        let mut path = Vec::new();
        while let Some(visitor) = visited_by.get_mut(current) {
            if let Some(earlier) = *visitor {
                if earlier == walk {
                    cut(places, path.iter().skip_while(|index| **index != current).min());
                }
                break;
            }
            *visitor = Some(walk);
            path.push(current);
            let Some(Place::Under(parent)) = places.get(current) else {
                break;
            };
            current = *parent;
        }
    }
}

fn cut(places: &mut [Place], first_of_loop: Option<&usize>) {
    if let Some(place) = first_of_loop.and_then(|index| places.get_mut(*index)) {
        *place = Place::Loop;
    }
}

fn in_tree_order(spans: &[Arc<Span>], places: &[Place]) -> Vec<Node> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let (mut roots, mut orphans) = (Vec::new(), Vec::new());
    for (index, place) in places.iter().enumerate() {
        match place {
            Place::Root => roots.push(index),
            Place::Missing | Place::Loop => orphans.push(index),
            Place::Under(parent) => children.get_mut(*parent).into_iter().for_each(|list| list.push(index)),
        }
    }
    // A stack of its own: how deep a tree is, is the sender's choice.
    let mut stack: Vec<(usize, Option<usize>, usize)> =
        roots.into_iter().chain(orphans).rev().map(|top| (top, None, 0)).collect();
    let mut nodes = Vec::with_capacity(spans.len());
    while let Some((index, parent, level)) = stack.pop() {
        let (Some(span), Some(place)) = (spans.get(index), places.get(index)) else {
            continue;
        };
        let below = children.get(index).into_iter().flatten().rev();
        stack.extend(below.map(|child| (*child, Some(nodes.len()), level + 1)));
        nodes.push(Node { span: Arc::clone(span), place: parent.map_or(*place, Place::Under), level });
    }
    nodes
}
