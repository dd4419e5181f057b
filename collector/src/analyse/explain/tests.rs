//! A planted attribute is found first; chance is not.

use throughline_model::span::SpanKind;

use super::explain;
use crate::analyse::fixture::{assembled, span, with};
use crate::assemble::Lifecycle;

/// A trace by number: every trace has an own id, every third goes to zone b, and `device` as given.
fn trace(number: u64, device: &str) -> Lifecycle {
    let root = span(1, 0, SpanKind::Server, "front", (0, 100));
    let below = with(span(2, 1, SpanKind::Client, "front", (10, 90)), "device", device);
    let below = with(below, "id", &number.to_string());
    assembled(vec![root, with(below, "zone", if number.is_multiple_of(3) { "b" } else { "a" })])
}

#[test]
fn finds_the_planted_attribute_first() {
    let selected: Vec<_> =
        (0..30).map(|number| trace(number, if number.is_multiple_of(5) { "web" } else { "phone" })).collect();
    let rest: Vec<_> = (100..200)
        .map(|number| trace(number, if number.is_multiple_of(10) { "phone" } else { "web" }))
        .collect();
    let found = explain(&selected, &rest, 10);
    let first = &found[0];
    assert_eq!((first.key.as_str(), first.value.as_str()), ("device", "phone"));
    assert_eq!((first.selected_share, first.rest_share), (0.8, 0.1));
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn finds_nothing_where_nothing_differs() {
    let selected: Vec<_> = (0..30).map(|number| trace(number, "web")).collect();
    let rest: Vec<_> = (30..90).map(|number| trace(number, "web")).collect();
    assert_eq!(explain(&selected, &rest, 10), []);
    assert_eq!(explain(&[], &rest, 10), []);
    assert_eq!(explain(&selected, &[], 10), []);
}

#[test]
fn counts_a_fact_once_a_trace() {
    let repeated = |number: u64| {
        let spans =
            (1..20).map(|id| with(span(id, id - 1, SpanKind::Server, "a", (0, 9)), "k", &number.to_string()));
        assembled(spans.collect())
    };
    assert_eq!(explain(&[repeated(1)], &[repeated(2), repeated(2)], 10), []);
}
