//! Clocks that are apart, and how they are put together again.

use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::span::{Attribute, Resource, Span, SpanKind, Value};

use super::super::tests::{assembled, span};
use super::Clock;
use crate::assemble::assemble_on;

use SpanKind::{Client, Server};

/// Offsets and corrections of all spans, in tree order.
fn check(spans: &[Span], expected: &[(u64, i64)]) {
    let found: Vec<_> =
        assembled(spans).spans.iter().map(|placed| (placed.offset_ns, placed.clock_correction_ns)).collect();
    assert_eq!(found, expected);
}

/// a calls b, whose clock is ahead by `skew`; b works from 120 to 180 of a call from 100 to 200.
fn pair(skew: u64) -> Vec<Span> {
    vec![
        span(1, 0, Server, "a", (0, 300)),
        span(2, 1, Client, "a", (100, 200)),
        span(3, 2, Server, "b", (120 + skew, 180 + skew)),
    ]
}

#[test]
fn leaves_clocks_alone_that_do_not_contradict() {
    check(&pair(0), &[(0, 0), (100, 0), (120, 0)]);
    check(&pair(20), &[(0, 0), (100, 0), (140, 0)]);
}

#[test]
fn puts_a_server_into_the_middle_of_its_call() {
    check(&pair(5_000), &[(0, 0), (100, 0), (120, -5_000)]);
}

#[test]
fn takes_the_bounds_of_all_calls_together() {
    let mut spans = pair(5_000);
    spans.push(span(4, 1, Client, "a", (210, 290)));
    spans.push(span(5, 4, Server, "b", (5_211, 5_281)));
    check(&spans, &[(0, 0), (100, 0), (124, -4_996), (210, 0), (215, -4_996)]);
}

#[test]
fn carries_a_correction_on_to_what_lies_behind() {
    let mut spans = pair(5_000);
    spans.push(span(4, 3, Client, "b", (5_130, 5_170)));
    spans.push(span(5, 4, Server, "c", (5_140, 5_160)));
    check(&spans, &[(0, 0), (100, 0), (120, -5_000), (130, -5_000), (140, -5_000)]);
}

#[test]
fn corrects_each_instance_by_itself() {
    let instance = |mut span: Span, name: &str| {
        let mut attributes = span.resource.attributes.clone();
        attributes.push(Attribute {
            key: attribute::SERVICE_INSTANCE_ID.to_owned(),
            value: Value::Text(name.to_owned()),
        });
        span.resource = Arc::new(Resource { attributes });
        span
    };
    let mut spans = pair(5_000);
    spans[2] = instance(spans[2].clone(), "b-1");
    spans.push(span(4, 1, Client, "a", (210, 290)));
    spans.push(instance(span(5, 4, Server, "b", (220, 280)), "b-2"));
    check(&spans, &[(0, 0), (100, 0), (120, -5_000), (210, 0), (220, 0)]);
}

#[test]
fn only_moves_a_server_that_outlives_its_call_to_where_it_was_sent() {
    let outlives = |from| {
        let client = span(1, 0, Client, "a", (100, 200));
        vec![client, span(2, 1, Server, "b", (from, from + 900))]
    };
    check(&outlives(150), &[(0, 0), (50, 0)]);
    check(&outlives(40), &[(0, 0), (0, 60)]);
}

#[test]
fn keeps_the_senders_times_when_asked_to() {
    let spans: Vec<Arc<Span>> = pair(5_000).into_iter().map(Arc::new).collect();
    let raw = assemble_on(&spans, Clock::Raw);
    let found: Vec<_> =
        raw.spans.iter().map(|placed| (placed.offset_ns, placed.clock_correction_ns)).collect();
    assert_eq!(found, [(0, 0), (100, 0), (5_120, 0)]);
    assert_eq!(raw.duration_ns, 5_180);
    assert_eq!(assembled(&pair(5_000)).duration_ns, 300);
}
