//! How far one sample lies from another, with an honest error for small samples.

/// A difference and its standard error, both without unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Effect {
    pub(super) size: f64,
    pub(super) error: f64,
}

/// How many values the assumptions below count as, beside those that were seen.
const ASSUMED_VALUES: f64 = 8.0;
/// What is assumed of the spread: half of the median.
const ASSUMED_SPREAD: f64 = 0.5;
/// What is assumed of the variance of squashed distances.
const ASSUMED_VARIANCE: f64 = 1.0;
/// No spread counts as less than this share of the median.
const LEAST_SPREAD: f64 = 0.05;
/// Makes a normal distribution's standard deviation out of its median absolute deviation.
const DEVIATIONS: f64 = 1.4826;
/// What counts of the part of an effect that may be chance: enough that no two effects tie.
const CHANCE_COUNTS: f64 = 0.1;

impl Effect {
    /// What is left of a rise once its standard error is taken off. A fall leaves nothing.
    pub(super) fn rise(self) -> f64 {
        if self.size <= 0.0 {
            return 0.0;
        }
        let sure = (self.size - self.error).max(0.0);
        sure + CHANCE_COUNTS * self.size * self.size / (self.size + self.error)
    }

    /// The same for a fall.
    pub(super) fn fall(self) -> f64 {
        Self { size: -self.size, ..self }.rise()
    }
}

/// How far times moved. Each time counts by the logarithm of its distance from the normal median in units of the normal
/// spread, so that neither one stray value nor a small share of very slow calls decides alone. `floor` is a
/// difference in time that matters to nobody.
pub(super) fn shift(normal: &[f64], abnormal: &[f64], floor: f64) -> Effect {
    if normal.is_empty() || abnormal.is_empty() {
        return Effect { size: 0.0, error: 1.0 };
    }
    let middle = median(normal);
    let deviations: Vec<f64> = normal.iter().map(|value| (value - middle).abs()).collect();
    let seen = DEVIATIONS * median(&deviations);
    let assumed = ASSUMED_SPREAD * middle;
    let count = normal.len() as f64;
    let spread =
        ((count * seen * seen + ASSUMED_VALUES * assumed * assumed) / (count + ASSUMED_VALUES)).sqrt();
    let unit = spread.max(LEAST_SPREAD * middle).max(1.0) + floor;
    let squash = |value: &f64| {
        let distance = (value - middle) / unit;
        distance.abs().ln_1p().copysign(distance)
    };
    let before = Moments::of(normal.iter().map(squash));
    let after = Moments::of(abnormal.iter().map(squash));
    Effect {
        size: after.mean - before.mean,
        error: (before.variance_of_mean() + after.variance_of_mean()).sqrt(),
    }
}

/// How far a mean count fell or rose, in the counts' own unit.
pub(super) fn difference_of_counts(normal: &[f64], abnormal: &[f64]) -> Effect {
    /// The variance of a count that was the same each time.
    const LEAST_VARIANCE: f64 = 0.25;
    if normal.is_empty() || abnormal.is_empty() {
        return Effect { size: 0.0, error: 1.0 };
    }
    let (before, after) = (Moments::of(normal.iter().copied()), Moments::of(abnormal.iter().copied()));
    let error =
        (before.variance + LEAST_VARIANCE) / before.count + (after.variance + LEAST_VARIANCE) / after.count;
    Effect { size: after.mean - before.mean, error: error.sqrt() }
}

/// How far a share moved: `part` of `whole` before and after.
pub(super) fn difference_of_shares(normal: (f64, f64), abnormal: (f64, f64)) -> Effect {
    /// The variance of a share that was 0 or 1 throughout.
    const LEAST_VARIANCE: f64 = 0.01;
    if normal.1 <= 0.0 || abnormal.1 <= 0.0 {
        return Effect { size: 0.0, error: 1.0 };
    }
    let (before, after) = (normal.0 / normal.1, abnormal.0 / abnormal.1);
    let variance = |share: f64, whole: f64| (share * (1.0 - share) + LEAST_VARIANCE) / whole;
    Effect { size: after - before, error: (variance(before, normal.1) + variance(after, abnormal.1)).sqrt() }
}

/// Trust in what was seen `count` times: an effect of very few calls counts in part.
pub(super) fn trust(count: usize) -> f64 {
    let count = count as f64;
    count / (count + 1.0)
}

/// The middle value; 0 for none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = sorted.get(half).copied().unwrap_or(0.0);
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = half.checked_sub(1).and_then(|index| sorted.get(index)).copied().unwrap_or(upper);
    f64::midpoint(lower, upper)
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count().max(1) as f64;
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        Self { count, mean, variance }
    }

    fn variance_of_mean(&self) -> f64 {
        let shrunk =
            (self.variance * self.count + ASSUMED_VARIANCE * ASSUMED_VALUES) / (self.count + ASSUMED_VALUES);
        shrunk / self.count
    }
}
