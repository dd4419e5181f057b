//! Loads the traces of a selection, within bounds.

use throughline_model::attribute;
use throughline_model::id::TraceId;
use throughline_model::span::{Value, find};

use crate::analyse::call::{Window, calls_of};
use crate::assemble::{Lifecycle, assemble};
use crate::query::find::Budget;
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
}

impl Loaded {
    pub(super) fn window(&self) -> Window {
        Window { traces: self.traces.iter().map(|(_, lifecycle)| calls_of(lifecycle)).collect() }
    }

    pub(super) fn lifecycles(self) -> Vec<Lifecycle> {
        self.traces.into_iter().map(|(_, lifecycle)| lifecycle).collect()
    }
}

/// The latest traces that match, as far as the budget lasts; a trace counts as matching a version when one of its spans has it.
pub(super) fn load(store: &dyn Store, selection: &Selection, budget: &Budget) -> Result<Loaded, StoreError> {
    let found = store.search_within(&selection.filter, selection.limit, budget.of_store())?;
    let mut loaded =
        Loaded { is_cut: !found.is_complete || found.items.len() >= selection.limit, ..Loaded::default() };
    let mut spans = 0;
    for trace_id in found.items {
        let read = store.traces_within(&[trace_id], budget.of_store())?.items;
        let of_trace = read.first().filter(|of_trace| spans + of_trace.len() <= MAX_SPANS);
        let Some(of_trace) = of_trace else {
            loaded.is_cut = true;
            break;
        };
        spans += of_trace.len();
        let lifecycle = assemble(of_trace);
        if selection.version.as_ref().is_none_or(|version| has_version(&lifecycle, selection, version)) {
            loaded.traces.push((trace_id, lifecycle));
        }
    }
    Ok(loaded)
}

/// Two groups; the first one cannot use up what the second one needs.
pub(super) fn load_two(
    store: &dyn Store,
    first: &Selection,
    second: &Selection,
    (of_first, of_second): &(Budget, Budget),
) -> Result<(Loaded, Loaded), StoreError> {
    Ok((load(store, first, of_first)?, load(store, second, of_second)?))
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
