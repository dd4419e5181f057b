//! The thread that turns frozen windows into blocks, lets their log segments go, and removes blocks that are too old.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::folder::sync_folder;
use super::manifest::Manifest;
use super::segment;
use super::state::{FrozenWindow, Shared};
use super::tend::{self, Facts, Retention};
use crate::store::Durability;
use crate::store::block::{self, Block, BlockError};
use crate::store::rollup::{Kept, Written};

/// How often old blocks are looked for, and blocks to merge.
const TEND_INTERVAL: Duration = Duration::from_secs(30);
/// How long to wait before a block that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long a wait may keep the store from being closed.
const NAP: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Archiver {
    pub(super) shared: Arc<Shared>,
    pub(super) manifest: Manifest,
}

impl Archiver {
    pub(super) fn new(shared: Arc<Shared>, manifest: Manifest) -> Self {
        Self { shared, manifest }
    }

    /// Works until the committer has ended. Windows that are left are in the log and come back at the next start.
    pub(super) fn run(mut self, windows: &Receiver<Arc<FrozenWindow>>) {
        let mut next_round = Instant::now();
        loop {
            if Instant::now() >= next_round {
                self.expire(now_unix_ns());
                self.tend_rollups(now_unix_ns());
                self.compact();
                next_round = Instant::now() + TEND_INTERVAL;
            }
            match windows.recv_timeout(next_round.saturating_duration_since(Instant::now())) {
                Ok(_) if self.shared.is_stopping() && self.is_in_log() => return,
                Ok(window) => self.archive_until_done(&window),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whether a window that is not in a block is in the log, to be read at the next start.
    fn is_in_log(&self) -> bool {
        self.shared.config.durability != Durability::Memory
    }

    fn archive_until_done(&mut self, window: &Arc<FrozenWindow>) {
        while let Err(error) = self.archive(window) {
            self.shared.counters.block_failures.inc();
            tracing::warn!(%error, "cannot write a block, trying again");
            let failed = Instant::now();
            while failed.elapsed() < RETRY {
                if self.shared.is_stopping() {
                    return;
                }
                std::thread::sleep(NAP);
            }
        }
    }

    fn archive(&mut self, window: &Arc<FrozenWindow>) -> Result<(), BlockError> {
        let folder = &self.shared.folder;
        let contents = block::Contents {
            spans: window.spans.sorted(),
            services: window.spans.services(),
            segments: window.segments,
            written_unix_ns: now_unix_ns(),
        };
        let rollups = self.write_rollups(window)?;
        let path = block::write(&folder.blocks, contents)?;
        sync_folder(&folder.blocks)?;
        let block = Arc::new(Block::open(&path)?);
        self.manifest.add(block.file_name(), window.segments.1)?;
        let mut counted = self.shared.rollups();
        let mut state = self.shared.write();
        counted.settle(window.number, rollups);
        state.settle(window, &block);
        let does_linger = !self.shared.config.linger.is_zero();
        let pushed_out = if does_linger { state.let_linger(window, &block) } else { None };
        drop(state);
        drop(counted);
        if let Some(pushed_out) = pushed_out {
            self.shared.let_go(pushed_out);
        }
        self.shared.counters.blocks_written.inc();
        if let Some(remote) = &self.shared.remote {
            remote.touch(block.file_name());
            remote.wake();
        }
        if block.services().has_more() {
            tracing::warn!(
                file = block.file_name(),
                "more services than are listed, the list of services is cut"
            );
        }
        tracing::info!(
            file = block.file_name(),
            spans = window.spans.spans(),
            bytes = block.bytes(),
            "block written"
        );
        self.remove_segments(window.segments.1);
        self.shared.publish_stats();
        Ok(())
    }

    /// Writes what was counted of a window. Until the manifest names the block, a restart counts the window again.
    fn write_rollups(&self, window: &FrozenWindow) -> Result<Written, BlockError> {
        self.shared.count_rollups();
        let part = self.shared.rollups().part(window.number);
        Kept::write(&self.shared.folder.rollups, window.segments, &part)
    }

    /// Merges small files of rollups, and removes those that are too old.
    fn tend_rollups(&self, now_unix_ns: u64) {
        let retention = self.shared.tending().rollup_retention;
        let oldest_unix_s = Duration::from_nanos(now_unix_ns).saturating_sub(retention).as_secs();
        let mut counted = self.shared.rollups();
        let Some(kept) = counted.kept() else {
            return;
        };
        if let Err(error) = kept.expire(oldest_unix_s) {
            tracing::warn!(%error, "cannot remove old rollups");
        }
        if let Err(error) = kept.merge() {
            tracing::warn!(%error, "cannot merge files of rollups");
        }
    }

    /// The spans are in a block, so a segment that cannot be removed costs only room; the next start tries again.
    fn remove_segments(&self, last_segment: u64) {
        match segment::remove_through(&self.shared.folder.log, last_segment) {
            Ok(bytes) => {
                // Whoever else has written to a segment, the rest of the log is never counted as less than nothing.
                let rest = |counted: u64| Some(counted.saturating_sub(bytes));
                self.shared.log_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).ok();
            }
            Err(error) => tracing::warn!(%error, last_segment, "cannot remove log segments"),
        }
    }

    pub(super) fn facts(&self) -> (Vec<Arc<Block>>, Vec<Facts>) {
        let blocks = self.shared.snapshot().blocks;
        let facts = blocks.iter().map(|block| Facts::of(block)).collect();
        (blocks, facts)
    }

    /// Removes what is older than its retention, and the oldest blocks while there are too many bytes.
    pub(super) fn expire(&mut self, now_unix_ns: u64) {
        let config = self.shared.tending();
        let (blocks, facts) = self.facts();
        for (block, facts) in blocks.iter().zip(&facts) {
            match tend::by_age(facts, &config, now_unix_ns) {
                Retention::Keep => {}
                Retention::Remove => self.expire_block(block, "all its spans are older than their retention"),
                Retention::Without(services) => self.merge(std::slice::from_ref(block), &services),
            }
        }
        let (blocks, facts) = self.facts();
        for place in tend::by_bytes(&facts, &config) {
            if let Some(block) = blocks.get(place) {
                self.expire_block(block, "the blocks together have more bytes than allowed");
            }
        }
        self.shared.publish_stats();
    }

    pub(super) fn expire_block(&mut self, block: &Arc<Block>, reason: &'static str) {
        match self.remove_block(block) {
            Ok(()) => {
                self.shared.counters.blocks_expired.inc();
                tracing::info!(file = block.file_name(), reason, "block removed");
            }
            Err(error) => tracing::warn!(%error, file = block.file_name(), "cannot remove a block"),
        }
    }

    fn remove_block(&mut self, block: &Arc<Block>) -> io::Result<()> {
        self.manifest.remove(block.file_name())?;
        self.shared.write().forget(|kept| Arc::ptr_eq(kept, block));
        self.shared.remove_block_file(block)?;
        sync_folder(&self.shared.folder.blocks)
    }
}

fn now_unix_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
