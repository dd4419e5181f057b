//! What happened, from the store: counts minute by minute, and the shapes of traces that have gone quiet.

mod sample;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use throughline_model::id::TraceId;
use throughline_model::span::SpanKind;
use tokio::sync::broadcast::{self, error::TryRecvError};

use crate::alert::error_rate::Minute;
use crate::alert::sample::{Durations, Sample};
use crate::alert::shape::Shape;
use crate::alert::subject::Subject;
use crate::assemble::settle::Settler;
use crate::assemble::{Lifecycle, assemble};
use crate::store::{Figures, Rollup, RollupFilter, Series, Store, StoreError};

/// As far back as history is read: the baselines' own memory.
const HISTORY_S: u64 = 8 * 24 * 3600;
const CHUNK_S: u64 = 6 * 3600;
/// Traces that are looked at in one round; the rest waits.
const MAX_TRACES_AT_ONCE: usize = 20_000;
/// Of these, traces that have to be read because something is missing, or seems to repeat.
const MAX_READ_AT_ONCE: usize = 50;
/// How many of them may wait.
const MAX_TO_READ: usize = 2_000;

/// A trace that goes on for so long is measured as it is: a call that never stops calling itself does not go quiet.
const PATIENCE: Duration = Duration::from_secs(10);

/// The counts of some minutes.
pub(super) type Minutes = Vec<(Minute, BTreeMap<Subject, Sample>)>;

pub(super) struct Feed {
    store: Arc<dyn Store>,
    touched: Mutex<broadcast::Receiver<Arc<[TraceId]>>>,
    settler: Settler,
    /// Quiet traces that have to be read.
    to_read: VecDeque<TraceId>,
    started: Instant,
    /// The first minute that may still grow.
    next_unix_s: u64,
}

impl Feed {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let touched = Mutex::new(store.subscribe());
        Self {
            store,
            touched,
            settler: Settler::with_patience(PATIENCE),
            to_read: VecDeque::new(),
            started: Instant::now(),
            next_unix_s: 0,
        }
    }

    pub(super) fn begin_at(&mut self, unix_s: u64) {
        self.next_unix_s = unix_s / 60 * 60;
    }

    pub(super) fn begin_at_oldest(&mut self, now_unix_s: u64) {
        self.begin_at(now_unix_s.saturating_sub(HISTORY_S));
    }

    /// The next hours of history; empty once the given second is reached.
    pub(super) fn next_hours(&mut self, until_unix_s: u64) -> Result<Minutes, StoreError> {
        let last = until_unix_s / 60 * 60;
        while self.next_unix_s < last {
            let end = (self.next_unix_s + CHUNK_S).min(last);
            let minutes = self.read(self.next_unix_s, end)?;
            self.next_unix_s = end;
            // Hours before the first span say nothing of how long anything was silent.
            if !minutes.is_empty() {
                return Ok(minutes);
            }
        }
        Ok(Vec::new())
    }

    /// The minutes that may have grown, up to the one of the given second; those without calls included.
    pub(super) fn newest(&mut self, visible_unix_s: u64) -> Result<Minutes, StoreError> {
        let last = visible_unix_s / 60 * 60;
        if last < self.next_unix_s {
            return Ok(Vec::new());
        }
        let mut by_minute: BTreeMap<Minute, _> =
            self.read(self.next_unix_s, last + 60)?.into_iter().collect();
        for unix_s in (self.next_unix_s..=last).step_by(60) {
            by_minute.entry(minute_of(unix_s)).or_default();
        }
        self.next_unix_s = last;
        Ok(by_minute.into_iter().collect())
    }

    fn read(&self, since_unix_s: u64, until_unix_s: u64) -> Result<Minutes, StoreError> {
        let filter = RollupFilter {
            since_unix_s: Some(since_unix_s),
            until_unix_s: Some(until_unix_s),
            ..RollupFilter::default()
        };
        let mut minutes: BTreeMap<Minute, BTreeMap<Subject, Sample>> = BTreeMap::new();
        for rollup in self.store.rollups(&filter)? {
            let samples = minutes.entry(minute_of(rollup.minute_unix_s)).or_default();
            let sample = sample_of(&rollup.figures);
            for subject in subjects_of(&rollup) {
                samples.entry(subject).or_default().add(&sample);
            }
        }
        Ok(minutes.into_iter().collect())
    }

    /// Shapes of traces that have gone quiet since the last call.
    pub(super) fn finished_traces(&mut self) -> Vec<Shape> {
        let now = self.started.elapsed();
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match touched.try_recv() {
                Ok(trace_ids) => self.settler.touch(&trace_ids, now),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        drop(touched);
        let settled = self.settler.take_settled(now, MAX_TRACES_AT_ONCE);
        let mut shapes = Vec::with_capacity(settled.len());
        for (trace_id, whole) in settled.iter().zip(self.store.whole_traces(&settled)) {
            match whole.as_ref().and_then(Shape::of_whole) {
                Some(shape) => shapes.push(shape),
                None => self.to_read.push_back(*trace_id),
            }
        }
        // Under load the newest are as good a sample as the oldest, and cheaper to read.
        while self.to_read.len() > MAX_TO_READ {
            self.to_read.pop_front();
        }
        for _ in 0..MAX_READ_AT_ONCE {
            let Some(trace_id) = self.to_read.pop_back() else { break };
            shapes.extend(self.lifecycle(trace_id).and_then(|lifecycle| Shape::of(&lifecycle)));
        }
        shapes
    }

    /// One trace put together; `None` when it is unknown or cannot be read.
    fn lifecycle(&self, trace_id: TraceId) -> Option<Lifecycle> {
        let spans = self.store.trace(trace_id).ok()?;
        (!spans.is_empty()).then(|| assemble(&spans))
    }
}

fn minute_of(unix_s: u64) -> Minute {
    Minute(i64::try_from(unix_s / 60).unwrap_or(0))
}

/// A service counts what it answered; a call counts for its edge and its route. Who called an entry is not known.
fn subjects_of(rollup: &Rollup) -> Vec<Subject> {
    match &rollup.series {
        Series::Operation { service, kind: SpanKind::Server, .. } => {
            vec![Subject::Service(Arc::clone(service))]
        }
        Series::Edge { client, server, route } if !client.is_empty() && !server.is_empty() => vec![
            Subject::Edge(Arc::clone(client), Arc::clone(server)),
            Subject::Route(Arc::clone(client), Arc::clone(server), Arc::clone(route)),
        ],
        Series::Operation { .. } | Series::Edge { .. } => Vec::new(),
    }
}

fn sample_of(figures: &Figures) -> Sample {
    Sample {
        calls: figures.calls,
        errors: figures.errors,
        durations: Durations::from_buckets(figures.durations.buckets().map(|(_, high, count)| (high, count))),
        failed: figures.slowest_error.iter().map(|exemplar| exemplar.trace_id).collect(),
        slow: figures.slowest.iter().map(|exemplar| exemplar.trace_id).collect(),
    }
}

#[cfg(test)]
mod tests;
