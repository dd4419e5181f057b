//! Series of requests and errors with faults whose times are known.
//!
//! Each minute has Poisson requests with a daily wave of 60 %, a quarter less at weekends and 5 % noise. The share of errors
//! starts from a base between 0.03 and 2 %, and gets a daily wave of 50 %, a slow wander of 15 % (autoregressive), a nightly
//! batch of ten minutes that triples it, and beta-binomial over-dispersion. About every second day a fault of 10 to 120
//! minutes begins.

use std::f64::consts::TAU;

use crate::random::Random;

const DAY: usize = 1440;
const WARM_UP_DAYS: usize = 7;
const SCORED_DAYS: usize = 21;
/// All minutes of a series.
pub const MINUTES: usize = (WARM_UP_DAYS + SCORED_DAYS) * DAY;
/// Faults lie in the scored weeks only.
pub const FIRST_SCORED: usize = WARM_UP_DAYS * DAY;
/// Weeks that are scored of each series.
pub const SCORED_WEEKS: f64 = SCORED_DAYS as f64 / 7.0;

const WANDER_SD: f64 = 0.15;
/// Between the fates of two requests of one minute: how over-dispersed errors are.
pub const CORRELATION: f64 = 2e-4;
/// An excess of so many deviations over the whole fault can be detected.
const DETECTABLE_SD: f64 = 8.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Step,
    Ramp,
    /// Two minutes on, two minutes off.
    Intermittent,
    /// Half of all requests fail.
    Outage,
}

#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub shape: Shape,
    /// First minute, and the one after the last.
    pub start: usize,
    pub end: usize,
    /// Share of requests that fail beyond the usual, at its height.
    pub extra: f64,
    /// How many times the usual share that is.
    pub times_base: f64,
    pub is_detectable: bool,
}

impl Fault {
    /// The excess of its mean minute.
    pub fn mean_extra(&self) -> f64 {
        let all: f64 = (self.start..self.end).map(|minute| self.extra_at(minute)).sum();
        all / (self.end - self.start) as f64
    }

    fn extra_at(&self, minute: usize) -> f64 {
        if !(self.start..self.end).contains(&minute) {
            return 0.0;
        }
        let passed = minute - self.start;
        match self.shape {
            Shape::Step | Shape::Outage => self.extra,
            Shape::Ramp => self.extra * (passed + 1) as f64 / (self.end - self.start) as f64,
            Shape::Intermittent if passed % 4 < 2 => self.extra,
            Shape::Intermittent => 0.0,
        }
    }
}

pub struct Series {
    pub name: String,
    /// Requests and errors of each minute.
    pub counts: Vec<(f64, f64)>,
    /// The share of requests that fails in each minute without a fault: what no detector can know.
    pub usual_shares: Vec<f64>,
    pub faults: Vec<Fault>,
}

struct Profile {
    requests_per_minute: f64,
    base: f64,
    traffic_phase: f64,
    error_phase: f64,
    batch_start: usize,
    /// Of one minute to the next, in the wander.
    persistence: f64,
}

/// Simulates one series of so many requests a second.
pub fn simulate(name: String, requests_per_second: f64, persistence: f64, random: &mut Random) -> Series {
    let profile = Profile {
        requests_per_minute: requests_per_second * 60.0,
        base: (random.between(0.0003_f64.ln(), 0.02_f64.ln())).exp(),
        traffic_phase: random.between(0.0, TAU),
        error_phase: random.between(0.0, TAU),
        // At night, as nightly batches are; the phases of the waves are free, so which hour that is says nothing.
        batch_start: random.below(DAY - 10),
        persistence,
    };
    let mut faults = plan(&profile, &mut random.fork());
    let mut wander = WANDER_SD * random.normal();
    let mut counts = Vec::with_capacity(MINUTES);
    let (mut usual, mut usual_shares) = (Vec::with_capacity(MINUTES), Vec::with_capacity(MINUTES));
    for minute in 0..MINUTES {
        let innovation = WANDER_SD * (1.0 - profile.persistence.powi(2)).sqrt();
        wander = profile.persistence * wander + innovation * random.normal();
        let traffic = profile.traffic(minute);
        let share = profile.share(minute) * wander.exp();
        usual.push((traffic, profile.share(minute)));
        usual_shares.push(share);
        let noise = (1.0 + 0.05 * random.normal()).max(0.0);
        let requests = random.poisson(traffic * noise);
        let extra: f64 = faults.iter().map(|fault| fault.extra_at(minute)).sum();
        let mean = (share + extra).min(0.95);
        let concentration = 1.0 / CORRELATION - 1.0;
        let drawn = random.beta(mean * concentration, (1.0 - mean) * concentration);
        counts.push((requests, random.binomial(requests, drawn)));
    }
    for fault in &mut faults {
        fault.is_detectable = is_detectable(fault, &usual);
    }
    Series { name, counts, usual_shares, faults }
}

impl Profile {
    fn traffic(&self, minute: usize) -> f64 {
        let wave = 1.0 + 0.6 * (TAU * minute as f64 / DAY as f64 + self.traffic_phase).sin();
        let is_weekend = (minute / DAY) % 7 >= 5;
        self.requests_per_minute * wave * if is_weekend { 0.75 } else { 1.0 }
    }

    fn share(&self, minute: usize) -> f64 {
        let wave = 1.0 + 0.5 * (TAU * minute as f64 / DAY as f64 + self.error_phase).sin();
        let of_day = minute % DAY;
        let is_batch = (self.batch_start..self.batch_start + 10).contains(&of_day);
        self.base * wave * if is_batch { 3.0 } else { 1.0 }
    }
}

/// Faults about every second day, never nearer to one another than three hours.
fn plan(profile: &Profile, random: &mut Random) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut at = FIRST_SCORED as f64;
    loop {
        at += 180.0 + random.exponential(2.0 * DAY as f64 - 180.0);
        let start = at as usize;
        let length = random.between(10.0, 121.0) as usize;
        if start + length + 120 >= MINUTES {
            return faults;
        }
        let shape = match random.below(4) {
            0 => Shape::Step,
            1 => Shape::Ramp,
            2 => Shape::Intermittent,
            _ => Shape::Outage,
        };
        let times = [3.0, 5.0, 10.0, 20.0][random.below(4)];
        let extra = if shape == Shape::Outage { 0.5 } else { times * profile.base.max(0.001) };
        let times_base = extra / profile.base;
        faults.push(Fault { shape, start, end: start + length, extra, times_base, is_detectable: false });
        at += length as f64;
    }
}

/// The errors expected beyond the usual ones, against how much the usual ones vary by chance; deviations of less than one error
/// count as one, since errors come whole.
fn is_detectable(fault: &Fault, usual: &[(f64, f64)]) -> bool {
    let (mut excess, mut variance) = (0.0, 0.0);
    for (minute, (traffic, share)) in usual.iter().enumerate().take(fault.end).skip(fault.start) {
        excess += traffic * fault.extra_at(minute);
        variance += traffic * share * (1.0 - share) * (1.0 + (traffic - 1.0).max(0.0) * CORRELATION);
    }
    excess >= DETECTABLE_SD * variance.sqrt().max(1.0)
}
