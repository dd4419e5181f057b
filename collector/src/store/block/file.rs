//! The file of a block as Parquet's reader asks for it: a page is one call to the system, and pages in a row are read together.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that are read at once where a page follows on the one before it.
const STRETCH_BYTES: usize = 64 * 1024;
/// Columns that are read side by side, each at a place of its own.
const MAX_PLACES: usize = 8;

/// An open file that never changes.
#[derive(Debug)]
pub(super) struct BlockFile {
    file: Arc<File>,
    bytes: u64,
    /// What was read last, the latest first; `None` where pages lie apart.
    places: Option<Mutex<VecDeque<Stretch>>>,
}

/// Bytes of the file from an offset on.
#[derive(Debug)]
struct Stretch {
    offset: u64,
    bytes: Bytes,
}

impl BlockFile {
    /// For one page here and one there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), bytes, places: None })
    }

    /// For whole columns, page after page.
    pub(super) fn open_to_scan(path: &Path) -> io::Result<Self> {
        Ok(Self { places: Some(Mutex::default()), ..Self::open(path)? })
    }

    fn read(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }

    /// Reads on beyond what was asked for where that continues something.
    fn read_in_a_row(
        &self,
        places: &mut VecDeque<Stretch>,
        start: u64,
        length: usize,
    ) -> ParquetResult<Bytes> {
        if let Some(found) = places.iter().find_map(|place| place.part(start, length)) {
            return Ok(found);
        }
        let before = places.iter().position(|place| place.holds_or_touches(start));
        let ahead = match before {
            Some(place) => {
                places.remove(place);
                let rest = usize::try_from(self.bytes.saturating_sub(start)).unwrap_or(usize::MAX);
                length.max(STRETCH_BYTES.min(rest))
            }
            None => length,
        };
        let bytes = self.read(start, ahead)?;
        let wanted = bytes.slice(..length);
        places.truncate(MAX_PLACES - 1);
        places.push_front(Stretch { offset: start, bytes });
        Ok(wanted)
    }
}

impl Stretch {
    fn part(&self, start: u64, length: usize) -> Option<Bytes> {
        let from = usize::try_from(start.checked_sub(self.offset)?).ok()?;
        let until = from.checked_add(length)?;
        (until <= self.bytes.len()).then(|| self.bytes.slice(from..until))
    }

    /// Whether what starts here begins within the stretch, or right behind it.
    fn holds_or_touches(&self, start: u64) -> bool {
        start.checked_sub(self.offset).is_some_and(|from| from <= self.bytes.len() as u64)
    }
}

impl Length for BlockFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for BlockFile {
    type T = BufReader<Place>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(Place { file: Arc::clone(&self.file), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // Before room is made for it: a damaged file may ask for anything.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            let bytes = self.bytes;
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {bytes} were expected")));
        }
        match &self.places {
            Some(places) => {
                let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
                self.read_in_a_row(&mut places, start, length)
            }
            None => self.read(start, length),
        }
    }
}

/// A place in the file from which somebody reads on.
#[derive(Debug)]
pub(super) struct Place {
    file: Arc<File>,
    offset: u64,
}

impl Read for Place {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
