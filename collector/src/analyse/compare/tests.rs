//! What is called a change, and what is not.

use std::sync::Arc;

use super::{Comparison, Limits, Measure, compare};
use crate::analyse::call::{Call, Outcome, Stretch, Window};

/// A callee, how long it takes in trace `n` and whether it fails there.
type Callee<'a> = (&'a str, fn(u64) -> u64, fn(u64) -> bool);

/// Traces in which front calls others.
fn window(traces: u64, callees: &[Callee]) -> Window {
    let call = |parent, service: &str, took, failed| Call {
        parent,
        caller: None,
        service: Arc::from(service),
        operation: Arc::from("GET"),
        server: Stretch { from_ns: 0, until_ns: took },
        client: None,
        outcome: if failed { Outcome::ErrorBegan } else { Outcome::Well },
    };
    let trace = |number| {
        let below =
            callees.iter().map(|(name, took, failed)| call(Some(0), name, took(number), failed(number)));
        std::iter::once(call(None, "front", 5_000 + number % 7, false)).chain(below).collect()
    };
    Window { traces: (0..traces).map(trace).collect() }
}

#[test]
fn a_call_whose_own_trace_lacks_the_request_is_of_the_same_edge() {
    let whole = window(50, &[("cart", usual, never)]);
    let mut torn = whole.clone();
    for trace in &mut torn.traces {
        trace.remove(0);
        trace.iter_mut().for_each(|call| (call.parent, call.caller) = (None, Some(Arc::from("front"))));
    }
    assert_eq!(compare(&whole, &torn, &Limits::default()).new_edges, []);
}

fn usual(number: u64) -> u64 {
    1_000 + number * 37 % 100
}

fn slower(number: u64) -> u64 {
    usual(number) + 300
}

fn barely_slower(number: u64) -> u64 {
    usual(number) + 60
}

fn never(_: u64) -> bool {
    false
}

fn often(number: u64) -> bool {
    number.is_multiple_of(4)
}

fn compared(first: &Window, second: &Window) -> Comparison {
    compare(first, second, &Limits::default())
}

#[test]
fn finds_no_change_between_the_same() {
    let one = window(50, &[("cart", usual, often)]);
    let comparison = compared(&one, &window(40, &[("cart", usual, often)]));
    assert_eq!(comparison, Comparison { traces: (50, 40), ..Comparison::default() });
}

#[test]
fn finds_calls_that_became_slower() {
    let comparison =
        compared(&window(50, &[("cart", usual, never)]), &window(50, &[("cart", slower, never)]));
    let shift = &comparison.shifts[0];
    assert_eq!((comparison.shifts.len(), &*shift.edge.callee, shift.measure), (1, "cart", Measure::Duration));
    assert!(shift.after > 1.25 * shift.before && shift.p_value < 1e-6 && comparison.has_regression());
}

#[test]
fn calls_no_regression_what_became_faster_or_hardly_slower() {
    let faster = compared(&window(50, &[("cart", slower, never)]), &window(50, &[("cart", usual, never)]));
    assert_eq!((faster.shifts.len(), faster.has_regression()), (1, false));
    let hardly =
        compared(&window(200, &[("cart", usual, never)]), &window(200, &[("cart", barely_slower, never)]));
    assert_eq!((hardly.shifts.len(), hardly.has_regression()), (1, false));
}

#[test]
fn finds_calls_that_fail_more() {
    let comparison = compared(&window(60, &[("cart", usual, never)]), &window(60, &[("cart", usual, often)]));
    let shift = &comparison.shifts[0];
    assert_eq!(
        (comparison.shifts.len(), shift.measure, shift.before, shift.after),
        (1, Measure::Errors, 0.0, 0.25)
    );
    assert!(comparison.has_regression());
}

#[test]
fn takes_few_calls_for_chance() {
    let comparison = compared(&window(3, &[("cart", usual, never)]), &window(3, &[("cart", slower, often)]));
    assert!(!comparison.has_regression());
}

#[test]
fn names_edges_that_came_and_went_unless_by_chance() {
    let both = window(50, &[("cart", usual, never), ("old", usual, never)]);
    let comparison = compared(&both, &window(50, &[("cart", usual, never), ("new", usual, never)]));
    let names = |edges: &[super::Edge]| -> Vec<String> {
        edges.iter().map(|edge| format!("{:?} {}", edge.caller, edge.callee)).collect()
    };
    assert_eq!(names(&comparison.lost_edges), ["Some(\"front\") old"]);
    assert_eq!(names(&comparison.new_edges), ["Some(\"front\") new"]);
    let mut rare = window(50, &[("cart", usual, never)]);
    rare.traces[0].push(both.traces[0][2].clone());
    assert_eq!(compared(&rare, &window(50, &[("cart", usual, never)])).lost_edges, []);
}
