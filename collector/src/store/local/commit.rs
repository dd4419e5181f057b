//! The thread that makes batches durable: all that wait are written and forced to disk together, become visible, and are
//! then acknowledged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::record::HEADER_BYTES;
use super::segment::SegmentWriter;
use super::state::{FrozenWindow, Room, Shared};
use crate::store::batch::Batch;
use crate::store::window::Payload;
use crate::store::{Durability, StoreError};

/// Batches and bytes that are written together at most.
const GROUP_BATCHES: usize = 512;
const GROUP_BYTES: usize = 32 * 1024 * 1024;
/// How long to wait for batches when the live window is empty.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait before a window that could not be cut is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// A batch on its way to the log.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) batch: Batch,
    pub(super) room: Room,
    pub(super) reply: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug)]
pub(super) enum Command {
    Append(Append),
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
                        break;
                    }
                }
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.is_cut_due() {
                self.cut();
            }
        }
        if self.shared.config.durability == Durability::Memory && self.shared.read().live.spans() > 0 {
            // There is no log to read it from at the next start.
            self.cut();
        }
    }

    fn commit(&mut self, group: Vec<Append>) {
        if self.shared.config.durability == Durability::Memory {
            // Copied, because it may be a part of something larger, which would be kept with it.
            let held = |append: &Append| Payload::Memory(Bytes::copy_from_slice(&append.batch.payload));
            let payloads = group.iter().map(held).collect();
            return self.publish(group, payloads);
        }
        let written = self.write(&group);
        let growth = self.writer.take_growth();
        self.shared.log_bytes.fetch_add(growth, Ordering::Relaxed);
        match written {
            Ok(payloads) => {
                let counters = &self.shared.counters;
                counters.log_records.inc_by(group.len() as u64);
                counters.log_bytes.inc_by(growth);
                counters.log_syncs.inc_by(u64::from(self.shared.config.durability == Durability::Fsync));
                self.publish(group, payloads);
            }
            Err(error) => {
                self.shared.counters.log_failures.inc();
                for append in group {
                    // Nobody waits any more when the sender has gone; the batch is not acknowledged either way.
                    append.reply.send(Err(refusal(&error))).ok();
                }
            }
        }
    }

    /// Writes the batches to the log and tells where their bytes can be read again.
    fn write(&mut self, group: &[Append]) -> io::Result<Vec<Payload>> {
        if !self.writer.takes_more() {
            self.writer = SegmentWriter::create(&self.shared.folder.log, self.writer.number() + 1)?;
        }
        let messages: Vec<&[u8]> = group.iter().map(|append| append.batch.payload.as_ref()).collect();
        let mut offset = self.writer.append(&messages, self.shared.config.durability)?;
        let place = |message: &&[u8]| {
            let (file, bytes) = (Arc::clone(self.writer.file()), message.len() as u32);
            let payload = Payload::Log { file, offset, bytes };
            offset += (message.len() + HEADER_BYTES) as u64;
            payload
        };
        Ok(messages.iter().map(place).collect())
    }

    fn publish(&self, group: Vec<Append>, payloads: Vec<Payload>) {
        let mut replies = Vec::with_capacity(group.len());
        let mut state = self.shared.write();
        for (Append { batch, room, reply }, payload) in group.into_iter().zip(payloads) {
            let traces = self.shared.feed.traces_of(&batch.heads.spans);
            let bytes = state.live.push(batch.heads, &batch.payload, payload);
            state.live_room.push(room.settled_at(bytes));
            replies.push((traces, reply));
        }
        drop(state);
        self.shared.publish_stats();
        for (traces, reply) in replies {
            self.shared.feed.announce(traces);
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
            || state.live.bytes() >= self.shared.max_window_bytes()
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

/// What a sender is told. A disk without room may have some later, other faults are for the operator.
fn refusal(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Busy(
            "the disk of the data folder is full; free some room or shorten the retention".to_owned(),
        ),
        _ => StoreError::Failed(format!("the write-ahead log cannot be written: {error}")),
    }
}

/// Takes what waits besides the first batch. Also says whether to stop after it.
fn gather(first: Append, commands: &Receiver<Command>) -> (Vec<Append>, bool) {
    let mut bytes = first.batch.payload.len();
    let mut group = vec![first];
    while group.len() < GROUP_BATCHES && bytes < GROUP_BYTES {
        match commands.try_recv() {
            Ok(Command::Append(append)) => {
                bytes += append.batch.payload.len();
                group.push(append);
            }
            Ok(Command::Stop) => return (group, true),
            Err(_) => break,
        }
    }
    (group, false)
}
