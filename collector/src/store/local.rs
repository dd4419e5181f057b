//! The embedded store: write-ahead log, live window and blocks in one folder of this machine's disk.

mod archive;
mod commit;
mod compact;
mod folder;
mod manifest;
mod mirror;
mod open;
mod reading;
mod record;
mod remembered;
mod remote;
mod segment;
mod state;
mod tend;
mod whole;

use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_core::future::BoxFuture;
use throughline_model::id::TraceId;
use throughline_model::span::Span;
use tokio::sync::{broadcast, oneshot};

use super::batch::Batch;
use super::block::Block;
use super::newest::NewestTraces;
use super::values::Values;
use super::window::{Selection, estimated_bytes};
use super::{
    Budget, Config, Figures, Found, ObjectStoreStatus, Rollup, RollupFilter, Series, SpanFilter, Store,
    StoreError, StoreStats, ValuesOf, WholeTrace,
};
use crate::telemetry::Counters;
use archive::Archiver;
use commit::{Append, Command, Committer};
use state::{Shared, Snapshot};

pub(super) use folder::sync_folder;

/// Batches that may wait for the disk; more are refused.
const QUEUE_BATCHES: usize = 16_384;

/// The embedded store. Dropping it stops its threads; what was acknowledged is on disk at any time.
#[derive(Debug)]
pub struct LocalStore {
    shared: Arc<Shared>,
    queue: SyncSender<Command>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl LocalStore {
    /// Opens the store in a folder: reads the manifest and the footers of the blocks, and replays the log. Blocks the
    /// calling thread.
    pub fn open(config: Config, counters: Arc<Counters>) -> Result<Self, StoreError> {
        let opened = open::open(config, counters)?;
        let (windows, frozen) = std::sync::mpsc::channel();
        let archiver = Archiver::new(Arc::clone(&opened.shared), opened.manifest);
        for window in opened.shared.snapshot().frozen {
            windows.send(window).ok();
        }
        let (counting, mirrored) = (Arc::clone(&opened.shared), Arc::clone(&opened.shared));
        let (queue, commands) = std::sync::mpsc::sync_channel(QUEUE_BATCHES);
        let committer = Committer::new(Arc::clone(&opened.shared), opened.writer, windows);
        let threads = vec![
            spawn("log", move || committer.run(&commands))?,
            spawn("blocks", move || archiver.run(&frozen))?,
            spawn("rollups", move || counting.run_rollups())?,
            spawn("objects", move || mirror::run(&mirrored))?,
        ];
        Ok(Self { shared: opened.shared, queue, threads: Mutex::new(threads) })
    }

    /// Stops taking spans, finishes what is being written, and waits for it. Later appends are refused as busy.
    pub fn close(&self) {
        self.shared.stop();
        // The committer takes the command or is gone already.
        self.queue.send(Command::Stop).ok();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("a thread of the store had died");
            }
        }
    }

    /// Keeps blocks and rollups for as long as another configuration says, from the next round on: within half a minute.
    pub fn set_retention(&self, config: &Config) {
        self.shared.set_retention(config);
    }

    /// What a search has to look at in the windows; and the blocks, that with the latest start first.
    fn selections(&self, filter: &SpanFilter) -> (Vec<Selection>, Vec<Arc<Block>>) {
        let Snapshot { mut blocks, frozen, live, .. } = self.shared.snapshot_to_search(filter);
        let selections = frozen.iter().map(|window| window.spans.select(filter)).chain(live).collect();
        blocks.sort_by_key(|block| std::cmp::Reverse(block.max_start_unix_ns()));
        (selections, blocks)
    }

    async fn keep(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.payload.len() > record::MAX_PAYLOAD_BYTES {
            let (bytes, limit) = (batch.payload.len(), record::MAX_PAYLOAD_BYTES);
            return Err(StoreError::Failed(format!("a batch has {bytes} bytes; the log takes {limit}")));
        }
        let room = self.shared.reserve(batch.len(), estimated_bytes(batch.len()) + batch.payload.len())?;
        let (reply, outcome) = oneshot::channel();
        let append = Append { batch, room, reply };
        self.queue.try_send(Command::Append(append)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy("too many batches wait for the disk".to_owned()),
            TrySendError::Disconnected(_) => StoreError::Busy("the store is closed".to_owned()),
        })?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::Busy("the store is closed".to_owned())))
    }
}

/// How many bytes the intact records of a log segment hold.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn intact_payload_bytes(segment: &[u8]) -> usize {
    record::Records::new(segment).map(<[u8]>::len).sum()
}

/// A payload as the log has it.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn framed_record(payload: &[u8]) -> Vec<u8> {
    [&record::header(payload), payload].concat()
}

impl Drop for LocalStore {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    thread.map_err(|error| StoreError::Failed(format!("cannot start a thread: {error}")))
}

impl Store for LocalStore {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.keep(batch))
    }

    fn traces_within(
        &self,
        trace_ids: &[TraceId],
        budget: &Budget,
    ) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
        self.shared.traces_within(trace_ids, budget)
    }

    fn are_surely_whole(&self, trace_ids: &[TraceId]) -> Vec<bool> {
        self.shared.are_surely_whole(trace_ids)
    }

    fn whole_traces(&self, trace_ids: &[TraceId]) -> Vec<Option<WholeTrace>> {
        self.shared.whole_traces(trace_ids)
    }

    fn search_within(
        &self,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<TraceId>, StoreError> {
        if limit == 0 {
            return Ok(Found { items: Vec::new(), is_complete: true });
        }
        self.shared.until_settled(|| {
            let mut newest = NewestTraces::new(limit);
            let (selections, blocks) = self.selections(filter);
            for selection in selections {
                selection.each_trace(filter, budget, |trace, start| newest.offer(trace, start))?;
            }
            let mut is_complete = budget.allows_more();
            for block in &blocks {
                match self.shared.read_block(block, || block.search(filter, &mut newest, budget))? {
                    Some(is_searched) => is_complete &= is_searched,
                    None => return Ok(None),
                }
            }
            Ok(Some(Found { items: newest.into_traces(), is_complete }))
        })
    }

    fn values(
        &self,
        of: &ValuesOf,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<String>, StoreError> {
        self.shared.until_settled(|| {
            let mut values = Values::new(limit);
            let (selections, blocks) = self.selections(filter);
            for selection in selections {
                selection.each_span(filter, budget, |span| of.offer(span, &mut values))?;
            }
            values.is_cut |= !budget.allows_more();
            for block in &blocks {
                match self.shared.read_block(block, || block.values(of, filter, &mut values, budget))? {
                    Some(is_searched) => values.is_cut |= !is_searched,
                    None => return Ok(None),
                }
            }
            Ok(Some(values.into_found()))
        })
    }

    fn rollups_within(&self, filter: &RollupFilter, budget: &Budget) -> Result<Found<Rollup>, StoreError> {
        self.shared.count_rollups();
        let read = self.shared.rollups().read(filter, budget);
        read.map_err(|error| folder::failure("read rollups in", &self.shared.folder.rollups, &error))
    }

    fn totals(&self) -> Vec<(Series, Figures)> {
        self.shared.rollups().totals()
    }

    fn services(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.shared.services().into_iter().collect())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<[TraceId]>> {
        self.shared.feed.subscribe()
    }

    fn stats(&self) -> StoreStats {
        self.shared.stats()
    }

    fn object_store(&self) -> Option<ObjectStoreStatus> {
        self.shared.object_store_status()
    }
}

#[cfg(test)]
mod tests;
