//! Loads the traces of a selection, within bounds.

use throughline_model::attribute;
use throughline_model::id::TraceId;
use throughline_model::span::{Value, find};

use super::spread;
use crate::analyse::call::{Window, calls_of, has_unanswered_call};
use crate::assemble::{LATE_NS, Lifecycle, assemble};
use crate::query::answer::{Covered, Sample};
use crate::query::find::SampleBudget;
use crate::query::parameter::selection::Selection;
use crate::store::{Store, StoreError};

/// Spans of all traces of a selection together.
const MAX_SPANS: usize = 300_000;

/// Istio's name for the version of a workload.
const CANONICAL_REVISION: &str = "istio.canonical_revision";

/// The traces that were found.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) traces: Vec<(TraceId, Lifecycle)>,
    /// Whether there may be more than these.
    pub(super) is_cut: bool,
    /// From how many places of the time they were taken.
    places: usize,
    unsettled: usize,
}

impl Loaded {
    pub(super) fn window(&self) -> Window {
        Window { traces: self.traces.iter().map(|(_, lifecycle)| calls_of(lifecycle)).collect() }
    }

    pub(super) fn lifecycles(self) -> Vec<Lifecycle> {
        self.traces.into_iter().map(|(_, lifecycle)| lifecycle).collect()
    }

    /// Leaves out traces of which spans may still be on their way: a call whose answer has not arrived yet would pass for one to
    /// a host that has no proxy.
    pub(super) fn leave_out_unsettled(&mut self, now_unix_ns: u64) {
        let before = self.traces.len();
        self.traces.retain(|(_, lifecycle)| is_settled(lifecycle, now_unix_ns));
        self.unsettled = before - self.traces.len();
    }

    /// What the answer says of these traces.
    pub(super) fn sample(&self) -> Sample {
        let starts = || self.traces.iter().map(|(_, lifecycle)| lifecycle.start_unix_ns);
        let ends = starts().min().zip(starts().max());
        Sample {
            covered: ends.map(|(first_unix_ns, last_unix_ns)| Covered { first_unix_ns, last_unix_ns }),
            places: if self.is_cut { self.places } else { 1 },
            cut: self.is_cut,
            unsettled: self.unsettled,
        }
    }
}

/// The trace lacks nothing, or ended long enough ago.
fn is_settled(lifecycle: &Lifecycle, now_unix_ns: u64) -> bool {
    let end_unix_ns = lifecycle.start_unix_ns.saturating_add(lifecycle.duration_ns);
    end_unix_ns.saturating_add(LATE_NS) <= now_unix_ns
        || lifecycle.is_complete() && !has_unanswered_call(lifecycle)
}

/// The latest traces that match, as far as the budget lasts; a trace counts as matching a version when one of its spans has it.
pub(super) fn load(
    store: &dyn Store,
    selection: &Selection,
    budget: &SampleBudget,
) -> Result<Loaded, StoreError> {
    // One more tells whether there are more.
    let limit = selection.limit.saturating_add(1);
    let mut found = store.search_within(&selection.filter, limit, budget.finding())?;
    let is_cut = !found.is_complete || found.items.len() > selection.limit;
    found.items.truncate(selection.limit);
    let loaded = Loaded { is_cut, places: 1, ..Loaded::default() };
    read(store, selection, &found.items, loaded, budget)
}

/// Two groups, each from all over its time; the first one cannot use up what the second one needs.
pub(super) fn load_two(
    store: &dyn Store,
    (first, second): (&Selection, &Selection),
    now_unix_ns: u64,
    (of_first, of_second): &(SampleBudget, SampleBudget),
) -> Result<(Loaded, Loaded), StoreError> {
    let load_spread = |selection: &Selection, budget: &SampleBudget| {
        let found = spread::search(store, &selection.filter, selection.limit, now_unix_ns, budget.finding())?;
        let loaded = Loaded { is_cut: found.is_cut, places: found.places, ..Loaded::default() };
        read(store, selection, &found.trace_ids, loaded, budget)
    };
    Ok((load_spread(first, of_first)?, load_spread(second, of_second)?))
}

fn read(
    store: &dyn Store,
    selection: &Selection,
    trace_ids: &[TraceId],
    mut loaded: Loaded,
    budget: &SampleBudget,
) -> Result<Loaded, StoreError> {
    let mut spans = 0;
    for trace_id in trace_ids {
        let read = store.traces_within(&[*trace_id], budget.reading())?.items;
        let of_trace = read.first().filter(|of_trace| spans + of_trace.len() <= MAX_SPANS);
        let Some(of_trace) = of_trace else {
            loaded.is_cut = true;
            break;
        };
        spans += of_trace.len();
        let lifecycle = assemble(of_trace);
        if selection.version.as_ref().is_none_or(|version| has_version(&lifecycle, selection, version)) {
            loaded.traces.push((*trace_id, lifecycle));
        }
    }
    Ok(loaded)
}

fn has_version(lifecycle: &Lifecycle, selection: &Selection, version: &str) -> bool {
    lifecycle.spans.iter().any(|placed| {
        let span = &placed.span;
        let is_of_service =
            selection.filter.service.as_ref().is_none_or(|service| span.service_name() == service);
        let told = [CANONICAL_REVISION, attribute::SERVICE_VERSION];
        is_of_service
            && told.into_iter().any(|key| {
                let value = find(&span.resource.attributes, key).or_else(|| span.attribute(key));
                value.and_then(Value::as_text) == Some(version)
            })
    })
}

#[cfg(test)]
mod tests;
