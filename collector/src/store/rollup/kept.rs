//! The files of rollups of a store: added with each block, merged when they are many, removed when they are too old.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::RollupFilter;
use super::file::{self, RollupFile};
use super::part::{Part, Sum};
use crate::store::Budget;
use crate::store::block::BlockError;

/// Small neighbours are merged when there are this many of them.
const MERGED_FILES: usize = 16;
/// A file of this size is not merged any more.
const LARGE_BYTES: u64 = 8 * 1024 * 1024;
/// Files whose rows are kept in memory: the ones that were added or read last.
const CACHED_FILES: usize = 24;

/// All files, by the part of the log that they count.
#[derive(Debug)]
pub(in crate::store) struct Kept {
    folder: PathBuf,
    files: Vec<RollupFile>,
    cache: VecDeque<(RollupFile, Arc<Part>)>,
}

impl Kept {
    /// Opens the folder. `is_counted_again` says of a stretch of the log that its spans will be counted once more: the
    /// process died after the file was written and before the store knew of it. Files that are not readable are left
    /// aside and handed to `report`.
    pub(in crate::store) fn open(
        folder: &Path,
        is_counted_again: impl Fn((u64, u64)) -> bool,
        mut report: impl FnMut(&Path, &BlockError),
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut files: Vec<RollupFile> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            match extension {
                Some("tmp") => fs::remove_file(&path)?,
                Some("parquet") => match file::open(&path) {
                    Ok(found) if is_counted_again(found.segments) => fs::remove_file(&path)?,
                    Ok(found) => files.push(found),
                    Err(error) => report(&path, &error),
                },
                _ => {}
            }
        }
        // Where a merge was interrupted, the merged file counts what its parts count.
        files.sort_by_key(|found| (found.segments.0, std::cmp::Reverse(found.segments.1)));
        let mut kept = Self { folder: folder.to_owned(), files: Vec::new(), cache: VecDeque::new() };
        for found in files {
            if kept.files.last().is_some_and(|last| found.segments.1 <= last.segments.1) {
                fs::remove_file(&found.path)?;
            } else {
                kept.files.push(found);
            }
        }
        Ok(kept)
    }

    /// Writes what was counted of a stretch of the log; it is read only after [`Kept::add`].
    pub(in crate::store) fn write(
        folder: &Path,
        segments: (u64, u64),
        part: &Part,
    ) -> Result<Written, BlockError> {
        let written = file::write(folder, segments, part)?;
        crate::store::local::sync_folder(folder)?;
        Ok(Written(written))
    }

    /// The last segment of the log that a file counts.
    pub(super) fn last_segment(&self) -> u64 {
        self.files.iter().map(|kept| kept.segments.1).max().unwrap_or_default()
    }

    /// Reads the file from now on; `part` is what it holds.
    pub(in crate::store) fn add(&mut self, Written(written): Written, part: Part) {
        self.remember(written.clone(), Arc::new(part));
        self.files.push(written);
        self.files.sort_by_key(|kept| kept.segments);
    }

    /// Adds what a filter takes, as far as the budget lasts.
    pub(super) fn read(
        &mut self,
        filter: &RollupFilter,
        sum: &mut Sum,
        budget: &Budget,
    ) -> Result<(), BlockError> {
        let is_wanted = |kept: &&RollupFile| {
            filter.since_unix_s.is_none_or(|since| kept.minutes.1 >= since / 60 * 60)
                && filter.until_unix_s.is_none_or(|until| kept.minutes.0 < until)
        };
        let wanted: Vec<RollupFile> = self.files.iter().filter(is_wanted).cloned().collect();
        for kept in wanted {
            if !budget.allows_more() {
                break;
            }
            budget.spend(kept.bytes);
            let part = self.load(&kept)?;
            part.read(filter, |minute, series, figures| sum.add(minute, series, figures));
        }
        Ok(())
    }

    fn load(&mut self, wanted: &RollupFile) -> Result<Arc<Part>, BlockError> {
        if let Some((_, part)) = self.cache.iter().find(|(kept, _)| kept == wanted) {
            return Ok(Arc::clone(part));
        }
        let mut part = Part::default();
        wanted.read(&mut part)?;
        let part = Arc::new(part);
        self.remember(wanted.clone(), Arc::clone(&part));
        Ok(part)
    }

    fn remember(&mut self, kept: RollupFile, part: Arc<Part>) {
        self.cache.push_back((kept, part));
        if self.cache.len() > CACHED_FILES {
            self.cache.pop_front();
        }
    }

    /// Merges small neighbours if there are many; returns how many files became one.
    pub(in crate::store) fn merge(&mut self) -> Result<usize, BlockError> {
        let is_small = |kept: &RollupFile| kept.bytes < LARGE_BYTES;
        let runs = self.files.windows(MERGED_FILES).find(|run| run.iter().all(is_small));
        let Some(run) = runs.map(<[RollupFile]>::to_vec) else {
            return Ok(0);
        };
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(0);
        };
        let segments = (first.segments.0, last.segments.1);
        let mut part = Part::default();
        for kept in &run {
            kept.read(&mut part)?;
        }
        let merged = Self::write(&self.folder, segments, &part)?;
        self.files.retain(|kept| !run.contains(kept));
        self.cache.retain(|(kept, _)| !run.contains(kept));
        self.add(merged, part);
        for kept in &run {
            fs::remove_file(&kept.path)?;
        }
        crate::store::local::sync_folder(&self.folder)?;
        Ok(run.len())
    }

    /// Removes the files whose last minute lies before a moment; returns how many.
    pub(in crate::store) fn expire(&mut self, oldest_unix_s: u64) -> io::Result<usize> {
        let (old, young): (Vec<_>, Vec<_>) = std::mem::take(&mut self.files)
            .into_iter()
            .partition(|kept| kept.minutes.1 + 60 <= oldest_unix_s);
        self.files = young;
        self.cache.retain(|(kept, _)| !old.contains(kept));
        for kept in &old {
            fs::remove_file(&kept.path)?;
        }
        Ok(old.len())
    }
}

/// A file that is on disk and not read yet.
#[derive(Debug)]
pub(in crate::store) struct Written(RollupFile);

#[cfg(test)]
mod tests;
