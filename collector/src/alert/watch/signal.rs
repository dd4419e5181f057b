//! From what a detector found to what people read.

use std::sync::Arc;

use throughline_model::id::TraceId;

use super::Watched;
use crate::alert::book::Signal;
use crate::alert::error_rate::{Detector, Episode, Finding, Severity};
use crate::alert::evidence::{Evidence, Point, Suspected};
use crate::alert::rules::{Kind, Rule, Rules};
use crate::alert::shape::{Excess, Measure};
use crate::alert::subject::Subject;

const MAX_EXEMPLARS: usize = 5;
const NS_PER_MS: f64 = 1e6;
/// What holds as long as a series has no baseline.
const PLAIN_RULE: &str = "plain rule";

fn signal(
    rule: &Rule,
    subject: Subject,
    severity: Severity,
    since_unix_s: u64,
    text: (String, Evidence),
) -> Signal {
    Signal {
        rule: rule.name.clone(),
        kind: rule.kind.name(),
        subject,
        severity: rule.severity.unwrap_or(severity),
        since_unix_s,
        for_s: rule.for_s,
        keep_firing_for_s: rule.keep_firing_for_s,
        summary: text.0,
        evidence: text.1,
    }
}

fn percent(part: f64, whole: f64) -> String {
    let share = 100.0 * part / whole.max(1.0);
    if share >= 10.0 { format!("{share:.0} %") } else { format!("{share:.2} %") }
}

/// What the share is held against. The plain rule knows of nothing that is usual.
fn beside(worst: &Finding, baseline: &str) -> String {
    let expected = percent(worst.expected, worst.requests);
    match baseline {
        PLAIN_RULE => format!("where {expected} are allowed until a day is learned"),
        _ => format!("usually {expected}"),
    }
}

fn texts(traces: &[TraceId]) -> Vec<String> {
    let mut ids: Vec<String> = traces.iter().map(ToString::to_string).collect();
    ids.dedup();
    ids.truncate(MAX_EXEMPLARS);
    ids
}

pub(super) fn errors(subject: &Subject, watched: &Watched, rules: &Rules, baseline: &str) -> Option<Signal> {
    let episode = watched.errors.episode()?;
    let rule = rules.find("error_rate", subject)?;
    let Kind::ErrorRate(settings) = rule.kind else { return None };
    let baseline = if watched.errors.has_baseline(&settings) { baseline } else { PLAIN_RULE };
    let evidence = evidence(&watched.errors, &episode, baseline, "errors", &watched.newest_sample.failed);
    let worst = episode.worst;
    let summary = format!(
        "{subject}: {} of requests fail, {}",
        percent(worst.errors, worst.requests),
        beside(&worst, baseline)
    );
    Some(signal(rule, subject.clone(), episode.severity, unix_s(episode.onset.0), (summary, evidence)))
}

pub(super) fn slowness(
    subject: &Subject,
    watched: &Watched,
    rules: &Rules,
    baseline: &str,
) -> Option<Signal> {
    let episode = watched.latency.detector().episode()?;
    let rule = rules.find("latency", subject)?;
    let Kind::Latency(settings) = rule.kind else { return None };
    let bound_ms = watched.latency.bound_ns()? as f64 / NS_PER_MS;
    let detector = watched.latency.detector();
    let baseline = if detector.has_baseline(&settings) { baseline } else { PLAIN_RULE };
    let what = format!("calls beyond {bound_ms:.0} ms");
    let evidence = evidence(detector, &episode, baseline, &what, &watched.newest_sample.slow);
    let worst = episode.worst;
    let summary = format!(
        "{subject}: {} of requests take longer than {bound_ms:.0} ms, {}",
        percent(worst.errors, worst.requests),
        beside(&worst, baseline)
    );
    // Slow is not broken: it wakes nobody unless a rule says so.
    Some(signal(rule, subject.clone(), Severity::Warning, unix_s(episode.onset.0), (summary, evidence)))
}

fn unix_s(minute: i64) -> u64 {
    u64::try_from(minute).unwrap_or(0) * 60
}

fn evidence(
    detector: &Detector,
    episode: &Episode,
    baseline: &str,
    what: &str,
    traces: &[TraceId],
) -> Evidence {
    let worst = episode.worst;
    let variance = worst.expected + worst.dispersion * worst.expected * worst.expected;
    let chart = detector.last_hour().into_iter().map(|seen| {
        let requests = seen.requests.max(1.0);
        Point {
            unix_s: unix_s(seen.minute.0),
            requests: seen.requests,
            share: seen.errors / requests,
            expected: seen.expected / requests,
            high: ((seen.expected + 3.0 * seen.deviation) / requests).min(1.0),
        }
    });
    Evidence {
        why: format!(
            "{:.0} {what} among {:.0} requests in {} min, where {:.1} {}, give or take {:.1}: the probability of so \
             many is 10^-{:.0}",
            worst.errors,
            worst.requests,
            worst.window_minutes,
            worst.expected,
            if baseline == PLAIN_RULE { "would be allowed" } else { "were to be expected" },
            variance.sqrt(),
            worst.score
        ),
        window_minutes: worst.window_minutes as u64,
        requests: worst.requests,
        observed: worst.errors,
        expected: worst.expected,
        variance,
        score: worst.score,
        baseline: baseline.to_owned(),
        chart: chart.collect(),
        exemplars: texts(traces),
        ..Evidence::default()
    }
}

pub(super) fn burn(subject: &Subject, watched: &Watched, rules: &Rules) -> Option<Signal> {
    let rule = rules.find("burn_rate", subject)?;
    let Kind::BurnRate { objective } = rule.kind else { return None };
    let burning = watched.burn.as_ref()?.burning(objective)?;
    let summary = format!(
        "{subject}: the error budget of {:.3} % burns {:.1} times too fast",
        (1.0 - objective) * 100.0,
        burning.rate
    );
    let evidence = Evidence {
        why: format!(
            "{:.0} errors among {:.0} requests in {} min; both the long and the short window exceed the burn rate",
            burning.errors, burning.requests, burning.window_minutes
        ),
        window_minutes: burning.window_minutes as u64,
        requests: burning.requests,
        observed: burning.errors,
        expected: burning.requests * (1.0 - objective),
        baseline: "limit".to_owned(),
        exemplars: texts(&watched.newest_sample.failed),
        ..Evidence::default()
    };
    let severity = if burning.rate >= 14.4 { Severity::Critical } else { Severity::Warning };
    Some(signal(rule, subject.clone(), severity, unix_s(watched.newest.0), (summary, evidence)))
}

pub(super) fn silence(
    subject: &Subject,
    watched: &Watched,
    rules: &Rules,
    seconds: f64,
    now_unix_s: u64,
) -> Option<Signal> {
    let rule = rules.find("silent_edge", subject)?;
    let Kind::SilentEdge { min_missing_calls } = rule.kind else { return None };
    let missing = watched.traffic.missing_calls(seconds)?;
    if missing < min_missing_calls {
        return None;
    }
    let summary =
        format!("{subject}: no calls any more, {missing:.0} were to be expected since the last one");
    let evidence = Evidence {
        why: format!("an edge that never rests has had no call where {missing:.0} were to be expected"),
        expected: missing,
        variance: missing,
        score: missing * std::f64::consts::LOG10_E,
        baseline: "learned".to_owned(),
        exemplars: texts(&watched.newest_sample.slow),
        ..Evidence::default()
    };
    let since = unix_s(watched.newest.0 + 1).min(now_unix_s);
    Some(signal(rule, subject.clone(), Severity::Warning, since, (summary, evidence)))
}

pub(super) fn news(subject: &Subject, watched: &Watched, rules: &Rules) -> Option<Signal> {
    let rule = rules.find("new_edge", subject)?;
    let evidence = Evidence {
        why: "no call between these two was seen before".to_owned(),
        requests: watched.newest_sample.calls as f64,
        baseline: "limit".to_owned(),
        exemplars: texts(&watched.newest_sample.slow),
        ..Evidence::default()
    };
    let summary = format!("{subject}: these two have begun to talk");
    Some(signal(rule, subject.clone(), Severity::Info, unix_s(watched.first_seen.0), (summary, evidence)))
}

pub(super) fn shape(
    entry: &(Arc<str>, Arc<str>),
    excess: &Excess,
    rules: &Rules,
    now_unix_s: u64,
) -> Option<Signal> {
    let kind = match excess.measure {
        Measure::Depth => "trace_depth",
        Measure::Spans => "span_count",
        Measure::FanOut => "fan_out",
        Measure::Loop => "loop",
    };
    let rule = rules.find_for_service(kind, &entry.0)?;
    // A loop is about the service that calls itself, everything else about the entry.
    let (service, operation) =
        excess.repeated.clone().filter(|_| excess.measure == Measure::Loop).unwrap_or(entry.clone());
    let subject = Subject::Entry(service, operation);
    let (largest, allowed, count) = (excess.largest, excess.allowed, excess.traces.len());
    let summary = match excess.measure {
        Measure::Depth => format!("{subject}: traces {largest} hops deep, usually up to {allowed}"),
        Measure::Spans => format!("{subject}: traces of {largest} spans, usually up to {allowed}"),
        Measure::FanOut => format!("{subject}: a request makes {largest} calls, usually up to {allowed}"),
        Measure::Loop => format!("{subject}: a request comes back to it, {largest} times on one path"),
    };
    let (first_bad_hop, suspects) = match excess.measure {
        Measure::Loop => closing(&subject),
        _ => (None, Vec::new()),
    };
    let evidence = Evidence {
        first_bad_hop,
        suspects,
        why: format!(
            "at least {count} traces within five minutes are larger than {allowed}; the largest is {largest}"
        ),
        window_minutes: 5,
        observed: largest as f64,
        expected: allowed as f64,
        baseline: "limit".to_owned(),
        exemplars: texts(&excess.traces),
        entry_routes: vec![format!("{} {}", entry.0, entry.1)],
        ..Evidence::default()
    };
    let severity = if excess.measure == Measure::Loop { Severity::Critical } else { Severity::Warning };
    Some(signal(rule, subject, severity, now_unix_s, (summary, evidence)))
}

/// Who sends requests back to where they were is seen in the traces themselves.
fn closing(subject: &Subject) -> (Option<String>, Vec<Suspected>) {
    let (Subject::Entry(service, asked) | Subject::Route(service, _, asked)) = subject else {
        return (None, Vec::new());
    };
    let reason = format!("it closes the circle: {asked} was on the path before");
    let suspect = Suspected { service: service.to_string(), score: 1.0, reason };
    (Some(format!("{service} {asked}")), vec![suspect])
}
