//! Weighs the four kinds of evidence and says whom each speaks against.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::effect::{Effect, difference_of_counts, difference_of_shares, median, shift, trust};
use super::profile::{Operation, OperationProfile, Profile};

/// A difference of this share of the usual entry's duration matters to nobody.
const NEGLIGIBLE_SHARE: f64 = 0.01;
/// Being faster than usual, as code that gives up early is, counts as this share of being slower.
const FASTER_COUNTS: f64 = 0.4;
/// What missing calls weigh beside slow ones.
const MISSING_WEIGHT: f64 = 3.0;
/// A callee is stopped at by habit, and says nothing, where less than this share of its callers go on after it.
const GOES_ON: f64 = 0.2;
/// What errors weigh beside slow calls.
const ERROR_WEIGHT: f64 = 3.0;

/// One piece of evidence against one service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Blame {
    pub(super) service: Arc<str>,
    pub(super) weight: f64,
    /// What the finding weighs for the edge it is about, before it was divided between the two ends.
    pub(super) edge_score: f64,
    pub(super) finding: Finding,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Finding {
    /// Own time of an operation, medians in nanoseconds.
    OwnTime { operation: Arc<str>, before: f64, after: f64 },
    /// Time between two services, medians in nanoseconds.
    Between { caller: Arc<str>, callee: Arc<str>, before: f64, after: f64 },
    /// Calls per request that no longer happen, and what was called last before them.
    Missing { operation: Operation, before: f64, after: f64, last: Option<Arc<str>> },
    /// Shares of requests in which an error began.
    Errors { operation: Arc<str>, before: f64, after: f64 },
}

pub(super) fn weigh(normal: &Profile, abnormal: &Profile) -> Vec<Blame> {
    let floor = NEGLIGIBLE_SHARE * normal.entry_duration;
    let mut blames = own_times(normal, abnormal, floor);
    blames.extend(between(normal, abnormal, floor));
    blames.extend(missing_calls(normal, abnormal));
    blames.extend(errors(normal, abnormal));
    blames
}

/// Operations that both windows have.
fn pairs<'a>(
    normal: &'a Profile,
    abnormal: &'a Profile,
) -> impl Iterator<Item = (&'a Operation, &'a OperationProfile, &'a OperationProfile)> {
    normal.operations.iter().filter_map(|(operation, before)| {
        abnormal.operations.get(operation).map(|after| (operation, before, after))
    })
}

struct Measured {
    strength: f64,
    count: usize,
    blame: Blame,
}

/// Half of a service's blame is its most changed operation, half the mean of all, by the root of their calls: a fault in
/// one place shows in one operation, a starved machine in all.
fn own_times(normal: &Profile, abnormal: &Profile, floor: f64) -> Vec<Blame> {
    let mut by_service: BTreeMap<&Arc<str>, Vec<Measured>> = BTreeMap::new();
    for ((service, name), before, after) in pairs(normal, abnormal) {
        let effect = shift(&before.own_times, &after.own_times, floor);
        let count = before.count().min(after.count());
        let strength = (effect.rise() + FASTER_COUNTS * effect.fall()) * trust(count);
        let finding = Finding::OwnTime {
            operation: Arc::clone(name),
            before: median(&before.own_times),
            after: median(&after.own_times),
        };
        let blame = Blame { service: Arc::clone(service), weight: 0.0, edge_score: 0.0, finding };
        by_service.entry(service).or_default().push(Measured { strength, count, blame });
    }
    by_service.into_values().filter_map(strongest_and_mean).collect()
}

fn strongest_and_mean(measured: Vec<Measured>) -> Option<Blame> {
    let mean = weighted_mean(measured.iter().map(|one| (one.strength, one.count)));
    let strongest =
        measured.into_iter().rev().max_by(|left, right| left.strength.total_cmp(&right.strength))?;
    Some(Blame { weight: f64::midpoint(strongest.strength, mean), ..strongest.blame })
}

fn weighted_mean(values: impl Iterator<Item = (f64, usize)>) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (value, count) in values {
        let weight = (count as f64).sqrt();
        sum += value * weight;
        weights += weight;
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}

#[derive(Default)]
struct Edge {
    effects: Vec<(f64, usize)>,
    before: Vec<f64>,
    after: Vec<f64>,
}

/// An edge has two ends. The end whose edges changed more on average gets most of the blame.
fn between(normal: &Profile, abnormal: &Profile, floor: f64) -> Vec<Blame> {
    let mut edges: BTreeMap<(&Arc<str>, &Arc<str>), Edge> = BTreeMap::new();
    for ((caller, operation), before) in &normal.between {
        if let Some(after) = abnormal.between.get(&(Arc::clone(caller), operation.clone())) {
            let count = before.len().min(after.len());
            let edge = edges.entry((caller, &operation.0)).or_default();
            edge.effects.push((shift(before, after, floor).rise() * trust(count), count));
            edge.before.extend(before);
            edge.after.extend(after);
        }
    }
    let strengths: BTreeMap<_, f64> =
        edges.iter().map(|(ends, edge)| (*ends, weighted_mean(edge.effects.iter().copied()))).collect();
    let mut at_service: BTreeMap<&Arc<str>, (f64, f64)> = BTreeMap::new();
    for ((caller, callee), strength) in &strengths {
        for end in [caller, callee] {
            let sum = at_service.entry(end).or_default();
            sum.0 += strength;
            sum.1 += 1.0;
        }
    }
    let mean = |service: &Arc<str>| at_service.get(service).map_or(0.0, |(sum, edges)| sum / edges);
    let edges_of = |service: &Arc<str>| at_service.get(service).map_or(1.0, |(_, edges)| *edges);
    let mut blames = Vec::new();
    for (ends, edge) in &edges {
        let strength = strengths.get(ends).copied().unwrap_or(0.0);
        let squares = [ends.0, ends.1].map(|end| mean(end) * mean(end));
        let sum: f64 = squares.iter().sum();
        if sum <= 0.0 {
            continue;
        }
        let (before, after) = (median(&edge.before), median(&edge.after));
        for (end, square) in [ends.0, ends.1].into_iter().zip(squares) {
            blames.push(Blame {
                service: Arc::clone(end),
                weight: strength * square / sum / edges_of(end).sqrt(),
                edge_score: strength,
                finding: Finding::Between {
                    caller: Arc::clone(ends.0),
                    callee: Arc::clone(ends.1),
                    before,
                    after,
                },
            });
        }
    }
    blames
}

/// How far an operation calls less than it did, and by which share it stops after calling whom.
struct Stop<'a> {
    operation: &'a Operation,
    strength: f64,
    before: f64,
    after: f64,
    shares: BTreeMap<Option<Arc<str>>, f64>,
}

fn missing_calls(normal: &Profile, abnormal: &Profile) -> Vec<Blame> {
    let stops: Vec<Stop> = pairs(normal, abnormal)
        .filter_map(|(operation, before, after)| find_stop(operation, before, after))
        .collect();
    let blame_of_callee = share_of_callee(normal, &stops);
    let mut blames = Vec::new();
    for stop in &stops {
        let (caller, _) = stop.operation;
        let mut blame = |service: &Arc<str>, weight: f64, last: &Option<Arc<str>>| {
            blames.push(Blame {
                service: Arc::clone(service),
                weight,
                edge_score: 0.0,
                finding: Finding::Missing {
                    operation: stop.operation.clone(),
                    before: stop.before,
                    after: stop.after,
                    last: last.clone(),
                },
            });
        };
        if stop.shares.is_empty() {
            blame(caller, stop.strength / 2.0, &None);
        }
        for (last, share) in &stop.shares {
            let weight = stop.strength * share;
            match last {
                None => blame(caller, weight, last),
                Some(callee) => {
                    // Stopping after several services speaks against the caller.
                    let to_callee = blame_of_callee.get(callee).copied().unwrap_or(0.5) * share;
                    blame(callee, weight * to_callee, last);
                    blame(caller, weight * (1.0 - to_callee), last);
                }
            }
        }
    }
    blames
}

fn find_stop<'a>(
    operation: &'a Operation,
    before: &OperationProfile,
    after: &OperationProfile,
) -> Option<Stop<'a>> {
    let mean = |counts: &[f64]| counts.iter().sum::<f64>() / counts.len().max(1) as f64;
    let (calls_before, calls_after) = (mean(&before.calls_made), mean(&after.calls_made));
    if calls_before <= 0.0 || calls_after >= calls_before {
        return None;
    }
    let fall = difference_of_counts(&before.calls_made, &after.calls_made).fall();
    let missing = fall / calls_before * trust(before.count().min(after.count()));
    let share = |profile: &OperationProfile, last: &Option<Arc<str>>| {
        (profile.last_called.get(last).copied().unwrap_or(0) as f64, profile.count() as f64)
    };
    let places: std::collections::BTreeSet<_> =
        before.last_called.keys().chain(after.last_called.keys()).cloned().collect();
    let mut shares: BTreeMap<_, f64> = places
        .into_iter()
        .map(|last| {
            let rise: Effect = difference_of_shares(share(before, &last), share(after, &last));
            (last, rise.rise())
        })
        .filter(|(_, rise)| *rise > 0.0)
        .collect();
    let sum: f64 = shares.values().sum();
    shares.values_mut().for_each(|share| *share /= sum);
    Some(Stop {
        operation,
        strength: MISSING_WEIGHT * (4.0 * missing).ln_1p(),
        before: calls_before,
        after: calls_after,
        shares,
    })
}

/// How much a callee is to blame where its callers stop after it: the more, the more of its callers do. One that has a
/// single caller shares the blame with it.
fn share_of_callee(normal: &Profile, stops: &[Stop]) -> BTreeMap<Arc<str>, f64> {
    let mut stopped: BTreeMap<(&Operation, &Arc<str>), f64> = BTreeMap::new();
    for stop in stops {
        for (last, share) in &stop.shares {
            if let Some(callee) = last {
                stopped.insert((stop.operation, callee), stop.strength * share);
            }
        }
    }
    let mut by_callee: BTreeMap<Arc<str>, Vec<f64>> = BTreeMap::new();
    for (operation, profile) in &normal.operations {
        for (callee, called) in &profile.called {
            let stops_here = profile.last_called.get(&Some(Arc::clone(callee))).copied().unwrap_or(0);
            let goes_on = 1.0 - stops_here as f64 / (*called).max(1) as f64;
            if goes_on >= GOES_ON {
                let strength = stopped.get(&(operation, callee)).copied().unwrap_or(0.0);
                by_callee.entry(Arc::clone(callee)).or_default().push(strength);
            }
        }
    }
    by_callee
        .into_iter()
        .map(|(callee, strengths)| {
            let strongest = strengths.iter().copied().fold(0.0, f64::max);
            let alike = if strongest > 0.0 { strengths.iter().sum::<f64>() / strongest } else { 1.0 };
            (callee, ((alike - 0.5) / strengths.len() as f64).clamp(0.0, 1.0))
        })
        .collect()
}

fn errors(normal: &Profile, abnormal: &Profile) -> Vec<Blame> {
    let mut by_service: BTreeMap<&Arc<str>, Vec<Measured>> = BTreeMap::new();
    let nothing = OperationProfile::default();
    for ((service, name), after) in &abnormal.operations {
        let key = (Arc::clone(service), Arc::clone(name));
        let before = normal.operations.get(&key).unwrap_or(&nothing);
        // Where the operation is new, half a request without error stands for what was usual.
        let counts =
            |profile: &OperationProfile| (profile.errors_begun as f64, profile.count().max(1) as f64);
        let rise = difference_of_shares(counts(before), counts(after)).rise();
        let share = |(part, whole): (f64, f64)| part / whole;
        let finding = Finding::Errors {
            operation: Arc::clone(name),
            before: share(counts(before)),
            after: share(counts(after)),
        };
        let blame = Blame { service: Arc::clone(service), weight: 0.0, edge_score: 0.0, finding };
        let strength = ERROR_WEIGHT * (10.0 * rise).ln_1p();
        by_service.entry(service).or_default().push(Measured { strength, count: after.count(), blame });
    }
    by_service.into_values().filter_map(strongest_and_mean).filter(|blame| blame.weight > 0.0).collect()
}
