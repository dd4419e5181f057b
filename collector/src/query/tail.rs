//! Follows the store: judges each trace once it is quiet, keeps the totals, and tells every reader of the tail.

mod filter;

use std::collections::VecDeque;
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

use crate::assemble::settle::{Doubts, Settler, Verdict};
use crate::store::Store;
use crate::telemetry::Counters;

const TICK: Duration = Duration::from_millis(100);

/// Traces looked at in one go: with the tick this is many more a second than can come, so that each is looked at before its
/// spans are in blocks only.
const MAX_LOOKED_AT: usize = 20_000;

/// How long traces are read in one go, because something may be missing or somebody follows: others are not to wait for them.
const READING: Duration = Duration::from_millis(200);

/// Traces that may wait to be read.
const MAX_TO_READ: usize = 100_000;

/// Traces that lack something and may wait for it. With more of them something else is wrong than that they are late.
const MAX_IN_DOUBT: usize = 20_000;

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
            to_read: VecDeque::new(),
            doubts: Doubts::with_capacity(MAX_IN_DOUBT),
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
    /// Quiet traces that have to be read, those that wait longest first.
    to_read: VecDeque<TraceId>,
    doubts: Doubts<Box<Summary>>,
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

/// What one look at quiet traces came to.
#[derive(Default)]
struct Round {
    judged: Vec<Read>,
    /// Those that still have to be read.
    to_read: VecDeque<TraceId>,
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
        let mut round: Option<JoinHandle<Round>> = None;
        loop {
            tokio::select! {
                notice = self.touched.recv() => match notice {
                    Ok(trace_ids) => {
                        self.settler.touch(&trace_ids, self.started.elapsed());
                        self.doubts.withdraw(&trace_ids);
                    }
                    Err(RecvError::Lagged(notices)) => self.counters.traces_unjudged.add("notices-lost", notices),
                    Err(RecvError::Closed) => return,
                },
                ended = finish(&mut round), if round.is_some() => {
                    round = None;
                    self.take(ended.unwrap_or_default());
                }
                _ = ticks.tick(), if round.is_none() => round = self.begin_round(),
            }
            self.judge_believed();
            self.count_final();
            self.count_skipped();
        }
    }

    /// Looks at what has gone quiet, and reads some of what has to be read.
    fn begin_round(&mut self) -> Option<JoinHandle<Round>> {
        let settled = self.settler.take_settled(self.started.elapsed(), MAX_LOOKED_AT);
        if settled.is_empty() && self.to_read.is_empty() {
            return None;
        }
        let (store, counters) = (Arc::clone(&self.store), Arc::clone(&self.counters));
        let has_readers = self.summaries.receiver_count() > 0;
        let mut to_read = std::mem::take(&mut self.to_read);
        Some(spawn_blocking(move || {
            let whole =
                if has_readers { vec![false; settled.len()] } else { store.are_surely_whole(&settled) };
            let mut judged = Vec::with_capacity(settled.len());
            for (trace_id, is_whole) in settled.into_iter().zip(whole) {
                if is_whole {
                    judged.push(Read::Whole(trace_id));
                } else {
                    to_read.push_back(trace_id);
                }
            }
            let began = Instant::now();
            while began.elapsed() < READING
                && let Some(trace_id) = to_read.pop_front()
            {
                judged.push(read(store.as_ref(), &counters, trace_id));
            }
            // Traces of one batch go quiet at one moment; readers expect the earlier first.
            judged.sort_by_key(Read::start_unix_ns);
            Round { judged, to_read }
        }))
    }

    fn take(&mut self, round: Round) {
        for read in round.judged {
            match read {
                Read::Nothing => {}
                Read::Whole(trace_id) => self.judge(trace_id, None),
                Read::Summary(trace_id, summary) => self.judge_unless_in_doubt(trace_id, summary),
            }
        }
        self.to_read = round.to_read;
        let too_many = self.to_read.len().saturating_sub(MAX_TO_READ);
        self.to_read.drain(..too_many);
        self.counters.traces_unjudged.add("too-many-waiting", too_many as u64);
    }

    fn judge_unless_in_doubt(&mut self, trace_id: TraceId, summary: Box<Summary>) {
        if summary.complete {
            return self.judge(trace_id, Some(summary));
        }
        // What got spans while it was read will be read again.
        if !self.settler.is_waiting(trace_id)
            && let Some(summary) = self.doubts.keep_back(trace_id, summary, self.started.elapsed())
        {
            self.judge(trace_id, Some(summary));
        }
    }

    fn judge_believed(&mut self) {
        for (trace_id, summary) in self.doubts.take_believed(self.started.elapsed()) {
            self.judge(trace_id, Some(summary));
        }
    }

    /// No summary stands for a trace that lacks nothing.
    fn judge(&mut self, trace_id: TraceId, summary: Option<Box<Summary>>) {
        self.doubts.withdraw(&[trace_id]);
        let is_complete = summary.as_ref().is_none_or(|summary| summary.complete);
        let verdict = if is_complete { Verdict::Complete } else { Verdict::Incomplete };
        let total = |verdict| match verdict {
            Verdict::Complete => &self.counters.traces_complete,
            Verdict::Incomplete => &self.counters.traces_incomplete,
        };
        if let Some(before) = self.settler.judge(trace_id, verdict, self.started.elapsed()) {
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

    /// The totals above go down where late spans change a verdict; what Prometheus computes rates of must not.
    fn count_final(&mut self) {
        for verdict in self.settler.take_final(self.started.elapsed()) {
            match verdict {
                Verdict::Complete => self.counters.traces_judged.complete.inc(),
                Verdict::Incomplete => self.counters.traces_judged.incomplete.inc(),
            };
        }
    }

    fn count_skipped(&mut self) {
        let skipped = self.settler.skipped();
        self.counters.traces_unjudged.add("too-many-waiting", skipped - self.skipped_before);
        self.skipped_before = skipped;
    }
}

async fn finish(round: &mut Option<JoinHandle<Round>>) -> Result<Round, JoinError> {
    match round {
        Some(round) => round.await,
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
