//! The protocol buffers wire format: tags, varints, fixed numbers and length-delimited fields.

use super::DecodeError;

/// Bytes of a length that is patched in later: a padded varint holds up to 2^28 - 1.
const LENGTH_ROOM: [u8; 4] = [0x80, 0x80, 0x80, 0x00];

/// One field's value as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// Walks over the fields of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field's number and value; `None` at the end of the message.
    // Everything that comes in goes through here: with the caller's `match` folded in, nothing is put together to be taken
    // apart again.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = match tag & 0x07 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| DecodeError::Truncated)?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            other => return Err(DecodeError::WireType(other)),
        };
        match tag >> 3 {
            0 => Err(DecodeError::FieldNumberZero),
            number => Ok(Some((number, field))),
        }
    }

    /// The bytes of the next field, when its tag is this one and they are all there.
    #[inline(always)]
    pub(super) fn bytes_of(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        if *first != tag {
            return None;
        }
        self.rest = rest;
        let length = usize::try_from(self.varint().ok()?).ok()?;
        self.take(length).ok()
    }

    /// The number of the next field, when its tag is this one.
    #[inline(always)]
    pub(super) fn number_of(&mut self, tag: u8) -> Option<u64> {
        let (first, rest) = self.rest.split_first()?;
        if *first != tag {
            return None;
        }
        self.rest = rest;
        self.varint().ok()
    }

    /// Whether the next field has this tag.
    #[inline(always)]
    pub(super) fn is_at(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    #[inline(always)]
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        // Nearly all tags and lengths are one byte long.
        match self.rest.split_first() {
            Some((first, rest)) if *first < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*first))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        // What ends within four bytes, as lengths do, is put together at once.
        if let Some((four, _)) = self.rest.split_first_chunk::<4>() {
            let word = u32::from_le_bytes(*four);
            let ends = !word & 0x8080_8080;
            if ends != 0 {
                let groups = word & (ends ^ (ends - 1));
                let value = groups & 0x7f
                    | (groups & 0x7f00) >> 1
                    | (groups & 0x007f_0000) >> 2
                    | (groups & 0x7f00_0000) >> 3;
                let length = ends.trailing_zeros() as usize / 8 + 1;
                self.rest = self.rest.get(length..).unwrap_or_default();
                return Ok(u64::from(value));
            }
        }
        self.longest_varint()
    }

    fn longest_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for (place, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(place + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { DecodeError::Truncated } else { DecodeError::VarintTooLong })
    }

    #[inline(always)]
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Truncated)
    }
}

pub(super) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A number as a varint, and how many of the bytes it takes.
pub(super) fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut length = 0;
    for byte in &mut bytes {
        length += 1;
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    (bytes, length)
}

fn put_tag(bytes: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(bytes, u64::from(number << 3 | wire_type));
}

pub(super) fn put_number(bytes: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(bytes, number, 0);
    put_varint(bytes, value);
}

pub(super) fn put_fixed64(bytes: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(bytes, number, 1);
    bytes.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_bytes(bytes: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_tag(bytes, number, 2);
    put_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// How many bytes a number takes as a varint.
pub(super) fn varint_length(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// How many bytes a field of bytes takes whose number is below 16.
pub(super) fn bytes_field_length(length: usize) -> usize {
    1 + varint_length(length) + length
}

/// Where a message's length is to be patched in.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenMessage {
    body_at: usize,
}

/// Starts a nested message whose length is not known yet.
pub(super) fn open_message(bytes: &mut Vec<u8>, number: u32) -> OpenMessage {
    put_tag(bytes, number, 2);
    bytes.extend_from_slice(&LENGTH_ROOM);
    OpenMessage { body_at: bytes.len() }
}

/// Ends a nested message: everything since its start is its body, which must be shorter than 2^28 bytes.
pub(super) fn close_message(bytes: &mut [u8], open: OpenMessage) {
    let length = bytes.len().saturating_sub(open.body_at);
    debug_assert!(length < 1 << 28, "a message of {length} bytes does not fit its length field");
    let room = bytes.iter_mut().take(open.body_at).rev().take(LENGTH_ROOM.len());
    for (place, target) in room.enumerate() {
        let group = (length >> (7 * (LENGTH_ROOM.len() - 1 - place))) as u8 & 0x7f;
        *target = if place == 0 { group } else { group | 0x80 };
    }
}
