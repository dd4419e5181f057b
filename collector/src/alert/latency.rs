//! Tells when calls become slow: the share of calls beyond a learned duration, held against its own past.
//!
//! A quantile that moves shows as calls that exceed a fixed bound more often. So the robust test of a quantile is the count
//! test of [`error_rate`](super::error_rate): a call counts as failed when it took longer than the bound, which lies clear of
//! what nine of ten calls took while learning.

use super::error_rate::{Change, Counts, Detector, Minute, Settings};
use super::sample::Durations;

/// Minutes with calls after which the bound is set.
const BOUND_AFTER_MINUTES: u32 = 30;
/// The bound lies this many times and at least so much above what nine of ten calls take.
const BOUND_RATIO: u64 = 2;
const BOUND_RISE_NS: u64 = 20_000_000;

/// The latency detector of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Latency {
    learned: Durations,
    minutes: u32,
    newest: Option<(Minute, Durations)>,
    bound_ns: Option<u64>,
    detector: Detector,
}

/// What suits most services: one call in twenty more than usual, and three times as many as usual.
pub(super) fn default_settings() -> Settings {
    Settings {
        false_alarms_per_week: 0.005,
        min_errors: 5.0,
        min_ratio: 3.0,
        min_rise: 0.05,
        plain_rate: 0.5,
        ..Settings::default()
    }
}

impl Latency {
    /// States the durations of a minute; the newest minute may be stated again.
    pub(super) fn observe(
        &mut self,
        minute: Minute,
        durations: &Durations,
        settings: &Settings,
    ) -> Option<Change> {
        match &mut self.newest {
            Some((newest, held)) if *newest == minute => held.clone_from(durations),
            Some((newest, _)) if *newest > minute => return None,
            _ => self.begin(minute, durations),
        }
        let bound_ns = self.bound_ns?;
        let slow = durations.beyond(bound_ns) as f64;
        self.detector.observe(minute, Counts { requests: durations.count() as f64, errors: slow }, settings)
    }

    fn begin(&mut self, minute: Minute, durations: &Durations) {
        if let Some((_, finished)) = self.newest.replace((minute, durations.clone()))
            && self.bound_ns.is_none()
            && finished.count() > 0
        {
            self.learned.add(&finished);
            self.minutes += 1;
            if self.minutes >= BOUND_AFTER_MINUTES {
                self.set_bound();
            }
        }
    }

    /// Sets the bound by what has been learned so far.
    fn set_bound(&mut self) {
        let usual_ns = self.learned.quantile_ns(0.9);
        self.bound_ns = usual_ns.map(|usual| (usual * BOUND_RATIO).max(usual + BOUND_RISE_NS));
        self.learned = Durations::default();
    }

    /// Calls that take longer than this count as slow; `None` while that is being learned.
    pub(super) fn bound_ns(&self) -> Option<u64> {
        self.bound_ns
    }

    pub(super) fn detector(&self) -> &Detector {
        &self.detector
    }
}
