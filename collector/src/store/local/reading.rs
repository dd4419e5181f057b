//! Reading blocks that may be merged, expired, or out of the disk's cache at any moment; and removing their files.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::{fs, io};

use throughline_model::id::TraceId;
use throughline_model::span::Span;

use super::folder::failure;
use super::remote::Remote;
use super::state::{Shared, Snapshot};
use crate::store::block::{Block, BlockError};
use crate::store::gathering::{Gathering, gather};
use crate::store::{Budget, Found, ObjectStoreStatus, StoreError};

impl Shared {
    /// Asks again as long as a block goes while it is read: its spans are in another one by then, or too old.
    pub(super) fn until_settled<T>(
        &self,
        ask: impl Fn() -> Result<Option<T>, StoreError>,
    ) -> Result<T, StoreError> {
        const ATTEMPTS: usize = 10;
        for _ in 0..ATTEMPTS {
            if let Some(answer) = ask()? {
                return Ok(answer);
            }
        }
        Err(StoreError::Busy("blocks change faster than they can be read".to_owned()))
    }

    /// The spans of traces, from windows and blocks.
    pub(super) fn traces_within(
        &self,
        trace_ids: &[TraceId],
        budget: &Budget,
    ) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
        let gathered = self.until_settled(|| {
            let mut is_settled = true;
            let gathered = gather(trace_ids, budget, |trace_ids, gathering| {
                is_settled = self.offer_traces(&trace_ids.iter().copied().collect(), gathering)?;
                Ok(())
            })?;
            Ok(is_settled.then_some(gathered))
        })?;
        self.counters.traces_truncated.inc_by(gathered.truncated as u64);
        Ok(gathered.found)
    }

    /// Offers every span; returns `false` when a block was removed meanwhile.
    fn offer_traces(
        &self,
        wanted: &BTreeSet<TraceId>,
        gathering: &mut Gathering<'_>,
    ) -> Result<bool, StoreError> {
        let Snapshot { blocks, in_windows, .. } = self.snapshot_for(wanted);
        for block in blocks {
            let offered =
                self.read_block(&block, || block.traces(wanted, &mut |span| gathering.push(span)))?;
            if offered.is_none() {
                return Ok(false);
            }
        }
        in_windows.iter().try_for_each(|spans| spans.decode(&mut |span| gathering.push(span)))?;
        Ok(true)
    }

    /// Reads a block; `None` when it was removed meanwhile. One that is in the object store only is fetched.
    pub(super) fn read_block<T>(
        &self,
        block: &Block,
        mut read: impl FnMut() -> Result<T, BlockError>,
    ) -> Result<Option<T>, StoreError> {
        let outcome = match read() {
            Err(BlockError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                // What is brought back stays until it was read.
                let _stay = self.remote.as_ref().map(Remote::hold);
                if !self.bring_back(block)? {
                    return Ok(None);
                }
                read()
            }
            outcome => outcome,
        };
        match outcome {
            Ok(found) => Ok(Some(found)),
            Err(BlockError::File(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                self.counters.block_failures.inc();
                Err(failure("read block", block.path(), &error))
            }
        }
    }

    /// Fetches a block from the object store. Returns whether it is on the disk now.
    pub(super) fn bring_back(&self, block: &Block) -> Result<bool, StoreError> {
        let Some(remote) = &self.remote else {
            return Ok(block.path().exists());
        };
        remote.touch(block.file_name());
        let is_ours = self.snapshot().blocks.iter().any(|ours| ours.file_name() == block.file_name());
        if !is_ours || block.path().exists() {
            return Ok(is_ours);
        }
        let is_here = remote.fetch(block.file_name()).map_err(|error| {
            self.counters.object_store_failures.inc();
            let (file, url) = (block.file_name(), &remote.config.url);
            StoreError::Busy(format!(
                "block {file} is in the object store {url}, which does not answer: {error}"
            ))
        })?;
        self.counters.blocks_fetched.inc();
        // The cache may be too full now.
        remote.wake();
        Ok(is_here)
    }

    /// Removes what is on the disk of a block that is no part of the store any more; the object goes in the next round.
    pub(super) fn remove_block_file(&self, block: &Block) -> io::Result<()> {
        // Or the cache might write a head of it in the same moment.
        let _stay = self.remote.as_ref().map(Remote::hold);
        let removed = fs::remove_file(block.path());
        let Some(remote) = &self.remote else {
            return removed;
        };
        remote.forget(block.file_name());
        remote.wake();
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// How blocks and object store stand; `None` without one.
    pub(super) fn object_store_status(&self) -> Option<ObjectStoreStatus> {
        let remote = self.remote.as_ref()?;
        let mut status = ObjectStoreStatus {
            url: remote.config.url.clone(),
            failure: remote.failure(),
            ..ObjectStoreStatus::default()
        };
        for block in self.snapshot().blocks {
            if !remote.is_away(block.file_name()) {
                status.bytes_cached += block.bytes();
            }
            if remote.has(block.file_name()) {
                status.blocks_uploaded += 1;
            } else {
                status.blocks_waiting += 1;
                status.bytes_waiting += block.bytes();
            }
        }
        Some(status)
    }
}
