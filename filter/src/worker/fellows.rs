//! The other workers of this proxy: who lives, and what each has in flight.

use super::sign::{self, CROWDED_KEY, Detail, MAX_WORKERS, Report};
use crate::host::Host;
use crate::links::Candidate;

/// Changed whenever a worker comes, begins to serve, or takes another key.
const CHANGE_KEY: &str = "throughline.workers.change";
/// A worker with nothing in flight whose key rests for this long is gone.
const MAX_REST_NS: u64 = 5_000_000_000;
/// With requests in flight it may only be stuck, and they with it: it is doubted, and given up after this time.
const MAX_DOUBT_NS: u64 = 60_000_000_000;

/// What is known of the others.
#[derive(Debug, Default)]
pub(super) struct Fellows {
    known: Vec<Fellow>,
    change: Vec<u8>,
    is_crowded: bool,
    is_looked_at: bool,
    has_changed: bool,
}

#[derive(Debug)]
struct Fellow {
    number: usize,
    /// `None` when a module of another version wrote it.
    report: Option<Report>,
    version: u32,
    written_ns: u64,
    is_resting: bool,
}

/// Makes every worker look around before it decides on another link.
pub(super) fn announce_change(host: &mut impl Host) {
    let mut mark = [0u8; 16];
    if host.fill_random(&mut mark).is_err() {
        let clocks = u128::from(host.wall_clock_ns()) << 64 | u128::from(host.monotonic_ns());
        mark = clocks.to_le_bytes();
    }
    host.put_shared_value(CHANGE_KEY, &mark);
}

impl Fellows {
    /// Whether no other worker could read what this one writes down. The proxy's main thread runs the module too,
    /// and never serves a request.
    pub(super) fn leave_this_alone(&self) -> bool {
        let may_serve = |fellow: &Fellow| fellow.report.as_ref().is_none_or(|report| report.has_served);
        self.is_looked_at && self.known.len() <= 1 && !self.known.iter().any(may_serve)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Reads every key, and frees those of workers that are gone. `own` is the key of this worker.
    pub(super) fn look(&mut self, host: &mut impl Host, own: Option<usize>, now_ns: u64) {
        // First the mark, then the keys: a change in between will be noticed the next time.
        self.change = host.shared_value(CHANGE_KEY).bytes;
        self.has_changed = false;
        self.is_crowded = !host.shared_value(CROWDED_KEY).bytes.is_empty();
        self.is_looked_at = true;
        let mut seen = Vec::new();
        for number in (0..MAX_WORKERS).filter(|number| Some(*number) != own) {
            let value = host.shared_value(&sign::key(number));
            if value.bytes.is_empty() {
                continue;
            }
            let before =
                self.known.iter().find(|fellow| fellow.number == number && fellow.version == value.version);
            let written_ns = before.map_or(now_ns, |fellow| fellow.written_ns);
            let rest_ns = now_ns.saturating_sub(written_ns);
            let report = Report::decode(&value.bytes);
            // Whose books are closed tells the number now and then only.
            let has_nothing =
                report.as_ref().is_some_and(|report| report.in_flight == 0 && report.has_all_ids);
            let is_gone = rest_ns >= if has_nothing { MAX_REST_NS } else { MAX_DOUBT_NS };
            if is_gone && host.set_shared_value(&sign::key(number), &[], value.version).is_ok() {
                continue;
            }
            let is_resting = rest_ns >= MAX_REST_NS;
            seen.push(Fellow { number, report, version: value.version, written_ns, is_resting });
        }
        self.known = seen;
    }

    /// Gets what the others have in flight at this moment.
    pub(super) fn ask(&mut self, host: &mut impl Host) {
        self.has_changed = host.shared_value(CHANGE_KEY).bytes != self.change;
        for fellow in &mut self.known {
            // A worker that has not served yet changes the mark before it does.
            let Some(owner) = fellow.report.as_ref().filter(|report| report.has_served).map(|it| it.owner)
            else {
                continue;
            };
            let report = Report::decode(&host.shared_value(&sign::key(fellow.number)).bytes);
            self.has_changed |= report.as_ref().is_none_or(|report| report.owner != owner);
            fellow.report = report;
        }
    }

    /// Whether what the others have in flight is known to the last request.
    pub(super) fn are_all_known(&self) -> bool {
        let is_known = |fellow: &Fellow| {
            fellow.report.as_ref().is_some_and(|report| {
                let has_told = !report.has_served || report.detail == Detail::All;
                has_told && !(fellow.is_resting && report.in_flight > 0)
            })
        };
        self.is_looked_at && !self.is_crowded && !self.has_changed && self.known.iter().all(is_known)
    }

    /// Whether the table of ids has those of all that the others have in flight.
    pub(super) fn have_all_ids(&self) -> bool {
        let are_there = |report: &Report| {
            // One that was alone so far has them in its own memory.
            report.has_all_ids && (report.detail == Detail::All || !report.has_served)
        };
        self.known.iter().all(|fellow| fellow.report.as_ref().is_some_and(are_there))
    }

    /// Whether somebody does not write down what is in flight.
    pub(super) fn have_closed_books(&self) -> bool {
        self.reports().any(|report| !report.has_all_ids)
    }

    /// Whether there are more workers than keys, so that nobody knows of all.
    pub(super) fn are_crowded(&self) -> bool {
        self.is_crowded
    }

    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.reports().flat_map(|report| &report.candidates)
    }

    /// Requests of which only the number is known.
    pub(super) fn others(&self) -> usize {
        self.reports().map(|report| report.in_flight.saturating_sub(report.candidates.len())).sum()
    }

    fn reports(&self) -> impl Iterator<Item = &Report> {
        self.known.iter().filter_map(|fellow| fellow.report.as_ref())
    }
}
