//! Which times of spans are believed: what began before anything is kept, or begins or ends in the future, is a wrong clock or no time at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use throughline_model::otlp::DecodeError;

use crate::store::Batch;

/// Bounds on the times of a span, measured from now. Clocks that differ less are put right when a trace is assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockLimits {
    /// How long ago it may start; nothing older would be kept for long.
    pub max_age: Duration,
    /// How far in the future it may start or end.
    pub max_ahead: Duration,
}

impl Default for ClockLimits {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(7 * 24 * 60 * 60), max_ahead: Duration::from_secs(60 * 60) }
    }
}

/// How many spans were rejected for their times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unbelievable {
    pub(super) too_old: u64,
    pub(super) in_the_future: u64,
}

impl Unbelievable {
    /// What the sender is told.
    pub(super) fn words(self, limits: &ClockLimits) -> Option<String> {
        let (old, ahead) = (limits.max_age.as_secs(), limits.max_ahead.as_secs());
        match self {
            Self { too_old: 0, in_the_future: 0 } => None,
            Self { too_old, in_the_future: 0 } => {
                Some(format!("{too_old} spans start more than {old} s ago, before anything that is kept"))
            }
            Self { too_old: 0, in_the_future } => Some(format!(
                "{in_the_future} spans start or end more than {ahead} s in the future; set the sender's clock"
            )),
            Self { too_old, in_the_future } => Some(format!(
                "{too_old} spans start more than {old} s ago and {in_the_future} start or end more than {ahead} s in the \
                 future"
            )),
        }
    }
}

/// Leaves spans out whose times are not believed.
pub(super) fn check(batch: Batch, limits: &ClockLimits) -> Result<(Batch, Unbelievable), DecodeError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let earliest = nanoseconds(now.saturating_sub(limits.max_age));
    let latest = nanoseconds(now.saturating_add(limits.max_ahead));
    let mut late = Unbelievable::default();
    let (before, after) = batch.outside(earliest, latest);
    if before + after == 0 {
        return Ok((batch, late));
    }
    (late.too_old, late.in_the_future) = (before, after);
    Ok((batch.within(earliest, latest)?, late))
}
