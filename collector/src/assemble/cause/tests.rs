//! Causes of gaps by what is known of the mesh.

use std::collections::HashSet;

use throughline_model::attribute;
use throughline_model::span::{Attribute, Span, SpanKind, Value};

use super::super::tests::{assembled, mesh_client, span, with};
use super::{Circumstances, Drops, GapCause, LATE_NS};

/// A call to `host` without a server span, in a mesh where `cart` and `orders.shop` send spans.
fn check(spans: &[Span], now_unix_ns: u64, expected: &[GapCause]) {
    let traced: HashSet<String> = ["cart", "orders.shop"].map(str::to_owned).into();
    let mut lifecycle = assembled(spans);
    let drops = Drops::default();
    lifecycle.name_causes(&Circumstances { traced_services: &traced, drops: &drops, now_unix_ns });
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
fn a_host_whose_cluster_is_traced_has_a_sidecar() {
    let at_gateway = with(call("shop.example"), attribute::ENVOY_UPSTREAM_CLUSTER, "outbound|80||cart.shop");
    check(&[at_gateway], LONG_AFTER, &[GapCause::Unknown]);
}

const SECOND: u64 = 1_000_000_000;

/// A proxy of a service dropped 7 spans in this time.
fn dropped(service: &str, times: (u64, u64)) -> Span {
    let mut report = span(1, 0, SpanKind::Internal, service, times);
    report.attributes.push(Attribute { key: attribute::DROPPED_SPANS.to_owned(), value: Value::Int(7) });
    report
}

#[test]
fn what_its_sender_dropped_about_then_is_named_with_the_number() {
    let at = |from: u64, until: u64| (from * SECOND, until * SECOND);
    let called = with(mesh_client(1, 0, "front", at(100, 101)), attribute::SERVER_ADDRESS, "cart.shop:80");
    let orphan =
        with(span(5, 4, SpanKind::Server, "cart", at(100, 101)), attribute::PATH, "gateway>front>cart");
    let caused = span(6, 4, SpanKind::Client, "cart", at(100, 101));
    for (of, reports, expected) in [
        (&called, vec![dropped("cart", at(99, 102))], 7),
        (&called, vec![dropped("cart", at(90, 97)), dropped("cart", at(105, 200))], 14),
        (&called, vec![dropped("cart", at(10, 90)), dropped("cart", at(107, 200))], 0),
        (&called, vec![dropped("front", at(99, 102))], 0),
        (&orphan, vec![dropped("front", at(99, 102)), dropped("cart", at(99, 102))], 7),
        (&orphan, vec![dropped("gateway", at(99, 102))], 0),
        (&caused, vec![dropped("cart", at(99, 102))], 7),
        (&called, vec![span(1, 0, SpanKind::Internal, "cart", at(99, 102))], 0),
    ] {
        let (mut lifecycle, mut drops) = (assembled(std::slice::from_ref(of)), Drops::default());
        reports.iter().for_each(|report| drops.add(report));
        let traced = HashSet::from(["cart".to_owned()]);
        let now_unix_ns = 1_000 * SECOND;
        lifecycle.name_causes(&Circumstances { traced_services: &traced, drops: &drops, now_unix_ns });
        let gap = &lifecycle.gaps[0];
        let cause = if expected > 0 { GapCause::Dropped } else { GapCause::Unknown };
        assert_eq!((gap.cause, gap.dropped_spans), (cause, expected), "{of:?} {reports:?}");
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
