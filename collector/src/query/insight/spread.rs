//! Finds traces from all over a time: where there are more than may be looked at, the newest alone would stand for a few seconds of it.

use std::collections::HashSet;

use throughline_model::id::TraceId;

use crate::store::{Budget, SpanFilter, Store, StoreError};

/// Places of a time from which traces are taken; in the hour of a baseline one every five minutes.
const PLACES: u64 = 12;
/// The end of a part that is looked at first: this share of it.
const SLICE: u64 = 16;
/// How often a time is divided anew because all of its traces lie in a small part of it.
const MAX_PASSES: usize = 6;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spread {
    /// Each place in turn, so that the first ones alone are from all over the time too.
    pub(super) trace_ids: Vec<TraceId>,
    /// How many places gave traces.
    pub(super) places: usize,
    /// Whether there may be more.
    pub(super) is_cut: bool,
}

/// At most `limit` traces that match.
pub(super) fn search(
    store: &dyn Store,
    filter: &SpanFilter,
    limit: usize,
    now_unix_ns: u64,
    budget: &Budget,
) -> Result<Spread, StoreError> {
    let search = Search { store, filter, limit, budget };
    let mut time = Time::of(filter, now_unix_ns);
    let mut parts = search.look_at(time)?;
    for _ in 1..MAX_PASSES {
        let Some(narrower) = narrower(&parts, limit) else { break };
        time = narrower;
        parts = search.look_at(time)?;
    }
    Ok(deal(&parts, limit))
}

/// A stretch of time; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Time {
    since_unix_ns: u64,
    until_unix_ns: u64,
    /// Whether what is later than the end belongs to it too, as spans from clocks that are ahead do.
    is_open: bool,
}

impl Time {
    fn of(filter: &SpanFilter, now_unix_ns: u64) -> Self {
        let since_unix_ns = filter.since_unix_ns.unwrap_or(0);
        Self {
            since_unix_ns,
            until_unix_ns: filter.until_unix_ns.unwrap_or(now_unix_ns).max(since_unix_ns),
            is_open: filter.until_unix_ns.is_none(),
        }
    }

    fn length_ns(self) -> u64 {
        self.until_unix_ns - self.since_unix_ns
    }

    /// Equal parts, the earliest first; the last one has what is left over.
    fn divide(self) -> Vec<Self> {
        let step = self.length_ns() / PLACES;
        if step == 0 {
            return vec![self];
        }
        let part = |place: u64| {
            let since_unix_ns = self.since_unix_ns + place * step;
            if place + 1 == PLACES {
                Self { since_unix_ns, ..self }
            } else {
                Self { since_unix_ns, until_unix_ns: since_unix_ns + step - 1, is_open: false }
            }
        };
        (0..PLACES).map(part).collect()
    }

    fn end(self) -> Self {
        let since_unix_ns = self.until_unix_ns - self.length_ns() / SLICE;
        Self { since_unix_ns, ..self }
    }
}

/// What was found in a part of the time.
#[derive(Debug)]
struct Part {
    time: Time,
    trace_ids: Vec<TraceId>,
    /// Whether only its end was looked at.
    is_slice: bool,
    is_complete: bool,
}

struct Search<'a> {
    store: &'a dyn Store,
    filter: &'a SpanFilter,
    limit: usize,
    budget: &'a Budget,
}

impl Search<'_> {
    /// Of a part with many traces only the end: a part may be hours, and its traces millions.
    fn look_at(&self, time: Time) -> Result<Vec<Part>, StoreError> {
        let times = time.divide();
        let fair_share = self.limit.div_ceil(times.len());
        let mut parts = Vec::with_capacity(times.len());
        // The latest first: should the budget end, it is the present that is known.
        for time in times.into_iter().rev() {
            let mut part = self.part(time, time.end())?;
            part.is_slice = true;
            if part.trace_ids.len() < fair_share {
                part = self.part(time, time)?;
            }
            parts.push(part);
        }
        parts.reverse();
        // Where others have less than their share, these have more.
        for place in (0..parts.len()).rev() {
            if distinct(&parts).len() >= self.limit {
                break;
            }
            if let Some(part) = parts.get_mut(place).filter(|part| part.is_slice) {
                *part = self.part(part.time, part.time)?;
            }
        }
        Ok(parts)
    }

    fn part(&self, time: Time, looked_at: Time) -> Result<Part, StoreError> {
        let filter = SpanFilter {
            since_unix_ns: Some(looked_at.since_unix_ns),
            until_unix_ns: (!looked_at.is_open).then_some(looked_at.until_unix_ns),
            ..self.filter.clone()
        };
        // One more than is wanted tells whether there are more.
        let found = self.store.search_within(&filter, self.limit.saturating_add(1), self.budget)?;
        Ok(Part { time, trace_ids: found.items, is_slice: false, is_complete: found.is_complete })
    }
}

fn distinct(parts: &[Part]) -> HashSet<TraceId> {
    parts.iter().flat_map(|part| part.trace_ids.iter().copied()).collect()
}

/// Whether there are more traces than were asked for, or may be.
fn is_more(parts: &[Part], limit: usize) -> bool {
    parts.iter().any(|part| part.is_slice || !part.is_complete) || distinct(parts).len() > limit
}

/// The part of the time in which the traces lie, where that is small, there are more than enough, and the budget lasts.
fn narrower(parts: &[Part], limit: usize) -> Option<Time> {
    let has_traces = |part: &Part| !part.trace_ids.is_empty();
    let first = parts.iter().position(has_traces)?;
    let last = parts.iter().rposition(has_traces)?;
    let is_small = 2 * (last - first + 1) <= parts.len();
    let is_used_up = parts.iter().any(|part| !part.is_complete);
    let ends =
        parts.get(first).zip(parts.get(last)).filter(|_| is_small && !is_used_up && is_more(parts, limit));
    ends.map(|(first, last)| Time { since_unix_ns: first.time.since_unix_ns, ..last.time })
}

/// One trace of each place in turn, the latest place first.
fn deal(parts: &[Part], limit: usize) -> Spread {
    let mut hands: Vec<_> = parts.iter().rev().map(|part| part.trace_ids.iter()).collect();
    let (mut seen, mut spread) =
        (HashSet::new(), Spread { is_cut: is_more(parts, limit), ..Spread::default() });
    let mut given = vec![0usize; hands.len()];
    while spread.trace_ids.len() < limit {
        let before = spread.trace_ids.len();
        for (hand, given) in hands.iter_mut().zip(&mut given) {
            // A trace may have spans in two places.
            if spread.trace_ids.len() < limit
                && let Some(trace_id) = hand.find(|trace_id| seen.insert(**trace_id))
            {
                spread.trace_ids.push(*trace_id);
                *given += 1;
            }
        }
        if spread.trace_ids.len() == before {
            break;
        }
    }
    spread.places = given.iter().filter(|given| **given > 0).count();
    spread
}

#[cfg(test)]
mod tests;
