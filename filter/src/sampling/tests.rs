//! Rules, the bound, and reasons to keep, as tables; and that what is recorded stands for the right number.

use throughline_model::context::{Randomness, Threshold};
use throughline_model::id::TraceId;

use super::*;
use crate::config;

const SECOND_NS: u64 = 1_000_000_000;

type Pairs = &'static [(&'static str, &'static str)];

fn configured(written: &str) -> (SamplingConfig, Vec<String>) {
    let resolved = config::resolve(written.as_bytes());
    (resolved.config.sampling, resolved.faults)
}

fn sampler(written: &str) -> Sampler {
    let (config, faults) = configured(written);
    assert_eq!(faults, Vec::<String>::new(), "{written}");
    Sampler::new(&config, "cart")
}

fn request(headers: &[(&str, &str)]) -> Headers {
    Headers::from_pairs(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

fn one_in(count: u32) -> Option<Threshold> {
    Threshold::from_probability(1.0 / f64::from(count))
}

#[test]
fn the_first_rule_that_fits_gives_the_rate() {
    const RULES: &str = r#"{"sampling": {"rate": 0.1, "rules": [
        {"service": "frontend", "rate": 0},
        {"path_prefix": "/health", "rate": 0},
        {"header": "X-Debug", "header_equals": "1", "rate": 1},
        {"header": "x-tenant", "rate": 0.25},
        {"service": "cart", "method": "POST", "path_prefix": "/orders", "rate": 0.5},
        {"route": "slow", "rate": 0.125}]}}"#;
    let cases: [(Pairs, &str, Option<Threshold>, &str); 12] = [
        (&[], "", one_in(10), "no rule: the rate of all"),
        (&[(":path", "/healthz")], "", None, "a prefix of the path"),
        (&[(":path", "/a/health")], "", one_in(10), "no prefix"),
        (&[(":path", "/health"), ("x-debug", "1")], "", None, "the first rule counts"),
        (&[("x-debug", "1")], "", one_in(1), "a header with its value"),
        (&[("x-debug", "0"), ("x-debug", "1")], "", one_in(1), "or one of its values"),
        (&[("x-debug", "2")], "", one_in(10), "not another value"),
        (&[("x-tenant", "a")], "", one_in(4), "a header that is there"),
        (&[(":method", "POST"), (":path", "/orders/7")], "", one_in(2), "everything in it fits"),
        (&[(":method", "GET"), (":path", "/orders/7")], "", one_in(10), "or the rule does not count"),
        (&[], "slow", one_in(8), "the route"),
        (&[(":path", "/\u{e4}"), ("x-debug", "\u{7f}")], "", one_in(10), "odd bytes fit nothing"),
    ];
    let mut sampler = sampler(RULES);
    assert!(sampler.asks_for_route());
    for (headers, route, expected, reason) in cases {
        assert_eq!(sampler.threshold(&request(headers), route.as_bytes(), 0), expected, "{reason}");
    }
}

#[test]
fn the_route_is_not_asked_for_without_a_rule_on_it() {
    assert!(!sampler(r#"{"sampling": {"rules": [{"method": "GET", "rate": 0}]}}"#).asks_for_route());
    let other = r#"{"sampling": {"rules": [{"service": "frontend", "route": "a", "rate": 0}]}}"#;
    assert!(!sampler(other).asks_for_route());
}

#[test]
fn a_rule_with_a_fault_or_with_nothing_in_it_is_left_out() {
    let cases = [
        (r#"{"path_prefx": "/health", "method": "GET", "rate": 0}"#, 1, "a key that is unknown"),
        (r#"{"path_prefix": 7, "method": "GET", "rate": 0}"#, 1, "a value of the wrong kind"),
        (r#"{"path_prefix": "/health", "rate": 2}"#, 1, "a rate above 1"),
        (r#"{"rate": 0}"#, 0, "nothing to fit"),
    ];
    for (rule, faults, reason) in cases {
        let written = format!(r#"{{"sampling": {{"rules": [{rule}, {{"method": "POST", "rate": 0.5}}]}}}}"#);
        let (config, found) = configured(&written);
        assert_eq!(found.len(), faults, "{reason}: {found:?}");
        assert_eq!(config.rules.len(), 1, "{reason}");
        assert_eq!(config.rules[0].method, "POST", "{reason}");
    }
}

#[test]
fn without_settings_everything_is_recorded_and_errors_and_slowness_are_kept() {
    let (config, _) = configured("");
    let expected = SamplingConfig {
        rate: 1.0,
        rules: Vec::new(),
        max_per_second: None,
        keeps_errors: true,
        keep_slow_ms: Some(1_000),
        stubs: Stubs::Off,
    };
    assert_eq!(config, expected);
}

#[test]
fn what_matters_is_kept_and_for_one_reason() {
    let seen = |is_failure, is_marked, elapsed_ms: u64| Observed {
        is_failure,
        is_marked,
        elapsed_ns: elapsed_ms * 1_000_000,
    };
    let usual = "";
    let off = r#"{"sampling": {"keep_errors": false, "keep_slow_ms": 0}}"#;
    let cases = [
        (usual, seen(false, false, 999), None, "nothing to note"),
        (usual, seen(true, true, 5_000), Some(KeepReason::Error), "an error says most"),
        (usual, seen(false, true, 1_000), Some(KeepReason::Slow), "slow here says more than kept below"),
        (usual, seen(false, true, 1), Some(KeepReason::Descendant), "kept below"),
        (off, seen(true, false, 5_000), None, "neither is to be kept"),
        (off, seen(true, true, 5_000), Some(KeepReason::Descendant), "another proxy has decided"),
    ];
    for (written, observed, expected, reason) in cases {
        assert_eq!(configured(written).0.reason_to_keep(&observed), expected, "{reason}");
    }
}

/// A stream of requests at a steady pace: how many were recorded in the last second, and how many of all the
/// recorded ones say that there were.
fn run(sampler: &mut Sampler, per_second: u64, seconds: u64) -> (u64, f64) {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut recorded, mut estimate) = (0, 0.0);
    for number in 0..per_second * seconds {
        let now_ns = SECOND_NS + number * SECOND_NS / per_second;
        let Some(threshold) = sampler.threshold(&Headers::default(), b"", now_ns) else { continue };
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let low = (seed >> 8).to_be_bytes();
        let id = TraceId::from_bytes(&[[1; 8], low].concat()).unwrap();
        if threshold.keeps(Randomness::from_trace_id(id)) {
            recorded += u64::from(number >= per_second * (seconds - 1));
            estimate += threshold.adjusted_count();
        }
    }
    (recorded, estimate)
}

#[test]
fn the_bound_lowers_the_rate_and_what_is_recorded_still_stands_for_all() {
    // The sequence of random numbers is always the same, so the margins, of five standard deviations, always hold.
    for (per_second, bound) in [(1_000, 100), (10_000, 100), (500, 5)] {
        let written = format!(r#"{{"sampling": {{"max_per_second": {bound}}}}}"#);
        let (recorded, estimate) = run(&mut sampler(&written), per_second, 20);
        let margin = 5.0 * (bound as f64).sqrt();
        assert!(
            (recorded as f64 - bound as f64).abs() < margin,
            "{recorded} of {per_second} recorded, not {bound}"
        );
        let all = (per_second * 20) as f64;
        let margin = 5.0 * all / ((bound * 20) as f64).sqrt();
        assert!((estimate - all).abs() < margin, "{estimate} estimated of {all}");
    }
}

#[test]
fn below_the_bound_the_rate_is_the_one_asked_for() {
    let mut sampler = sampler(r#"{"sampling": {"rate": 0.5, "max_per_second": 100}}"#);
    for number in 0..2_000_u64 {
        let now_ns = number * SECOND_NS / 150;
        assert_eq!(sampler.threshold(&Headers::default(), b"", now_ns), one_in(2));
    }
}

#[test]
fn a_burst_costs_a_bucket_and_never_leaves_anybody_without_a_chance() {
    for bound in [1, 10, 1_000] {
        let mut sampler = sampler(&format!(r#"{{"sampling": {{"max_per_second": {bound}}}}}"#));
        let thresholds: Vec<_> =
            (0..100_000).map(|_| sampler.threshold(&Headers::default(), b"", SECOND_NS)).collect();
        let expected: f64 =
            thresholds.iter().flatten().map(|threshold| 1.0 / threshold.adjusted_count()).sum();
        // Thresholds are rounded, and the least chance of 100,000 requests adds up.
        assert!(
            expected <= 1.001 * f64::from(2 * (bound + 1)) + 0.1,
            "{expected} of a burst are recorded with bound {bound}"
        );
        assert_eq!(thresholds[0], one_in(1), "the bucket is full at first");
        assert!(thresholds.iter().all(Option::is_some), "everybody has a chance");
    }
}

#[test]
fn a_clock_that_goes_back_harms_nobody() {
    let mut sampler = sampler(r#"{"sampling": {"max_per_second": 1}}"#);
    for now_ns in [5 * SECOND_NS, 0, u64::MAX, 1] {
        assert!(sampler.threshold(&Headers::default(), b"", now_ns).is_some());
    }
}
