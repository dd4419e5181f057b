//! What can be told from counts at all: a detector that is told the true usual share of every minute and the true excess of each fault,
//! and has to find out nothing but when it begins.
//!
//! It sums the logarithms of likelihood ratios and never falls below zero (Page 1954). For a change of known size at an unknown
//! time no rule with as few false alarms has a smaller worst mean delay (Lorden 1971, Moustakides 1986): for steps and outages it is a
//! bound. Of a ramp and of an intermittent fault it is told the mean excess only.

use crate::scoring::{GRACE_MINUTES, Score};
use crate::simulator::{CORRELATION, Fault, Series};

/// The goal for every rule; the threshold is the lowest that keeps to it.
const FALSE_ALARMS_PER_WEEK: f64 = 0.05;
const MINUTES_OF_WEEK: f64 = 7.0 * 1440.0;
const HIGHEST_THRESHOLD: f64 = 40.0;
const HALVINGS: usize = 30;
/// More than that fails no service in the simulator.
const HIGHEST_SHARE: f64 = 0.95;

/// One fault to find, with what each minute says for it and against it.
struct Search<'a> {
    fault: &'a Fault,
    evidence: Vec<Minute>,
}

#[derive(Clone, Copy, Debug)]
enum Minute {
    /// The usual, or the fault itself.
    Counts(f64),
    /// Another fault of the series, or what it leaves behind: nothing is to be learned from it.
    OfAnother,
}

/// What it achieves on these series, with the lowest threshold that raises few enough false alarms on them.
pub fn score(all: &[Series]) -> Score {
    let searches: Vec<Search<'_>> = all.iter().flat_map(searches_in).collect();
    let threshold = lowest_threshold(&searches);
    let mut score = Score::default();
    for search in &searches {
        score.series_weeks += search.quiet_minutes() / MINUTES_OF_WEEK;
        score.false_alarms += search.false_alarms(threshold);
        score.detectable += 1;
        if let Some(delay) = search.delay(threshold) {
            score.found(search.fault, delay);
        }
    }
    score.sort();
    score
}

fn searches_in(series: &Series) -> impl Iterator<Item = Search<'_>> {
    let is_detectable = |fault: &&Fault| fault.is_detectable;
    series.faults.iter().filter(is_detectable).map(|fault| Search::of(fault, series))
}

fn lowest_threshold(searches: &[Search<'_>]) -> f64 {
    let weeks: f64 = searches.iter().map(Search::quiet_minutes).sum::<f64>() / MINUTES_OF_WEEK;
    let (mut too_low, mut enough) = (0.0, HIGHEST_THRESHOLD);
    for _ in 0..HALVINGS {
        let middle = (too_low + enough) / 2.0;
        let alarms: usize = searches.iter().map(|search| search.false_alarms(middle)).sum();
        if alarms as f64 <= FALSE_ALARMS_PER_WEEK * weeks { enough = middle } else { too_low = middle }
    }
    enough
}

impl<'a> Search<'a> {
    fn of(fault: &'a Fault, series: &Series) -> Self {
        let excess = fault.mean_extra();
        let minutes = series.counts.iter().zip(&series.usual_shares).enumerate();
        let evidence = minutes.map(|(minute, ((requests, errors), usual))| {
            let is_other = |other: &&Fault| other.start != fault.start && touches(other, minute);
            if series.faults.iter().find(is_other).is_some() {
                return Minute::OfAnother;
            }
            let harmed = (usual + excess).min(HIGHEST_SHARE);
            Minute::Counts(likelihood(*requests, *errors, harmed) - likelihood(*requests, *errors, *usual))
        });
        Self { fault, evidence: evidence.collect() }
    }

    /// The sum before each minute's end, begun anew after each alarm.
    fn alarms(&self, threshold: f64) -> impl Iterator<Item = usize> {
        let mut sum = 0.0;
        self.evidence.iter().enumerate().filter_map(move |(minute, evidence)| {
            sum = match evidence {
                Minute::Counts(ratio) => f64::max(sum + ratio, 0.0),
                Minute::OfAnother => 0.0,
            };
            let is_alarm = sum >= threshold;
            if is_alarm {
                sum = 0.0;
            }
            is_alarm.then_some(minute)
        })
    }

    fn false_alarms(&self, threshold: f64) -> usize {
        self.alarms(threshold).filter(|minute| !touches(self.fault, *minute)).count()
    }

    fn delay(&self, threshold: f64) -> Option<usize> {
        let first = self.alarms(threshold).find(|minute| touches(self.fault, *minute))?;
        Some(first - self.fault.start)
    }

    fn quiet_minutes(&self) -> f64 {
        let counts = self.evidence.iter().filter(|one| matches!(one, Minute::Counts(_))).count();
        (counts - (self.fault.end + GRACE_MINUTES - self.fault.start)) as f64
    }
}

fn touches(fault: &Fault, minute: usize) -> bool {
    (fault.start..fault.end + GRACE_MINUTES).contains(&minute)
}

/// The logarithm of how likely so many errors are at this share, over-dispersed as the simulator draws them (beta-binomial), but for
/// what does not depend on the share.
fn likelihood(requests: f64, errors: f64, share: f64) -> f64 {
    let concentration = 1.0 / CORRELATION - 1.0;
    let (failing, passing) = (share * concentration, (1.0 - share) * concentration);
    ln_beta(failing + errors, passing + requests - errors) - ln_beta(failing, passing)
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// Stirling's series, where it is exact to ten digits; below that by the recurrence.
fn ln_gamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 10.0 {
        below += x.ln();
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * square)) / square) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - below
}

#[cfg(test)]
mod tests;
