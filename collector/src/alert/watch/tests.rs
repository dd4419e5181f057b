//! From counts of a mesh to conditions.

use std::sync::Arc;

use super::*;
use crate::alert::book::{Book, Telling};
use crate::alert::evidence::Evidence;
use crate::alert::sample::Durations;

fn edge() -> Subject {
    Subject::Edge(Arc::from("web"), Arc::from("pay"))
}

fn sample(calls: u64, errors: u64, ms: u64) -> BTreeMap<Subject, Sample> {
    let durations = Durations::from_buckets([(ms * 1_000_000, calls)].into_iter());
    [(edge(), Sample { calls, errors, durations, ..Sample::default() })].into()
}

fn kinds(watch: &mut Watch, rules: &Rules) -> Vec<&'static str> {
    let now = watch.newest.unwrap().0.unsigned_abs() * 60 + 59;
    let mut kinds: Vec<_> = watch.signals(now, now, rules).into_iter().map(|signal| signal.kind).collect();
    kinds.sort_unstable();
    kinds
}

/// Two calm days.
fn calm(rules: &Rules) -> (Watch, i64) {
    let mut watch = Watch::default();
    let first = 29_000_000;
    for minute in 0..2880 {
        watch.observe(Minute(first + minute), &sample(120, u64::from(minute % 3 == 0), 30), rules);
    }
    (watch, first + 2880)
}

#[test]
fn calm_days_raise_nothing() {
    let rules = Rules::default();
    let (mut watch, _) = calm(&rules);
    assert_eq!(kinds(&mut watch, &rules), [""; 0]);
    assert_eq!(watch.baseline(), "learned");
}

#[test]
fn errors_slowness_and_silence_are_found_in_their_first_minute() {
    let rules = Rules::default();
    for (fault, expected) in [
        (sample(60, 24, 30), "error_rate"),
        (sample(60, 0, 230), "latency"),
        (BTreeMap::new(), "silent_edge"),
    ] {
        let (mut watch, next) = calm(&rules);
        watch.observe(Minute(next), &fault, &rules);
        assert_eq!(kinds(&mut watch, &rules), [expected]);
    }
}

#[test]
fn errors_carry_their_evidence() {
    let rules = Rules::default();
    let (mut watch, next) = calm(&rules);
    watch.observe(Minute(next), &sample(60, 24, 30), &rules);
    let signal = watch.signals(0, 0, &rules).remove(0);
    assert_eq!(signal.since_unix_s, next.unsigned_abs() * 60);
    assert_eq!((signal.evidence.observed, signal.evidence.requests), (24.0, 60.0));
    assert_eq!(signal.evidence.chart.len(), 60);
    let last = signal.evidence.chart[59];
    assert!((last.share - 0.4).abs() < 1e-6 && last.high < 0.2, "{last:?}");
    assert!(signal.summary.contains("web -> pay: 40 % of requests fail, usually 0."), "{}", signal.summary);
    assert!(signal.evidence.why.contains("were to be expected"), "{}", signal.evidence.why);
}

#[test]
fn nothing_is_called_usual_before_it_is_learned() {
    let rules = Rules::default();
    let mut watch = Watch::default();
    (0..5).for_each(|minute| watch.observe(Minute(29_000_000 + minute), &sample(120, 0, 30), &rules));
    watch.observe(Minute(29_000_005), &sample(60, 24, 30), &rules);
    let signal = watch.signals(0, 0, &rules).remove(0);
    assert_eq!(
        signal.summary,
        "web -> pay: 40 % of requests fail, where 10 % are allowed until a day is learned"
    );
    assert_eq!(signal.evidence.baseline, "plain rule");
    assert!(signal.evidence.why.contains("where 6.0 would be allowed"), "{}", signal.evidence.why);
}

#[test]
fn an_edge_that_was_never_seen_is_news_and_then_is_not() {
    let rules = Rules::default();
    let (mut watch, next) = calm(&rules);
    let mut both = sample(120, 0, 30);
    both.insert(Subject::Edge(Arc::from("web"), Arc::from("new")), Sample { calls: 1, ..Sample::default() });
    watch.observe(Minute(next), &both, &rules);
    assert_eq!(kinds(&mut watch, &rules), ["new_edge"]);
    (1..12).for_each(|minute| watch.observe(Minute(next + minute), &sample(120, 0, 30), &rules));
    assert_eq!(kinds(&mut watch, &rules), [""; 0]);
}

#[test]
fn a_burn_rate_needs_somebody_to_set_an_objective() {
    let rules = crate::alert::rules::parse("rules:\n- {kind: burn_rate, objective: 0.999}\n").unwrap();
    let (mut watch, next) = calm(&rules);
    (0..6).for_each(|minute| watch.observe(Minute(next + minute), &sample(120, 100, 30), &rules));
    assert_eq!(kinds(&mut watch, &rules), ["burn_rate", "error_rate"]);
}

#[test]
fn fast_forward_takes_minutes_for_a_day_and_says_so() {
    let rules = Rules::default();
    let mut watch = Watch::with_fast_forward(2);
    let first = 29_000_000;
    for minute in 0..4 {
        watch.observe(Minute(first + minute), &sample(120, 1, 30), &rules);
        assert_eq!(watch.fast_forward(&rules), minute == 3);
    }
    assert_eq!(watch.baseline(), "fast-forward");
    watch.observe(Minute(first + 3), &sample(60, 1, 30), &rules);
    assert_eq!(kinds(&mut watch, &rules), [""; 0]);
    watch.observe(Minute(first + 4), &sample(60, 20, 30), &rules);
    let signal = watch.signals(0, 0, &rules).remove(0);
    assert_eq!((signal.kind, signal.evidence.baseline.as_str()), ("error_rate", "fast-forward"));
}

#[test]
fn rules_that_are_off_watch_nothing() {
    let rules = crate::alert::rules::parse("built_in: false\n").unwrap();
    let (mut watch, next) = calm(&rules);
    watch.observe(Minute(next), &sample(60, 60, 900), &rules);
    assert_eq!(kinds(&mut watch, &rules), [""; 0]);
}

/// A slight fault burns the budget of 0.1 % some eight times too fast; then 40 % of all requests fail for three minutes.
#[test]
fn an_outage_that_follows_a_slight_fault_is_told_and_its_evidence_agrees_with_it() {
    let text = "built_in: false\nrules:\n- {kind: burn_rate, objective: 0.999}\n";
    let rules = crate::alert::rules::parse(text).unwrap();
    let (mut watch, mut book, mut told) = (Watch::default(), Book::default(), Vec::new());
    for minute in 0..43 {
        let errors = if minute < 40 { u64::from(minute % 5 != 0) } else { 40 };
        watch.observe(Minute(29_000_000 + minute), &sample(100, errors, 30), &rules);
        for second in [20, 40] {
            let now = (29_000_000 + minute).unsigned_abs() * 60 + second;
            let signals = watch.signals(now, now, &rules);
            book.update(now, &signals, &watch.calls());
            while let Some(message) = book.next_message("hook", Telling::Groups, now) {
                if !book.is_known("hook", &message, now) {
                    told.push((minute, message.severity.clone()));
                }
                book.told("hook", &message, now);
            }
            for alert in book.alerts() {
                let Evidence { why, requests, observed, .. } = &alert.evidence;
                let rate = format!("burns {:.1} times too fast", observed / requests / 0.001);
                assert!(alert.summary.contains(&rate), "{minute}: {} above {why}", alert.summary);
            }
        }
    }
    assert_eq!(told, [(3, "warning".to_owned()), (40, "critical".to_owned())]);
}
