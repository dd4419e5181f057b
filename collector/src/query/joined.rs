//! Gathers the traces that belong to one request, as far as the bounds allow, and puts them together.

mod habits;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, SpanKind, Value};

use super::find::{self, narrow};
use super::parameter::view::{Extent, View};
use super::problem::Problem;
use super::trace;
use crate::assemble::{
    Claim, Habits, Lifecycle, MAX_SEAMS_AWAY, assemble_joined, assemble_on, traces_joined_to,
};
use crate::store::{Budget, Comparison, Condition, Field, Scope, SpanFilter, Store, StoreError, Test};

/// What looking for the traces of one request may cost.
const MAX_TIME: Duration = Duration::from_millis(500);
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Roots that one search finds.
const MAX_FOUND: usize = 256;
/// Traces and spans that are looked at, those that turn out to be no part of it included.
const MAX_TRACES: usize = 512;
const MAX_SPANS: usize = 50_000;
/// Clocks of two proxies differ by no more as a rule.
const CLOCK_SLACK_NS: u64 = 1_000_000_000;

/// A lifecycle, and whether more traces may belong to it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) lifecycle: Lifecycle,
    pub(super) is_cut: bool,
}

/// The trace put together as asked; `None` when the store does not know it.
pub(super) fn lifecycle(
    store: &dyn Store,
    trace_id: TraceId,
    View { clock, extent }: View,
    budget: &find::Budget,
) -> Result<Option<Found>, Problem> {
    let own = trace::spans_of(store, trace_id, budget)?;
    if own.is_empty() {
        return Ok(None);
    }
    if extent == Extent::Alone {
        return Ok(Some(Found { lifecycle: assemble_on(&own, clock), is_cut: false }));
    }
    let mut gathering = Gathering::new(store, trace_id);
    gathering.take(own);
    gathering.grow()?;
    let Gathering { spans, habits, is_cut, .. } = gathering;
    Ok(Some(Found { lifecycle: assemble_joined(&spans, trace_id, &habits, clock), is_cut }))
}

struct Gathering<'a> {
    store: &'a dyn Store,
    budget: Budget,
    trace_id: TraceId,
    spans: Vec<Arc<Span>>,
    loaded: HashSet<TraceId>,
    habits: Habits,
    known_habits: HashSet<(String, String)>,
    is_cut: bool,
}

impl<'a> Gathering<'a> {
    fn new(store: &'a dyn Store, trace_id: TraceId) -> Self {
        Self {
            store,
            budget: Budget::new(MAX_TIME, MAX_BYTES),
            trace_id,
            spans: Vec::new(),
            loaded: HashSet::from([trace_id]),
            habits: Habits::default(),
            known_habits: HashSet::new(),
            is_cut: false,
        }
    }

    fn take(&mut self, spans: Vec<Arc<Span>>) {
        self.spans.extend(spans);
    }

    /// From the traces that belong to it already to their causes and to what they caused, again and again.
    fn grow(&mut self) -> Result<(), StoreError> {
        let mut expanded: BTreeSet<TraceId> = BTreeSet::new();
        for _ in 0..=MAX_SEAMS_AWAY {
            let members = traces_joined_to(&self.spans, self.trace_id, &self.habits);
            let new: BTreeSet<TraceId> = members.difference(&expanded).copied().collect();
            if new.is_empty() {
                return Ok(());
            }
            let edge: Vec<Arc<Span>> =
                self.spans.iter().filter(|span| new.contains(&span.trace_id)).cloned().collect();
            self.load_caused_by(&edge)?;
            self.load_candidates()?;
            expanded.extend(new);
        }
        self.is_cut = true;
        Ok(())
    }

    /// Every trace that a root at hand names as its possible cause, and what is known of those who named them.
    fn load_candidates(&mut self) -> Result<(), StoreError> {
        let claims: Vec<(Arc<Span>, Claim)> =
            self.spans.iter().filter_map(|span| Some((Arc::clone(span), Claim::of(span)?))).collect();
        let causes: BTreeSet<TraceId> =
            claims.iter().flat_map(|(_, claim)| claim.causes()).map(|(trace_id, _)| *trace_id).collect();
        for spans in self.load(&causes)? {
            self.take(spans);
        }
        for (call, claim) in &claims {
            if matches!(claim, Claim::OneOf(..)) {
                self.learn_habits(call)?;
            }
        }
        Ok(())
    }

    /// Traces whose roots name one of these spans.
    fn load_caused_by(&mut self, spans: &[Arc<Span>]) -> Result<(), StoreError> {
        let keys: HashSet<(TraceId, SpanId)> =
            spans.iter().map(|span| (span.trace_id, span.span_id)).collect();
        let mut found = self.search(calls_without_cause(spans))?;
        found.extend(self.search(gateways_called_by(spans))?);
        for spans in self.load(&found)? {
            let names_one = |span: &Arc<Span>| {
                Claim::of(span).is_some_and(|claim| claim.causes().iter().any(|key| keys.contains(key)))
            };
            if spans.iter().any(names_one) {
                self.take(spans);
            } else if let Some(first) = spans.first() {
                // It may be a candidate of another call yet.
                self.loaded.remove(&first.trace_id);
            }
        }
        Ok(())
    }

    fn search(&mut self, filter: Option<SpanFilter>) -> Result<BTreeSet<TraceId>, StoreError> {
        let Some(filter) = filter else { return Ok(BTreeSet::new()) };
        let found = self.store.search_within(&filter, MAX_FOUND, &self.budget)?;
        self.is_cut |= !found.is_complete || found.items.len() >= MAX_FOUND;
        Ok(found.items.into_iter().collect())
    }

    /// The spans of traces that are not at hand yet, as far as there is room.
    fn load(&mut self, wanted: &BTreeSet<TraceId>) -> Result<Vec<Vec<Arc<Span>>>, StoreError> {
        let room = MAX_TRACES.saturating_sub(self.loaded.len());
        let mut ids: Vec<TraceId> = wanted.iter().filter(|id| !self.loaded.contains(id)).copied().collect();
        self.is_cut |= ids.len() > room;
        ids.truncate(room);
        let mut spans = self.spans.len();
        let mut loaded = Vec::with_capacity(ids.len());
        // A few at a time, so that no bound is overrun by far.
        for some in ids.chunks(32) {
            if spans >= MAX_SPANS || !self.budget.allows_more() {
                self.is_cut = true;
                break;
            }
            let found = self.store.traces_within(some, &self.budget)?.items;
            self.is_cut |= found.len() < some.len();
            for (trace_id, of_trace) in some.iter().zip(found) {
                spans += of_trace.len();
                loaded.push(of_trace);
                self.loaded.insert(*trace_id);
            }
        }
        Ok(loaded)
    }
}

fn is(field: Field, value: Value) -> Condition {
    Condition::Field(field, Test::Is(Comparison::Equal, value))
}

fn root_of_kind(kind: SpanKind) -> Vec<Condition> {
    vec![is(Field::IsRoot, Value::Bool(true)), narrow::is(Field::Kind, kind.as_str())]
}

/// Calls that began traces of their own while these spans went on.
fn calls_without_cause(spans: &[Arc<Span>]) -> Option<SpanFilter> {
    let servers = || spans.iter().filter(|span| span.kind == SpanKind::Server);
    let link = Field::Attribute(Scope::Span, attribute::LINK_KIND.to_owned());
    let mut conditions = vec![narrow::is(link, LinkKind::None.as_str())];
    conditions.extend(root_of_kind(SpanKind::Client));
    Some(SpanFilter {
        since_unix_ns: Some(servers().map(|span| span.start_unix_ns).min()?),
        until_unix_ns: servers().map(|span| span.end_unix_ns).max(),
        conditions,
        ..SpanFilter::default()
    })
}

/// Gateways that began traces while calls of these were under way whose server did not answer in their own trace.
fn gateways_called_by(spans: &[Arc<Span>]) -> Option<SpanFilter> {
    let servers = spans.iter().filter(|span| span.kind == SpanKind::Server);
    let answered: HashSet<SpanId> = servers.filter_map(|span| span.parent_span_id).collect();
    let is_unanswered = |span: &&Arc<Span>| {
        // What an application calls may well have no proxy.
        span.kind == SpanKind::Client
            && span.attribute(attribute::ROLE).is_some()
            && !answered.contains(&span.span_id)
    };
    let unanswered = || spans.iter().filter(is_unanswered);
    let first = unanswered().map(|span| span.start_unix_ns).min()?;
    let last = unanswered().map(|span| span.end_unix_ns).max()?;
    let mut conditions = root_of_kind(SpanKind::Server);
    let role = Field::Attribute(Scope::Span, attribute::ROLE.to_owned());
    conditions.push(is(role, Value::Text("gateway".to_owned())));
    Some(SpanFilter {
        since_unix_ns: Some(first.saturating_sub(CLOCK_SLACK_NS)),
        until_unix_ns: Some(last.saturating_add(CLOCK_SLACK_NS)),
        conditions,
        ..SpanFilter::default()
    })
}

#[cfg(test)]
mod tests;
