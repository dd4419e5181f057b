//! Episodes against the faults that were injected.

use crate::simulator::{FIRST_SCORED, Fault, SCORED_WEEKS, Series, Shape};

/// Alarms no further apart are one episode.
const JOINED_MINUTES: usize = 15;
/// So long after a fault an alarm still counts as its own.
pub const GRACE_MINUTES: usize = 70;
/// Steps of so many times the usual share are to be found at once.
const LARGE_STEP: f64 = 10.0;

/// First minute, and the one after the last.
#[derive(Clone, Copy, Debug)]
pub struct Episode {
    pub start: usize,
    pub end: usize,
}

impl Episode {
    fn touches(&self, fault: &Fault) -> bool {
        self.start < fault.end + GRACE_MINUTES && self.end > fault.start
    }
}

/// What a rule achieved at one level of traffic.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub detectable: usize,
    pub detected: usize,
    pub false_alarms: usize,
    pub right_alarms: usize,
    pub series_weeks: f64,
    /// Minutes from the start of a detectable fault to the alarm, sorted.
    pub delays: Vec<usize>,
    /// The same for steps of ten times the usual share and more.
    pub delays_of_large_steps: Vec<usize>,
}

impl Score {
    pub fn of(all: &[Series], episodes: impl Iterator<Item = Vec<Episode>>) -> Self {
        let mut score = Self::default();
        for (series, episodes) in all.iter().zip(episodes) {
            score.add(series, &join_episodes(episodes));
        }
        score.sort();
        score
    }

    /// Quantiles are read from sorted delays.
    pub fn sort(&mut self) {
        self.delays.sort_unstable();
        self.delays_of_large_steps.sort_unstable();
    }

    /// Counts a detectable fault that was found so many minutes after its start.
    pub fn found(&mut self, fault: &Fault, delay: usize) {
        self.detected += 1;
        self.delays.push(delay);
        let is_step = matches!(fault.shape, Shape::Step | Shape::Outage);
        if is_step && fault.times_base >= LARGE_STEP {
            self.delays_of_large_steps.push(delay);
        }
    }

    fn add(&mut self, series: &Series, episodes: &[Episode]) {
        self.series_weeks += SCORED_WEEKS;
        for episode in episodes.iter().filter(|episode| episode.start >= FIRST_SCORED) {
            let is_right = series.faults.iter().any(|fault| episode.touches(fault));
            *(if is_right { &mut self.right_alarms } else { &mut self.false_alarms }) += 1;
        }
        for fault in series.faults.iter().filter(|fault| fault.is_detectable) {
            self.detectable += 1;
            let Some(first) = episodes.iter().find(|episode| episode.touches(fault)) else { continue };
            self.found(fault, first.start.saturating_sub(fault.start));
        }
    }
}

/// The value below which this share of sorted delays lies.
pub fn quantile(sorted: &[usize], share: f64) -> Option<usize> {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}

/// Alarming minutes as episodes.
pub fn join(alarms: Vec<usize>) -> Vec<Episode> {
    join_episodes(alarms.into_iter().map(|minute| Episode { start: minute, end: minute + 1 }).collect())
}

fn join_episodes(episodes: Vec<Episode>) -> Vec<Episode> {
    let mut joined: Vec<Episode> = Vec::new();
    for episode in episodes {
        match joined.last_mut() {
            Some(last) if episode.start <= last.end + JOINED_MINUTES => last.end = last.end.max(episode.end),
            _ => joined.push(episode),
        }
    }
    joined
}

#[cfg(test)]
mod tests;
