//! The comparison passes a right run and finds every kind of fault: a suite that cannot fail proves nothing.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Figures, compare};
use crate::collector::api::{Lifecycle, Span};
use crate::topology::Topology;
use crate::truth::Call;

const SHOP: &str = include_str!("../../topology/shop.yaml");

/// Two requests: each calls the cart, which calls the catalog; the recommendations, which forward nothing, do as well.
fn truth() -> BTreeMap<&'static str, Call> {
    let call = |parent: Option<&str>, from: &str, to: &str| {
        let (parent, from, to) = (parent.map(str::to_owned), from.to_owned(), to.to_owned());
        Call { parent, from, to, path: "/".to_owned() }
    };
    BTreeMap::from([
        ("a", call(None, "gateway", "frontend")),
        ("a/0", call(Some("a"), "frontend", "cart")),
        ("a/0/0", call(Some("a/0"), "cart", "catalog")),
        ("b", call(None, "gateway", "frontend")),
        ("b/0", call(Some("b"), "frontend", "recommendations")),
        ("b/0/0", call(Some("b/0"), "recommendations", "catalog")),
    ])
}

/// The service of a span is the last on its path.
fn span(id: &str, parent: Option<&str>, kind: &str, path: &str, key: &str, link: Option<&str>) -> Span {
    let passed: Vec<&str> = path.split('>').collect();
    serde_json::from_value(json!({
        "span_id": id, "parent_span_id": parent, "service": passed.last(), "kind": kind, "status": "unset",
        "link": link, "trace_depth": passed.len(), "path": path,
        "attributes": {"http.request.header.x-shop-call": [key]},
    }))
    .unwrap()
}

fn lifecycle(trace_id: &str, spans: Vec<Span>) -> Lifecycle {
    let summary = json!({"trace_id": trace_id, "complete": true});
    Lifecycle { summary: serde_json::from_value(summary).unwrap(), spans, gaps: Vec::new() }
}

/// What a faultless filter and collector make of the truth.
fn right_run() -> Vec<Lifecycle> {
    vec![
        lifecycle(
            "trace-a",
            vec![
                span("1", None, "server", "gateway", "a", None),
                span("2", Some("1"), "client", "gateway", "a", Some("propagated")),
                span("3", Some("2"), "server", "gateway>frontend", "a", None),
                span("4", Some("3"), "client", "gateway>frontend", "a/0", Some("propagated")),
                span("5", Some("4"), "server", "gateway>frontend>cart", "a/0", None),
                span("6", Some("5"), "client", "gateway>frontend>cart", "a/0/0", Some("request-id")),
                span("7", Some("6"), "server", "gateway>frontend>cart>catalog", "a/0/0", None),
            ],
        ),
        lifecycle(
            "trace-b",
            vec![
                span("1", None, "server", "gateway", "b", None),
                span("2", Some("1"), "client", "gateway", "b", Some("propagated")),
                span("3", Some("2"), "server", "gateway>frontend", "b", None),
                span("4", Some("3"), "client", "gateway>frontend", "b/0", Some("propagated")),
                span("5", Some("4"), "server", "gateway>frontend>recommendations", "b/0", None),
            ],
        ),
        lifecycle(
            "trace-c",
            vec![
                span("1", None, "client", "recommendations", "b/0/0", Some("none")),
                span("2", Some("1"), "server", "recommendations>catalog", "b/0/0", None),
            ],
        ),
    ]
}

fn outcome(lifecycles: &[Lifecycle]) -> Result<Figures, Vec<String>> {
    let truth = truth();
    let calls = truth.iter().map(|(key, call)| (*key, call)).collect();
    compare(&Topology::parse(SHOP).unwrap(), &calls, lifecycles)
}

/// Spoils the right run and expects the fault to be told.
fn check_found(spoil: impl FnOnce(&mut Vec<Lifecycle>), fault: &str) {
    let mut lifecycles = right_run();
    spoil(&mut lifecycles);
    let faults = outcome(&lifecycles).expect_err("the fault is found");
    assert!(faults.iter().any(|told| told.contains(fault)), "no `{fault}` in {faults:?}");
}

#[test]
fn passes_a_right_run() {
    assert_eq!(outcome(&right_run()), Ok(Figures { calls: 6, spans: 14, traces: 3, unlinked_calls: 1 }));
}

#[test]
fn finds_a_missing_span() {
    check_found(|run| drop(run[0].spans.remove(4)), "a/0: 0 server spans of cart, but 1 is due");
}

#[test]
fn finds_a_missing_gateway_span() {
    check_found(|run| drop(run[1].spans.remove(0)), "b: 0 server spans of gateway, but 1 is due");
}

#[test]
fn finds_a_span_that_came_twice() {
    let twice = |run: &mut Vec<Lifecycle>| {
        run[0].spans.push(span("8", Some("4"), "server", "gateway>frontend>cart", "a/0", None))
    };
    check_found(twice, "a/0: 2 server spans of cart, but 1 is due");
}

#[test]
fn finds_a_wrong_parent() {
    let spoil = |run: &mut Vec<Lifecycle>| run[0].spans[5].parent_span_id = Some("3".to_owned());
    check_found(spoil, "a/0/0: client span of cart: parent Some(\"3\"), but 5 is due");
}

#[test]
fn finds_a_call_attached_without_evidence() {
    let spoil = |run: &mut Vec<Lifecycle>| run[2].spans[0].parent_span_id = Some("5".to_owned());
    check_found(spoil, "b/0/0: client span of recommendations has a parent, but is a root");
}

#[test]
fn finds_a_call_in_the_trace_of_another_request() {
    let spoil = |run: &mut Vec<Lifecycle>| {
        let moved = run[0].spans.split_off(5);
        run[1].spans.extend(moved);
    };
    check_found(spoil, "a/0/0: client span of cart: in another trace than its cause");
    let spoil = |run: &mut Vec<Lifecycle>| {
        let moved = run[2].spans.split_off(0);
        run[0].spans.extend(moved);
    };
    check_found(spoil, "mixes requests");
}

#[test]
fn finds_a_claim_of_stronger_evidence() {
    let spoil = |run: &mut Vec<Lifecycle>| run[0].spans[5].link = Some("propagated".to_owned());
    check_found(spoil, "a/0/0: link Some(\"propagated\"), but `request-id` is due");
}

#[test]
fn finds_a_wrong_depth_and_a_wrong_path() {
    check_found(
        |run| run[0].spans[6].trace_depth = Some(3),
        "a/0/0: server span of catalog: depth Some(3) and path Some(\"gateway>frontend>cart>catalog\"), but 4 and",
    );
    check_found(|run| run[0].spans[0].trace_depth = None, "a: server span of gateway: depth None");
    check_found(|run| run[0].spans[1].path = None, "a: client span of gateway: depth Some(1) and path None");
    let carried_on = |run: &mut Vec<Lifecycle>| {
        run[2].spans[0] =
            span("1", None, "client", "gateway>frontend>recommendations", "b/0/0", Some("none"));
    };
    check_found(carried_on, "but 1 and recommendations are due");
}

#[test]
fn finds_spans_of_nothing() {
    let spoil =
        |run: &mut Vec<Lifecycle>| run[0].spans.push(span("8", None, "client", "cart", "a/9", Some("none")));
    check_found(spoil, "client span of `a/9`, which never happened");
}

#[test]
fn finds_an_incomplete_trace() {
    check_found(|run| run[1].summary.complete = false, "trace trace-b is not complete");
}

#[test]
fn finds_one_request_in_two_traces() {
    let spoil = |run: &mut Vec<Lifecycle>| {
        let moved = run[0].spans.split_off(3);
        run.push(lifecycle("trace-d", moved));
    };
    check_found(spoil, "4 traces, but 3 are due");
}
