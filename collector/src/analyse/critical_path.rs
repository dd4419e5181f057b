//! The critical path of one trace: which span the caller was waiting for at every moment of the root's duration.
//!
//! Walks back from the end of each span: the child that ended last is what it waited for, before that the child that
//! ended last before that one began, and so on; what no such child fills is the span's own time. This is the path that
//! CRISP (Zhang et al., USENIX ATC 2022) computes. Here the parts are an exact partition of the root's duration.

use crate::assemble::Lifecycle;

/// Two children whose times overlap by at most this share of their parent's duration count as one after the other:
/// that much is imprecision of clocks and of where a proxy takes its times.
const TOLERATED_OVERLAP: i128 = 100;

/// Where the time of a root went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// The place in [`Lifecycle::spans`] of the span whose duration is divided up; `None` for an empty lifecycle.
    pub root: Option<usize>,
    /// Its duration, and the sum of all steps.
    pub duration_ns: u64,
    /// From the start of the root to its end, without a hole and without overlap.
    pub steps: Vec<Step>,
}

/// A stretch of time in which one span's own work was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The span's place in [`Lifecycle::spans`].
    pub span: usize,
    /// Begin, measured from the start of the root.
    pub from_ns: u64,
    /// End, measured from the start of the root.
    pub until_ns: u64,
}

impl Step {
    /// How long it took.
    pub fn duration_ns(&self) -> u64 {
        self.until_ns.saturating_sub(self.from_ns)
    }
}

impl CriticalPath {
    /// Own time on the path for each span of the lifecycle, by its place there; zero for spans off the path.
    pub fn self_ns(&self, lifecycle: &Lifecycle) -> Vec<u64> {
        let mut times = vec![0u64; lifecycle.spans.len()];
        for step in &self.steps {
            if let Some(time) = times.get_mut(step.span) {
                *time = time.saturating_add(step.duration_ns());
            }
        }
        times
    }
}

/// The path of the first root, or of the longest span without a parent where no root arrived. Children that begin
/// after their parent ended, or end before it began, are on no path; those that outlive it are cut at its end.
pub fn critical_path(lifecycle: &Lifecycle) -> CriticalPath {
    let Some(root) = top(lifecycle) else {
        return CriticalPath::default();
    };
    let children = children_by_end(lifecycle);
    let (start, end) = bounds(lifecycle, root);
    let mut steps = Vec::new();
    // A stack of its own: how deep a tree is, is the sender's choice.
    let mut stack = vec![Visit { span: root, from: start, until: end, earlier_by: 0 }];
    while let Some(visit) = stack.pop() {
        let below = children.get(visit.span).map_or(&[][..], Vec::as_slice);
        walk_back(lifecycle, visit, below, &mut steps, &mut stack);
    }
    steps.sort_by_key(|step| step.from);
    let steps = steps.iter().map(|step| Step {
        span: step.span,
        from_ns: to_ns(step.from - start),
        until_ns: to_ns(step.until - start),
    });
    CriticalPath { root: Some(root), duration_ns: to_ns(end - start), steps: steps.collect() }
}

/// The part of a span that lies on the path, and by how much its times are taken as earlier than they were told.
#[derive(Clone, Copy)]
struct Visit {
    span: usize,
    from: i128,
    until: i128,
    earlier_by: i128,
}

struct Stretch {
    span: usize,
    from: i128,
    until: i128,
}

fn walk_back(
    lifecycle: &Lifecycle,
    visit: Visit,
    children: &[usize],
    steps: &mut Vec<Stretch>,
    stack: &mut Vec<Visit>,
) {
    let tolerance = (visit.until - visit.from) / TOLERATED_OVERLAP;
    // Where the path has arrived, and where the child before it began by its own account.
    let (mut cursor, mut begun) = (visit.until, visit.until);
    let mut own = |from: i128, until: i128| {
        if until > from {
            steps.push(Stretch { span: visit.span, from, until });
        }
    };
    for child in children {
        let (start, end) = bounds(lifecycle, *child);
        let (start, end) = (start - visit.earlier_by, (end - visit.earlier_by).min(visit.until));
        if end <= visit.from || start >= visit.until || end - begun > tolerance {
            continue;
        }
        let overlap = (end - cursor).max(0);
        let (from, until) = ((start - overlap).max(visit.from), end - overlap);
        if until <= from {
            continue;
        }
        own(until, cursor);
        stack.push(Visit { span: *child, from, until, earlier_by: visit.earlier_by + overlap });
        (cursor, begun) = (from, start);
    }
    own(visit.from, cursor);
}

/// Start and end of a span on the lifecycle's clock; an end before the start counts as the start.
fn bounds(lifecycle: &Lifecycle, span: usize) -> (i128, i128) {
    lifecycle.spans.get(span).map_or((0, 0), |placed| {
        let start = i128::from(placed.offset_ns);
        (start, start + i128::from(placed.span.duration_ns()))
    })
}

fn to_ns(time: i128) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

fn top(lifecycle: &Lifecycle) -> Option<usize> {
    let tops = || lifecycle.spans.iter().enumerate().filter(|(_, placed)| placed.parent.is_none());
    let root = tops().find(|(_, placed)| !placed.is_parent_missing);
    let longest = || tops().rev().max_by_key(|(_, placed)| placed.span.duration_ns());
    root.or_else(longest).map(|(index, _)| index)
}

/// For each span its children, the one that ended last first; of those that ended together the longest first.
fn children_by_end(lifecycle: &Lifecycle) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); lifecycle.spans.len()];
    for (index, placed) in lifecycle.spans.iter().enumerate() {
        if let Some(list) = placed.parent.and_then(|parent| children.get_mut(parent)) {
            list.push(index);
        }
    }
    for (parent, list) in children.iter_mut().enumerate() {
        let parent_end = bounds(lifecycle, parent).1;
        list.sort_by_key(|child| {
            let (start, end) = bounds(lifecycle, *child);
            (-end.min(parent_end), start, *child)
        });
    }
    children
}

#[cfg(test)]
mod tests;
