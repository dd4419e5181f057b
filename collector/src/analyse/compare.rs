//! Compares two groups of traces: which edges came and went, which calls became slower or fail more, and whether that may
//! be chance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::{Call, Outcome, Window};
use super::significance::{over_represented, rank_difference};

/// What counts as a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The chance, over all comparisons together, that anything is called a change by accident.
    pub significance: f64,
    /// A median that rose by less than this share is no regression.
    pub min_slower_share: f64,
    /// A share of errors that rose by less than this is no regression.
    pub min_errors_rise: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { significance: 0.01, min_slower_share: 0.1, min_errors_rise: 0.01 }
    }
}

/// How a second group of traces differs from a first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Traces of both groups.
    pub traces: (usize, usize),
    /// Edges that only the second has; those that may be chance are left out.
    pub new_edges: Vec<Edge>,
    /// Edges that only the first has; those that may be chance are left out.
    pub lost_edges: Vec<Edge>,
    /// Changes that are hardly chance, the largest first.
    pub shifts: Vec<Shift>,
}

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who calls; `None` for requests from outside.
    pub caller: Option<Arc<str>>,
    /// Who is called.
    pub callee: Arc<str>,
}

/// What changed about the calls of one operation on one edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Which edge.
    pub edge: Edge,
    /// What was asked of the callee.
    pub operation: Arc<str>,
    /// What changed.
    pub measure: Measure,
    /// In the first group: the median duration in nanoseconds, or the share of calls that failed.
    pub before: f64,
    /// In the second.
    pub after: f64,
    /// Calls of both groups.
    pub calls: (usize, usize),
    /// How likely it is by chance, seen alone.
    pub p_value: f64,
    /// It is for the worse, and large enough to matter.
    pub is_regression: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How long calls took, as the callee saw it.
    Duration,
    /// The share of calls that failed.
    Errors,
}

impl Comparison {
    /// Whether something became worse.
    pub fn has_regression(&self) -> bool {
        self.shifts.iter().any(|shift| shift.is_regression)
    }
}

type Key = (Edge, Arc<str>);

#[derive(Default)]
struct Calls {
    durations: Vec<f64>,
    errors: usize,
}

/// Compares `second` with `first`.
pub fn compare(first: &Window, second: &Window, limits: &Limits) -> Comparison {
    let (before, after) = (by_operation(first), by_operation(second));
    let mut shifts: Vec<Shift> = before
        .iter()
        .filter_map(|(key, calls)| Some((key, calls, after.get(key)?)))
        .flat_map(|(key, before, after)| {
            [durations(key, before, after, limits), errors(key, before, after, limits)]
        })
        .collect();
    keep_significant(&mut shifts, limits.significance);
    let traces = (first.traces.len(), second.traces.len());
    Comparison {
        traces,
        new_edges: only_in(&after, &before, (traces.1, traces.0), limits),
        lost_edges: only_in(&before, &after, traces, limits),
        shifts,
    }
}

fn by_operation(window: &Window) -> BTreeMap<Key, Calls> {
    let mut all: BTreeMap<Key, Calls> = BTreeMap::new();
    for trace in &window.traces {
        for call in trace {
            let calls = all.entry(key_of(trace, call)).or_default();
            calls.durations.push(call.server.length_ns() as f64);
            calls.errors += usize::from(call.outcome != Outcome::Well);
        }
    }
    all
}

fn key_of(trace: &[Call], call: &Call) -> Key {
    let above = call.parent.and_then(|parent| trace.get(parent)).map(|parent| &parent.service);
    let caller = above.or(call.caller.as_ref()).map(Arc::clone);
    (Edge { caller, callee: Arc::clone(&call.service) }, Arc::clone(&call.operation))
}

fn durations((edge, operation): &Key, before: &Calls, after: &Calls, limits: &Limits) -> Shift {
    let (median_before, median_after) = (median(&before.durations), median(&after.durations));
    Shift {
        edge: edge.clone(),
        operation: Arc::clone(operation),
        measure: Measure::Duration,
        before: median_before,
        after: median_after,
        calls: (before.durations.len(), after.durations.len()),
        p_value: rank_difference(&before.durations, &after.durations),
        is_regression: median_after > median_before * (1.0 + limits.min_slower_share),
    }
}

fn errors((edge, operation): &Key, before: &Calls, after: &Calls, limits: &Limits) -> Shift {
    let calls = (before.durations.len(), after.durations.len());
    let share = |calls: &Calls| calls.errors as f64 / calls.durations.len().max(1) as f64;
    let (share_before, share_after) = (share(before), share(after));
    let (marked, whole) = (before.errors + after.errors, calls.0 + calls.1);
    let one_sided = if share_after >= share_before {
        over_represented((after.errors, calls.1), (marked, whole))
    } else {
        over_represented((before.errors, calls.0), (marked, whole))
    };
    Shift {
        edge: edge.clone(),
        operation: Arc::clone(operation),
        measure: Measure::Errors,
        before: share_before,
        after: share_after,
        calls,
        p_value: (2.0 * one_sided).min(1.0),
        is_regression: share_after >= share_before + limits.min_errors_rise,
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Holm's procedure: the chance that any of those kept is an accident stays below the significance.
fn keep_significant(shifts: &mut Vec<Shift>, significance: f64) {
    shifts.sort_by(|left, right| left.p_value.total_cmp(&right.p_value));
    let comparisons = shifts.len();
    let is_kept =
        |(rank, shift): (usize, &Shift)| shift.p_value <= significance / (comparisons - rank) as f64;
    let kept = shifts.iter().enumerate().take_while(|(rank, shift)| is_kept((*rank, shift))).count();
    shifts.truncate(kept);
    shifts.sort_by(|left, right| size(right).total_cmp(&size(left)));
}

/// Regressions first, then by how much changed.
fn size(shift: &Shift) -> f64 {
    let change = match shift.measure {
        Measure::Duration => (shift.after.max(1.0) / shift.before.max(1.0)).ln().abs(),
        Measure::Errors => 10.0 * (shift.after - shift.before).abs(),
    };
    if shift.is_regression { 1e6 + change } else { change }
}

/// Edges of the one group that the other lacks, where it is not by chance: with as many calls a trace, the other would
/// have had none with a probability below the significance.
fn only_in(
    one: &BTreeMap<Key, Calls>,
    other: &BTreeMap<Key, Calls>,
    (traces, other_traces): (usize, usize),
    limits: &Limits,
) -> Vec<Edge> {
    let known: BTreeSet<&Edge> = other.keys().map(|(edge, _)| edge).collect();
    let mut counts: BTreeMap<&Edge, usize> = BTreeMap::new();
    for ((edge, _), calls) in one {
        if !known.contains(edge) {
            *counts.entry(edge).or_default() += calls.durations.len();
        }
    }
    let expected = |count: usize| count as f64 * other_traces as f64 / traces.max(1) as f64;
    let is_sure = |count: usize| (-expected(count)).exp() <= limits.significance;
    counts.into_iter().filter(|(_, count)| is_sure(*count)).map(|(edge, _)| edge.clone()).collect()
}

#[cfg(test)]
mod tests;
