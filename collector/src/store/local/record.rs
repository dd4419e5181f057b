//! Records of the write-ahead log: framed so that a torn or damaged one is noticed and the next one is found again.
//!
//! A record is a header of 16 bytes (mark, payload length, checksum of the payload, checksum of the twelve bytes
//! before; numbers in little endian) and the payload. The header has a checksum of its own, so a damaged payload costs
//! one record and a damaged header only what lies before the next intact one.

/// The mark tells the version of the format.
const MARK: [u8; 4] = *b"TLR1";
pub(super) const HEADER_BYTES: usize = 16;

/// So often what a header promises is looked through again in one segment: each time costs its checksum, and whoever sends spans may
/// fill a record with what looks like headers.
const MAX_SECOND_LOOKS: u32 = 64;

/// Longer payloads are never written, so a length above this is damage.
pub(super) const MAX_PAYLOAD_BYTES: usize = 64 * 1024 * 1024;

/// What stands in front of a payload.
pub(super) fn header(payload: &[u8]) -> [u8; HEADER_BYTES] {
    debug_assert!(payload.len() <= MAX_PAYLOAD_BYTES, "checked by the store before a batch is queued");
    let mut header = [0u8; HEADER_BYTES];
    let parts = MARK
        .into_iter()
        .chain((payload.len() as u32).to_le_bytes())
        .chain(crc32fast::hash(payload).to_le_bytes());
    for (place, byte) in header.iter_mut().zip(parts) {
        *place = byte;
    }
    let (checked, checksum) = header.split_at_mut(12);
    checksum.copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
    header
}

/// Walks over the intact records of a segment.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    torn: u64,
    second_looks: u32,
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, torn: 0, second_looks: 0 }
    }

    /// How many torn or damaged places were passed over so far.
    pub(super) fn torn(&self) -> u64 {
        self.torn
    }

    /// Moves to the next intact header and returns it with what follows.
    fn find_header(&mut self) -> Option<(Header, &'a [u8])> {
        if let Some(found) = Header::read(self.rest) {
            return Some(found);
        }
        if self.rest.is_empty() {
            return None;
        }
        self.torn += 1;
        let next = (1..self.rest.len()).find_map(|start| Header::read(self.rest.get(start..)?));
        if next.is_none() {
            self.rest = &[];
        }
        next
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (header, behind) = self.find_header()?;
            let Some((payload, rest)) = behind.split_at_checked(header.payload_bytes) else {
                // The process died while it wrote the last record, or bytes of a damaged one look like a header: what is behind
                // them may be intact. Bytes that are no header are counted where they are passed over.
                self.torn += u64::from(behind.is_empty() || Header::read(behind).is_some());
                self.rest = behind;
                continue;
            };
            if crc32fast::hash(payload) == header.payload_checksum {
                self.rest = rest;
                return Some(payload);
            }
            let is_followed = rest.is_empty() || Header::read(rest).is_some();
            if is_followed || self.second_looks == MAX_SECOND_LOOKS {
                self.torn += 1;
                self.rest = rest;
            } else {
                // Nothing begins where it promises to end: more likely bytes of a damaged record that look like a header.
                self.second_looks += 1;
                self.torn += u64::from(Header::read(behind).is_some());
                self.rest = behind;
            }
        }
    }
}

struct Header {
    payload_bytes: usize,
    payload_checksum: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        if !bytes.starts_with(&MARK) {
            return None;
        }
        let (checked, rest) = bytes.split_at_checked(12)?;
        let (checksum, behind) = rest.split_first_chunk::<4>()?;
        if crc32fast::hash(checked) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (length, checksum) = checked.get(4..)?.split_first_chunk::<4>()?;
        let payload_bytes = u32::from_le_bytes(*length) as usize;
        let payload_checksum = u32::from_le_bytes(checksum.try_into().ok()?);
        (payload_bytes <= MAX_PAYLOAD_BYTES).then_some((Self { payload_bytes, payload_checksum }, behind))
    }
}

#[cfg(test)]
mod tests;
