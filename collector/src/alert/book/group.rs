//! Which alerts belong together, and which message a receiver has to get next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Alert, Book, State, Told, severity_rank};
use crate::alert::inquiry::downstream;

/// Alerts that begin within this time of one another can still change their suspect.
pub const GROUP_WAIT_S: u64 = 8;
/// What comes again within this time may be one that comes and goes.
const FLAPPING_S: u64 = 3_600;
/// Alertmanager takes an alert for resolved when it hears nothing of it for some minutes.
const REPEAT_S: u64 = 60;

/// The kind of rule that finds circles.
const LOOP: &str = "loop";

/// Who calls whom, as far as calls were seen lately.
pub type Calls = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

/// How a receiver wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It sorts single alerts by itself, and has to hear of each again and again.
    SingleAlerts,
    /// One message for each suspect.
    Groups,
}

/// Who is to be told.
struct Listener<'a> {
    receiver: &'a str,
    telling: Telling,
    since_unix_s: u64,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// People have to know.
    Firing,
    /// It is over.
    Resolved,
}

impl Status {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// What a receiver has to be told next.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Firing or resolved.
    pub status: Status,
    /// The service that all its alerts suspect.
    pub suspect: String,
    /// The same for all messages of one group, from its first firing to its end.
    pub group: String,
    /// The loudest severity among the alerts.
    pub severity: String,
    /// What it is about, the loudest first.
    pub alerts: Vec<Alert>,
}

impl Book {
    /// A failing service makes its callers fail. The first of the alert's suspects is it, where traces tell; a circle that the
    /// alert's requests run into outdoes them, since it multiplies all that lies on it. Where they do not, calls are
    /// followed downstream as long as they lead to services that alert as well. Whoever was told of an alert is not told otherwise.
    pub(in super::super) fn choose_suspects(&mut self, calls: &Calls) {
        let active = |alert: &&Alert| alert.state != State::Resolved && is_harm(alert);
        let alerting: BTreeSet<String> =
            self.alerts.iter().filter(active).map(|alert| alert.service.clone()).collect();
        let circling: BTreeSet<String> = self
            .alerts
            .iter()
            .filter(active)
            .filter(|alert| alert.kind == LOOP)
            .map(|alert| alert.service.clone())
            .collect();
        for alert in &mut self.alerts {
            let is_open = alert.state != State::Resolved && alert.told.is_empty();
            if is_open && is_harm(alert) && alert.kind != LOOP {
                alert.suspect = suspect_of(alert, &alerting, &circling, calls);
            }
        }
        self.choose_groups();
    }

    /// The next message for a receiver, if there is one. Nothing is forgotten: what is over before a receiver could be told
    /// that it began is told in both steps, unless it was silenced when it ended, or the receiver was not there yet.
    pub fn next_message(&self, receiver: &str, telling: Telling, now_unix_s: u64) -> Option<Message> {
        let listener = Listener { receiver, telling, since_unix_s: self.since_of(receiver) };
        let first = self.alerts.iter().find(|alert| alert.due(&listener, now_unix_s).is_some())?;
        let status = first.due(&listener, now_unix_s)?;
        // Who hears that a group got louder hears of all of it.
        let belongs = |alert: &&Alert| {
            alert.group == first.group
                && (alert.due(&listener, now_unix_s) == Some(status)
                    || (telling, status) == (Telling::Groups, Status::Firing)
                        && alert.still_fires_for(receiver))
        };
        let mut alerts: Vec<Alert> = self.alerts.iter().filter(belongs).cloned().collect();
        alerts.sort_by_key(|alert| std::cmp::Reverse(severity_rank(&alert.severity)));
        let severity = alerts.first()?.severity.clone();
        Some(Message { status, suspect: first.suspect.clone(), group: first.group.clone(), severity, alerts })
    }

    /// Whether a message would only repeat to people what they know: they were told of the group already, at least as loudly,
    /// and not that it is over; or it is not over as a whole.
    pub fn is_known(&self, receiver: &str, message: &Message, now_unix_s: u64) -> bool {
        let ids: BTreeSet<&str> = message.alerts.iter().map(|alert| alert.id.as_str()).collect();
        let of_group = self.alerts.iter().filter(|alert| alert.group == message.group);
        let told: Vec<(&Alert, &Told)> =
            of_group.filter_map(|alert| Some((alert, alert.told.get(receiver)?))).collect();
        let fires = |told: &Told| told.status == Status::Firing;
        match message.status {
            Status::Firing => {
                // What resolved a while ago counts: people were not told that, and it may come and go. What comes much later is new.
                let counts =
                    |told: &Told| fires(told) || now_unix_s < told.at_unix_s.saturating_add(FLAPPING_S);
                let told_lately = told.iter().filter(|(_, told)| counts(told));
                let loudest = told_lately.map(|(_, told)| severity_rank(&told.severity)).max();
                told.iter().any(|(_, told)| fires(told)) && loudest >= Some(severity_rank(&message.severity))
            }
            Status::Resolved => {
                told.iter().any(|(alert, told)| fires(told) && !ids.contains(alert.id.as_str()))
            }
        }
    }

    /// Writes down that a receiver was told.
    pub fn told(&mut self, receiver: &str, message: &Message, now_unix_s: u64) {
        for told in &message.alerts {
            if let Some(alert) = self.alerts.iter_mut().find(|alert| alert.id == told.id) {
                let severity = told.severity.clone();
                let entry = Told { status: message.status, at_unix_s: now_unix_s, severity };
                alert.told.insert(receiver.to_owned(), entry);
            }
        }
    }

    /// An alert joins the group of its suspect that people know of already; else the first that fired leads a new one.
    fn choose_groups(&mut self) {
        let mut leaders: BTreeMap<String, (bool, Option<u64>, String)> = BTreeMap::new();
        for alert in self.alerts.iter().filter(|alert| alert.state == State::Firing) {
            let is_untold = alert.told.is_empty();
            let group = if is_untold { alert.id.clone() } else { alert.group.clone() };
            let candidate = (is_untold, alert.fired_unix_s, group);
            match leaders.get_mut(&alert.suspect) {
                Some(leader) if *leader <= candidate => {}
                Some(leader) => *leader = candidate,
                None => drop(leaders.insert(alert.suspect.clone(), candidate)),
            }
        }
        for alert in self.alerts.iter_mut().filter(|alert| alert.told.is_empty()) {
            match leaders.get(&alert.suspect).filter(|_| alert.state == State::Firing) {
                Some((_, _, group)) => alert.group.clone_from(group),
                None if alert.group.is_empty() => alert.group.clone_from(&alert.id),
                None => {}
            }
        }
    }
}

/// New edges are news and no harm.
fn is_harm(alert: &Alert) -> bool {
    alert.kind != "new_edge"
}

fn suspect_of(
    alert: &Alert,
    alerting: &BTreeSet<String>,
    circling: &BTreeSet<String>,
    calls: &Calls,
) -> String {
    let closes_circle = || {
        let below = downstream(&alert.service, calls);
        circling.iter().find(|service| below.contains(*service)).cloned()
    };
    let explains = || alert.evidence.suspects.first().map(|suspect| suspect.service.clone());
    // What fails for a reason of its own does so within a circle as well.
    let is_failure = matches!(alert.kind.as_str(), "error_rate" | "burn_rate");
    let by_circle = if is_failure { None } else { closes_circle() };
    by_circle.or_else(explains).unwrap_or_else(|| follow(&alert.service, alerting, calls))
}

fn follow(from: &str, alerting: &BTreeSet<String>, calls: &Calls) -> String {
    let mut visited = BTreeSet::from([from.to_owned()]);
    let mut at = from.to_owned();
    loop {
        let callees = calls.get(at.as_str()).into_iter().flatten();
        let next = callees
            .map(|callee| callee.to_string())
            .find(|callee| alerting.contains(callee) && !visited.contains(callee));
        match next {
            Some(next) => {
                visited.insert(next.clone());
                at = next;
            }
            None => return at,
        }
    }
}

impl Alert {
    /// What this receiver has to be told of this alert now.
    fn due(&self, listener: &Listener<'_>, now_unix_s: u64) -> Option<Status> {
        let fired = self.fired_unix_s?;
        if self.is_silenced || now_unix_s < fired + GROUP_WAIT_S || !self.is_looked_into(now_unix_s) {
            return None;
        }
        let is_news = self.state != State::Pending && !self.is_past_for(listener);
        let Some(told) = self.told.get(listener.receiver) else {
            return is_news.then_some(Status::Firing);
        };
        let has_risen = severity_rank(&self.severity) > severity_rank(&told.severity);
        let is_to_repeat =
            listener.telling == Telling::SingleAlerts && now_unix_s >= told.at_unix_s + REPEAT_S;
        match (self.state, told.status) {
            (State::Firing, _) if has_risen || is_to_repeat => Some(Status::Firing),
            (State::Resolved, Status::Firing) if has_risen && is_news => Some(Status::Firing),
            (State::Resolved, Status::Firing) => Some(Status::Resolved),
            (State::Firing | State::Resolved | State::Pending, _) => None,
        }
    }

    /// Whether traces were read since it rose, or there is no use in waiting for them: mostly they are read in the same round.
    fn is_looked_into(&self, now_unix_s: u64) -> bool {
        let is_bare = self.evidence.critical_path.is_empty();
        !is_bare || self.risen_unix_s.is_none_or(|risen| now_unix_s >= risen + GROUP_WAIT_S)
    }

    /// Whether it was over before this receiver could hear of it: while it was silenced, or before the receiver was there.
    fn is_past_for(&self, listener: &Listener<'_>) -> bool {
        self.has_ended_silenced || self.resolved_unix_s.is_some_and(|at| at <= listener.since_unix_s)
    }

    /// Whether a receiver knows of it, and it goes on.
    fn still_fires_for(&self, receiver: &str) -> bool {
        self.state == State::Firing && !self.is_silenced && self.told.contains_key(receiver)
    }

    /// How loud a receiver believes it to be, where that is not how loud it is.
    pub(in super::super) fn outdated_severity(&self, receiver: &str) -> Option<&str> {
        let told = self.told.get(receiver).filter(|told| told.status == Status::Firing)?;
        (told.severity != self.severity).then_some(told.severity.as_str())
    }
}

impl Message {
    /// A message that says it is a test.
    pub fn example(now_unix_s: u64) -> Self {
        let signal = super::Signal {
            rule: "test-notification".to_owned(),
            kind: "error_rate",
            subject: crate::alert::subject::Subject::Service(Arc::from("no-service")),
            severity: crate::alert::error_rate::Severity::Info,
            since_unix_s: now_unix_s,
            for_s: 0,
            keep_firing_for_s: 0,
            summary: "this is a test of throughline's notifications; nothing is wrong".to_owned(),
            evidence: crate::alert::evidence::Evidence::default(),
        };
        let alert = Alert::begin(now_unix_s, &signal, 0);
        Self {
            status: Status::Firing,
            suspect: alert.suspect.clone(),
            group: alert.id.clone(),
            severity: alert.severity.clone(),
            alerts: vec![alert],
        }
    }
}

#[cfg(test)]
mod tests;
