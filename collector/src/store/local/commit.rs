//! The thread that makes batches durable: all that wait are written and forced to disk together, become visible, and are
//! then acknowledged.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use throughline_model::span::Span;
use tokio::sync::oneshot;

use super::segment::SegmentWriter;
use super::state::{FrozenWindow, MAX_WINDOW_BYTES, Room, Shared};
use crate::store::StoreError;

/// Batches and bytes that are written together at most.
const GROUP_BATCHES: usize = 512;
const GROUP_BYTES: usize = 32 * 1024 * 1024;
/// How long to wait for batches when the live window is empty.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait before a window that could not be cut is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// A batch on its way to the log.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) payload: bytes::Bytes,
    pub(super) spans: Arc<[Arc<Span>]>,
    pub(super) room: Room,
    pub(super) reply: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug)]
pub(super) enum Command {
    Append(Batch),
    Stop,
}

#[derive(Debug)]
pub(super) struct Committer {
    shared: Arc<Shared>,
    writer: SegmentWriter,
    windows: Sender<Arc<FrozenWindow>>,
    /// The first segment that holds spans of the live window.
    first_segment: u64,
    cut_failed: Option<Instant>,
}

impl Committer {
    /// `writer` is the segment to append to; the live window may hold spans of segments before it, from the one after
    /// the last frozen window or block.
    pub(super) fn new(
        shared: Arc<Shared>,
        (first_segment, writer): (u64, SegmentWriter),
        windows: Sender<Arc<FrozenWindow>>,
    ) -> Self {
        Self { shared, writer, windows, first_segment, cut_failed: None }
    }

    /// Works until it is told to stop, or nobody is left who could send anything.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        loop {
            match commands.recv_timeout(self.time_until_cut()) {
                Ok(Command::Append(first)) => {
                    let (group, is_last) = gather(first, commands);
                    self.commit(group);
                    if is_last {
                        return;
                    }
                }
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.is_cut_due() {
                self.cut();
            }
        }
    }

    fn commit(&mut self, group: Vec<Batch>) {
        let payloads = group.iter().map(|batch| batch.payload.as_ref());
        let written = Self::write(&self.shared, &mut self.writer, payloads);
        self.shared.log_bytes.fetch_add(self.writer.take_growth(), Ordering::Relaxed);
        match written {
            Ok(bytes) => {
                let counters = &self.shared.counters;
                counters.log_records.inc_by(group.len() as u64);
                counters.log_bytes.inc_by(bytes);
                counters.log_syncs.inc();
                self.publish(group);
            }
            Err(error) => {
                self.shared.counters.log_failures.inc();
                for batch in group {
                    let reason = format!("the write-ahead log cannot be written: {error}");
                    // Nobody waits any more when the sender has gone; the batch is not acknowledged either way.
                    batch.reply.send(Err(StoreError::Failed(reason))).ok();
                }
            }
        }
    }

    fn write<'a>(
        shared: &Shared,
        writer: &mut SegmentWriter,
        payloads: impl Iterator<Item = &'a [u8]>,
    ) -> std::io::Result<u64> {
        if !writer.takes_more() {
            *writer = SegmentWriter::create(&shared.folder.log, writer.number() + 1)?;
        }
        writer.append(payloads)
    }

    fn publish(&self, group: Vec<Batch>) {
        let mut replies = Vec::with_capacity(group.len());
        let mut state = self.shared.write();
        for batch in group {
            let bytes = state.live.push(Arc::clone(&batch.spans));
            state.live_room.push(batch.room.settled_at(bytes));
            replies.push((batch.spans, batch.reply));
        }
        drop(state);
        self.shared.publish_stats();
        for (spans, reply) in replies {
            self.shared.feed.announce(&spans);
            // Nobody waits any more when the sender has gone; the batch is kept either way.
            reply.send(Ok(())).ok();
        }
    }

    fn time_until_cut(&self) -> Duration {
        let Some(oldest) = self.shared.read().live.oldest() else {
            return IDLE;
        };
        match self.cut_failed {
            Some(failed) => RETRY.saturating_sub(failed.elapsed()),
            None => self.shared.config.block_max_age.saturating_sub(oldest.elapsed()),
        }
    }

    fn is_cut_due(&self) -> bool {
        if self.cut_failed.is_some_and(|failed| failed.elapsed() < RETRY) {
            return false;
        }
        let (state, config) = (self.shared.read(), &self.shared.config);
        state.live.spans() >= config.block_max_spans
            || state.live.bytes() >= MAX_WINDOW_BYTES
            || state.live.oldest().is_some_and(|oldest| oldest.elapsed() >= config.block_max_age)
    }

    /// Ends the segment together with the live window, so that a block covers whole segments.
    fn cut(&mut self) {
        match SegmentWriter::create(&self.shared.folder.log, self.writer.number() + 1) {
            Ok(next) => {
                let last_segment = self.writer.number();
                self.writer = next;
                let frozen = self.shared.write().freeze((self.first_segment, last_segment));
                self.first_segment = self.writer.number();
                self.cut_failed = None;
                // The archiver ends only when this thread has ended.
                self.windows.send(frozen).ok();
            }
            Err(error) => {
                self.cut_failed = Some(Instant::now());
                self.shared.counters.log_failures.inc();
                tracing::warn!(%error, "cannot begin a new log segment, the live window keeps growing");
            }
        }
    }
}

/// Takes what waits besides the first batch. Also says whether to stop after it.
fn gather(first: Batch, commands: &Receiver<Command>) -> (Vec<Batch>, bool) {
    let mut bytes = first.payload.len();
    let mut group = vec![first];
    while group.len() < GROUP_BATCHES && bytes < GROUP_BYTES {
        match commands.try_recv() {
            Ok(Command::Append(batch)) => {
                bytes += batch.payload.len();
                group.push(batch);
            }
            Ok(Command::Stop) => return (group, true),
            Err(_) => break,
        }
    }
    (group, false)
}
