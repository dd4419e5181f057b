//! Hops in order, how many run at once, and where their time went.

use throughline_model::attribute;
use throughline_model::span::{Attribute, Span, SpanKind, Value};

use super::{Split, hops};
use crate::analyse::fixture::{any_spans, assembled, span};
use proptest::prelude::*;

use SpanKind::{Client, Server};

fn waited(mut span: Span, first_byte_ns: i64) -> Span {
    span.attributes.push(Attribute {
        key: attribute::ENVOY_UPSTREAM_FIRST_BYTE_NS.to_owned(),
        value: Value::Int(first_byte_ns),
    });
    span
}

#[test]
fn tells_hops_in_order_with_depth_and_concurrency() {
    let lifecycle = assembled(vec![
        span(1, 0, Server, "a", (0, 100)),
        span(2, 1, Client, "a", (10, 60)),
        span(3, 2, Server, "b", (20, 50)),
        span(4, 1, Client, "a", (30, 90)),
        span(5, 4, Server, "c", (40, 80)),
        span(6, 3, Client, "b", (25, 35)),
    ]);
    let told: Vec<_> = hops(&lifecycle)
        .iter()
        .map(|hop| (hop.offset_ns, hop.depth, hop.concurrency, hop.self_ns, hop.wait_ns))
        .collect();
    assert_eq!(told, [(0, 1, 1, 20, 80), (10, 2, 1, 20, 10), (25, 3, 1, 0, 0), (30, 2, 2, 40, 0)]);
}

#[test]
fn counts_what_is_under_way_beside_each_hop_of_one_parent() {
    // The second begins as the first ends; the fourth takes no time and is under way as it begins.
    let calls = [(10, 20), (20, 40), (25, 60), (30, 30), (60, 70)];
    let mut spans = vec![span(1, 0, Server, "a", (0, 100)), span(9, 0, Client, "b", (10, 100))];
    spans.extend((2..).zip(calls).map(|(id, times)| span(id, 1, Client, "a", times)));
    let lifecycle = assembled(spans);
    let counted: Vec<_> = hops(&lifecycle)
        .iter()
        .filter(|hop| hop.depth == 2)
        .map(|hop| (hop.offset_ns, hop.concurrency))
        .collect();
    assert_eq!(counted, [(10, 1), (20, 1), (25, 2), (30, 3), (60, 1)]);
}

#[test]
fn makes_a_hop_of_each_attempt() {
    let lifecycle = assembled(vec![
        span(1, 0, Client, "a", (0, 100)),
        span(2, 1, Server, "b", (10, 40)),
        span(3, 1, Server, "b", (50, 90)),
    ]);
    let ends: Vec<_> = hops(&lifecycle).iter().map(|hop| (hop.client, hop.server)).collect();
    assert_eq!(ends, [(Some(0), Some(1)), (Some(0), Some(2))]);
}

#[test]
fn splits_time_by_differences_on_one_clock_each() {
    // b's clock is far ahead.
    let lifecycle = assembled(vec![
        waited(span(1, 0, Client, "a", (0, 100)), 80),
        waited(span(2, 1, Server, "b", (7_010, 7_070)), 50),
    ]);
    let expected = Split {
        client_proxy_ns: Some(20),
        network_ns: Some(20),
        between_ns: Some(40),
        server_proxy_ns: Some(10),
        application_ns: Some(50),
    };
    assert_eq!(hops(&lifecycle)[0].split, expected);
}

#[test]
fn leaves_open_what_nobody_says() {
    let lifecycle = assembled(vec![span(1, 0, Client, "a", (0, 100)), span(2, 1, Server, "b", (10, 70))]);
    assert_eq!(hops(&lifecycle)[0].split, Split { between_ns: Some(40), ..Split::default() });
    assert_eq!(hops(&assembled(vec![span(1, 0, Client, "a", (0, 100))]))[0].split, Split::default());
}

proptest! {
    #[test]
    fn has_at_least_the_hops_that_are_counted(spans in any_spans()) {
        let lifecycle = assembled(spans);
        let hops = hops(&lifecycle);
        prop_assert!(hops.len() >= lifecycle.hops);
        prop_assert_eq!(hops.iter().map(|hop| hop.depth).max().unwrap_or(0), lifecycle.depth);
        prop_assert!(hops.iter().all(|hop| hop.concurrency >= 1));
        prop_assert!(hops.is_sorted_by_key(|hop| hop.offset_ns));
    }
}
