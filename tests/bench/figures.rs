//! Samples of all rounds, and medians of what two variants differed by within a round.

use std::collections::BTreeMap;

use crate::load::Burst;
use crate::variant::{Path, Variant};

/// All bursts, by variant and path, in the order of the rounds.
#[derive(Debug)]
pub(crate) struct Samples<B> {
    bursts: BTreeMap<(Variant, Path), Vec<B>>,
}

impl<B> Default for Samples<B> {
    fn default() -> Self {
        Self { bursts: BTreeMap::new() }
    }
}

impl<B> Samples<B> {
    pub(crate) fn add(&mut self, variant: Variant, path: Path, burst: B) {
        self.bursts.entry((variant, path)).or_default().push(burst);
    }

    pub(crate) fn count(&self, variant: Variant, path: Path) -> usize {
        self.all(variant, path).len()
    }

    /// The median of one figure.
    pub(crate) fn median(&self, variant: Variant, path: Path, figure: impl Fn(&B) -> f64) -> f64 {
        median(self.all(variant, path).iter().map(figure).collect())
    }

    /// The least and the greatest of one figure.
    pub(crate) fn range(&self, variant: Variant, path: Path, figure: impl Fn(&B) -> f64) -> (f64, f64) {
        let numbers = self.all(variant, path).iter().map(figure);
        numbers
            .fold((f64::INFINITY, 0.0), |(least, greatest), number| (number.min(least), number.max(greatest)))
    }

    fn all(&self, variant: Variant, path: Path) -> &[B] {
        self.bursts.get(&(variant, path)).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Samples<Burst> {
    /// What a request took more than without tracing, in microseconds of processor time: the median over the rounds
    /// of the difference within a round.
    pub(crate) fn extra_cpu_us(&self, variant: Variant, path: Path) -> f64 {
        let plain = self.all(Variant::Plain, path);
        let traced = self.all(variant, path);
        median(traced.iter().zip(plain).map(|(traced, plain)| traced.cpu_us - plain.cpu_us).collect())
    }
}

/// The middle of some numbers; not a number for none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match (numbers.len() % 2, numbers.get(middle)) {
        (_, None) => f64::NAN,
        (1, Some(number)) => *number,
        (_, Some(upper)) => (numbers[middle - 1] + upper) / 2.0,
    }
}

#[cfg(test)]
mod tests;
