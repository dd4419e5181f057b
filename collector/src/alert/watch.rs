//! Watches every service, edge and route: feeds the detectors minute by minute and says which conditions hold.

mod fast_forward;
mod signal;

use std::collections::{BTreeMap, HashMap};

use super::book::{Calls, Signal};
use super::burn::Burn;
use super::error_rate::{Counts, Detector, Minute};
use super::latency::Latency;
use super::rules::{Kind, Rules};
use super::sample::Sample;
use super::shape::{Shape, Shapes};
use super::subject::Subject;
use super::traffic::Traffic;

pub(super) use fast_forward::FastForward;

/// Series that are watched; more come from names that are made up.
const MAX_SERIES: usize = 20_000;
/// Minutes of history after which an edge that was never seen is news.
const NEWS_AFTER_MINUTES: i64 = 1440;
const NEWS_MINUTES: i64 = 10;

/// Everything that was learned and is going on.
#[derive(Debug, Default)]
pub(super) struct Watch {
    series: HashMap<Subject, Watched>,
    shapes: Shapes,
    fast_forward: FastForward,
    first_minute: Option<Minute>,
    newest: Option<Minute>,
    crowded_out: u64,
}

/// One series.
#[derive(Debug)]
struct Watched {
    errors: Detector,
    latency: Latency,
    traffic: Traffic,
    burn: Option<Box<Burn>>,
    first_seen: Minute,
    newest: Minute,
    /// The newest sample, for its traces.
    newest_sample: Sample,
}

impl Watched {
    fn new(minute: Minute) -> Self {
        Self {
            errors: Detector::default(),
            latency: Latency::default(),
            traffic: Traffic::default(),
            burn: None,
            first_seen: minute,
            newest: minute,
            newest_sample: Sample::default(),
        }
    }

    fn observe(&mut self, subject: &Subject, minute: Minute, sample: &Sample, rules: &Rules) {
        self.newest = self.newest.max(minute);
        if let Some(Kind::ErrorRate(settings)) = rules.find("error_rate", subject).map(|rule| rule.kind) {
            self.errors.observe(minute, sample.counts(), &settings);
        }
        if let Some(Kind::Latency(settings)) = rules.find("latency", subject).map(|rule| rule.kind) {
            self.latency.observe(minute, &sample.durations, &settings);
        }
        if rules.find("burn_rate", subject).is_some() {
            self.burn.get_or_insert_default().observe(minute, sample.counts());
        }
        if matches!(subject, Subject::Edge(..)) {
            self.traffic.observe(minute, sample.calls);
        }
        if sample.calls > 0 {
            self.newest_sample.clone_from(sample);
        }
    }

    /// Whether a minute without calls has to be stated.
    fn is_awaited(&self, minute: Minute) -> bool {
        self.errors.episode().is_some()
            || self.latency.detector().episode().is_some()
            || self.burn.is_some()
            || minute.0 - self.newest.0 <= 180
    }
}

impl Watch {
    /// A watch that takes a few minutes of observation for a whole day: see [`FastForward`].
    pub(super) fn with_fast_forward(minutes: u32) -> Self {
        Self { fast_forward: FastForward::after(minutes), ..Self::default() }
    }

    /// States what happened in a minute. The newest minute may be stated again as it fills up; earlier ones are ignored.
    pub(super) fn observe(&mut self, minute: Minute, samples: &BTreeMap<Subject, Sample>, rules: &Rules) {
        if self.newest.is_some_and(|newest| minute < newest) {
            return;
        }
        self.first_minute.get_or_insert(minute);
        self.newest = Some(minute);
        self.fast_forward.keep(minute, samples);
        for (subject, sample) in samples {
            if !self.series.contains_key(subject) && self.series.len() >= MAX_SERIES {
                self.crowded_out += 1;
                continue;
            }
            let watched = self.series.entry(subject.clone()).or_insert_with(|| Watched::new(minute));
            watched.observe(subject, minute, sample, rules);
        }
        let nothing = Sample::default();
        for (subject, watched) in &mut self.series {
            if !samples.contains_key(subject) && watched.is_awaited(minute) {
                let newest = watched.newest;
                watched.observe(subject, minute, &nothing, rules);
                watched.newest = newest;
            }
        }
    }

    /// Takes a finished trace.
    pub(super) fn observe_shape(&mut self, now_unix_s: u64, shape: Shape) {
        self.shapes.observe(now_unix_s, shape);
    }

    /// Makes a day of the minutes that were observed, once there are enough of them. Says whether that has just happened.
    pub(super) fn fast_forward(&mut self, rules: &Rules) -> bool {
        let Some(newest) = self.newest else { return false };
        let Some(history) = self.fast_forward.take(newest) else { return false };
        self.series.clear();
        self.first_minute = None;
        self.newest = None;
        // What is taken for a normal day raises nothing, however bad it looks.
        let calm = rules.without_plain_rule();
        for (minute, samples) in history.minutes() {
            self.observe(minute, samples, &calm);
        }
        true
    }

    /// What the baselines were learned from.
    pub(super) fn baseline(&self) -> &'static str {
        if self.fast_forward.is_done() { "fast-forward" } else { "learned" }
    }

    /// Minutes since the first one.
    pub(super) fn learned_minutes(&self) -> i64 {
        self.first_minute.zip(self.newest).map_or(0, |(first, newest)| newest.0 - first.0)
    }

    /// Series and traces that were not watched because there were too many names.
    pub(super) fn crowded_out(&self) -> u64 {
        self.crowded_out + self.shapes.crowded_out()
    }

    /// How many series are watched.
    pub(super) fn series(&self) -> usize {
        self.series.len()
    }

    /// Who calls whom.
    pub(super) fn calls(&self) -> Calls {
        let mut calls = Calls::new();
        for subject in self.series.keys() {
            if let Subject::Edge(client, server) = subject {
                calls.entry(client.clone()).or_default().insert(server.clone());
            }
        }
        calls
    }

    /// Every condition that holds now.
    pub(super) fn signals(&mut self, now_unix_s: u64, visible_unix_s: u64, rules: &Rules) -> Vec<Signal> {
        let baseline = self.baseline();
        let mut signals = Vec::new();
        let seconds =
            self.newest.map_or(0, |newest| visible_unix_s.saturating_sub(newest.0.unsigned_abs() * 60));
        let newest = self.newest.unwrap_or(Minute(0));
        let is_settled = self.learned_minutes() >= NEWS_AFTER_MINUTES;
        for (subject, watched) in &self.series {
            signals.extend(signal::errors(subject, watched, rules, baseline));
            signals.extend(signal::slowness(subject, watched, rules, baseline));
            signals.extend(signal::burn(subject, watched, rules));
            if matches!(subject, Subject::Edge(client, server) if !client.is_empty() && !server.is_empty()) {
                signals.extend(signal::silence(subject, watched, rules, seconds.min(60) as f64, now_unix_s));
                let is_new = is_settled && newest.0 - watched.first_seen.0 < NEWS_MINUTES;
                signals.extend(is_new.then(|| signal::news(subject, watched, rules)).flatten());
            }
        }
        let limit_of = |service: &str, measure| {
            rules.rules.iter().find_map(|rule| match rule.kind {
                Kind::Shape(of, limit) if of == measure => {
                    (rules.find_for_service(rule.kind.name(), service)? == rule).then_some(limit)
                }
                _ => None,
            })
        };
        for (entry, excess) in self.shapes.excesses(now_unix_s, limit_of) {
            signals.extend(signal::shape(&entry, &excess, rules, now_unix_s));
        }
        signals
    }
}

/// Requests and errors over nothing.
impl Default for Burn {
    fn default() -> Self {
        Self::new(Counts::default())
    }
}

#[cfg(test)]
mod tests;
