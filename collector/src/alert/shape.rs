//! Tells when traces grow too deep, too large, too wide, or run in circles.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::TraceId;
use throughline_model::span::{Span, SpanKind, Value};

use crate::assemble::{Lifecycle, PlacedSpan, begins_hop};
use crate::store::{WholeSpan, WholeTrace};

/// Traces of this many seconds count together.
const WINDOW_S: u64 = 300;
/// It is over once none of those traces came for so long.
const CALM_S: u64 = 120;
/// Entries that are watched; more come from names that are made up.
const MAX_ENTRIES: usize = 2_000;
/// A quantile of one in a thousand needs so many traces.
const TRACES_FOR_QUANTILE: u64 = 2_000;
const SIZES: usize = 256;
/// Ancestors of a span that are compared with it where the trace was not read.
const MAX_STEPS_UP: usize = 128;

/// The service and the operation with which traces begin.
pub(super) type EntryName = (Arc<str>, Arc<str>);

/// What is measured of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// Hops on the longest path.
    Depth,
    /// Spans in all.
    Spans,
    /// Calls that one request makes.
    FanOut,
    /// Times that one service and operation occur on one path, where that is more than once.
    Loop,
}

impl Measure {
    pub(super) const ALL: [Self; 4] = [Self::Depth, Self::Spans, Self::FanOut, Self::Loop];
}

/// The size of one finished trace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) trace_id: TraceId,
    pub(super) entry: EntryName,
    pub(super) depth: usize,
    pub(super) spans: usize,
    pub(super) fan_out: usize,
    /// The service that sends a request back to where it was before, what it asks there, and how often that is on one path.
    pub(super) repeated: Option<(Arc<str>, Arc<str>, usize)>,
}

impl Shape {
    /// Measures a trace; `None` when it has no spans.
    pub(super) fn of(lifecycle: &Lifecycle) -> Option<Self> {
        let first = &lifecycle.spans.first()?.span;
        let mut calls = vec![0_usize; lifecycle.spans.len()];
        for placed in &lifecycle.spans {
            if placed.span.kind == SpanKind::Client
                && let Some(count) = placed.parent.and_then(|parent| calls.get_mut(parent))
            {
                *count += 1;
            }
        }
        // Each span says how deep it is, and by which services it was reached: what is missing above it changes neither.
        let told = lifecycle.spans.iter().filter_map(|placed| depth_told(&placed.span)).max();
        let entry = lifecycle.root().is_none().then(|| entry_told(first)).flatten();
        Some(Self {
            trace_id: first.trace_id,
            entry: (Arc::from(entry.unwrap_or(first.service_name())), Arc::from(first.name.as_str())),
            depth: lifecycle.depth.max(told.unwrap_or(0)),
            spans: lifecycle.spans.len(),
            fan_out: calls.into_iter().max().unwrap_or(0),
            repeated: find_repeated(lifecycle),
        })
    }

    /// Measures a trace that lacks nothing without its being read: what its spans say of their depth is what its tree says.
    /// `None` where one service and operation occur again on a path, which has to be looked at closely.
    pub(super) fn of_whole(trace: &WholeTrace) -> Option<Self> {
        let root = trace.spans.first()?;
        let (mut calls, mut depths) =
            (vec![0_usize; trace.spans.len()], Vec::with_capacity(trace.spans.len()));
        for span in &trace.spans {
            let above = span.parent.and_then(|parent| trace.spans.get(parent));
            if span.kind == SpanKind::Server && repeats(trace, span) {
                return None;
            }
            if span.kind == SpanKind::Client
                && let Some(count) = span.parent.and_then(|parent| calls.get_mut(parent))
            {
                *count += 1;
            }
            let before = span.parent.and_then(|parent| depths.get(parent)).copied().unwrap_or(0_usize);
            depths.push(before + usize::from(begins_hop(end(span), above.map(end))));
        }
        Some(Self {
            trace_id: trace.trace_id,
            entry: (Arc::clone(&root.service), Arc::clone(&root.name)),
            depth: depths.into_iter().max().unwrap_or(0),
            spans: trace.spans.len(),
            fan_out: calls.into_iter().max().unwrap_or(0),
            repeated: None,
        })
    }

    fn size(&self, measure: Measure) -> usize {
        match measure {
            Measure::Depth => self.depth,
            Measure::Spans => self.spans,
            Measure::FanOut => self.fan_out,
            Measure::Loop => self.repeated.as_ref().map_or(0, |(_, _, times)| *times),
        }
    }
}

fn depth_told(span: &Span) -> Option<usize> {
    match span.attribute(attribute::DEPTH) {
        Some(Value::Int(depth)) => usize::try_from(*depth).ok(),
        _ => None,
    }
}

/// The first service of the path that the request took.
fn entry_told(span: &Span) -> Option<&str> {
    let path = span.attribute(attribute::PATH).and_then(Value::as_text)?;
    path.split('>').next().filter(|entry| !entry.is_empty())
}

fn end(span: &WholeSpan) -> (SpanKind, &str) {
    (span.kind, &span.service)
}

/// Whether a server span has its own service and name above it, other than as its parent.
fn repeats(trace: &WholeTrace, span: &WholeSpan) -> bool {
    let parent = |span: &WholeSpan| span.parent.and_then(|parent| trace.spans.get(parent));
    let (mut above, mut steps) = (parent(span).and_then(parent), 0);
    while let Some(ancestor) = above {
        // So deep a trace is worth a closer look in any case.
        steps += 1;
        let is_same = ancestor.kind == SpanKind::Server
            && ancestor.service == span.service
            && ancestor.name == span.name;
        if is_same || steps > MAX_STEPS_UP {
            return true;
        }
        above = parent(ancestor);
    }
    false
}

/// The most often that one service and name are on one path, and who closes the circle. Walks up from each, at most as deep as the tree.
fn find_repeated(lifecycle: &Lifecycle) -> Option<(Arc<str>, Arc<str>, usize)> {
    // How often each span's own service and name are on its path; parents stand before their children, so the first that
    // comes again is where the circle closes: what it goes through after that comes again as well, but later.
    let (mut closed_at, mut most) = (None, 1);
    for (place, placed) in lifecycle.spans.iter().enumerate() {
        if placed.span.kind != SpanKind::Server {
            continue;
        }
        let mut times = 1;
        let mut above = placed.parent;
        let mut steps = 0;
        while let Some(ancestor) = above.and_then(|above| lifecycle.spans.get(above)) {
            let is_same =
                ancestor.span.kind == SpanKind::Server && asks_the_same(&ancestor.span, &placed.span);
            // An application and its proxy that both report a request are one place on the path.
            let is_seen_twice = steps == 0;
            times += usize::from(is_same && !is_seen_twice);
            steps += 1;
            if steps > 512 {
                break;
            }
            above = ancestor.parent;
        }
        if times > 1 {
            let before: Option<&PlacedSpan> = closed_at.and_then(|at: usize| lifecycle.spans.get(at));
            if before.is_none_or(|before| placed.level < before.level) {
                closed_at = Some(place);
            }
        }
        most = most.max(times);
    }
    let place = closed_at?;
    let placed = lifecycle.spans.get(place)?;
    let asked = format!("-> {} {}", placed.span.service_name(), placed.span.name);
    // Who closes the circle is to blame, and not who is asked again.
    let closing = placed.parent.and_then(|parent| lifecycle.spans.get(parent)).unwrap_or(placed);
    Some((Arc::from(closing.span.service_name()), Arc::from(asked), most))
}

/// Whether two requests ask one service for the same. A name that says no route is not enough: the path decides then.
fn asks_the_same(one: &Span, other: &Span) -> bool {
    let path = |span: &Span| span.attribute(attribute::URL_PATH).and_then(Value::as_text).map(str::to_owned);
    one.name == other.name
        && one.service_name() == other.service_name()
        && (one.name.contains('/') || path(one) == path(other))
}

/// What a rule asks of the traces of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShapeLimit {
    /// Sizes above this are too much, whatever is usual.
    pub limit: usize,
    /// So many traces within five minutes.
    pub traces: usize,
}

/// Too large traces of one entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Excess {
    pub(super) measure: Measure,
    pub(super) traces: Vec<TraceId>,
    pub(super) largest: usize,
    pub(super) allowed: usize,
    pub(super) repeated: Option<EntryName>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// How many traces had each size, the last one standing for all above; decays by half each week.
    sizes: [Vec<f32>; Measure::ALL.len()],
    traces: u64,
    recent: VecDeque<(u64, Shape)>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { sizes: std::array::from_fn(|_| vec![0.0; SIZES]), traces: 0, recent: VecDeque::new() }
    }
}

/// Sizes of traces by entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    entries: HashMap<EntryName, Entry>,
    crowded_out: u64,
}

impl Shapes {
    /// Takes a finished trace.
    pub(super) fn observe(&mut self, now_unix_s: u64, shape: Shape) {
        if !self.entries.contains_key(&shape.entry) && self.entries.len() >= MAX_ENTRIES {
            self.crowded_out += 1;
            return;
        }
        let entry = self.entries.entry(shape.entry.clone()).or_default();
        // A trace is usual once it has left the window, so that what is unusual now does not excuse itself.
        entry.expire(now_unix_s);
        if entry.recent.len() >= 10_000 {
            entry.learn_oldest();
        }
        entry.recent.push_back((now_unix_s, shape));
    }

    /// Entries whose traces exceed the limit now.
    pub(super) fn excesses(
        &mut self,
        now_unix_s: u64,
        limit_of: impl Fn(&str, Measure) -> Option<ShapeLimit>,
    ) -> Vec<(EntryName, Excess)> {
        let mut found = Vec::new();
        for (name, entry) in &mut self.entries {
            entry.expire(now_unix_s);
            let by_measure = Measure::ALL.into_iter().enumerate();
            found.extend(by_measure.filter_map(|(place, measure)| {
                let limit = limit_of(&name.0, measure)?;
                Some((name.clone(), entry.excess((place, measure), limit, now_unix_s)?))
            }));
        }
        found
    }

    /// Traces of entries beyond the number that is watched.
    pub(super) fn crowded_out(&self) -> u64 {
        self.crowded_out
    }
}

impl Entry {
    fn expire(&mut self, now_unix_s: u64) {
        while self.recent.front().is_some_and(|(at, _)| at + WINDOW_S < now_unix_s) {
            self.learn_oldest();
        }
    }

    fn learn_oldest(&mut self) {
        let Some((_, shape)) = self.recent.pop_front() else { return };
        self.traces += 1;
        for (sizes, measure) in self.sizes.iter_mut().zip(Measure::ALL) {
            if let Some(count) = sizes.get_mut(shape.size(measure).min(SIZES - 1)) {
                *count += 1.0;
            }
            if self.traces.is_multiple_of(100_000) {
                sizes.iter_mut().for_each(|count| *count *= 0.5);
            }
        }
    }

    /// The size that all but one trace in a thousand keep to.
    fn usual_most(&self, place: usize) -> Option<usize> {
        let sizes = self.sizes.get(place).filter(|_| self.traces >= TRACES_FOR_QUANTILE)?;
        let all: f32 = sizes.iter().sum();
        let mut above = 0.0;
        let largest = sizes.iter().enumerate().rev().find(|(_, count)| {
            above += **count;
            above > all * 0.001
        });
        largest.map(|(size, _)| size)
    }

    fn excess(
        &self,
        (place, measure): (usize, Measure),
        limit: ShapeLimit,
        now_unix_s: u64,
    ) -> Option<Excess> {
        let allowed = self.usual_most(place).map_or(limit.limit, |usual| usual.clamp(1, limit.limit));
        // Loops that have always been there are how this route works.
        let allowed =
            if measure == Measure::Loop { self.usual_most(place).unwrap_or(1).max(1) } else { allowed };
        let is_over = |seen: &&(u64, Shape)| seen.1.size(measure) > allowed;
        let newest = self.recent.iter().rev().find(is_over).map(|(at, _)| *at)?;
        if newest + CALM_S < now_unix_s {
            return None;
        }
        let over: Vec<&Shape> = self.recent.iter().filter(is_over).map(|(_, shape)| shape).collect();
        let largest = over.iter().map(|shape| shape.size(measure)).max()?;
        // A trace that goes on is measured again and again.
        let mut seen = HashSet::new();
        let traces: Vec<TraceId> =
            over.iter().rev().map(|shape| shape.trace_id).filter(|trace_id| seen.insert(*trace_id)).collect();
        (traces.len() >= limit.traces).then(|| Excess {
            measure,
            traces: traces.into_iter().take(5).collect(),
            largest,
            allowed,
            repeated: most_often_repeated(&over),
        })
    }
}

/// A trace whose first spans are late seems to begin within the circle; most traces know better.
fn most_often_repeated(over: &[&Shape]) -> Option<EntryName> {
    let mut counts: HashMap<EntryName, usize> = HashMap::new();
    for (service, asked, _) in over.iter().filter_map(|shape| shape.repeated.as_ref()) {
        *counts.entry((Arc::clone(service), Arc::clone(asked))).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by(|(left, few), (right, many)| few.cmp(many).then(right.cmp(left)))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests;
