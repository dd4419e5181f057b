//! Segments of the write-ahead log: numbered files that batches are appended to, and that go when blocks hold their spans.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::sync_folder;
use super::record::{HEADER_BYTES, header};
use crate::store::Durability;

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
    /// Shared with those who read its records again.
    file: Arc<File>,
    /// The length of the file, what a failed write left in it included.
    bytes: u64,
    /// How much of that has been told by `take_growth`.
    told_bytes: u64,
    is_sound: bool,
}

impl SegmentWriter {
    /// Makes a new segment. Its number is above all that were written to; an earlier attempt to make it may have failed
    /// half-way and left a file behind.
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let path = folder.join(format!("{number:08}.wal"));
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.set_len(0)?;
        sync_folder(folder)?;
        Ok(Self { number, file: Arc::new(file), bytes: 0, told_bytes: 0, is_sound: true })
    }

    /// A segment whose file the test brings.
    #[cfg(test)]
    pub(super) fn to_file(number: u64, file: File) -> Self {
        Self { number, file: Arc::new(file), bytes: 0, told_bytes: 0, is_sound: true }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the segment may be appended to: it has room, and nothing failed that leaves its end unknown.
    pub(super) fn takes_more(&self) -> bool {
        self.is_sound && self.bytes < MAX_SEGMENT_BYTES
    }

    /// The file, to read records again.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Appends one record for each payload and, if so wished, forces them to disk together. Returns where the first payload
    /// begins; the others follow, each behind its header.
    pub(super) fn append(&mut self, payloads: &[&[u8]], durability: Durability) -> io::Result<u64> {
        let headers: Vec<_> = payloads.iter().map(|payload| header(payload)).collect();
        let parts = headers.iter().zip(payloads);
        let mut parts: Vec<IoSlice<'_>> =
            parts.flat_map(|(header, payload)| [IoSlice::new(header), IoSlice::new(payload)]).collect();
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if let Err(error) = write_all(&self.file, &mut parts) {
            // Without its torn end the segment can be used again, for instance once the disk has room.
            self.is_sound = self.file.set_len(self.bytes).is_ok();
            self.bytes = self.file.metadata().map_or(self.bytes, |metadata| metadata.len());
            return Err(error);
        }
        self.bytes += bytes as u64;
        // Asked, not counted: should anybody else have appended to the file, the records lie further back.
        let end = (&*self.file).stream_position().inspect_err(|_| self.is_sound = false)?;
        let first = end.saturating_sub(bytes as u64) + HEADER_BYTES as u64;
        if durability == Durability::Fsync {
            // After a failed sync the system may have dropped what it could not write, so nothing may follow.
            self.file.sync_data().inspect_err(|_| self.is_sound = false)?;
        }
        Ok(first)
    }

    /// By how many bytes the file has grown since this was asked last, by writes that failed too.
    pub(super) fn take_growth(&mut self) -> u64 {
        let growth = self.bytes.saturating_sub(self.told_bytes);
        self.told_bytes = self.bytes;
        growth
    }
}

fn write_all(mut file: &File, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !parts.is_empty() {
        match file.write_vectored(parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut parts, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
