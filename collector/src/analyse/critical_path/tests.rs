//! Critical paths of small traces by hand, of arbitrary ones by their properties, and of those that CRISP published.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use throughline_model::span::{Span, SpanKind};

use super::critical_path;
use crate::analyse::fixture::{any_spans, assembled, span};
use crate::assemble::Lifecycle;

/// Own time on the path by service, without services that have none.
fn times(lifecycle: &Lifecycle) -> BTreeMap<String, u64> {
    let mut times = BTreeMap::new();
    for (placed, time) in lifecycle.spans.iter().zip(critical_path(lifecycle).self_ns(lifecycle)) {
        *times.entry(placed.span.service_name().to_owned()).or_insert(0) += time;
    }
    times.retain(|_, time| *time > 0);
    times
}

/// Spans as (id, parent, service, start, end), and the time expected of each service.
fn check(spans: &[(u64, u64, &str, u64, u64)], expected: &[(&str, u64)]) {
    let spans = spans.iter().map(|(id, parent, service, start, end)| {
        span(*id, *parent, SpanKind::Internal, service, (*start, *end))
    });
    let lifecycle = assembled(spans.collect());
    let expected: BTreeMap<String, u64> =
        expected.iter().map(|(service, time)| ((*service).to_owned(), *time)).collect();
    assert_eq!(times(&lifecycle), expected);
    assert_partition(&lifecycle);
}

/// The steps follow each other without hole or overlap from the start of the root to its end.
fn assert_partition(lifecycle: &Lifecycle) {
    let path = critical_path(lifecycle);
    let mut until = 0;
    for step in &path.steps {
        assert_eq!(step.from_ns, until);
        assert!(step.until_ns > step.from_ns);
        until = step.until_ns;
    }
    assert_eq!(until, path.duration_ns);
    let root = path.root.and_then(|root| lifecycle.spans.get(root));
    assert_eq!(path.duration_ns, root.map_or(0, |root| root.span.duration_ns()));
    assert_eq!(path.self_ns(lifecycle).iter().sum::<u64>(), path.duration_ns);
}

#[test]
fn gives_all_time_to_a_lonely_root() {
    check(&[(1, 0, "a", 5, 105)], &[("a", 100)]);
}

#[test]
fn takes_children_one_after_the_other_and_gaps_as_own_time() {
    check(
        &[(1, 0, "a", 0, 100), (2, 1, "b", 10, 40), (3, 1, "c", 60, 90)],
        &[("a", 40), ("b", 30), ("c", 30)],
    );
}

#[test]
fn follows_the_parallel_child_that_ended_last() {
    check(&[(1, 0, "a", 0, 100), (2, 1, "b", 10, 50), (3, 1, "c", 10, 90)], &[("a", 20), ("c", 80)]);
}

#[test]
fn goes_back_to_the_child_before_the_last_one() {
    let spans = [(1, 0, "a", 0, 100), (2, 1, "b", 10, 30), (3, 1, "c", 20, 60), (4, 1, "d", 40, 90)];
    check(&spans, &[("a", 30), ("b", 20), ("d", 50)]);
}

#[test]
fn takes_a_small_overlap_as_imprecision() {
    check(
        &[(1, 0, "a", 0, 1000), (2, 1, "b", 100, 505), (3, 1, "c", 500, 900)],
        &[("a", 195), ("b", 405), ("c", 400)],
    );
}

#[test]
fn shifts_what_lies_below_an_imprecise_child_with_it() {
    let spans = [(1, 0, "a", 0, 1000), (2, 1, "b", 100, 505), (3, 2, "d", 495, 505), (4, 1, "c", 500, 900)];
    check(&spans, &[("a", 195), ("b", 395), ("c", 400), ("d", 10)]);
}

#[test]
fn cuts_a_child_that_outlives_its_parent() {
    check(
        &[(1, 0, "a", 0, 100), (2, 1, "b", 60, 400), (3, 2, "c", 70, 300)],
        &[("a", 60), ("b", 10), ("c", 30)],
    );
}

#[test]
fn cuts_a_child_that_began_before_its_parent() {
    check(&[(1, 0, "a", 100, 200), (2, 1, "b", 50, 150)], &[("a", 50), ("b", 50)]);
}

#[test]
fn leaves_out_children_outside_of_their_parent() {
    check(&[(1, 0, "a", 100, 200), (2, 1, "b", 200, 250), (3, 1, "c", 0, 100)], &[("a", 100)]);
}

#[test]
fn leaves_out_children_without_duration_and_with_an_end_before_the_start() {
    check(&[(1, 0, "a", 0, 100), (2, 1, "b", 50, 50), (3, 1, "c", 80, 20)], &[("a", 100)]);
}

#[test]
fn takes_the_longest_span_where_no_root_arrived() {
    check(&[(2, 1, "a", 0, 10), (3, 1, "b", 5, 100), (4, 3, "c", 10, 20)], &[("b", 85), ("c", 10)]);
}

#[test]
fn takes_the_first_of_several_roots() {
    check(&[(1, 0, "a", 0, 10), (2, 0, "b", 5, 100)], &[("a", 10)]);
}

#[test]
fn has_no_steps_without_spans() {
    assert_eq!(critical_path(&Lifecycle::default()), super::CriticalPath::default());
}

#[test]
fn walks_a_chain_of_a_hundred_thousand_spans() {
    let spans = (1..=100_000).map(|id| span(id, id - 1, SpanKind::Internal, "a", (id, 300_000 - id)));
    assert_partition(&assembled(spans.collect()));
}

#[test]
fn survives_extreme_times() {
    assert_partition(&assembled(vec![
        span(1, 0, SpanKind::Server, "a", (0, u64::MAX)),
        span(2, 1, SpanKind::Server, "a", (u64::MAX, 0)),
        span(3, 1, SpanKind::Server, "a", (1, u64::MAX - 1)),
    ]));
}

proptest! {
    #[test]
    fn always_divides_the_root_exactly(spans in any_spans()) {
        assert_partition(&assembled(spans));
    }
}

/// The published cases of CRISP (Apache-2.0), which are no part of this repository.
fn published_cases() -> PathBuf {
    let given = std::env::var_os("THROUGHLINE_SHARED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    root.join("data/critical-path/test_cases")
}

#[test]
fn agrees_with_the_published_cases() {
    // Straight to the stream: what the macros print is only shown when a test fails.
    let mut out = std::io::stderr();
    let folder = published_cases();
    if !folder.is_dir() {
        writeln!(out, "  DID NOT RUN: there are no published cases at {} to agree with", folder.display())
            .unwrap();
        return;
    }
    let mut files: Vec<PathBuf> = (1..=25).map(|number| folder.join(format!("{number}.json"))).collect();
    for pattern in 1..=4 {
        files.extend([1, 2].map(|number| folder.join(format!("err_pattern{pattern}/err{number}.json"))));
    }
    let differing: Vec<String> = files.iter().filter_map(|file| difference_from(file)).collect();
    let agree = files.len() - differing.len();
    writeln!(out, "critical path: agrees with {agree} of {} published cases", files.len()).unwrap();
    assert!(differing.is_empty(), "{differing:#?}");
}

fn difference_from(file: &Path) -> Option<String> {
    let case: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let told = case["testing"].get(0).unwrap_or(&case["testing"]);
    let expected = told.get("opTimeExclusive").unwrap_or(told);
    let expected: BTreeMap<String, u64> = expected
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, time)| {
            (
                name.trim_start_matches('[').split(']').next().unwrap().to_owned(),
                time.as_u64().unwrap() * 1000,
            )
        })
        .filter(|(_, time)| *time > 0)
        .collect();
    let lifecycle = assembled(published_spans(&case["data"][0]));
    assert_partition(&lifecycle);
    let found = times(&lifecycle);
    (found != expected).then(|| format!("{}: {found:?}, expected {expected:?}", file.display()))
}

fn published_spans(trace: &Value) -> Vec<Span> {
    let number = |id: &Value| {
        id.as_str().unwrap().bytes().fold(0u64, |number, letter| number * 256 + u64::from(letter))
    };
    let spans = trace["spans"].as_array().unwrap().iter().map(|told| {
        let service =
            trace["processes"][told["processID"].as_str().unwrap()]["serviceName"].as_str().unwrap();
        let parent = told["references"].get(0).map_or(0, |reference| number(&reference["spanID"]));
        let start = told["startTime"].as_u64().unwrap();
        let end = start + told["duration"].as_u64().unwrap();
        span(number(&told["spanID"]), parent, SpanKind::Internal, service, (start * 1000, end * 1000))
    });
    spans.collect()
}
