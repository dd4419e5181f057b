//! Rules: what is watched, how strictly, and who is told. Read from YAML, over built-in ones that are on by default.

mod file;
mod receiver;

use super::error_rate::{Settings, Severity};
use super::latency;
use super::shape::{Measure, ShapeLimit};
use super::subject::Subject;

pub use file::parse;
pub use receiver::{Receiver, ReceiverKind, Template};

/// Everything that was asked for, the built-in rules last: for each subject and kind the first rule that fits holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// In the order of precedence.
    pub rules: Vec<Rule>,
    /// Who is told.
    pub receivers: Vec<Receiver>,
    /// Where people reach the page, for links; without a slash at the end.
    pub external_url: String,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, unique; the `alertname` of its alerts.
    pub name: String,
    /// What it watches.
    pub kind: Kind,
    /// Off rules still keep later ones of their kind from their services.
    pub is_enabled: bool,
    /// Services it is for; empty means all.
    pub services: Vec<String>,
    /// Severity of its alerts, where it is not left to the kind.
    pub severity: Option<Severity>,
    /// How long it has to hold before it fires.
    pub for_s: u64,
    /// How long it goes on firing after it last held.
    pub keep_firing_for_s: u64,
}

/// What a rule watches, with its thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Errors against the learned baseline.
    ErrorRate(Settings),
    /// Durations against the learned baseline.
    Latency(Settings),
    /// Sizes of traces.
    Shape(Measure, ShapeLimit),
    /// An edge that fell silent although at least so many calls were to be expected.
    SilentEdge {
        /// Calls that have to be missing.
        min_missing_calls: f64,
    },
    /// An edge that was never seen before.
    NewEdge,
    /// Burn of an error budget, by several windows.
    BurnRate {
        /// The share of requests that has to succeed.
        objective: f64,
    },
}

impl Kind {
    /// The word for it in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ErrorRate(_) => "error_rate",
            Self::Latency(_) => "latency",
            Self::Shape(Measure::Depth, _) => "trace_depth",
            Self::Shape(Measure::Spans, _) => "span_count",
            Self::Shape(Measure::FanOut, _) => "fan_out",
            Self::Shape(Measure::Loop, _) => "loop",
            Self::SilentEdge { .. } => "silent_edge",
            Self::NewEdge => "new_edge",
            Self::BurnRate { .. } => "burn_rate",
        }
    }

    /// The kind of that name with its default thresholds.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        let shape = |measure, limit| Self::Shape(measure, ShapeLimit { limit, traces: 5 });
        Some(match name {
            "error_rate" => Self::ErrorRate(Settings::default()),
            "latency" => Self::Latency(latency::default_settings()),
            "trace_depth" => shape(Measure::Depth, 32),
            "span_count" => shape(Measure::Spans, 5_000),
            "fan_out" => shape(Measure::FanOut, 200),
            "loop" => shape(Measure::Loop, 2),
            "silent_edge" => Self::SilentEdge { min_missing_calls: 20.0 },
            "new_edge" => Self::NewEdge,
            "burn_rate" => Self::BurnRate { objective: 0.999 },
            _ => return None,
        })
    }

    /// All words, those of rules that are on by default first.
    pub(super) const NAMES: [&'static str; 9] = [
        "error_rate",
        "latency",
        "trace_depth",
        "span_count",
        "fan_out",
        "loop",
        "silent_edge",
        "new_edge",
        "burn_rate",
    ];
}

impl Default for Rules {
    fn default() -> Self {
        Self { rules: built_in(), receivers: Vec::new(), external_url: String::new() }
    }
}

impl Rules {
    /// The same where a series without a baseline never alarms.
    pub(super) fn without_plain_rule(&self) -> Self {
        let mut calm = self.clone();
        for rule in &mut calm.rules {
            if let Kind::ErrorRate(settings) | Kind::Latency(settings) = &mut rule.kind {
                // No share of requests is twice all of them.
                settings.plain_rate = 2.0;
            }
        }
        calm
    }

    /// The rule of a kind that holds for a subject, if one is on.
    pub(super) fn find(&self, kind: &str, subject: &Subject) -> Option<&Rule> {
        self.find_for_service(kind, subject.service())
    }

    /// The same by the service's name.
    pub(super) fn find_for_service(&self, kind: &str, service: &str) -> Option<&Rule> {
        let fits = |rule: &&Rule| {
            let is_for = rule.services.is_empty() || rule.services.iter().any(|name| name == service);
            rule.kind.name() == kind && is_for
        };
        self.rules.iter().find(fits).filter(|rule| rule.is_enabled)
    }
}

/// A rule of every kind with its default thresholds; a burn rate needs an objective that somebody set, and is off.
fn built_in() -> Vec<Rule> {
    let rule = |name: &&str| {
        let kind = Kind::by_name(name)?;
        Some(Rule {
            name: name.replace('_', "-"),
            kind,
            is_enabled: !matches!(kind, Kind::BurnRate { .. }),
            services: Vec::new(),
            severity: None,
            for_s: 0,
            keep_firing_for_s: default_keep_firing_s(&kind),
        })
    };
    Kind::NAMES.iter().filter_map(rule).collect()
}

/// Detectors of errors and latency wait by themselves for ten quiet minutes.
fn default_keep_firing_s(kind: &Kind) -> u64 {
    match kind {
        Kind::ErrorRate(_) | Kind::Latency(_) | Kind::Shape(..) => 0,
        Kind::SilentEdge { .. } | Kind::BurnRate { .. } => 120,
        Kind::NewEdge => 600,
    }
}

#[cfg(test)]
mod tests;
