//! The requests in flight in this worker, found again by their places.

use super::Ending;
use crate::links::{Candidate, Stay};

/// Most requests that are known one by one; of further ones only the number is.
const MAX_KNOWN: usize = 1024;

/// Where a request is known; one of those that are only counted has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(Option<usize>);

/// A table with free places.
#[derive(Debug, Default)]
pub(super) struct Requests {
    places: Vec<Option<Candidate>>,
    free: Vec<usize>,
    uncounted: usize,
    abandoned: usize,
}

impl Requests {
    pub(super) fn enter(&mut self, candidate: Candidate) -> Place {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.places.get_mut(index)
        {
            *place = Some(candidate);
            return Place(Some(index));
        }
        if self.places.len() < MAX_KNOWN {
            self.places.push(Some(candidate));
            return Place(Some(self.places.len() - 1));
        }
        self.uncounted += 1;
        Place(None)
    }

    pub(super) fn leave(&mut self, place: Place, ending: Ending, now_unix_ns: u64) {
        let Some(index) = place.0 else {
            self.uncounted = self.uncounted.saturating_sub(1);
            return;
        };
        let Some(place) = self.places.get_mut(index) else { return };
        match (place.as_mut(), ending) {
            (Some(candidate), Ending::Abandoned) => {
                candidate.stay = Stay::Abandoned;
                candidate.since_unix_ns = now_unix_ns;
                self.abandoned += 1;
            }
            (Some(_), Ending::Answered) => {
                *place = None;
                self.free.push(index);
            }
            (None, _) => {}
        }
    }

    /// Gives back the places of abandoned requests that nobody can still be working on.
    pub(super) fn forget_abandoned(&mut self, now_unix_ns: u64) {
        if self.abandoned == 0 {
            return;
        }
        for (index, place) in self.places.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|candidate| candidate.is_over(now_unix_ns)) {
                *place = None;
                self.free.push(index);
                self.abandoned -= 1;
            }
        }
    }

    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.places.iter().flatten()
    }

    /// Requests that are in flight and not known one by one.
    pub(super) fn uncounted(&self) -> usize {
        self.uncounted
    }

    /// Whether there has ever been one.
    pub(super) fn have_begun(&self) -> bool {
        !self.places.is_empty()
    }

    /// How many are in flight.
    pub(super) fn count(&self) -> usize {
        self.places.len().saturating_sub(self.free.len()).saturating_add(self.uncounted)
    }
}
