//! Counts spans as they come, part by part.

use std::collections::BTreeMap;
use std::time::Duration;

use throughline_model::otlp::SpanOutline;

use super::call::{End, Outcome, Side};
use super::kept::{Kept, Written};
use super::names::Names;
use super::pairing::{Call, Pairing};
use super::part::{Part, SeriesNames, Sum};
use super::{Exemplar, Figures, Rollup, RollupFilter, Series, keep_slower};
use crate::store::batch::Head;
use crate::store::block::BlockError;
use crate::store::window::FiledBatch;
use crate::store::{Budget, Found, StoreError};

const NANOSECONDS_PER_MINUTE: u64 = 60_000_000_000;

/// Everything that is counted, by the window the spans lie in. Windows are numbered by age.
#[derive(Debug, Default)]
pub(in crate::store) struct Fold {
    names: Names,
    pairing: Pairing,
    windows: BTreeMap<u64, Counted>,
    kept: Option<Kept>,
    /// Everything since the process started, under minute zero.
    totals: Part,
    /// Room for the bytes of a batch.
    buffer: Vec<u8>,
}

/// How far a window is counted.
#[derive(Debug, Default)]
struct Counted {
    batches: usize,
    part: Part,
}

impl Fold {
    /// How many batches of a window were counted.
    pub(in crate::store) fn counted(&self, window: u64) -> usize {
        self.windows.get(&window).map_or(0, |counted| counted.batches)
    }

    /// Counts the next batch of a window; `now` is measured from any fixed moment. A batch that cannot be read back counts
    /// as counted.
    pub(in crate::store) fn count(
        &mut self,
        window: u64,
        batch: &FiledBatch,
        now: Duration,
    ) -> Result<(), StoreError> {
        self.renew_names();
        self.expire(window, now);
        let Self { names, pairing, windows, totals, buffer, .. } = self;
        let counted = windows.entry(window).or_default();
        counted.batches += 1;
        let mut parts = Parts { of_window: &mut counted.part, totals, minute: (0, 0) };
        batch.each_outline(buffer, |head, service, outline| {
            count_span(&mut parts, names, pairing, now, head, service, outline);
        })
    }

    /// Counts calls whose other end did not come in time.
    pub(in crate::store) fn expire(&mut self, window: u64, now: Duration) {
        let Self { names, pairing, windows, totals, .. } = self;
        let counted = windows.entry(window).or_default();
        let mut parts = Parts { of_window: &mut counted.part, totals, minute: (0, 0) };
        pairing.expire(now, &mut |call| count_call(&mut parts, names, call));
    }

    /// Forgets the names that were seen so far when they are too many.
    fn renew_names(&mut self) {
        if let Some(old) = self.names.renew() {
            let names = &mut self.names;
            self.pairing.rename(|name| names.get(old.text(name).as_bytes()));
            self.totals.forget_names();
            self.windows.values_mut().for_each(|counted| counted.part.forget_names());
        }
    }

    /// Keeps on disk what was counted and is not any more in memory.
    pub(in crate::store) fn keep_in(&mut self, kept: Kept) {
        self.kept = Some(kept);
    }

    /// The last segment of the log that a file counts.
    pub(in crate::store) fn last_segment(&self) -> u64 {
        self.kept.as_ref().map_or(0, Kept::last_segment)
    }

    /// The files, where there are any.
    pub(in crate::store) fn kept(&mut self) -> Option<&mut Kept> {
        self.kept.as_mut()
    }

    /// What was counted of a window that takes no more spans.
    pub(in crate::store) fn part(&self, window: u64) -> Part {
        self.windows.get(&window).map(|counted| counted.part.clone()).unwrap_or_default()
    }

    /// Says that what was counted of a window is in a file.
    pub(in crate::store) fn settle(&mut self, window: u64, written: Written) {
        let part = self.windows.remove(&window).map(|counted| counted.part).unwrap_or_default();
        if let Some(kept) = &mut self.kept {
            kept.add(written, part);
        }
    }

    /// Begins the totals anew: what was replayed from the log was counted by the process before.
    pub(in crate::store) fn clear_totals(&mut self) {
        self.totals = Part::default();
    }

    /// Every series with all that happened since the process started.
    pub(in crate::store) fn totals(&self) -> Vec<(Series, Figures)> {
        let rows = self.totals.sorted().into_iter();
        rows.map(|(series, _, figures)| (series.clone(), figures.clone())).collect()
    }

    /// Adds what a filter takes, as far as the budget lasts.
    pub(in crate::store) fn read(
        &mut self,
        filter: &RollupFilter,
        budget: &Budget,
    ) -> Result<Found<Rollup>, BlockError> {
        let mut sum = Sum::default();
        if let Some(kept) = &mut self.kept {
            kept.read(filter, &mut sum, budget)?;
        }
        for counted in self.windows.values() {
            counted.part.read(filter, |minute, series, figures| sum.add(minute, series, figures));
        }
        Ok(Found { items: sum.into_rollups(), is_complete: budget.allows_more() })
    }
}

/// What is counted in.
struct Parts<'a> {
    of_window: &'a mut Part,
    totals: &'a mut Part,
    /// The start of the last minute that was counted in, in nanoseconds and in seconds: neighbours share it.
    minute: (u64, u64),
}

impl Parts<'_> {
    fn count(
        &mut self,
        start_unix_ns: u64,
        series: SeriesNames,
        names: &Names,
        mut count: impl FnMut(&mut Figures),
    ) {
        if !(self.minute.0..self.minute.0.saturating_add(NANOSECONDS_PER_MINUTE)).contains(&start_unix_ns) {
            let minutes = start_unix_ns / NANOSECONDS_PER_MINUTE;
            self.minute = (minutes * NANOSECONDS_PER_MINUTE, minutes * 60);
        }
        self.of_window.count(self.minute.1, series, names, &mut count);
        self.totals.count(0, series, names, &mut count);
    }
}

fn count_span(
    parts: &mut Parts<'_>,
    names: &mut Names,
    pairing: &mut Pairing,
    now: Duration,
    head: &Head,
    service: &[u8],
    outline: &SpanOutline<'_>,
) {
    let side = Side::of(head.kind);
    if side.is_some_and(|side| pairing.knows(head.trace_id, head.span_id, side)) {
        // A sender that saw no answer sends the same span again.
        return;
    }
    let service = names.get(service);
    let series = SeriesNames::Operation { service, kind: head.kind, operation: names.get(outline.name) };
    let exemplar = Exemplar {
        trace_id: head.trace_id,
        span_id: head.span_id,
        start_unix_ns: head.start_unix_ns,
        duration_ns: head.duration_ns(),
    };
    let outcome = Outcome::of(head.status);
    parts.count(head.start_unix_ns, series, names, |figures| observe(figures, exemplar, outcome));
    if let Some(side) = side {
        let end = End::of(side, head, service, outline, names);
        pairing.push(end, now, &mut |call| count_call(parts, names, call));
    }
}

fn count_call(parts: &mut Parts<'_>, names: &Names, call: Call) {
    let (Call::Both(End { link, .. }, _) | Call::One(End { link, .. })) = call;
    let (seen, client, server, client_duration_ns, outcome) = match call {
        Call::Both(client, server) => {
            let outcome = client.outcome.or(server.outcome);
            (server, client.service, server.service, Some(client.duration_ns), outcome)
        }
        Call::One(client) if client.side == Side::Client => {
            (client, client.service, client.peer, Some(client.duration_ns), client.outcome)
        }
        Call::One(server) => (server, server.peer, server.service, None, server.outcome),
    };
    // An entry has no caller that could have sent a span.
    let is_whole = client_duration_ns.is_some() == (seen.side == Side::Server);
    let is_entry = seen.side == Side::Server && seen.parent.is_none();
    let series = SeriesNames::Edge { client, server, route: seen.route };
    parts.count(seen.start_unix_ns, series, names, |figures| {
        observe(figures, seen.exemplar(), outcome);
        figures.one_sided += u64::from(!is_whole && !is_entry);
        if let Some(duration_ns) = client_duration_ns {
            figures.client_durations.observe(duration_ns);
        }
        if let Some(kind) = link {
            figures.links.observe(kind, 1);
        }
    });
}

fn observe(figures: &mut Figures, exemplar: Exemplar, outcome: Outcome) {
    figures.calls += 1;
    figures.durations.observe(exemplar.duration_ns);
    keep_slower(&mut figures.slowest, Some(exemplar));
    if outcome == Outcome::Failed {
        figures.errors += 1;
        keep_slower(&mut figures.slowest_error, Some(exemplar));
    }
}
