//! The last two hours of one series, minute by minute: counts, what was expected of them, and which of them count as normal.

use super::Counts;

/// Minutes that are remembered; the longest window.
pub(super) const REMEMBERED: usize = 120;

/// One minute as it was seen and as it was expected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) requests: f32,
    pub(super) errors: f32,
    /// Errors that the baseline expected of these requests.
    pub(super) expected: f32,
}

/// The newest minutes of a window, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) requests: f64,
    pub(super) errors: f64,
    pub(super) expected: f64,
}

/// A ring of minutes. The newest one may be replaced while it lasts.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    minutes: [Seen; REMEMBERED],
    newest: usize,
    /// Bit `n`: the minute `n` before the newest belongs to an episode and teaches the baseline nothing.
    quarantined: u128,
    /// How many of the newest minutes windows may look at; begins anew after an episode.
    usable: usize,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { minutes: [Seen::default(); REMEMBERED], newest: 0, quarantined: 0, usable: 0 }
    }

    /// Makes room for a new minute and returns the one that leaves, with whether it belonged to an episode.
    pub(super) fn advance(&mut self) -> (Seen, bool) {
        let was_quarantined = self.quarantined >> (REMEMBERED - 1) & 1 == 1;
        self.quarantined <<= 1;
        self.usable = (self.usable + 1).min(REMEMBERED);
        self.newest = (self.newest + 1) % REMEMBERED;
        let place = self.minutes.get_mut(self.newest);
        let left = place.map(std::mem::take).unwrap_or_default();
        (left, was_quarantined)
    }

    /// States the newest minute.
    pub(super) fn set_newest(&mut self, counts: Counts, expected: f64) {
        if let Some(newest) = self.minutes.get_mut(self.newest) {
            *newest = Seen {
                requests: counts.requests as f32,
                errors: counts.errors as f32,
                expected: expected as f32,
            };
        }
    }

    pub(super) fn newest(&self) -> Seen {
        self.minutes.get(self.newest).copied().unwrap_or_default()
    }

    /// The newest `minutes` minutes belong to an episode.
    pub(super) fn quarantine(&mut self, minutes: usize) {
        let minutes = minutes.min(REMEMBERED) as u32;
        self.quarantined |= 1_u128.checked_shl(minutes).map_or(u128::MAX, |bit| bit - 1);
    }

    /// Windows begin anew, `minutes` before the end of the newest minute.
    pub(super) fn forget_before(&mut self, minutes: usize) {
        self.usable = minutes.min(REMEMBERED);
    }

    /// All remembered minutes, oldest first.
    pub(super) fn minutes(&self) -> impl Iterator<Item = Seen> + '_ {
        let (after, before) = self.minutes.split_at((self.newest + 1).min(REMEMBERED));
        before.iter().chain(after).copied()
    }

    /// The sums over the newest minutes, from one minute to as many as are usable.
    pub(super) fn sums(&self) -> impl Iterator<Item = Sum> + '_ {
        let (after, before) = self.minutes.split_at((self.newest + 1).min(REMEMBERED));
        after.iter().rev().chain(before.iter().rev()).take(self.usable).scan(Sum::default(), |sum, seen| {
            sum.requests += f64::from(seen.requests);
            sum.errors += f64::from(seen.errors);
            sum.expected += f64::from(seen.expected);
            Some(*sum)
        })
    }
}
