//! How much one message and one span may hold: what is sent in two bytes can take sixty in memory.

/// Attributes of one span, and of one event or link.
pub(super) const MAX_ATTRIBUTES: usize = 1_024;
/// Events of one span.
pub(super) const MAX_EVENTS: usize = 1_024;
/// Links of one span.
pub(super) const MAX_LINKS: usize = 1_024;
/// Attributes of one resource.
pub(super) const MAX_RESOURCE_ATTRIBUTES: usize = 256;
/// Values in one list, or entries in one map.
pub(super) const MAX_VALUES: usize = 1_024;
/// Attributes, events, links and nested values of one span or one resource together.
const MAX_PARTS: usize = 16_384;
/// Bytes of one text: a name, a key, a value, a message, a `tracestate`.
pub(super) const MAX_TEXT_BYTES: usize = 65_536;
/// Bytes of one span.
pub(super) const MAX_SPAN_BYTES: usize = 1_048_576;
/// Spans of one message.
pub(super) const MAX_SPANS: usize = 100_000;

/// What is left of the bounds on one span or one resource, and what they cut. A span is read once to be checked and again
/// whenever it is shown: both come to the same cuts, because they depend on its own bytes alone.
#[derive(Debug)]
pub(super) struct Room {
    parts_left: usize,
    cut: u64,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { parts_left: MAX_PARTS, cut: 0 }
    }

    /// Whether one more part may be kept beside those that are there already; one that may not is counted.
    pub(super) fn admits(&mut self, present: usize, max: usize) -> bool {
        let is_admitted = present < max && self.parts_left > 0;
        if is_admitted {
            self.parts_left -= 1;
        } else {
            self.cut += 1;
        }
        is_admitted
    }

    /// As much of a text or of bytes as may be kept; what is shortened is counted.
    pub(super) fn shorten<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match bytes.split_at_checked(MAX_TEXT_BYTES) {
            Some((kept, rest)) if !rest.is_empty() => {
                self.cut += 1;
                // Not in the middle of a character: its later bytes begin with the bits 10.
                let is_inside = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xc0 == 0x80);
                let back = (0..4).find(|back| !is_inside(bytes.get(kept.len() - back))).unwrap_or(0);
                kept.get(..kept.len() - back).unwrap_or(kept)
            }
            _ => bytes,
        }
    }

    /// How many parts were left out or shortened so far.
    pub(super) fn cut(&self) -> u64 {
        self.cut
    }
}
