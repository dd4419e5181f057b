//! How well rankings name the harmed service.

/// The place of the harmed service in each ranking; `None` where it was not ranked above all that score nothing.
#[derive(Default)]
pub(crate) struct Places(Vec<Option<usize>>);

impl Places {
    /// Takes a ranking as services with scores. Services with the same score share the last of their places.
    pub(crate) fn add(&mut self, ranking: &[(String, f64)], harmed: &str) {
        let score = ranking.iter().find(|(service, _)| service == harmed).map(|(_, score)| *score);
        let place = score
            .filter(|score| *score > 0.0)
            .map(|score| ranking.iter().filter(|(_, other)| *other >= score).count());
        self.0.push(place);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Percent of rankings with the harmed service among the first `places`.
    pub(crate) fn accuracy_at(&self, places: usize) -> f64 {
        let right = self.0.iter().filter(|place| place.is_some_and(|place| place <= places)).count();
        100.0 * right as f64 / self.0.len().max(1) as f64
    }

    /// Mean of the accuracies at 1 to 5.
    pub(crate) fn mean_at_five(&self) -> f64 {
        (1..=5).map(|places| self.accuracy_at(places)).sum::<f64>() / 5.0
    }
}

#[cfg(test)]
mod tests;
