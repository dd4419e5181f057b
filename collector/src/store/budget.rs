//! How much a question may cost: time, bytes read, and the patience of who asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The bounds of one question. It is shared between who asks, who may lose interest, and the store that answers.
#[derive(Debug)]
pub struct Budget {
    deadline: Option<Instant>,
    bytes_left: AtomicU64,
    is_cancelled: AtomicBool,
}

impl Default for Budget {
    fn default() -> Self {
        Self::unlimited()
    }
}

impl Budget {
    /// No bounds.
    pub fn unlimited() -> Self {
        Self { deadline: None, bytes_left: AtomicU64::new(u64::MAX), is_cancelled: AtomicBool::new(false) }
    }

    /// At most this long from now, and at most this many bytes of rows.
    pub fn new(time: Duration, bytes: u64) -> Self {
        let deadline = Instant::now().checked_add(time);
        Self { deadline, bytes_left: AtomicU64::new(bytes), is_cancelled: AtomicBool::new(false) }
    }

    /// Says that nobody waits for the answer any more.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the store may go on.
    pub fn allows_more(&self) -> bool {
        !self.is_cancelled.load(Ordering::Relaxed)
            && self.bytes_left.load(Ordering::Relaxed) > 0
            && self.deadline.is_none_or(|deadline| Instant::now() < deadline)
    }

    /// Whether so much may still be read.
    pub(super) fn has_bytes(&self, bytes: u64) -> bool {
        self.bytes_left.load(Ordering::Relaxed) >= bytes
    }

    /// Takes off what was read.
    pub(super) fn spend(&self, bytes: u64) {
        let rest = |left: u64| Some(left.saturating_sub(bytes));
        self.bytes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).ok();
    }
}
