//! Samples of all rounds, and medians of what two variants differed by within a round.

use std::collections::BTreeMap;

use crate::load::Burst;
use crate::variant::{Path, Variant};

/// All bursts, by variant and path, in the order of the rounds.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    bursts: BTreeMap<(Variant, Path), Vec<Burst>>,
}

impl Samples {
    pub(crate) fn add(&mut self, variant: Variant, path: Path, burst: Burst) {
        self.bursts.entry((variant, path)).or_default().push(burst);
    }

    /// The median of one figure.
    pub(crate) fn median(&self, variant: Variant, path: Path, figure: impl Fn(&Burst) -> f64) -> f64 {
        median(self.all(variant, path).iter().map(figure).collect())
    }

    /// What a request took more than without tracing, in microseconds of processor time: the median over the rounds
    /// of the difference within a round.
    pub(crate) fn extra_cpu_us(&self, variant: Variant, path: Path) -> f64 {
        let plain = self.all(Variant::Plain, path);
        let traced = self.all(variant, path);
        median(traced.iter().zip(plain).map(|(traced, plain)| traced.cpu_us - plain.cpu_us).collect())
    }

    fn all(&self, variant: Variant, path: Path) -> &[Burst] {
        self.bursts.get(&(variant, path)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The middle of some numbers, zero for none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match (numbers.len() % 2, numbers.get(middle)) {
        (_, None) => 0.0,
        (1, Some(number)) => *number,
        (_, Some(upper)) => (numbers[middle - 1] + upper) / 2.0,
    }
}

#[cfg(test)]
mod tests;
