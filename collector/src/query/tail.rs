//! Follows the store: judges each trace once it is quiet, keeps the totals, and tells every reader of the tail.

mod filter;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::Uri;
use axum::response::sse::{Event, Sse};
use futures_core::Stream;
use futures_util::stream::unfold;
use throughline_model::id::TraceId;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout_at};

use super::answer::Summary;
use super::problem::Problem;
use super::{QueryState, trace};
use filter::{RateCap, TailFilter};

#[cfg(test)]
pub(super) use filter::TAIL_PARAMETERS;

use crate::assemble::settle::{Settler, Verdict};
use crate::store::Store;
use crate::telemetry::Counters;

const TICK: Duration = Duration::from_millis(100);

/// Traces judged in one go; with the tick this allows many more a second than two cores can assemble.
const MAX_JUDGED_AT_ONCE: usize = 2_000;

/// Summaries that a slow reader may lag behind before it loses some.
const MAX_LAG: usize = 4_096;

const MAX_READERS: usize = 64;

/// A silent connection is cut by many a proxy after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A trace that went quiet, for readers to choose by, and as they get it.
#[derive(Debug)]
struct Told {
    summary: Summary,
    json: String,
}

/// The tail's one task, and the door for its readers.
#[derive(Debug)]
pub(super) struct Tail {
    follower: JoinHandle<()>,
    summaries: broadcast::Sender<Arc<Told>>,
    readers: Arc<Semaphore>,
    is_ended: watch::Sender<bool>,
}

impl Tail {
    pub(super) fn start(store: Arc<dyn Store>, counters: Arc<Counters>) -> Self {
        let (summaries, _) = broadcast::channel(MAX_LAG);
        let follower = Follower {
            touched: store.subscribe(),
            store,
            counters,
            summaries: summaries.clone(),
            settler: Settler::default(),
            started: Instant::now(),
            skipped_before: 0,
        };
        Self {
            follower: tokio::spawn(follower.run()),
            summaries,
            readers: Arc::new(Semaphore::new(MAX_READERS)),
            is_ended: watch::Sender::new(false),
        }
    }

    pub(super) fn end(&self) {
        self.is_ended.send_replace(true);
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

struct Follower {
    touched: broadcast::Receiver<Arc<[TraceId]>>,
    store: Arc<dyn Store>,
    counters: Arc<Counters>,
    summaries: broadcast::Sender<Arc<Told>>,
    settler: Settler,
    started: Instant,
    skipped_before: u64,
}

/// A quiet trace as the store has it.
enum Read {
    /// Nothing is missing, and nobody wants to see it.
    Whole(TraceId),
    /// As it was read.
    Summary(TraceId, Box<Summary>),
    /// It expired or could not be read.
    Nothing,
}

impl Read {
    fn start_unix_ns(&self) -> Option<u64> {
        match self {
            Self::Summary(_, summary) => Some(summary.start_unix_ns),
            Self::Whole(_) | Self::Nothing => None,
        }
    }
}

fn read(store: &dyn Store, counters: &Counters, trace_id: TraceId) -> Read {
    let summary = trace::summarise(store, trace_id).unwrap_or_else(|error| {
        counters.traces_unjudged.add("unreadable", 1);
        tracing::debug!(%error, %trace_id, "quiet trace could not be read");
        None
    });
    summary.map_or(Read::Nothing, |summary| Read::Summary(trace_id, Box::new(summary)))
}

impl Follower {
    async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reading: Option<JoinHandle<Vec<Read>>> = None;
        loop {
            tokio::select! {
                notice = self.touched.recv() => match notice {
                    Ok(trace_ids) => self.settler.touch(&trace_ids, self.started.elapsed()),
                    Err(RecvError::Lagged(notices)) => self.counters.traces_unjudged.add("notices-lost", notices),
                    Err(RecvError::Closed) => return,
                },
                read = finish(&mut reading), if reading.is_some() => {
                    reading = None;
                    read.unwrap_or_default().into_iter().for_each(|read| self.judge(read));
                }
                _ = ticks.tick(), if reading.is_none() => reading = self.read_settled(),
            }
            self.count_skipped();
        }
    }

    fn read_settled(&mut self) -> Option<JoinHandle<Vec<Read>>> {
        let settled = self.settler.take_settled(self.started.elapsed(), MAX_JUDGED_AT_ONCE);
        if settled.is_empty() {
            return None;
        }
        let (store, counters) = (Arc::clone(&self.store), Arc::clone(&self.counters));
        let has_readers = self.summaries.receiver_count() > 0;
        Some(spawn_blocking(move || {
            let whole =
                if has_readers { vec![false; settled.len()] } else { store.are_surely_whole(&settled) };
            let read = |(trace_id, is_whole)| {
                if is_whole { Read::Whole(trace_id) } else { read(store.as_ref(), &counters, trace_id) }
            };
            let mut reads: Vec<Read> = settled.into_iter().zip(whole).map(read).collect();
            // Traces of one batch go quiet at one moment; readers expect the earlier first.
            reads.sort_by_key(Read::start_unix_ns);
            reads
        }))
    }

    fn judge(&mut self, read: Read) {
        let (trace_id, summary) = match read {
            Read::Nothing => return,
            Read::Whole(trace_id) => (trace_id, None),
            Read::Summary(trace_id, summary) => (trace_id, Some(summary)),
        };
        let is_complete = summary.as_ref().is_none_or(|summary| summary.complete);
        let verdict = if is_complete { Verdict::Complete } else { Verdict::Incomplete };
        let total = |verdict| match verdict {
            Verdict::Complete => &self.counters.traces_complete,
            Verdict::Incomplete => &self.counters.traces_incomplete,
        };
        if let Some(before) = self.settler.judge(trace_id, verdict) {
            total(before).dec();
        }
        total(verdict).inc();
        if self.summaries.receiver_count() > 0
            && let Some(summary) = summary
            && let Ok(json) = serde_json::to_string(&summary)
        {
            // An error says that the last reader has just gone.
            let _readers = self.summaries.send(Arc::new(Told { summary: *summary, json }));
        }
    }

    fn count_skipped(&mut self) {
        let skipped = self.settler.skipped();
        self.counters.traces_unjudged.add("too-many-waiting", skipped - self.skipped_before);
        self.skipped_before = skipped;
    }
}

async fn finish(reading: &mut Option<JoinHandle<Vec<Read>>>) -> Result<Vec<Read>, JoinError> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

/// `GET /api/v1/tail`
pub(super) async fn events(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let (filter, cap) = filter::read(&uri)?;
    let permit = Arc::clone(&state.tail.readers).try_acquire_owned().map_err(|_| {
        Problem::unavailable(format!("{MAX_READERS} readers follow already, which is the most: close one"))
    })?;
    let reader = Reader {
        summaries: state.tail.summaries.subscribe(),
        is_ended: state.tail.is_ended.subscribe(),
        counters: Arc::clone(&state.counters),
        filter,
        cap,
        held_back: None,
        _permit: permit,
    };
    // The first comment tells the client that it is connected, however long the first trace may take.
    let greeting = Event::default().comment("following");
    Ok(Sse::new(unfold((reader, Some(greeting)), |(mut reader, greeting)| async move {
        let event = match greeting {
            Some(greeting) => greeting,
            None => reader.next_event().await?,
        };
        Some((Ok(event), (reader, None)))
    })))
}

struct Reader {
    summaries: broadcast::Receiver<Arc<Told>>,
    is_ended: watch::Receiver<bool>,
    counters: Arc<Counters>,
    filter: TailFilter,
    cap: RateCap,
    /// An event that waits for the remark before it.
    held_back: Option<Event>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// `None` once the tail has ended.
    async fn next_event(&mut self) -> Option<Event> {
        if let Some(event) = self.held_back.take() {
            return Some(event);
        }
        let alive_at = Instant::now() + KEEP_ALIVE;
        loop {
            let received = tokio::select! {
                received = timeout_at(alive_at.into(), self.summaries.recv()) => received,
                _ = self.is_ended.wait_for(|is_ended| *is_ended) => return None,
            };
            match received {
                Ok(Ok(told)) => {
                    if let Some(event) = self.choose(&told) {
                        return Some(event);
                    }
                }
                Ok(Err(RecvError::Lagged(skipped))) => {
                    self.counters.tail_summaries_skipped.inc_by(skipped);
                    return Some(remark(skipped, "this reader is too slow"));
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_elapsed) => {
                    let alive = Event::default().comment("alive");
                    return Some(self.skipped_by_cap().unwrap_or(alive));
                }
            }
        }
    }

    /// The event for a trace that this reader wants to hear of now; where some were kept back, the remark on them comes first.
    fn choose(&mut self, told: &Told) -> Option<Event> {
        if !self.filter.matches(&told.summary) || !self.cap.admits(Instant::now()) {
            return None;
        }
        let event = Event::default().event("trace").data(&told.json);
        match self.skipped_by_cap() {
            None => Some(event),
            Some(remark) => {
                self.held_back = Some(event);
                Some(remark)
            }
        }
    }

    fn skipped_by_cap(&mut self) -> Option<Event> {
        let skipped = self.cap.take_skipped();
        self.counters.tail_summaries_skipped.inc_by(skipped);
        (skipped > 0).then(|| remark(skipped, &format!("more than {} came in a second", self.cap.per_second)))
    }
}

fn remark(skipped: u64, why: &str) -> Event {
    Event::default().comment(format!("{skipped} traces skipped: {why}"))
}
