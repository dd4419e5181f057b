//! How much more than chance the errors of one series vary, learned for each window length.
//!
//! Counts of a window have the variance `mean + dispersion * mean^2`. What requests of one minute share (a bad pod, a retry
//! storm) weighs more the rarer errors are and the shorter the window is; what wanders slowly does not. A model holds both,
//! and each window length learns by how much that model has to be multiplied.
//!
//! Where errors are rare none of this is seen, and what counts is whether they come alone: [`Company`].

mod company;

use company::Company;

/// Window lengths in minutes.
pub(super) const WINDOWS: [usize; 10] = [1, 2, 3, 5, 10, 20, 40, 60, 90, 120];

/// Wander that every series is taken to have, as a squared coefficient of variation.
const PRIOR_WANDER: f64 = 0.02;
/// How much requests of the same minute share their fate, before anything is known: a correlation within the minute.
const PRIOR_CORRELATION: f64 = 1.5e-4;
/// What the model weighs against what is learned, in windows of many errors.
const PRIOR_WEIGHT: f64 = 10.0;
/// What the multiplier is never below and never above.
const MULTIPLIER: std::ops::RangeInclusive<f64> = 0.3..=100.0;
/// Mean life of what was learned, in minutes.
const LIFE_MINUTES: f32 = 10_080.0;
/// Fewer expected errors than these are none.
const FEWEST_EXPECTED: f64 = 1e-9;

#[derive(Clone, Copy, Debug, Default)]
struct OfWindow {
    /// Errors and expected errors of the window that is filling up, and the model's variance beyond chance.
    errors: f32,
    expected: f32,
    minutes: u8,
    /// Weighted sum of observed multipliers, and the sum of weights.
    sum: f32,
    weight: f32,
}

/// The learned dispersion of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Dispersion {
    windows: [OfWindow; WINDOWS.len()],
    company: Company,
}

impl Dispersion {
    /// Learns one normal minute, in which the baseline expected the share `rate` to fail.
    pub(super) fn learn(&mut self, errors: f32, expected: f32, rate: f64) {
        self.company.learn(errors, expected, self.of_rate(1, rate));
        for (window, minutes) in self.windows.iter_mut().zip(WINDOWS) {
            window.errors += errors;
            window.expected += expected;
            window.minutes += 1;
            if usize::from(window.minutes) >= minutes {
                window.close(minutes, rate);
            }
        }
    }

    /// The next minute does not follow the last: windows begin anew.
    pub(super) fn interrupt(&mut self) {
        for window in &mut self.windows {
            (window.errors, window.expected, window.minutes) = (0.0, 0.0, 0);
        }
    }

    /// The dispersion of windows of so many minutes, where so many errors are expected of so many requests.
    pub(super) fn of(&self, minutes: usize, expected: f64, requests: f64) -> f64 {
        // As many companions for each error are a variance of so many times the mean.
        let together = self.company.per_error() / expected.max(FEWEST_EXPECTED);
        self.of_rate(minutes, expected / requests.max(f64::MIN_POSITIVE)) + together
    }

    /// How much the share that fails varies. Between two lengths that are learned, the shorter one tells how far the model is off.
    fn of_rate(&self, minutes: usize, rate: f64) -> f64 {
        let learned = self.windows.iter().zip(WINDOWS).take_while(|(_, length)| *length <= minutes).last();
        let multiplier = learned.map_or(1.0, |(window, _)| window.multiplier());
        multiplier * modelled(minutes, rate)
    }
}

fn modelled(minutes: usize, rate: f64) -> f64 {
    PRIOR_WANDER + PRIOR_CORRELATION / rate.max(1e-6) / minutes as f64
}

impl OfWindow {
    fn multiplier(self) -> f64 {
        let learned = (f64::from(self.sum) + PRIOR_WEIGHT) / (f64::from(self.weight) + PRIOR_WEIGHT);
        learned.clamp(*MULTIPLIER.start(), *MULTIPLIER.end())
    }

    fn close(&mut self, minutes: usize, rate: f64) {
        let kept = 1.0 - minutes as f32 / LIFE_MINUTES;
        self.sum *= kept;
        self.weight *= kept;
        let model = modelled(minutes, rate);
        let mean = f64::from(self.expected).max(1e-6);
        let variance = mean + self.multiplier() * model * mean * mean;
        // One wild window must not outweigh a week.
        let excess = (f64::from(self.errors) - mean).min(8.0 * variance.sqrt() + 1.0);
        let observed = (excess * excess - mean) / (mean * mean * model);
        // Chance alone gives `observed` the variance (2 / mean^2 + 1 / mean^3) / model^2; even many errors leave some.
        let weight = 1.0 / (1.0 + (0.7 / (mean * mean) + 0.35 / (mean * mean * mean)) / (model * model));
        self.sum += (weight * observed) as f32;
        self.weight += weight as f32;
        (self.errors, self.expected, self.minutes) = (0.0, 0.0, 0);
    }
}

#[cfg(test)]
mod tests;
