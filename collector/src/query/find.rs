//! Finds the traces that match a question, newest first, within a budget of time and bytes.

mod budget;
pub(super) mod narrow;
mod position;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use throughline_model::attribute::LINK_KIND;
use throughline_model::id::TraceId;
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, SpanKind, Value, find};

use super::envoy_tags;
use super::traceql::{Found, Interrupted, Query, View};
use crate::assemble::{Lifecycle, assemble};
use crate::store::{Condition, Field, Scope, SpanFilter, Store, StoreError};

pub(super) use budget::{Budget, Cancel, Limits, SampleBudget, Stop};
pub(super) use position::Position;

/// Traces that the store is asked for at once: few at first, then more and more, since it begins anew each time.
const PAGE: std::ops::RangeInclusive<usize> = 32..=512;

/// What is looked for. One span satisfies `filter` and `span` together.
#[derive(Clone, Debug, Default)]
pub(super) struct Question {
    pub(super) filter: SpanFilter,
    pub(super) span: SpanConditions,
    pub(super) trace: TraceConditions,
    pub(super) query: Option<Query>,
    /// Only traces behind this one in the order of answers.
    pub(super) after: Option<Position>,
    pub(super) limit: usize,
}

/// What a search asks of one span beyond what stores look for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SpanConditions {
    /// Attributes of the span, of its resource, or derived from them, compared as text.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) kind: Option<SpanKind>,
    pub(super) link: Option<LinkKind>,
}

/// What a search asks of a whole trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TraceConditions {
    pub(super) min_depth: Option<usize>,
    pub(super) max_depth: Option<usize>,
    pub(super) min_duration_ns: Option<u64>,
    pub(super) max_duration_ns: Option<u64>,
}

/// A trace that matches.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) trace_id: TraceId,
    pub(super) lifecycle: Lifecycle,
    /// What the query found in it; empty when no query was asked.
    pub(super) found: Found,
}

/// How a search went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) inspected: Inspected,
    /// The budget that ended the search before all was looked at.
    pub(super) stopped: Option<Stop>,
    /// Where to go on, when there may be more.
    pub(super) next: Option<Position>,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Inspected {
    pub(super) traces: u64,
    pub(super) spans: u64,
    pub(super) bytes: u64,
}

impl Question {
    /// Lets the store look for what is asked of a span, or for what the query needs where nothing else was asked.
    pub(super) fn narrow(&mut self) {
        self.filter.conditions.extend(self.span.for_store());
        let bounds = SpanFilter {
            since_unix_ns: self.filter.since_unix_ns,
            until_unix_ns: self.filter.until_unix_ns,
            ..SpanFilter::default()
        };
        if let Some(query) = &self.query
            && self.filter == bounds
            && self.span.is_empty()
        {
            let SpanFilter { since_unix_ns, until_unix_ns, .. } = bounds;
            self.filter = SpanFilter { since_unix_ns, until_unix_ns, ..query.filter() };
        }
    }
}

impl SpanConditions {
    /// Whether a span satisfies all of them.
    pub(super) fn match_span(&self, span: &Span) -> bool {
        self.kind.is_none_or(|kind| span.kind == kind)
            && self.link.is_none_or(|link| span.link_kind() == Some(link))
            && self.attributes.iter().all(|(key, wanted)| has(span, key, wanted))
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a store can look for: every span that matches satisfies it, and some others may.
    fn for_store(&self) -> Vec<Condition> {
        let kind = self.kind.map(|kind| narrow::is(Field::Kind, kind.as_str()));
        let link = self.link.map(|link| narrow::reads(Scope::Span, LINK_KIND, link.as_str()));
        let attributes = self.attributes.iter().filter_map(|(key, wanted)| narrow::any_reads(key, wanted));
        kind.into_iter().chain(link).chain(attributes).collect()
    }
}

impl TraceConditions {
    /// Whether a trace satisfies all of them.
    pub(super) fn match_trace(&self, lifecycle: &Lifecycle) -> bool {
        self.min_depth.is_none_or(|min| lifecycle.depth >= min)
            && self.max_depth.is_none_or(|max| lifecycle.depth <= max)
            && self.min_duration_ns.is_none_or(|min| lifecycle.duration_ns >= min)
            && self.max_duration_ns.is_none_or(|max| lifecycle.duration_ns <= max)
    }
}

fn has(span: &Span, key: &str, wanted: &str) -> bool {
    let is_wanted = |value: &Value| match value {
        Value::Text(text) => text == wanted,
        Value::Bool(truth) => truth.to_string() == wanted,
        Value::Int(number) => number.to_string() == wanted,
        Value::Double(number) => number.to_string() == wanted,
        Value::List(values) => values.iter().any(|value| value.as_text() == Some(wanted)),
        Value::Bytes(_) | Value::Map(_) => false,
    };
    envoy_tags::value(span, key).is_some_and(|value| is_wanted(&value))
        || find(&span.resource.attributes, key).is_some_and(is_wanted)
}

/// Tells every hit, newest first, until the limit, the budget, or `tell` ends it.
pub(super) fn walk(
    store: &dyn Store,
    question: &Question,
    budget: &mut Budget,
    tell: &mut dyn FnMut(Hit) -> ControlFlow<()>,
) -> Result<Outcome, StoreError> {
    let mut walk =
        Walk { store, question, budget, tell, seen: HashSet::new(), hits: 0, last: question.after };
    let ended = walk.pages()?;
    let mut outcome = Outcome { inspected: walk.budget.inspected(), ..Outcome::default() };
    match ended {
        End::All => {}
        End::Limit => outcome.next = walk.last,
        End::Stopped(stop) => (outcome.stopped, outcome.next) = (Some(stop), walk.last),
    }
    Ok(outcome)
}

/// Traces that are fetched at the same time: they share the reading of pages, and all of them are in memory.
const FETCHED_TOGETHER: usize = 20;

enum End {
    All,
    Limit,
    Stopped(Stop),
}

struct Walk<'a> {
    store: &'a dyn Store,
    question: &'a Question,
    budget: &'a mut Budget,
    tell: &'a mut dyn FnMut(Hit) -> ControlFlow<()>,
    seen: HashSet<TraceId>,
    hits: usize,
    /// The last trace that was looked at.
    last: Option<Position>,
}

impl Walk<'_> {
    fn pages(&mut self) -> Result<End, StoreError> {
        let mut filter = self.question.filter.clone();
        let begin = self.question.after.map(|after| after.start_unix_ns);
        filter.until_unix_ns = [filter.until_unix_ns, begin].into_iter().flatten().min();
        let mut page = self.question.limit.clamp(*PAGE.start(), *PAGE.end());
        loop {
            let searched = self.store.search_within(&filter, page, self.budget.of_store())?;
            let trace_ids = searched.items;
            let mut floor = None;
            let mut rest = trace_ids.as_slice();
            while !rest.is_empty() {
                let together = rest.get(..FETCHED_TOGETHER).unwrap_or(rest);
                let fetched = self.store.traces_within(together, self.budget.of_store())?.items;
                if fetched.is_empty() {
                    return Ok(End::Stopped(self.budget.stop().unwrap_or(Stop::Bytes)));
                }
                rest = rest.get(fetched.len()..).unwrap_or_default();
                for (trace_id, spans) in together.iter().zip(fetched) {
                    if let Some(stop) = self.budget.stop() {
                        return Ok(End::Stopped(stop));
                    }
                    // The page is in the order of these starts, so the last one says how far it reached.
                    floor = latest_start(&spans, &filter).or(floor);
                    if !self.seen.insert(*trace_id) {
                        continue;
                    }
                    match self.look_at(*trace_id, &spans) {
                        Ok(ControlFlow::Continue(())) => {}
                        Ok(ControlFlow::Break(end)) => return Ok(end),
                        Err(Interrupted) => {
                            return Ok(End::Stopped(self.budget.stop().unwrap_or(Stop::Cancelled)));
                        }
                    }
                }
            }
            if !searched.is_complete {
                return Ok(End::Stopped(self.budget.stop().unwrap_or(Stop::Bytes)));
            }
            if trace_ids.len() < page {
                return Ok(End::All);
            }
            match floor {
                Some(floor) if filter.until_unix_ns != Some(floor) => {
                    filter.until_unix_ns = Some(floor);
                    page = page.max(page.saturating_mul(2).min(*PAGE.end()));
                }
                // A page full of traces that start at one moment, or that have just expired.
                _ => page = page.saturating_mul(2),
            }
        }
    }

    fn look_at(&mut self, trace_id: TraceId, spans: &[Arc<Span>]) -> Result<ControlFlow<End>, Interrupted> {
        // A trace may have expired since it was found.
        let Some(start_unix_ns) = latest_start(spans, &self.question.filter) else {
            return Ok(ControlFlow::Continue(()));
        };
        let position = Position { start_unix_ns, trace_id };
        if self.question.after.is_some_and(|after| !position.is_behind(after)) {
            return Ok(ControlFlow::Continue(()));
        }
        self.budget.take(spans);
        let hit = self.judge(position, spans)?;
        self.last = Some(position);
        let Some(hit) = hit else {
            return Ok(ControlFlow::Continue(()));
        };
        self.hits += 1;
        Ok(match (self.tell)(hit) {
            ControlFlow::Break(()) => ControlFlow::Break(End::Stopped(Stop::Cancelled)),
            ControlFlow::Continue(()) if self.hits >= self.question.limit => ControlFlow::Break(End::Limit),
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
        })
    }

    fn judge(&self, position: Position, spans: &[Arc<Span>]) -> Result<Option<Hit>, Interrupted> {
        let Question { filter, span, trace, query, .. } = self.question;
        if !span.is_empty() && !spans.iter().any(|one| filter.matches(one) && span.match_span(one)) {
            return Ok(None);
        }
        let lifecycle = assemble(spans);
        if !trace.match_trace(&lifecycle) {
            return Ok(None);
        }
        let trace_id = position.trace_id;
        let found = match query {
            None => Found::new(),
            Some(query) => {
                let may_go_on = || self.budget.stop().is_none();
                query.run(&View::new(trace_id, &lifecycle), &may_go_on)?
            }
        };
        let is_hit = query.is_none() || !found.is_empty();
        Ok(is_hit.then_some(Hit { trace_id, lifecycle, found }))
    }
}

fn latest_start(spans: &[Arc<Span>], filter: &SpanFilter) -> Option<u64> {
    spans.iter().filter(|span| filter.matches(span)).map(|span| span.start_unix_ns).max()
}

#[cfg(test)]
mod tests;
