//! The local disk as a cache: blocks that are in the object store leave it when it is full, and their heads stay.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Instant;

use super::Remote;
use crate::store::block::Block;
use crate::store::local::folder::sync_folder;

/// How the bound on the cache stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::local) enum Cache {
    /// All that may go is gone until the rest fits.
    Fits,
    /// It was not looked at, because files are being read; it is in a moment.
    InUse,
}

impl Remote {
    /// Removes files that are in the object store from the disk until the rest fits: those first that were not read for
    /// the longest time. The blocks are asked for once nobody removes any.
    pub(in crate::store::local) fn evict(
        &self,
        blocks: impl FnOnce() -> Vec<Arc<Block>>,
    ) -> io::Result<Cache> {
        let Some(cache_bytes) = self.config.cache_bytes else {
            return Ok(Cache::Fits);
        };
        // Somebody needs the files as they are.
        let Ok(_alone) = self.held.try_write() else {
            return Ok(Cache::InUse);
        };
        let blocks = blocks();
        let (mut total, mut candidates) = (0, Vec::<(Option<Instant>, &Arc<Block>)>::new());
        {
            let known = self.known();
            for block in blocks.iter().filter(|block| !known.away.contains(block.file_name())) {
                total += block.bytes();
                if known.uploaded.contains_key(block.file_name()) {
                    candidates.push((known.used.get(block.file_name()).copied(), block));
                }
            }
        }
        // What was never read since the start comes first, and of that the oldest.
        candidates.sort_by_key(|(used, block)| (*used, block.segments()));
        for (_, block) in candidates {
            if total <= cache_bytes {
                break;
            }
            self.write_head(block)?;
            self.known().away.insert(block.file_name().to_owned());
            match fs::remove_file(block.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
            total -= block.bytes();
        }
        Ok(Cache::Fits)
    }

    /// Says that a block is no part of the store any more; its files are held.
    pub(in crate::store::local) fn forget(&self, name: &str) {
        {
            let mut known = self.known();
            known.away.remove(name);
            known.used.remove(name);
        }
        // A head that stays is removed at the next start.
        fs::remove_file(self.heads.join(name)).ok();
    }

    /// Says which blocks are on the disk by their heads alone, after the start.
    pub(in crate::store::local) fn note_away(&self, names: HashSet<String>) {
        self.known().away = names;
    }

    /// The part of a block that is needed to open it, at its place in a file that is empty otherwise.
    fn write_head(&self, block: &Block) -> io::Result<()> {
        let head = self.heads.join(block.file_name());
        if head.exists() {
            return Ok(());
        }
        let unfinished = head.with_extension("tmp");
        let from = SeekFrom::Start(block.head_offset());
        let (mut source, mut file) = match File::open(block.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => (other?, File::create(&unfinished)?),
        };
        file.set_len(block.bytes())?;
        source.seek(from)?;
        file.seek(from)?;
        io::copy(&mut source, &mut file)?;
        file.sync_all()?;
        fs::rename(&unfinished, &head)?;
        sync_folder(&self.heads)
    }
}
