//! Burn of an error budget by several windows, as the Google SRE workbook has it (chapter 5, multi-window multi-burn-rate).

use super::error_rate::{Counts, Minute};

const HELD_MINUTES: usize = 360;

/// Long window, short window, burn rate, and whether it is worth waking somebody.
const WINDOWS: [(usize, usize, f64); 2] = [(60, 5, 14.4), (360, 30, 6.0)];

/// Six hours of one series.
#[derive(Clone, Debug)]
pub(super) struct Burn {
    minutes: Vec<(f32, f32)>,
    newest: Option<Minute>,
}

/// A budget that burns too fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Burning {
    pub(super) window_minutes: usize,
    pub(super) requests: f64,
    pub(super) errors: f64,
    /// How many times faster than the budget allows.
    pub(super) rate: f64,
}

impl Burn {
    pub(super) fn new(first: Counts) -> Self {
        let mut minutes = vec![(0.0, 0.0); HELD_MINUTES];
        if let Some(newest) = minutes.first_mut() {
            *newest = (first.requests as f32, first.errors as f32);
        }
        Self { minutes, newest: None }
    }

    /// States a minute; the newest may be stated again.
    pub(super) fn observe(&mut self, minute: Minute, counts: Counts) {
        let passed = self.newest.map_or(0, |newest| minute.0 - newest.0);
        if passed < 0 {
            return;
        }
        let passed = usize::try_from(passed).unwrap_or(HELD_MINUTES).min(HELD_MINUTES);
        self.minutes.rotate_right(passed);
        self.minutes.iter_mut().take(passed).for_each(|held| *held = (0.0, 0.0));
        if let Some(newest) = self.minutes.first_mut() {
            *newest = (counts.requests as f32, counts.errors as f32);
        }
        self.newest = Some(minute);
    }

    fn sum(&self, minutes: usize) -> (f64, f64) {
        self.minutes.iter().take(minutes).fold((0.0, 0.0), |(requests, errors), held| {
            (requests + f64::from(held.0), errors + f64::from(held.1))
        })
    }

    /// The fastest burn that both its windows show.
    pub(super) fn burning(&self, objective: f64) -> Option<Burning> {
        let budget = 1.0 - objective;
        WINDOWS.into_iter().find_map(|(long, short, fastest)| {
            let burns = |minutes| {
                let (requests, errors) = self.sum(minutes);
                (requests > 0.0 && errors >= 3.0 && errors / requests >= fastest * budget)
                    .then_some((requests, errors))
            };
            burns(short)?;
            let (requests, errors) = burns(long)?;
            Some(Burning { window_minutes: long, requests, errors, rate: errors / requests / budget })
        })
    }
}
