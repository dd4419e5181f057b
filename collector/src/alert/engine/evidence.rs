//! Gathers the traces that tell what an alert's numbers cannot, while it may still change whom people are told of.

use std::cmp::Reverse;

use throughline_model::id::TraceId;

use super::Shared;
use super::feed::Feed;
use crate::alert::book::{Alert, Calls, GROUP_WAIT_S, State};
use crate::alert::inquiry::Inquiry;
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

/// Looks into alerts that have just fired, again each round until people are told. Says whether there was one.
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
    let age = alert.fired_unix_s.map(|fired| now.saturating_sub(fired));
    let is_new = age.is_some_and(|age| age <= GROUP_WAIT_S);
    let is_bare = alert.evidence.critical_path.is_empty();
    alert.state == State::Firing && (is_new || is_bare && age.is_some_and(|age| age <= GIVE_UP_AFTER_S))
}

/// As many of the slowest as were too slow among all: the others would outvote them.
fn keep_slowest(traces: &mut Vec<Lifecycle>, service: &str, share: f64) {
    let time_ns = |trace: &Lifecycle| {
        let own = trace.spans.iter().filter(|placed| placed.span.service_name() == service);
        own.map(|placed| placed.span.duration_ns()).max()
    };
    traces.sort_by_key(|trace| Reverse(time_ns(trace)));
    let kept = (share.clamp(0.0, 1.0) * traces.len() as f64).ceil() as usize;
    traces.truncate(kept.max(1));
}

fn inquire(feed: &Feed, alert: &Alert, visible: u64) -> Inquiry {
    let of = alert.client.as_deref().unwrap_or(&alert.service);
    let exemplars = alert.evidence.exemplars.iter();
    let exemplars: Vec<TraceId> = exemplars.filter_map(|text| TraceId::from_hex(text.as_bytes())).collect();
    let mut since = feed.sample(of, (alert.since_unix_s, visible), SAMPLE, &exemplars);
    if alert.kind == "latency" {
        keep_slowest(&mut since, of, alert.evidence.observed / alert.evidence.requests.max(1.0));
    }
    let end = alert.since_unix_s.saturating_sub(APART_S);
    let begin = end.saturating_sub(NORMAL_S - APART_S);
    let part = (end - begin) / NORMAL_PLACES;
    let places = (0..NORMAL_PLACES).map(|place| (begin + place * part, begin + (place + 1) * part));
    let before = places.flat_map(|place| feed.sample(of, place, SAMPLE / NORMAL_PLACES as usize, &[]));
    Inquiry { before: before.collect(), since }
}
