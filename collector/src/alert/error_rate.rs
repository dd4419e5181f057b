//! Tells when the errors of one series rise above what its own past explains: an over-dispersed count test against a seasonal
//! baseline, streaming, in constant time and memory for each minute of a series.
//!
//! Windows that end now are each held against the negative binomial tail: expected errors come from the
//! [`baseline`], the spread beyond chance from the [`dispersion`] that this series showed at this window length. During an
//! episode the baseline learns nothing; it learns each minute two hours late, so that the first minutes of a slow fault do not
//! teach it either.

mod baseline;
mod dispersion;
mod episode;
mod recent;
mod tail;

use baseline::Baseline;
use dispersion::{Dispersion, WINDOWS};
use episode::{Ongoing, Step, Weighed};
use recent::{REMEMBERED, Recent, Sum};

pub use episode::{Episode, Severity};

/// Minutes after which expectations are good enough to learn the spread around them.
const SPREAD_LEARNED_FROM: u32 = 720;

const MINUTES_PER_WEEK: f64 = 10_080.0;
/// So many of the newest minutes with errors begin a window of their own.
const BEGINNINGS: usize = 24;
/// Windows of similar length mostly see the same, so all of them are as many chances as so few that see different things.
const WINDOWS_THAT_DIFFER: f64 = 5.0;
/// Where the spread of a series counts more than chance, its tail rests on what was learned of that spread: by so much more has a
/// count to be improbable then.
const DOUBT_OF_SPREAD: f64 = 0.5;
/// Without a baseline there is no way to know how many opportunities there are.
const SCORE_OF_PLAIN_RULE: f64 = 6.0;

/// A minute, counted from 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(pub i64);

/// What one series did in one minute. Counts may be weighted by sampling, and thus fractions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Requests that ended.
    pub requests: f64,
    /// Those of them that failed.
    pub errors: f64,
}

/// What the test asks for; the defaults suit most services.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// False alarms that chance may raise in a week of one series, were the baseline exact.
    pub false_alarms_per_week: f64,
    /// Errors that a window has to hold.
    pub min_errors: f64,
    /// How many times the expected errors there have to be.
    pub min_ratio: f64,
    /// By how much the share of failing requests has to exceed the expected one.
    pub min_rise: f64,
    /// Minutes that are learned before the test is trusted; until then the plain rule holds.
    pub learning_minutes: u32,
    /// The plain rule: the share of failing requests that a series without a baseline must significantly exceed.
    pub plain_rate: f64,
    /// An episode ends no earlier than so many minutes after the last one that spoke for it, so that a fault that comes and goes
    /// is one episode.
    pub quiet_minutes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_alarms_per_week: 0.02,
            min_errors: 3.0,
            min_ratio: 1.6,
            min_rise: 0.001,
            learning_minutes: 1440,
            plain_rate: 0.10,
            quiet_minutes: 10,
        }
    }
}

/// Why a count is no noise: one window against its expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Finding {
    /// Length of the window in minutes; it ends with the minute that was observed.
    pub window_minutes: usize,
    /// Requests in the window.
    pub requests: f64,
    /// Errors in the window.
    pub errors: f64,
    /// Errors that the baseline expected of these requests.
    pub expected: f64,
    /// Squared coefficient of variation of the rate: the variance of the count is `expected + dispersion * expected^2`.
    pub dispersion: f64,
    /// Minus the decimal logarithm of the probability of so many errors.
    pub score: f64,
}

/// One minute of the last hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenMinute {
    /// When.
    pub minute: Minute,
    /// Requests that ended.
    pub requests: f64,
    /// Those of them that failed.
    pub errors: f64,
    /// Errors that the baseline expected.
    pub expected: f64,
    /// Standard deviation of that count.
    pub deviation: f64,
}

/// What one observation changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// An episode began with this minute.
    Began(Episode),
    /// An episode is over; its end lies at the last minute that still spoke for it.
    Ended(Episode),
}

/// The error-rate detector of one series.
#[derive(Clone, Debug)]
pub struct Detector {
    baseline: Baseline,
    dispersion: Dispersion,
    recent: Recent,
    newest: Option<Minute>,
    ongoing: Option<Ongoing>,
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            baseline: Baseline::new(),
            dispersion: Dispersion::default(),
            recent: Recent::new(),
            newest: None,
            ongoing: None,
        }
    }
}

impl Detector {
    /// States what the series did in a minute. The newest minute may be stated again as it fills up; minutes in between that
    /// are never stated had no requests; a minute before the newest is ignored.
    pub fn observe(&mut self, minute: Minute, counts: Counts, settings: &Settings) -> Option<Change> {
        if self.newest.is_some_and(|newest| minute < newest) {
            return None;
        }
        let ended = self.move_to(minute, settings);
        let expected = counts.requests * self.baseline.rate_at(minute);
        self.recent.set_newest(counts, expected);
        if ended.is_some() || self.ongoing.is_some() {
            return ended.map(Change::Ended);
        }
        self.look(minute, counts, settings).map(Change::Began)
    }

    /// The episode that is going on.
    pub fn episode(&self) -> Option<Episode> {
        self.ongoing.as_ref().map(|ongoing| ongoing.episode)
    }

    /// The last hour with what was expected of it, oldest first; minutes without requests included.
    pub fn last_hour(&self) -> Vec<SeenMinute> {
        let newest = self.newest.unwrap_or(Minute(0));
        let first = newest.0 + 1 - REMEMBERED as i64;
        let minutes = self.recent.minutes().zip(first..).skip(REMEMBERED.saturating_sub(60));
        minutes
            .filter(|(_, minute)| *minute >= 0)
            .map(|(seen, minute)| {
                let (requests, expected) = (f64::from(seen.requests), f64::from(seen.expected));
                let spread = self.dispersion.of(1, expected, requests) * expected * expected;
                let deviation = (expected + spread).sqrt();
                SeenMinute {
                    minute: Minute(minute),
                    requests,
                    errors: f64::from(seen.errors),
                    expected,
                    deviation,
                }
            })
            .collect()
    }

    /// The share of requests that the baseline expects to fail in this minute.
    pub fn expected_rate(&self, minute: Minute) -> f64 {
        self.baseline.rate_at(minute)
    }

    /// Whether the test against the own baseline is in force, and no longer the plain rule.
    pub fn has_baseline(&self, settings: &Settings) -> bool {
        self.baseline.learned_minutes() + REMEMBERED as u32 >= settings.learning_minutes
    }

    /// Closes the newest minute and those without requests up to this one, and makes room for it.
    fn move_to(&mut self, minute: Minute, settings: &Settings) -> Option<Episode> {
        let Some(newest) = self.newest.replace(minute) else {
            self.recent.advance();
            return None;
        };
        let mut ended = None;
        // After two hours of nothing the remembered ones are empty, whatever the length of the gap.
        for passed in 1..=(minute.0 - newest.0).min(REMEMBERED as i64) {
            let entering = Minute(newest.0 + passed);
            ended = self.close(Minute(entering.0 - 1), settings).or(ended);
            self.learn_leaving(entering);
        }
        ended
    }

    /// The minute that leaves what is remembered teaches, unless it belonged to an episode.
    fn learn_leaving(&mut self, entering: Minute) {
        let (left, was_quarantined) = self.recent.advance();
        if self.ongoing.is_some() {
            self.recent.quarantine(1);
        }
        let minute = Minute(entering.0 - REMEMBERED as i64);
        let counts = Counts { requests: f64::from(left.requests), errors: f64::from(left.errors) };
        if was_quarantined {
            self.dispersion.interrupt();
            self.baseline.pass_over(minute, counts);
        } else {
            if self.baseline.learned_minutes() > SPREAD_LEARNED_FROM {
                self.dispersion.learn(left.errors, left.expected, self.baseline.rate_at(minute));
            }
            self.baseline.learn(minute, counts);
        }
    }

    fn look(&mut self, minute: Minute, counts: Counts, settings: &Settings) -> Option<Episode> {
        // Without a new error no window can look worse than a minute ago.
        if counts.errors <= 0.0 {
            return None;
        }
        let is_learned = self.has_baseline(settings);
        let finding =
            if is_learned { self.worst_window(settings) } else { self.worst_without_baseline(settings) };
        let Some(finding) = finding else {
            self.keep_outliers_out(settings);
            return None;
        };
        self.recent.quarantine(finding.window_minutes);
        let ongoing = Ongoing::begin(minute, finding);
        let episode = ongoing.episode;
        self.ongoing = Some(ongoing);
        Some(episode)
    }

    /// While the plain rule holds, what would be an episode if the baseline were trusted must not become the baseline.
    fn keep_outliers_out(&mut self, settings: &Settings) {
        let enough = self.baseline.learned_minutes() >= 120;
        if !enough || self.has_baseline(settings) {
            return;
        }
        // The time of day is not learned yet: only what no season explains is kept out.
        let cautious = Settings { min_ratio: 5.0, false_alarms_per_week: 1e-4, ..*settings };
        if let Some(finding) = self.worst_window(&cautious) {
            self.recent.quarantine(finding.window_minutes);
        }
    }

    /// The window that is least explained by the baseline, if any passes every threshold.
    fn worst_window(&self, settings: &Settings) -> Option<Finding> {
        let uncertainty = self.newest.map_or(1.0, |newest| self.baseline.uncertainty_at(newest));
        let mut worst: Option<Finding> = None;
        for (minutes, sum) in windows(self.recent.sums()) {
            let is_enough = sum.errors >= settings.min_errors
                && sum.errors >= settings.min_ratio * sum.expected
                && sum.errors - sum.expected >= settings.min_rise * sum.requests;
            if !is_enough {
                continue;
            }
            let dispersion = self.dispersion.of(minutes, sum.expected, sum.requests) + uncertainty;
            let score = tail::surprise_among(sum.requests, sum.errors, sum.expected, dispersion);
            let spread = dispersion * sum.expected;
            let doubt = DOUBT_OF_SPREAD * spread / (1.0 + spread);
            let is_rare = score >= min_score(minutes, sum.errors - sum.expected, settings) + doubt;
            if is_rare && worst.is_none_or(|worst| score > worst.score) {
                worst = Some(Finding {
                    window_minutes: minutes,
                    requests: sum.requests,
                    errors: sum.errors,
                    expected: sum.expected,
                    dispersion,
                    score,
                });
            }
        }
        worst
    }

    /// The plain rule: significantly more than a fixed share of requests fail, over five or fifteen minutes.
    fn worst_without_baseline(&self, settings: &Settings) -> Option<Finding> {
        let windows = self.recent.sums().zip(1_usize..).filter(|(_, minutes)| matches!(minutes, 1 | 5 | 15));
        let findings = windows.map(|(sum, window_minutes)| {
            let expected = sum.requests * settings.plain_rate;
            let dispersion = 0.02;
            let score = tail::surprise(sum.errors, expected, dispersion);
            let (requests, errors) = (sum.requests, sum.errors);
            Finding { window_minutes, requests, errors, expected, dispersion, score }
        });
        findings
            .filter(|finding| finding.errors >= settings.min_errors && finding.score >= SCORE_OF_PLAIN_RULE)
            .max_by(|one, other| one.score.total_cmp(&other.score))
    }

    /// A minute is over: an episode weighs it.
    fn close(&mut self, minute: Minute, settings: &Settings) -> Option<Episode> {
        let start = self.ongoing.as_ref()?.episode.start;
        if minute <= start {
            return None;
        }
        let finding = if self.has_baseline(settings) { self.worst_window(settings) } else { None };
        let seen = self.recent.newest();
        let counts = Counts { requests: f64::from(seen.requests), errors: f64::from(seen.errors) };
        let expected = f64::from(seen.expected);
        let spread = self.dispersion.of(1, expected, counts.requests);
        let ongoing = self.ongoing.as_mut()?;
        let weighed = Weighed { minute, counts, expected, spread, finding };
        match ongoing.observe(&weighed, i64::from(settings.quiet_minutes)) {
            Step::Continues => None,
            Step::Over { quiet_minutes } => {
                let episode = ongoing.episode;
                self.ongoing = None;
                self.recent.forget_before(quiet_minutes);
                Some(episode)
            }
        }
    }
}

/// The windows that are held against the baseline, of the sums over the newest minutes: some fixed lengths, and those that begin with
/// one of the newest minutes with errors. To leave minutes without errors out at the beginning only ever makes a window less
/// probable, so where errors are rare none that matters is missed; where they are not, the fixed lengths come close enough.
fn windows(sums: impl Iterator<Item = Sum>) -> impl Iterator<Item = (usize, Sum)> {
    let (mut errors, mut beginnings) = (0.0, 0);
    (1..).zip(sums).filter(move |(minutes, sum)| {
        let begins_with_error = sum.errors > errors;
        errors = sum.errors;
        beginnings += usize::from(begins_with_error);
        begins_with_error && beginnings <= BEGINNINGS || WINDOWS.contains(minutes)
    })
}

/// How improbable a count has to be, as minus the decimal logarithm of its probability. A window that slides over rare errors
/// holds `count` of them about `(count - mean) * P(count) / length` times in a unit of time (the scan statistic of Alm, 1983),
/// and it slides by whole minutes, so never more often than once a minute.
fn min_score(window_minutes: usize, excess: f64, settings: &Settings) -> f64 {
    let chances = MINUTES_PER_WEEK * (excess / window_minutes as f64).clamp(0.01, 1.0);
    (chances * WINDOWS_THAT_DIFFER / settings.false_alarms_per_week).log10()
}

#[cfg(test)]
mod tests;
