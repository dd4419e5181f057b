//! Segments of the write-ahead log: numbered files that batches are appended to, and that go when blocks hold their spans.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::folder::sync_folder;
use super::record::write_record;

/// A segment is read whole at start, so it is kept this small.
pub(super) const MAX_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// A segment that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// All segments in a folder by rising number. Files with other names are left alone.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let number = stem.filter(|stem| stem.len() >= 8).and_then(|stem| stem.parse().ok());
        if let Some(number) = number.filter(|_| path.extension().is_some_and(|extension| extension == "wal"))
        {
            let bytes = fs::metadata(&path)?.len();
            segments.push(Segment { number, path, bytes });
        }
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

/// Removes the segments up to a number; returns how many bytes they had.
pub(super) fn remove_through(folder: &Path, number: u64) -> io::Result<u64> {
    let mut bytes = 0;
    for segment in list(folder)?.into_iter().filter(|segment| segment.number <= number) {
        fs::remove_file(&segment.path)?;
        bytes += segment.bytes;
    }
    sync_folder(folder)?;
    Ok(bytes)
}

/// The segment that is appended to.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    number: u64,
    file: File,
    /// The length of the file, what a failed write left in it included.
    bytes: u64,
    /// How much of that has been told by `take_growth`.
    told_bytes: u64,
    buffer: Vec<u8>,
    is_sound: bool,
}

impl SegmentWriter {
    /// Makes a new segment. Its number is above all that were written to; an earlier attempt to make it may have failed
    /// half-way and left a file behind.
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let path = folder.join(format!("{number:08}.wal"));
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        file.set_len(0)?;
        sync_folder(folder)?;
        Ok(Self { number, file, bytes: 0, told_bytes: 0, buffer: Vec::new(), is_sound: true })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the segment may be appended to: it has room, and nothing failed that leaves its end unknown.
    pub(super) fn takes_more(&self) -> bool {
        self.is_sound && self.bytes < MAX_SEGMENT_BYTES
    }

    /// Appends one record for each payload and forces them to disk together. Returns the bytes written.
    pub(super) fn append<'a>(&mut self, payloads: impl Iterator<Item = &'a [u8]>) -> io::Result<u64> {
        /// A buffer that a burst made larger than this is given back.
        const KEPT_BUFFER_BYTES: usize = 4 * 1024 * 1024;
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER_BYTES);
        payloads.for_each(|payload| write_record(&mut self.buffer, payload));
        if let Err(error) = self.file.write_all(&self.buffer) {
            // Without its torn end the segment can be used again, for instance once the disk has room.
            self.is_sound = self.file.set_len(self.bytes).is_ok();
            self.bytes = self.file.metadata().map_or(self.bytes, |metadata| metadata.len());
            return Err(error);
        }
        let written = self.buffer.len() as u64;
        self.bytes += written;
        // After a failed sync the system may have dropped what it could not write, so nothing may follow.
        self.file.sync_data().inspect_err(|_| self.is_sound = false)?;
        Ok(written)
    }

    /// By how many bytes the file has grown since this was asked last, by writes that failed too.
    pub(super) fn take_growth(&mut self) -> u64 {
        let growth = self.bytes.saturating_sub(self.told_bytes);
        self.told_bytes = self.bytes;
        growth
    }
}

#[cfg(test)]
mod tests;
