//! Counts spans as they come, part by part.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use throughline_model::span::Span;

use super::call::{End, Names, Outcome, Side};
use super::kept::{Kept, Written};
use super::pairing::{Call, Pairing};
use super::part::{Part, Sum};
use super::{Exemplar, Figures, Rollup, RollupFilter, Series, keep_slower};
use crate::store::block::BlockError;

const NANOSECONDS_PER_MINUTE: u64 = 60_000_000_000;

/// A batch of spans as the live window holds it.
type Batch = Arc<[Arc<Span>]>;

/// Everything that is counted, by the window the spans lie in. Windows are numbered by age.
#[derive(Debug, Default)]
pub(in crate::store) struct Fold {
    names: Names,
    pairing: Pairing,
    windows: BTreeMap<u64, Counted>,
    kept: Option<Kept>,
    /// Everything since the process started, under minute zero.
    totals: Part,
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

    /// Counts the next batches of a window; `now` is measured from any fixed moment.
    pub(in crate::store) fn count(&mut self, window: u64, batches: &[Batch], now: Duration) {
        let Self { names, pairing, windows, totals, .. } = self;
        let counted = windows.entry(window).or_default();
        counted.batches += batches.len();
        let mut parts = Parts { of_window: &mut counted.part, totals };
        let parts = &mut parts;
        pairing.expire(now, &mut |call| count_call(parts, call));
        for span in batches.iter().flat_map(|batch| batch.iter()) {
            let end = End::of(span, names);
            if end.as_ref().is_some_and(|end| pairing.knows(end)) {
                // A sender that saw no answer sends the same span again.
                continue;
            }
            count_operation(parts, span, names);
            if let Some(end) = end {
                pairing.push(end, now, &mut |call| count_call(parts, call));
            }
        }
    }

    /// Keeps on disk what was counted and is not any more in memory.
    pub(in crate::store) fn keep_in(&mut self, kept: Kept) {
        self.kept = Some(kept);
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

    /// Adds what a filter takes.
    pub(in crate::store) fn read(&mut self, filter: &RollupFilter) -> Result<Vec<Rollup>, BlockError> {
        let mut sum = Sum::default();
        if let Some(kept) = &mut self.kept {
            kept.read(filter, &mut sum)?;
        }
        for counted in self.windows.values() {
            counted.part.read(filter, |minute, series, figures| sum.add(minute, series, figures));
        }
        Ok(sum.into_rollups())
    }
}

/// What is counted in.
struct Parts<'a> {
    of_window: &'a mut Part,
    totals: &'a mut Part,
}

impl Parts<'_> {
    fn count(&mut self, minute_unix_s: u64, series: &Series, mut count: impl FnMut(&mut Figures)) {
        count(self.of_window.figures(minute_unix_s, series));
        count(self.totals.figures(0, series));
    }
}

fn minute(start_unix_ns: u64) -> u64 {
    start_unix_ns / NANOSECONDS_PER_MINUTE * 60
}

fn count_operation(parts: &mut Parts<'_>, span: &Span, names: &mut Names) {
    let series = Series::Operation {
        service: names.get(span.service_name()),
        kind: span.kind,
        operation: names.get(&span.name),
    };
    let exemplar = Exemplar {
        trace_id: span.trace_id,
        span_id: span.span_id,
        start_unix_ns: span.start_unix_ns,
        duration_ns: span.duration_ns(),
    };
    let outcome = Outcome::of(span.status);
    parts.count(minute(span.start_unix_ns), &series, |figures| observe(figures, exemplar, outcome));
}

fn count_call(parts: &mut Parts<'_>, call: Call) {
    let (seen, series, client_duration_ns, outcome) = match call {
        Call::Both(client, server) => {
            let series = edge(client.service, Arc::clone(&server.service), &server);
            let outcome = client.outcome.or(server.outcome);
            (server, series, Some(client.duration_ns), outcome)
        }
        Call::One(client) if client.side == Side::Client => {
            let series = edge(Arc::clone(&client.service), Arc::clone(&client.peer), &client);
            let (duration_ns, outcome) = (client.duration_ns, client.outcome);
            (client, series, Some(duration_ns), outcome)
        }
        Call::One(server) => {
            let series = edge(Arc::clone(&server.peer), Arc::clone(&server.service), &server);
            let outcome = server.outcome;
            (server, series, None, outcome)
        }
    };
    // An entry has no caller that could have sent a span.
    let is_whole = client_duration_ns.is_some() == (seen.side == Side::Server);
    let is_entry = seen.side == Side::Server && seen.parent.is_none();
    parts.count(minute(seen.start_unix_ns), &series, |figures| {
        observe(figures, seen.exemplar(), outcome);
        figures.one_sided += u64::from(!is_whole && !is_entry);
        if let Some(duration_ns) = client_duration_ns {
            figures.client_durations.observe(duration_ns);
        }
    });
}

fn edge(client: Arc<str>, server: Arc<str>, seen: &End) -> Series {
    Series::Edge { client, server, route: Arc::clone(&seen.route) }
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
