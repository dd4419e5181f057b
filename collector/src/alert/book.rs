//! The book of alerts: what is pending, firing and resolved, which alerts share a suspect, who was told, and what is silenced.
//!
//! Pure: each round is given the time and the signals that hold. The book is a value that can be written to disk, so an
//! alert that fires goes on firing after a restart, and a receiver that was not told yet still will be.

mod group;
mod receivers;
mod silence;
mod stored;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error_rate::Severity;
use super::evidence::Evidence;
use super::subject::Subject;

pub use group::{Calls, GROUP_WAIT_S, Message, Status, Telling};
pub use silence::Silence;

/// Resolved alerts that are kept for people to look at.
const MAX_RESOLVED: usize = 1_000;
/// A condition that holds now, as a rule found it.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The rule's name.
    pub rule: String,
    /// The rule's kind.
    pub kind: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// How loudly it has to be told.
    pub severity: Severity,
    /// Since when.
    pub since_unix_s: u64,
    /// How long it has to hold before it fires.
    pub for_s: u64,
    /// How long it goes on firing after it last held.
    pub keep_firing_for_s: u64,
    /// One sentence.
    pub summary: String,
    /// Why it is no noise.
    pub evidence: Evidence,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The condition holds, not yet long enough.
    Pending,
    /// People have to know.
    Firing,
    /// It is over.
    Resolved,
}

/// One alert, from its first signal to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Sixteen hexadecimal digits; the same rule and subject have another id at another time.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// The rule's kind.
    pub kind: String,
    /// `service`, `edge`, `route` or `entry`.
    pub scope: String,
    /// What it is about, in words.
    pub subject: String,
    /// The service that answers.
    pub service: String,
    /// The service that calls, where the subject is a call.
    pub client: Option<String>,
    /// The route or operation, where the subject is one.
    pub route: Option<String>,
    /// The service that most likely causes it; alerts with one suspect are one message.
    pub suspect: String,
    /// The same for all alerts that are told together: the id of the first of them.
    pub group: String,
    /// Where it stands.
    pub state: State,
    /// `info`, `warning` or `critical`; only ever rises.
    pub severity: String,
    /// One sentence.
    pub summary: String,
    /// When the condition began.
    pub since_unix_s: u64,
    /// When it fired.
    pub fired_unix_s: Option<u64>,
    /// When its severity rose while it fired, the last time; its evidence is of that time then.
    #[serde(default)]
    pub risen_unix_s: Option<u64>,
    /// When it was over.
    pub resolved_unix_s: Option<u64>,
    /// Why it is no noise.
    pub evidence: Evidence,
    /// Whether a silence keeps it quiet.
    pub is_silenced: bool,
    #[schemars(skip)]
    keep_firing_for_s: u64,
    #[schemars(skip)]
    last_held_unix_s: u64,
    #[schemars(skip)]
    told: BTreeMap<String, Told>,
    /// Nobody who had not heard of it by then hears of it any more.
    #[serde(default)]
    #[schemars(skip)]
    has_ended_silenced: bool,
}

/// What a receiver knows of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    status: Status,
    at_unix_s: u64,
    /// How loud the alert was then; older books do not say it.
    #[serde(default)]
    severity: String,
}

/// All alerts and silences.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    #[serde(deserialize_with = "stored::read_alerts")]
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
    number: u64,
    /// Since when each receiver is there; older books do not say.
    #[serde(default)]
    receivers: Option<BTreeMap<String, u64>>,
}

impl Book {
    /// Takes the signals that hold now. Returns whether anything changed that has to survive a restart.
    pub fn update(&mut self, now_unix_s: u64, signals: &[Signal], calls: &Calls) -> bool {
        let mut is_changed = false;
        for signal in signals {
            is_changed |= self.take(now_unix_s, signal);
        }
        for alert in &mut self.alerts {
            let timing = signals.iter().find(|signal| alert.is_of(signal));
            is_changed |= alert.pass_time(now_unix_s, timing.map(|signal| signal.for_s));
        }
        // What never fired leaves no trace.
        self.alerts.retain(|alert| alert.state != State::Resolved || alert.fired_unix_s.is_some());
        self.choose_suspects(calls);
        is_changed |= self.apply_silences(now_unix_s);
        self.forget_old();
        is_changed
    }

    /// All alerts: those that fire first, then pending, then resolved ones, each newest first.
    pub fn alerts(&self) -> Vec<&Alert> {
        let mut alerts: Vec<&Alert> = self.alerts.iter().collect();
        let rank = |state| match state {
            State::Firing => 0,
            State::Pending => 1,
            State::Resolved => 2,
        };
        alerts.sort_by_key(|alert| {
            (rank(alert.state), std::cmp::Reverse(alert.since_unix_s), alert.id.clone())
        });
        alerts
    }

    /// One alert.
    pub fn alert(&self, id: &str) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.id == id)
    }

    /// Adds evidence that is gathered after an alert has fired.
    pub fn complete(&mut self, id: &str, completed: impl FnOnce(&mut Evidence)) {
        if let Some(alert) = self.alerts.iter_mut().find(|alert| alert.id == id) {
            completed(&mut alert.evidence);
        }
    }

    fn take(&mut self, now_unix_s: u64, signal: &Signal) -> bool {
        if let Some(alert) = self.alerts.iter_mut().find(|alert| alert.is_of(signal)) {
            let rises = severity_rank(&alert.severity) < severity_rank(signal.severity.as_str());
            if rises {
                signal.severity.as_str().clone_into(&mut alert.severity);
            }
            alert.last_held_unix_s = now_unix_s;
            alert.summary.clone_from(&signal.summary);
            if rises && alert.state == State::Firing {
                // What traces told was of the begin; what they tell of the rise is gathered anew.
                alert.risen_unix_s = Some(now_unix_s);
                alert.evidence.clone_from(&signal.evidence);
            } else {
                alert.evidence.renew(&signal.evidence);
            }
            return rises;
        }
        self.number += 1;
        self.alerts.push(Alert::begin(now_unix_s, signal, self.number));
        true
    }

    fn forget_old(&mut self) {
        let mut resolved: Vec<u64> = self.alerts.iter().filter_map(|alert| alert.resolved_unix_s).collect();
        if resolved.len() <= MAX_RESOLVED {
            return;
        }
        resolved.sort_unstable();
        let oldest_kept = resolved.get(resolved.len() - MAX_RESOLVED).copied().unwrap_or(0);
        self.alerts.retain(|alert| alert.resolved_unix_s.is_none_or(|at| at >= oldest_kept));
    }
}

impl Alert {
    fn begin(now_unix_s: u64, signal: &Signal, number: u64) -> Self {
        let subject = &signal.subject;
        let text = |name: Option<&std::sync::Arc<str>>| name.map(ToString::to_string);
        Self {
            id: format!(
                "{:016x}",
                hash(&format!("{} {subject} {} {number}", signal.rule, signal.since_unix_s))
            ),
            rule: signal.rule.clone(),
            kind: signal.kind.to_owned(),
            scope: subject.scope().to_owned(),
            subject: subject.to_string(),
            service: subject.service().to_string(),
            client: text(subject.client()),
            route: text(subject.route()),
            suspect: subject.service().to_string(),
            group: String::new(),
            state: State::Pending,
            severity: signal.severity.as_str().to_owned(),
            summary: signal.summary.clone(),
            since_unix_s: signal.since_unix_s.min(now_unix_s),
            fired_unix_s: None,
            risen_unix_s: None,
            resolved_unix_s: None,
            evidence: signal.evidence.clone(),
            is_silenced: false,
            keep_firing_for_s: signal.keep_firing_for_s,
            last_held_unix_s: now_unix_s,
            told: BTreeMap::new(),
            has_ended_silenced: false,
        }
    }

    fn is_of(&self, signal: &Signal) -> bool {
        self.state != State::Resolved
            && self.rule == signal.rule
            && self.scope == signal.subject.scope()
            && self.subject == signal.subject.to_string()
    }

    /// `for_s` is `None` where the condition does not hold now.
    fn pass_time(&mut self, now_unix_s: u64, for_s: Option<u64>) -> bool {
        match (self.state, for_s) {
            (State::Pending, Some(for_s)) if now_unix_s.saturating_sub(self.since_unix_s) >= for_s => {
                self.state = State::Firing;
                self.fired_unix_s = Some(now_unix_s);
                true
            }
            (State::Pending, None) => {
                self.state = State::Resolved;
                true
            }
            (State::Firing, None)
                if now_unix_s.saturating_sub(self.last_held_unix_s) >= self.keep_firing_for_s =>
            {
                self.state = State::Resolved;
                self.resolved_unix_s = Some(now_unix_s);
                true
            }
            _ => false,
        }
    }
}

fn severity_rank(name: &str) -> u8 {
    match name {
        "critical" => 2,
        "warning" => 1,
        _ => 0,
    }
}

/// FNV-1a: names, not secrets.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests;
