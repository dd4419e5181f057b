//! Rollups: what every operation and every edge did in every minute, counted as spans arrive and kept longer than they are.
//!
//! Two kinds of [`Series`] are counted. An *operation* is one span name of one service in one role; it counts spans. An
//! *edge* is a caller, a callee and a route; it counts calls: a client span and the server span it caused are one call,
//! an application and its proxy that both report one end are one end. A call is counted once both ends are known, or after
//! [`PATIENCE`] with one. Its minute is the one in which the callee (or else the caller) saw it begin.
//!
//! What was counted of a window is written when the window becomes a block, in a file of its own beside the blocks, and
//! kept longer. So a restart counts exactly the spans of the log again that no file counts yet.
//!
//! A minute that is read again may have grown: late spans are counted where they belong. A call whose two ends lie on both
//! sides of a restart counts as seen from one end.

mod call;
mod file;
mod fold;
mod histogram;
mod kept;
mod links;
mod names;
mod pairing;
mod part;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::SpanKind;

pub use histogram::Histogram;
pub use links::Links;

pub(super) use fold::Fold;
pub(super) use kept::{Kept, Written};

/// How long the one end of a call waits for the other.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The name of a caller that no span tells: whoever called an entry, or a callee without its caller's span.
pub const UNKNOWN: &str = "";

/// What is counted apart from all else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// The spans of one service with one role and name.
    Operation {
        /// The service.
        service: Arc<str>,
        /// The role of the spans.
        kind: SpanKind,
        /// Their name.
        operation: Arc<str>,
    },
    /// The calls from one service to another.
    Edge {
        /// Who called; [`UNKNOWN`] where no span tells.
        client: Arc<str>,
        /// Who was called; where it sent no span, the address that the caller used.
        server: Arc<str>,
        /// `http.route` of the callee, else the span's name.
        route: Arc<str>,
    },
}

/// What happened in one minute of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// The start of the minute, in seconds since 1970-01-01 UTC; a multiple of 60.
    pub minute_unix_s: u64,
    /// What is counted.
    pub series: Series,
    /// What happened.
    pub figures: Figures,
}

/// Counts of one series over some time. They add up: see [`Figures::add`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Spans of an operation, calls of an edge.
    pub calls: u64,
    /// Those that failed; a call failed when either end says so.
    pub errors: u64,
    /// Calls of which one end sent no span in time; zero for operations.
    pub one_sided: u64,
    /// Durations as the callee saw them, or the caller where the callee sent no span.
    pub durations: Histogram,
    /// Durations as the caller saw them, where it sent a span; empty for operations.
    pub client_durations: Histogram,
    /// What ties calls to the requests that caused them; empty for operations, and in files of format 1.
    pub links: Links,
    /// The slowest of all.
    pub slowest: Option<Exemplar>,
    /// The slowest that failed.
    pub slowest_error: Option<Exemplar>,
}

/// A span that stands for many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: TraceId,
    /// The span itself.
    pub span_id: SpanId,
    /// Its start.
    pub start_unix_ns: u64,
    /// End minus start.
    pub duration_ns: u64,
}

impl Figures {
    /// Takes the counts of another time, or of another series, in.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.one_sided += other.one_sided;
        self.durations.add(&other.durations);
        self.client_durations.add(&other.client_durations);
        self.links.add(&other.links);
        keep_slower(&mut self.slowest, other.slowest);
        keep_slower(&mut self.slowest_error, other.slowest_error);
    }
}

/// Of two equally slow ones the earlier is kept, so that the order in which spans came makes no difference.
fn keep_slower(kept: &mut Option<Exemplar>, other: Option<Exemplar>) {
    let rank = |exemplar: &Exemplar| {
        (
            exemplar.duration_ns,
            std::cmp::Reverse((exemplar.start_unix_ns, exemplar.trace_id, exemplar.span_id)),
        )
    };
    if let Some(other) = other
        && kept.as_ref().is_none_or(|kept| rank(&other) > rank(kept))
    {
        *kept = Some(other);
    }
}

/// Which rollups are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollupFilter {
    /// The first minute; seconds since 1970-01-01 UTC, any second of the minute.
    pub since_unix_s: Option<u64>,
    /// The end, exclusive: minutes that begin here or later are left out.
    pub until_unix_s: Option<u64>,
    /// Which series.
    pub series: SeriesFilter,
}

/// Which series are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SeriesFilter {
    /// Every one.
    #[default]
    All,
    /// Operations, of one service if it is named.
    Operations {
        /// The service.
        service: Option<String>,
    },
    /// Edges, of one caller or to one callee if they are named.
    Edges {
        /// The caller.
        client: Option<String>,
        /// The callee.
        server: Option<String>,
    },
}

impl RollupFilter {
    fn takes_minute(&self, minute_unix_s: u64) -> bool {
        self.since_unix_s.is_none_or(|since| minute_unix_s >= since / 60 * 60)
            && self.until_unix_s.is_none_or(|until| minute_unix_s < until)
    }
}

impl SeriesFilter {
    fn takes(&self, series: &Series) -> bool {
        let is = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        match (self, series) {
            (Self::All, _) => true,
            (Self::Operations { service: wanted }, Series::Operation { service, .. }) => is(wanted, service),
            (Self::Edges { client: caller, server: callee }, Series::Edge { client, server, .. }) => {
                is(caller, client) && is(callee, server)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
