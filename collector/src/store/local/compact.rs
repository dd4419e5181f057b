//! Merges blocks: the archiver's work while no window waits.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::archive::Archiver;
use super::folder::sync_folder;
use super::remote::Remote;
use super::tend;
use crate::store::block::{self, Block, BlockError, Merged};

impl Archiver {
    /// Merges small neighbours as long as no window waits.
    pub(super) fn compact(&mut self) {
        while !self.shared.is_stopping() && self.shared.snapshot().frozen.is_empty() {
            let (blocks, facts) = self.facts();
            let config = self.shared.tending();
            let Some(run) = tend::next_merge(&facts, &config).and_then(|run| blocks.get(run)) else {
                return;
            };
            let before = self.shared.stats().blocks;
            self.merge(run, &BTreeSet::new());
            if self.shared.stats().blocks == before {
                // It failed or was given up; the next round tries again.
                return;
            }
        }
    }

    /// Puts one block in the place of several, or of one that loses the spans of some services.
    pub(super) fn merge(&mut self, blocks: &[Arc<Block>], without: &BTreeSet<String>) {
        let shared = Arc::clone(&self.shared);
        let _stay = shared.remote.as_ref().map(Remote::hold);
        let is_here = |block: &Arc<Block>| self.shared.bring_back(block);
        match blocks.iter().map(is_here).collect::<Result<Vec<_>, _>>() {
            Ok(_) => {}
            Err(error) => return tracing::warn!(%error, "cannot merge blocks now"),
        }
        if let Err(error) = self.try_merge(blocks, without) {
            self.shared.counters.block_failures.inc();
            tracing::warn!(%error, blocks = blocks.len(), "cannot merge blocks");
        }
        self.shared.publish_stats();
    }

    fn try_merge(&mut self, blocks: &[Arc<Block>], without: &BTreeSet<String>) -> Result<(), BlockError> {
        let shared = Arc::clone(&self.shared);
        // One window may wait; more would fill the memory.
        let is_given_up = || shared.is_stopping() || shared.snapshot().frozen.len() > 1;
        let merge = block::Merge { blocks, without, is_given_up: &is_given_up };
        let path = match block::merge(&shared.folder.blocks, &merge)? {
            Merged::GivenUp => return Ok(()),
            Merged::Nothing => {
                blocks.iter().for_each(|block| self.expire_block(block, "none of its spans is to be kept"));
                return Ok(());
            }
            Merged::Into(path) => path,
        };
        sync_folder(&shared.folder.blocks)?;
        let merged = Arc::new(Block::open(&path)?);
        let replaced = blocks.iter().map(|block| block.file_name());
        self.manifest.swap(merged.file_name(), merged.segments().1, replaced)?;
        let mut state = shared.write();
        state.forget(|kept| blocks.iter().any(|block| Arc::ptr_eq(kept, block)));
        state.blocks.push(Arc::clone(&merged));
        state.blocks.sort_by_key(|block| block.segments());
        drop(state);
        shared.counters.blocks_merged.inc_by(blocks.len() as u64);
        tracing::info!(
            file = merged.file_name(),
            blocks = blocks.len(),
            spans = merged.rows(),
            bytes = merged.bytes(),
            "blocks merged"
        );
        for block in blocks {
            shared.remove_block_file(block)?;
        }
        Ok(sync_folder(&shared.folder.blocks)?)
    }
}
