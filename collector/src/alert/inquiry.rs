//! What traces tell of an alert that its numbers cannot: who explains the change, where the time goes now, and the first bad hop.
//!
//! Two samples of traces are held against each other, from before the alert began and since; the ranking is the one of
//! [`suspects`](crate::analyse::suspects), the tree that of [`flame`](crate::analyse::flame).

mod about;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use throughline_model::span::SpanKind;

use super::book::Calls;
use super::evidence::{Evidence, PathPart, Suspected};
use crate::analyse::call::{Call, Outcome, Window, calls_of};
use crate::analyse::flame::{Flame, Name};
use crate::analyse::suspects;
use crate::assemble::Lifecycle;

pub(super) use about::{entry_of, spans_about};

const MAX_SUSPECTS: usize = 5;
/// Parts of the tree below this share of all time are left out.
const LEAST_SHARE: f64 = 0.01;
const MAX_PARTS: usize = 40;

/// Traces from before an alert began, and since.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    pub(super) before: Vec<Lifecycle>,
    pub(super) since: Vec<Lifecycle>,
}

impl Inquiry {
    /// Writes down what the traces tell about an alert of this kind on this service.
    pub(super) fn fill(&self, evidence: &mut Evidence, kind: &str, service: &str, calls: &Calls) {
        let (before, since) = (flame_of(&self.before), flame_of(&self.since));
        evidence.critical_path = tree(&since);
        // Who closes a circle was seen in the traces themselves; no ranking knows it better.
        if kind != "loop" {
            evidence.suspects = self.suspects(kind, service, calls);
            evidence.first_bad_hop = match kind {
                "error_rate" | "burn_rate" => self.hop_that_fails_more(service, calls),
                _ => hop_that_grew(&before, &since),
            };
        }
        let entries = self.since.iter().filter_map(entry_of);
        let mut routes: BTreeSet<String> =
            entries.map(|(service, operation)| format!("{service} {operation}")).collect();
        routes.extend(evidence.entry_routes.drain(..));
        evidence.entry_routes = routes.into_iter().collect();
    }

    /// The service itself and what it calls, by how much they explain; a service further up suffers and does not cause.
    fn suspects(&self, kind: &str, service: &str, calls: &Calls) -> Vec<Suspected> {
        if self.before.is_empty() || self.since.is_empty() {
            return Vec::new();
        }
        let mut windows = [&self.before, &self.since]
            .map(|traces| Window { traces: traces.iter().map(calls_of).collect() });
        if kind == "latency" {
            // An error elsewhere at the same time is another story, and has an alert of its own.
            let all = windows.iter_mut().flat_map(|window| window.traces.iter_mut().flatten());
            all.for_each(|call| call.outcome = Outcome::Well);
        }
        let [before, since] = &windows;
        let causes = Causes::of(service, calls);
        let ranked = suspects::rank(before, since).services;
        let ranked =
            ranked.into_iter().filter(|suspect| suspect.score > 0.0 && causes.may_be(&suspect.service));
        ranked
            .take(MAX_SUSPECTS)
            .map(|suspect| Suspected {
                service: suspect.service.to_string(),
                score: suspect.score,
                reason: suspect.reason,
            })
            .collect()
    }

    /// The call in which errors began in the larger share of traces than before, of those that may have caused the alert: other
    /// errors of the same traces are another story.
    fn hop_that_fails_more(&self, service: &str, calls: &Calls) -> Option<String> {
        let causes = Causes::of(service, calls);
        let (usual, now) = (failed_hops(&self.before, &causes), failed_hops(&self.since, &causes));
        let growth = |(hop, share): &(&String, &f64)| **share - usual.get(*hop).copied().unwrap_or(0.0);
        let grown = now.iter().rev().max_by(|left, right| growth(left).total_cmp(&growth(right)));
        grown.map(|(hop, _)| hop.clone())
    }
}

/// Who may have caused what happens to a service.
struct Causes<'a> {
    below: BTreeSet<String>,
    known: BTreeSet<&'a Arc<str>>,
}

impl<'a> Causes<'a> {
    fn of(service: &str, calls: &'a Calls) -> Self {
        let known = calls.iter().flat_map(|(client, servers)| servers.iter().chain([client])).collect();
        Self { below: downstream(service, calls), known }
    }

    /// A host that no proxy stands for is nobody's caller: it may always be to blame.
    fn may_be(&self, name: &Arc<str>) -> bool {
        self.below.contains(name.as_ref()) || !self.known.contains(name)
    }
}

/// A service and all that it calls, directly or not.
pub(super) fn downstream(service: &str, calls: &Calls) -> BTreeSet<String> {
    let mut found = BTreeSet::from([service.to_owned()]);
    let mut open = vec![service.to_owned()];
    while let Some(at) = open.pop() {
        for callee in calls.get(at.as_str()).into_iter().flatten() {
            if found.insert(callee.to_string()) {
                open.push(callee.to_string());
            }
        }
    }
    found
}

fn flame_of(traces: &[Lifecycle]) -> Flame {
    let mut flame = Flame::default();
    traces.iter().for_each(|trace| flame.add(trace));
    flame
}

/// Callers before those they called, without parts that hardly take time.
fn tree(flame: &Flame) -> Vec<PathPart> {
    let all = flame.total_ns.max(1) as f64;
    let parts = flame.frames.iter().filter(|frame| flame.share(frame) >= LEAST_SHARE);
    let part = |frame: &crate::analyse::flame::Frame| PathPart {
        service: frame.name.service.clone(),
        operation: frame.name.operation.clone(),
        kind: frame.name.kind.as_str().to_owned(),
        depth: frame.depth,
        share: flame.share(frame),
        self_share: frame.self_ns as f64 / all,
    };
    parts.take(MAX_PARTS).map(part).collect()
}

/// Where errors began, each with the share of traces: failed calls none of whose own calls failed.
fn failed_hops(traces: &[Lifecycle], causes: &Causes<'_>) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    for trace in traces {
        let calls = calls_of(trace);
        let began = calls.iter().filter(|call| call.outcome == Outcome::ErrorBegan);
        let began = began.filter(|call| causes.may_be(&call.service));
        let hops: BTreeSet<String> =
            began.map(|call| hop(call.parent.and_then(|parent| calls.get(parent)), call)).collect();
        for hop in hops {
            *shares.entry(hop).or_default() += 1.0 / traces.len() as f64;
        }
    }
    shares
}

fn hop(caller: Option<&Call>, call: &Call) -> String {
    caller.map_or_else(
        || format!("{} {}", call.service, call.operation),
        |caller| format!("{} -> {} {}", caller.service, call.service, call.operation),
    )
}

/// The work whose own time on the critical path grew most for each trace. Time of a client span lies between the two.
fn hop_that_grew(before: &Flame, since: &Flame) -> Option<String> {
    let (usual, now) = (own_times(before), own_times(since));
    let growth = |(name, time): &(&Name, f64)| time - usual.get(name).copied().unwrap_or(0.0);
    let grown = now.into_iter().max_by(|left, right| growth(left).total_cmp(&growth(right)));
    let (name, _) = grown.filter(|part| growth(part) > 0.0)?;
    let frame = since.frames.iter().filter(|frame| frame.name == *name).max_by_key(|frame| frame.self_ns)?;
    let mut above = frame.caller.and_then(|caller| since.frames.get(caller));
    while let Some(caller) = above {
        if caller.name.service != name.service {
            return Some(format!("{} -> {} {}", caller.name.service, name.service, name.operation));
        }
        above = caller.caller.and_then(|caller| since.frames.get(caller));
    }
    Some(format!("{} {}", name.service, name.operation))
}

/// Nanoseconds of own time for each trace.
fn own_times(flame: &Flame) -> BTreeMap<&Name, f64> {
    let mut times: BTreeMap<&Name, f64> = BTreeMap::new();
    for frame in flame.frames.iter().filter(|frame| frame.name.kind != SpanKind::Unspecified) {
        *times.entry(&frame.name).or_default() += frame.self_ns as f64 / flame.traces.max(1) as f64;
    }
    times
}

#[cfg(test)]
mod tests;
