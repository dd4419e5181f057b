//! Conditions on summaries, and the cap.

use std::time::Duration;

use super::*;

fn filter(query: &str) -> TailFilter {
    read(&format!("/api/v1/tail?{query}").parse().unwrap()).unwrap().0
}

#[test]
fn every_condition_must_hold() {
    let summary = Summary {
        trace_id: String::new(),
        start_unix_ns: 0,
        duration_ns: 5_000_000,
        root: None,
        services: vec!["cart".to_owned()],
        spans: 1,
        hops: 1,
        errors: 1,
        depth: 3,
        link: Some("sole".to_owned()),
        confidence: 0.999,
        complete: false,
        truncated: false,
        gaps: 1,
        percent_complete: Some(50.0),
        matched: None,
    };
    for (query, expected) in [
        ("", true),
        ("service=cart", true),
        ("service=car", false),
        ("errors=true", true),
        ("complete=true", false),
        ("complete=false", true),
        ("min_duration_ms=5", true),
        ("min_duration_ms=5.1", false),
        ("min_depth=3", true),
        ("min_depth=4", false),
        ("link=sole", true),
        ("link=none", false),
        ("service=cart&errors=true&min_depth=4", false),
    ] {
        assert_eq!(filter(query).matches(&summary), expected, "{query}");
    }
}

#[test]
fn the_cap_lets_so_many_through_a_second() {
    let (began, mut cap) = (Instant::now(), RateCap::new(2));
    let passed: Vec<bool> = [0, 10, 20, 999, 1000, 1001, 1002, 5000]
        .into_iter()
        .map(|milliseconds| cap.admits(began + Duration::from_millis(milliseconds)))
        .collect();
    assert_eq!(passed, [true, true, false, false, true, true, false, true]);
    assert_eq!((cap.take_skipped(), cap.take_skipped()), (3, 0));
}

#[test]
fn wrong_parameters_are_refused() {
    for (query, words) in [
        ("servise=a", "did you mean `service`"),
        ("max_per_second=0", "from 1 to 10000"),
        ("errors=1", "`true` or `false`"),
    ] {
        let problem = read(&format!("/api/v1/tail?{query}").parse().unwrap()).unwrap_err();
        assert!(problem.detail.contains(words), "{query}: {}", problem.detail);
    }
}
