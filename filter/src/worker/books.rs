//! Whether books are kept: which request has which id, and, for the other workers, what is in flight. Of a workload all of
//! whose calls carry their context nobody will ever look into them, and in a proxy with two workers they cost as much as
//! all the rest of the filter.

use crate::links::Habits;

/// After so many requests a workload has shown what calls it makes.
pub(super) const SETTLED_REQUESTS: u32 = 10_000;
/// So long the books are kept on while the other workers hear that they will be closed: some turns of their timers.
const NOTICE_NS: u64 = 1_000_000_000;

/// Kept from the start, until the workload has shown that it needs none, and again from the first call that does.
#[derive(Debug, Default)]
pub(super) struct Books {
    state: State,
    requests: u32,
    /// Requests in flight that came in while the books were closed.
    unwritten: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// Still kept, and soon not to be relied upon.
    Closing {
        since_unix_ns: u64,
    },
    Closed,
    /// Kept again, while requests are in flight that are not in them.
    Reopened,
}

impl Books {
    /// Whether they are kept.
    pub(super) fn are_kept(&self) -> bool {
        self.state != State::Closed
    }

    /// Whether every request in flight is in them, and will be.
    pub(super) fn are_whole(&self) -> bool {
        self.state == State::Open
    }

    /// A request came in. Whether it is written down.
    pub(super) fn saw_request(&mut self) -> bool {
        self.requests = self.requests.saturating_add(1);
        self.unwritten += usize::from(!self.are_kept());
        self.are_kept()
    }

    /// A request is over that was not written down.
    pub(super) fn saw_unwritten_end(&mut self) {
        self.unwritten = self.unwritten.saturating_sub(1);
    }

    /// Looks at the workload's habits anew. Whether there is something that the others have to hear.
    pub(super) fn regard(&mut self, habits: &Habits, now_unix_ns: u64) -> bool {
        let are_needed = self.requests < SETTLED_REQUESTS || habits.need_books(now_unix_ns);
        let next = match (self.state, are_needed) {
            (State::Open, false) => State::Closing { since_unix_ns: now_unix_ns },
            (State::Closing { since_unix_ns }, false)
                if now_unix_ns.saturating_sub(since_unix_ns) >= NOTICE_NS =>
            {
                State::Closed
            }
            // Everything was written down meanwhile.
            (State::Closing { .. }, true) => State::Open,
            (State::Closed, true) => State::Reopened,
            (State::Reopened, _) if self.unwritten == 0 => State::Open,
            (state, _) => state,
        };
        std::mem::replace(&mut self.state, next) != next
    }
}
