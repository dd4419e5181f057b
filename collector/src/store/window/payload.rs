//! Where the bytes of a batch can be read again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

/// The bytes of one batch.
#[derive(Clone, Debug)]
pub(in crate::store) enum Payload {
    /// In memory.
    Memory(Bytes),
    /// In a segment of the write-ahead log, which stays until its spans are in a block.
    Log {
        /// The segment, open for reading.
        file: Arc<File>,
        /// Where the bytes begin.
        offset: u64,
        /// How many they are.
        bytes: u32,
    },
}

impl Payload {
    /// A part of the bytes.
    pub(super) fn read<'a>(&'a self, range: (usize, usize), buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        let (begin, end) = range;
        match self {
            Self::Memory(payload) => {
                payload.get(begin..end).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Self::Log { file, offset, .. } => {
                buffer.resize(end.saturating_sub(begin), 0);
                file.read_exact_at(buffer, offset + begin as u64)?;
                Ok(buffer)
            }
        }
    }

    /// All of the bytes.
    pub(super) fn read_all<'a>(&'a self, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        match self {
            Self::Memory(payload) => Ok(payload),
            Self::Log { bytes, .. } => self.read((0, *bytes as usize), buffer),
        }
    }

    /// How much memory they take.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Memory(payload) => payload.len(),
            Self::Log { .. } => 0,
        }
    }
}
