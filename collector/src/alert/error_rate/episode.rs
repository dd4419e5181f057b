//! One episode from its first alarm to the last minute that speaks for it.

use super::{Counts, Finding, Minute};

/// How much better the baseline has to explain the minutes since than the fault does: a likelihood ratio of twenty.
const OVER_LN_LIKELIHOOD: f64 = 3.0;
/// A series without requests tells nothing; its episode ends after so long.
const MAX_SILENT_MINUTES: i64 = 45;
/// Remembered minutes of quiet in the likelihood ratio: more would make a late relapse invisible.
const LARGEST_LN_LIKELIHOOD: f64 = 6.0;

/// A fault is taken for at most so many times what is usual: one that has become much smaller is still that fault.
const LARGEST_RATIO: f64 = 20.0;
/// Errors that a fault has to bring in a minute at most, however large it was: three that stay are still that fault, two are not.
const MOST_EXPECTED_OF_A_FAULT: f64 = 8.0;

/// How loudly an episode has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look in working hours.
    Warning,
    /// Worth waking somebody.
    Critical,
}

impl Severity {
    /// The name in answers and notifications.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One firing from start to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episode {
    /// The minute whose counts raised the alarm.
    pub start: Minute,
    /// The first minute of the window that raised it: since when errors have been too many, as far as that window tells.
    pub onset: Minute,
    /// The last minute that spoke for the episode.
    pub last: Minute,
    /// How loudly it has to be told; only ever rises.
    pub severity: Severity,
    /// The window that was explained least.
    pub worst: Finding,
    /// Requests since the onset.
    pub requests: f64,
    /// Errors since the onset.
    pub errors: f64,
    /// Errors that the baseline expected since the onset.
    pub expected: f64,
}

/// What a minute does to an episode.
pub(super) enum Step {
    Continues,
    /// Nothing has spoken for it in the last minutes, so many.
    Over {
        quiet_minutes: usize,
    },
}

/// A minute that is over, as an episode weighs it.
pub(super) struct Weighed {
    pub(super) minute: Minute,
    pub(super) counts: Counts,
    pub(super) expected: f64,
    /// The dispersion of one minute.
    pub(super) spread: f64,
    /// The window that is explained least, if it still would raise an alarm.
    pub(super) finding: Option<Finding>,
}

/// An episode that is going on.
#[derive(Clone, Debug)]
pub(super) struct Ongoing {
    pub(super) episode: Episode,
    /// How much better the baseline explains the minutes since the last one that spoke for the fault.
    quiet_ln_likelihood: f64,
    last_request: Minute,
}

impl Ongoing {
    pub(super) fn begin(minute: Minute, finding: Finding) -> Self {
        let episode = Episode {
            start: minute,
            onset: Minute(minute.0 + 1 - finding.window_minutes as i64),
            last: minute,
            severity: severity_of(&finding),
            worst: finding,
            requests: finding.requests,
            errors: finding.errors,
            expected: finding.expected,
        };
        Self { episode, quiet_ln_likelihood: 0.0, last_request: minute }
    }

    /// Weighs one more minute.
    pub(super) fn observe(&mut self, weighed: &Weighed, quiet_minutes: i64) -> Step {
        let Weighed { minute, counts, expected, spread, finding } = *weighed;
        let episode = &mut self.episode;
        episode.requests += counts.requests;
        episode.errors += counts.errors;
        episode.expected += expected;
        if counts.requests > 0.0 {
            self.last_request = minute;
        }
        if let Some(finding) = finding {
            episode.severity = episode.severity.max(severity_of(&finding));
            if finding.score > episode.worst.score {
                episode.worst = finding;
            }
        }
        let worst = episode.worst;
        // Half of what the worst window showed: a ramp and a fault that comes and goes are still that fault.
        let ratio = (0.5 * worst.errors / worst.expected.max(1e-3)).clamp(1.5, LARGEST_RATIO);
        // Twenty times next to nothing is next to nothing, so that no quiet minute would ever speak against the fault, and each stray
        // error for it: where hardly an error was usual, the fault expects its own share, up to some errors a minute.
        let own_share = 0.5 * worst.errors / worst.requests.max(1.0) * counts.requests;
        let by_fault = (expected * ratio).max(own_share.min(MOST_EXPECTED_OF_A_FAULT));
        let by_baseline = expected.max(by_fault / LARGEST_RATIO);
        let ln_ratio = (by_fault / by_baseline.max(f64::MIN_POSITIVE)).max(1.0).ln();
        let for_fault = (counts.errors * ln_ratio - (by_fault - by_baseline)) / (1.0 + spread * expected);
        self.quiet_ln_likelihood = (self.quiet_ln_likelihood - for_fault).min(LARGEST_LN_LIKELIHOOD);
        if self.quiet_ln_likelihood <= 0.0 && for_fault > 0.0 {
            self.quiet_ln_likelihood = 0.0;
            episode.last = minute;
        }
        self.quiet_ln_likelihood = self.quiet_ln_likelihood.max(0.0);
        let quiet = minute.0 - episode.last.0;
        let is_explained = self.quiet_ln_likelihood >= OVER_LN_LIKELIHOOD && quiet >= quiet_minutes;
        if is_explained || minute.0 - self.last_request.0 >= MAX_SILENT_MINUTES {
            return Step::Over { quiet_minutes: usize::try_from(quiet).unwrap_or(0) };
        }
        Step::Continues
    }
}

/// Critical: at least one request in twenty more fails than usual, and five times as many as usual.
fn severity_of(finding: &Finding) -> Severity {
    let rise = (finding.errors - finding.expected) / finding.requests.max(1.0);
    if rise >= 0.05 && finding.errors >= 5.0 * finding.expected {
        Severity::Critical
    } else {
        Severity::Warning
    }
}
