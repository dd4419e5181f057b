//! Whether errors come alone or together, as those of one call and of its retries do.
//!
//! Errors that come in groups make a count whose variance is a multiple of its mean, however small the mean is: a Poisson number
//! of groups with sizes of the logarithmic distribution is negative binomial with a dispersion of companions / mean (Quenouille
//! 1949). Pairs of errors within one minute tell of it, where chance makes few.

use super::LIFE_MINUTES;

/// Where more are expected of a minute, pairs tell of a share that varies, which is learned from windows.
const FEW_ERRORS: f32 = 2.0;
/// Errors without company that every series is taken to have had.
const PRIOR_LONELY_ERRORS: f64 = 20.0;
/// So many deviations more pairs than chance makes are needed: the few that it makes must not hide a fault.
const PAIRS_SD: f64 = 2.0;
/// More errors of one minute tell no more about how they usually come.
const MOST_TOGETHER: f32 = 6.0;

/// Errors of normal minutes, the pairs among those of one minute, and as many pairs as chance makes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Company {
    errors: f32,
    pairs: f32,
    by_chance: f32,
}

impl Company {
    /// Learns one normal minute.
    pub(super) fn learn(&mut self, errors: f32, expected: f32, dispersion: f64) {
        let kept = 1.0 - 1.0 / LIFE_MINUTES;
        for sum in [&mut self.errors, &mut self.pairs, &mut self.by_chance] {
            *sum *= kept;
        }
        if expected >= FEW_ERRORS {
            return;
        }
        let errors = errors.min(MOST_TOGETHER);
        let pairs = 0.5 * (errors * (errors - 1.0)).max(0.0);
        let by_chance = 0.5 * expected * expected * (1.0 + dispersion as f32);
        self.errors += errors;
        self.pairs += pairs;
        self.by_chance += by_chance;
    }

    /// How many others come with an error, beyond chance and its doubt.
    pub(super) fn per_error(self) -> f64 {
        let by_chance = f64::from(self.by_chance);
        let pairs = f64::from(self.pairs) - by_chance - PAIRS_SD * (by_chance + 1.0).sqrt();
        2.0 * pairs.max(0.0) / (f64::from(self.errors) + PRIOR_LONELY_ERRORS)
    }
}
