//! What is known of one window: for each operation its own times, its calls and where it stopped calling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::call::{Call, Outcome, Stretch, Window};
use super::effect::median;

/// A service and what was asked of it.
pub(super) type Operation = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) operations: BTreeMap<Operation, OperationProfile>,
    /// Time between two services, by caller and operation called.
    pub(super) between: BTreeMap<(Arc<str>, Operation), Vec<f64>>,
    /// Median duration of what the traces began with.
    pub(super) entry_duration: f64,
}

#[derive(Debug, Default)]
pub(super) struct OperationProfile {
    /// Time of each call outside of the calls it made.
    pub(super) own_times: Vec<f64>,
    /// How many calls each call made.
    pub(super) calls_made: Vec<f64>,
    /// Which service each call called last; `None` where it called nobody.
    pub(super) last_called: BTreeMap<Option<Arc<str>>, usize>,
    /// How many calls called a service at all.
    pub(super) called: BTreeMap<Arc<str>, usize>,
    /// How many errors began here.
    pub(super) errors_begun: usize,
}

impl OperationProfile {
    pub(super) fn count(&self) -> usize {
        self.own_times.len()
    }
}

impl Profile {
    pub(super) fn of(window: &Window) -> Self {
        let mut profile = Self::default();
        let mut entries = Vec::new();
        for trace in &window.traces {
            let children = children_of(trace);
            for (index, call) in trace.iter().enumerate() {
                let made: Vec<&Call> =
                    children.get(index).into_iter().flatten().filter_map(|child| trace.get(*child)).collect();
                profile.add(call, &made);
                match call.parent.and_then(|parent| trace.get(parent)) {
                    Some(caller) => profile.add_between(caller, call),
                    None => entries.push(call.server.length_ns() as f64),
                }
            }
        }
        profile.entry_duration = median(&entries);
        profile
    }

    pub(super) fn services(&self) -> impl Iterator<Item = Arc<str>> {
        let distinct: BTreeSet<&Arc<str>> = self.operations.keys().map(|(service, _)| service).collect();
        distinct.into_iter().cloned().collect::<Vec<_>>().into_iter()
    }

    fn add(&mut self, call: &Call, made: &[&Call]) {
        let operation = (Arc::clone(&call.service), Arc::clone(&call.operation));
        let profile = self.operations.entry(operation).or_default();
        profile.own_times.push(own_time(call, made));
        profile.calls_made.push(made.len() as f64);
        let last = made.iter().max_by_key(|child| seen_by_caller(child).until_ns);
        *profile.last_called.entry(last.map(|child| Arc::clone(&child.service))).or_default() += 1;
        for service in made.iter().map(|child| &child.service).collect::<BTreeSet<_>>() {
            *profile.called.entry(Arc::clone(service)).or_default() += 1;
        }
        profile.errors_begun += usize::from(call.outcome == Outcome::ErrorBegan);
    }

    /// What the caller waited longer than the service worked: its proxy, the network, the other proxy.
    fn add_between(&mut self, caller: &Call, call: &Call) {
        if let Some(client) = call.client.filter(|_| caller.service != call.service) {
            let operation = (Arc::clone(&call.service), Arc::clone(&call.operation));
            let gap = client.length_ns().saturating_sub(call.server.length_ns());
            self.between.entry((Arc::clone(&caller.service), operation)).or_default().push(gap as f64);
        }
    }
}

fn children_of(trace: &[Call]) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); trace.len()];
    for (index, call) in trace.iter().enumerate() {
        if let Some(list) = call.parent.and_then(|parent| children.get_mut(parent)) {
            list.push(index);
        }
    }
    children
}

/// On the caller's clock where that is known.
fn seen_by_caller(call: &Call) -> Stretch {
    call.client.unwrap_or(call.server)
}

fn own_time(call: &Call, made: &[&Call]) -> f64 {
    let mut waits: Vec<Stretch> = made.iter().map(|child| seen_by_caller(child)).collect();
    waits.sort_by_key(|wait| (wait.from_ns, wait.until_ns));
    let (mut covered, mut until) = (0u64, call.server.from_ns);
    for wait in waits {
        let (from, end) = (wait.from_ns.max(until), wait.until_ns.min(call.server.until_ns));
        if end > from {
            covered += end - from;
            until = end;
        }
    }
    call.server.length_ns().saturating_sub(covered) as f64
}
