//! Whether books are kept: which request has which id, and, for the other workers, what is in flight. Of a workload all of
//! whose calls carry their context nobody will ever look into them, and in a proxy with two workers they cost half as
//! much as all the rest of the filter.
//!
//! Time is counted in turns of the timer: a clock may jump, and a process that was stopped would find it all gone at once.

use crate::links::{Habits, Stay};

/// After so many requests of one worker a workload has shown what calls it makes.
pub(super) const SETTLED_REQUESTS: u32 = 10_000;
/// So long the books are kept on while the other workers hear that they will be closed, each with its own timer.
const NOTICE_TURNS: u8 = 5;
/// So long a workload may go on with a request that was answered, or given up: half a minute.
const AFTERMATH_TURNS: u8 = 150;

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
        turns_left: u8,
    },
    Closed,
    /// Kept again, while the workload may be at requests that are not in them.
    Reopened {
        turns_left: u8,
    },
}

impl Books {
    /// Whether they are kept.
    pub(super) fn are_kept(&self) -> bool {
        self.state != State::Closed
    }

    /// Whether every request that may make a call is in them, and will be.
    pub(super) fn are_whole(&self) -> bool {
        self.state == State::Open
    }

    /// A request came in. Whether it is written down, as those are that last whatever the books are.
    pub(super) fn saw_request(&mut self, stay: Stay) -> bool {
        let is_written = stay == Stay::Lasting || self.are_kept();
        self.requests = self.requests.saturating_add(1);
        self.unwritten += usize::from(!is_written);
        is_written
    }

    /// A request is over that was not written down.
    pub(super) fn saw_unwritten_end(&mut self) {
        self.unwritten = self.unwritten.saturating_sub(1);
    }

    /// Whether the workload has not shown yet what calls it makes, or has shown that it makes some that need books.
    pub(super) fn are_needed(&self, habits: &Habits, now_unix_ns: u64) -> bool {
        self.requests < SETTLED_REQUESTS || habits.need_books(now_unix_ns)
    }

    /// Opens them. Whether there is something that the others have to hear.
    pub(super) fn open(&mut self) -> bool {
        self.go_on_as(match self.state {
            // Everything was written down meanwhile.
            State::Closing { .. } => State::Open,
            State::Closed => State::Reopened { turns_left: AFTERMATH_TURNS },
            state => state,
        })
    }

    /// Begins to close them. Whether there is something that the others have to hear.
    pub(super) fn close(&mut self) -> bool {
        self.go_on_as(match self.state {
            State::Open => State::Closing { turns_left: NOTICE_TURNS },
            state => state,
        })
    }

    fn go_on_as(&mut self, state: State) -> bool {
        std::mem::replace(&mut self.state, state) != state
    }

    /// The timer, with which the others are told whatever has changed.
    pub(super) fn on_turn(&mut self) {
        self.state = match self.state {
            State::Closing { turns_left: 0 } => State::Closed,
            State::Closing { turns_left } => State::Closing { turns_left: turns_left - 1 },
            State::Reopened { .. } if self.unwritten > 0 => State::Reopened { turns_left: AFTERMATH_TURNS },
            State::Reopened { turns_left: 0 } => State::Open,
            State::Reopened { turns_left } => State::Reopened { turns_left: turns_left - 1 },
            state => state,
        };
    }

    /// Some of what was written down got lost.
    pub(super) fn lost_some(&mut self) {
        self.state = State::Reopened { turns_left: AFTERMATH_TURNS };
    }
}
