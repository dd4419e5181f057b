//! Gathers the traces that tell what an alert's numbers cannot, while it may still change whom people are told of.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use throughline_model::id::TraceId;

use super::feed::Feed;
use super::{Shared, VISIBLE_AFTER_S};
use crate::alert::book::{Alert, Calls, GROUP_WAIT_S, State};
use crate::alert::inquiry::{Inquiry, entry_of, spans_about};
use crate::alert::subject::Subject;
use crate::assemble::Lifecycle;

/// Alerts that are looked into in one round; traces are read for each.
const MAX_AT_ONCE: usize = 8;
/// After so long no traces will come any more.
const GIVE_UP_AFTER_S: u64 = 300;
/// Traces of each sample.
const SAMPLE: usize = 100;
/// How far back before its beginning what is normal is taken from, and in how many places.
const NORMAL_S: u64 = 960;
const NORMAL_PLACES: u64 = 4;
/// Minutes begin before what is wrong in them does.
const APART_S: u64 = 60;
/// An alert rises by what happened in the newest minute, which is looked at that much later.
const RISING_S: u64 = 60 + VISIBLE_AFTER_S;

/// Looks into alerts that have just fired or risen, again each round until people are told. Says whether there was one.
pub(super) fn complete(shared: &Shared, feed: &Feed, calls: &Calls, (now, visible): (u64, u64)) -> bool {
    let mut waiting: Vec<Alert> =
        shared.book().alerts().into_iter().filter(|alert| is_open(alert, now)).cloned().collect();
    waiting.sort_by_key(|alert| !alert.evidence.critical_path.is_empty());
    let mut is_any = false;
    for alert in waiting.into_iter().take(MAX_AT_ONCE) {
        let inquiry = inquire(feed, &alert, visible);
        if !inquiry.since.is_empty() {
            // What is upstream of a silent edge may be why nobody calls any more.
            let from = alert.client.as_deref().filter(|_| alert.kind == "silent_edge");
            let service = from.unwrap_or(&alert.service);
            shared.book().complete(&alert.id, |evidence| inquiry.fill(evidence, &alert.kind, service, calls));
            is_any = true;
        }
    }
    is_any
}

fn is_open(alert: &Alert, now: u64) -> bool {
    let age = alert.risen_unix_s.or(alert.fired_unix_s).map(|begun| now.saturating_sub(begun));
    let is_new = age.is_some_and(|age| age <= GROUP_WAIT_S);
    let is_bare = alert.evidence.critical_path.is_empty();
    alert.state == State::Firing && (is_new || is_bare && age.is_some_and(|age| age <= GIVE_UP_AFTER_S))
}

/// As many of the slowest as were too slow among all: the others would outvote them.
fn keep_slowest(traces: &mut Vec<Lifecycle>, subject: &Subject, share: f64) {
    let time_ns =
        |trace: &Lifecycle| spans_about(trace, subject).map(|placed| placed.span.duration_ns()).max();
    traces.sort_by_key(|trace| Reverse(time_ns(trace)));
    let kept = (share.clamp(0.0, 1.0) * traces.len() as f64).ceil() as usize;
    traces.truncate(kept.max(1));
}

/// Only traces with an entry that one of the others has; all, where there are no others to compare with.
fn keep_entries_of(traces: &mut Vec<Lifecycle>, others: &[Lifecycle]) {
    let entries: BTreeSet<(&str, &str)> = others.iter().filter_map(entry_of).collect();
    traces
        .retain(|trace| entries.is_empty() || entry_of(trace).is_some_and(|entry| entries.contains(&entry)));
}

/// What the traces of an alert are to have in common.
fn subject_of(alert: &Alert) -> Subject {
    let name = |text: &str| Arc::<str>::from(text);
    let service = name(&alert.service);
    match (alert.client.as_deref(), alert.route.as_deref()) {
        (Some(client), Some(route)) => Subject::Route(name(client), service, name(route)),
        (Some(client), None) => Subject::Edge(name(client), service),
        // A loop is about who closes it, which is no entry.
        (None, Some(entry)) if alert.kind != "loop" => Subject::Entry(service, name(entry)),
        (None, _) => Subject::Service(service),
    }
}

/// Since when traces show what the alert is about: those of the begin tell nothing of a rise.
fn shown_since(alert: &Alert) -> u64 {
    let rising = alert.risen_unix_s.map_or(0, |risen| risen.saturating_sub(RISING_S));
    rising.max(alert.since_unix_s)
}

fn inquire(feed: &Feed, alert: &Alert, visible: u64) -> Inquiry {
    let subject = subject_of(alert);
    let asking = Subject::Service(Arc::from(alert.client.as_deref().unwrap_or(&alert.service)));
    let exemplars = alert.evidence.exemplars.iter();
    let exemplars: Vec<TraceId> = exemplars.filter_map(|text| TraceId::from_hex(text.as_bytes())).collect();
    let mut before = sample_before(feed, &subject, alert.since_unix_s);
    let is_silent = alert.kind == "silent_edge";
    let sampled = if is_silent { &asking } else { &subject };
    let mut since = feed.sample(sampled, (shown_since(alert), visible), SAMPLE, &exemplars);
    // Nobody takes a silent edge any more, and nobody took a new one before: what compares are requests of the same entries.
    if is_silent {
        keep_entries_of(&mut since, &before);
    } else if before.is_empty() && !since.is_empty() && asking != subject {
        before = sample_before(feed, &asking, alert.since_unix_s);
        keep_entries_of(&mut before, &since);
    }
    if alert.kind == "latency" {
        keep_slowest(&mut since, &subject, alert.evidence.observed / alert.evidence.requests.max(1.0));
    }
    Inquiry { before, since }
}

fn sample_before(feed: &Feed, subject: &Subject, since_unix_s: u64) -> Vec<Lifecycle> {
    let end = since_unix_s.saturating_sub(APART_S);
    let begin = end.saturating_sub(NORMAL_S - APART_S);
    let part = (end - begin) / NORMAL_PLACES;
    let places = (0..NORMAL_PLACES).map(|place| (begin + place * part, begin + (place + 1) * part));
    places.flat_map(|place| feed.sample(subject, place, SAMPLE / NORMAL_PLACES as usize, &[])).collect()
}

#[cfg(test)]
mod tests;
