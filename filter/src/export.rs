//! Batches on their way to the collector: a bounded queue, sent again after a failure, the oldest dropped first.

mod collector;

use std::collections::VecDeque;

use crate::batch::{ClosedBatch, Losses};
use crate::host::CallToken;

pub use collector::{CollectorConfig, KEYS, Protocol, Verdict};
/// Most calls under way at once.
const MAX_CALLS: usize = 4;
/// The pause after the first failure; doubled by each further one.
const FIRST_PAUSE_NS: u64 = 500_000_000;
/// The longest pause.
const MAX_PAUSE_NS: u64 = 30_000_000_000;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The collector took the batch.
    Taken,
    /// It did not arrive, and will be sent again.
    WillRetry,
    /// The collector refused it for good: so many spans are lost.
    Lost(usize),
    /// The call is not one of ours.
    Unknown,
}

/// The queue, the calls under way, and the pause after a failure.
#[derive(Debug, Default)]
pub struct Outbox {
    max_bytes: usize,
    waiting: VecDeque<ClosedBatch>,
    under_way: Vec<(CallToken, ClosedBatch)>,
    byte_count: usize,
    failures: u32,
    paused_until_ns: u64,
    untold: Losses,
    /// The collector took the batch whose answer came last.
    is_welcome: bool,
}

impl Outbox {
    /// An empty queue that holds at most so many bytes, calls under way included.
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, ..Self::default() }
    }

    /// Queues a batch; `open_bytes` are held elsewhere under the same bound. Gives the number of spans that had to
    /// be dropped to stay within it, the oldest waiting first.
    pub fn push(&mut self, batch: ClosedBatch, open_bytes: usize) -> usize {
        self.byte_count += batch.message.len();
        self.waiting.push_back(batch);
        let mut dropped = 0;
        while self.byte_count.saturating_add(open_bytes) > self.max_bytes {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.byte_count = self.byte_count.saturating_sub(oldest.message.len());
            dropped += oldest.spans;
            self.untold.add(oldest.worth);
        }
        dropped
    }

    /// What was lost and not told yet, once the collector takes batches and none waits.
    pub fn take_losses(&mut self) -> Option<Losses> {
        let is_time = self.is_welcome && self.untold.spans > 0 && self.waiting.is_empty();
        is_time.then(|| std::mem::take(&mut self.untold))
    }

    /// The same when there is no later: whatever waits before it, and whether or not the collector is there.
    pub fn take_last_losses(&mut self) -> Option<Losses> {
        (self.untold.spans > 0).then(|| std::mem::take(&mut self.untold))
    }

    /// The batch to send now, if any: none while a failure is being waited out or enough calls are under way.
    pub fn next_to_send(&mut self, now_ns: u64) -> Option<ClosedBatch> {
        // After a failure one call tries the way first.
        let allowed = if self.failures == 0 { MAX_CALLS } else { 1 };
        if now_ns < self.paused_until_ns || self.under_way.len() >= allowed {
            return None;
        }
        self.waiting.pop_front()
    }

    /// The batch went out under this token.
    pub fn sent(&mut self, token: CallToken, batch: ClosedBatch) {
        self.under_way.push((token, batch));
    }

    /// The host refused to make the call.
    pub fn not_sent(&mut self, batch: ClosedBatch, now_ns: u64, jitter: u64) {
        self.waiting.push_front(batch);
        self.pause(now_ns, jitter);
    }

    /// A call ended. `jitter` is any random number.
    pub fn ended(&mut self, token: CallToken, verdict: Verdict, now_ns: u64, jitter: u64) -> Outcome {
        let Some(index) = self.under_way.iter().position(|(candidate, _)| *candidate == token) else {
            return Outcome::Unknown;
        };
        let (_, batch) = self.under_way.swap_remove(index);
        self.is_welcome = verdict == Verdict::Taken;
        if verdict == Verdict::TryAgain {
            self.waiting.push_front(batch);
            self.pause(now_ns, jitter);
            return Outcome::WillRetry;
        }
        self.byte_count = self.byte_count.saturating_sub(batch.message.len());
        self.failures = 0;
        self.paused_until_ns = 0;
        if verdict == Verdict::Taken {
            return Outcome::Taken;
        }
        // A report that is refused would be refused again.
        if batch.spans > 0 {
            self.untold.add(batch.worth);
        }
        Outcome::Lost(batch.spans)
    }

    fn pause(&mut self, now_ns: u64, jitter: u64) {
        let pause =
            FIRST_PAUSE_NS.checked_shl(self.failures.min(16)).unwrap_or(MAX_PAUSE_NS).min(MAX_PAUSE_NS);
        // Between half and the whole of the pause, so that the proxies of a mesh do not come back all at once.
        let pause = pause / 2 + jitter % (pause / 2 + 1);
        self.failures = self.failures.saturating_add(1);
        self.paused_until_ns = now_ns.saturating_add(pause);
    }

    /// Gives up what waits; gives the number of spans lost by it.
    pub fn discard_waiting(&mut self) -> usize {
        let waiting = std::mem::take(&mut self.waiting);
        waiting
            .iter()
            .for_each(|batch| self.byte_count = self.byte_count.saturating_sub(batch.message.len()));
        waiting.iter().map(|batch| batch.spans).sum()
    }

    /// How many bytes wait or are under way.
    pub fn byte_count(&self) -> usize {
        self.byte_count
    }

    /// Whether a call is under way.
    pub fn is_sending(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }
}

#[cfg(test)]
mod tests;
