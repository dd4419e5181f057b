//! Tells when an edge falls silent, and when one appears that was never seen before.

use super::error_rate::Minute;

/// Minutes over which the usual number of calls is averaged.
const LIFE_MINUTES: f64 = 60.0;
/// Fewer minutes than this say nothing of what is usual.
const LEARNED_MINUTES: u32 = 20;

/// The calls of one edge over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    calls_per_minute: f64,
    minutes: u32,
    /// How many of the last minutes had no calls, averaged.
    silent_share: f64,
    newest: Option<(Minute, u64)>,
    last_call: Option<Minute>,
}

impl Traffic {
    /// States the calls of a minute; the newest minute may be stated again.
    pub(super) fn observe(&mut self, minute: Minute, calls: u64) {
        match self.newest {
            Some((newest, _)) if newest > minute => return,
            Some((newest, _)) if newest == minute => {}
            Some((newest, finished)) => {
                self.learn(finished);
                // A silence of hours teaches no more than one of an hour.
                (1..(minute.0 - newest.0).min(60)).for_each(|_| self.learn(0));
            }
            None => {}
        }
        self.newest = Some((minute, calls));
        if calls > 0 {
            self.last_call = Some(minute);
        }
    }

    fn learn(&mut self, calls: u64) {
        self.minutes = self.minutes.saturating_add(1);
        // The mean of all until there are enough, then of the last hour.
        let weight = 1.0 / f64::from(self.minutes).min(LIFE_MINUTES);
        self.calls_per_minute += weight * (calls as f64 - self.calls_per_minute);
        self.silent_share += weight * (f64::from(u8::from(calls == 0)) - self.silent_share);
    }

    /// Calls that were to be expected since the last one, where the edge is one that never rests. `since_minute_s` is how much
    /// of the newest minute has passed.
    pub(super) fn missing_calls(&self, seconds_of_newest_minute: f64) -> Option<f64> {
        let ((newest, calls), last) = (self.newest?, self.last_call?);
        let silent_minutes = (newest.0 - last.0 - 1).max(0) as f64 + seconds_of_newest_minute / 60.0;
        let is_steady =
            self.minutes >= LEARNED_MINUTES && self.silent_share < 0.05 + silent_minutes / LIFE_MINUTES;
        (calls == 0 && is_steady).then_some(self.calls_per_minute * silent_minutes)
    }
}
