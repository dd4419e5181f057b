//! How much one message may hold once it is decoded: two bytes on the wire can become sixty in memory.

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
/// Spans of one message.
pub(super) const MAX_SPANS: usize = 100_000;
/// Attributes, events, links and nested values of one message, so that many spans cannot do together what one may not.
/// A message of the largest size that any receiver of ours takes has fewer, unless it is made to do harm.
const MAX_PARTS: usize = 1_000_000;

/// What is left of the bound on one message, and what it cut.
#[derive(Debug)]
pub(super) struct Room {
    parts_left: usize,
    cut: u64,
}

impl Room {
    pub(super) fn of_one_message() -> Self {
        Self { parts_left: MAX_PARTS, cut: 0 }
    }

    /// Whether one more part may be decoded beside those that are there already; one that may not is counted.
    pub(super) fn admits(&mut self, present: usize, max: usize) -> bool {
        let is_admitted = present < max && self.parts_left > 0;
        if is_admitted {
            self.parts_left -= 1;
        } else {
            self.cut += 1;
        }
        is_admitted
    }

    /// How many parts were left out so far.
    pub(super) fn cut(&self) -> u64 {
        self.cut
    }
}
