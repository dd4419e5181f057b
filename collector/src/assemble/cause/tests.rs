//! Causes of gaps by what is known of the mesh.

use std::collections::HashSet;

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind};

use super::super::tests::{assembled, mesh_client, span, with};
use super::{Circumstances, GapCause, LATE_NS};

/// A call to `host` without a server span, in a mesh where `cart` and `orders.shop` send spans.
fn check(spans: &[Span], now_unix_ns: u64, expected: &[GapCause]) {
    let traced: HashSet<String> = ["cart", "orders.shop"].map(str::to_owned).into();
    let mut lifecycle = assembled(spans);
    lifecycle.name_causes(&Circumstances { traced_services: &traced, now_unix_ns });
    let causes: Vec<_> = lifecycle.gaps.iter().map(|gap| gap.cause).collect();
    assert_eq!(causes, expected);
}

fn call(host: &str) -> Span {
    with(mesh_client(1, 0, "a", (0, 9)), attribute::SERVER_ADDRESS, host)
}

const LONG_AFTER: u64 = 10 * LATE_NS;

#[test]
fn what_never_sent_a_span_has_no_sidecar() {
    check(&[call("db.example")], LONG_AFTER, &[GapCause::NoSidecar]);
    for traced in
        ["cart", "cart:8080", "cart.shop.svc.cluster.local", "orders.shop.svc", "outbound|80||cart.shop"]
    {
        check(&[call(traced)], LONG_AFTER, &[GapCause::Unknown]);
    }
}

#[test]
fn what_just_ended_may_be_late() {
    check(&[call("db.example")], 1_000, &[GapCause::Late]);
}

#[test]
fn what_was_kept_of_an_unrecorded_trace_misses_the_rest() {
    let kept = with(call("cart"), attribute::SAMPLED_REASON, "error");
    check(&[kept], LONG_AFTER, &[GapCause::NotSampled]);
}

#[test]
fn a_missing_parent_has_no_address_to_go_by() {
    check(&[span(2, 1, SpanKind::Server, "a", (0, 9))], LONG_AFTER, &[GapCause::Unknown]);
}

#[test]
fn counts_what_is_due_and_what_arrived() {
    let orphan = span(5, 4, SpanKind::Server, "b", (0, 9));
    let lifecycle = assembled(&[span(9, 0, SpanKind::Server, "a", (0, 20)), call("db.example"), orphan]);
    assert_eq!(lifecycle.completeness(), (3, 5));
}
