//! Verdicts on workloads that forward everything, something, and nothing.

use throughline_model::attribute;
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, SpanKind};

use super::{Doctor, Verdict};
use crate::analyse::fixture::{assembled, span, with};

use SpanKind::{Client, Server};

/// A request to `service` and one call for each kind of link.
fn request(service: &str, kinds: &[&str]) -> Vec<Span> {
    let mut spans = vec![with(span(1, 0, Server, service, (0, 100)), attribute::ROLE, "inbound")];
    for (id, kind) in (2..).zip(kinds) {
        let parent = if *kind == "none" { 0 } else { 1 };
        let call = with(span(id, parent, Client, service, (10, 20)), attribute::ROLE, "outbound");
        spans.push(with(call, attribute::LINK_KIND, kind));
    }
    spans
}

fn examined(requests: &[(&str, &[&str])]) -> Doctor {
    let mut doctor = Doctor::default();
    for _ in 0..5 {
        for (service, kinds) in requests {
            doctor.examine(&assembled(request(service, kinds)));
        }
    }
    doctor
}

fn check(kinds: &[&str], verdict: Verdict, words: &str) {
    let doctor = examined(&[("cart", kinds)]);
    let cart = &doctor.workloads["cart"];
    assert_eq!(cart.verdict(), verdict, "{kinds:?}");
    let advice = cart.advice("cart");
    assert!(advice.contains(words), "{advice}");
}

#[test]
fn judges_by_what_calls_carried() {
    check(&["propagated", "propagated"], Verdict::Forwards, "10 of 10 calls");
    check(&["none", "none"], Verdict::ForwardsNothing, "made 10 calls, and none carried");
    check(&["sole", "token"], Verdict::ForwardsNothing, "copy the headers traceparent");
    check(&["request-id", "request-id"], Verdict::ForwardsRequestId, "forwards x-request-id");
    check(&["propagated", "none"], Verdict::ForwardsInPart, "with 5 of 10 calls");
    check(&["none"], Verdict::TooFewCalls, "at least 10");
}

#[test]
fn counts_requests_whose_calls_carried_nothing() {
    let doctor = examined(&[("cart", &["sole"]), ("cart", &["propagated", "sole"]), ("cart", &[])]);
    let cart = &doctor.workloads["cart"];
    assert_eq!((cart.requests, cart.calling_requests, cart.broken_requests), (15, 10, 5));
    assert_eq!(cart.calls_by(LinkKind::Sole), 10);
    assert!((cart.broken_share().unwrap() - 2.0 / 3.0).abs() < 1e-9);
}

#[test]
fn leaves_gateways_and_applications_out() {
    let mut doctor = Doctor::default();
    let gateway = with(span(1, 0, Client, "gateway", (0, 9)), attribute::ROLE, "gateway");
    let gateway = with(gateway, attribute::LINK_KIND, "propagated");
    doctor.examine(&assembled(vec![gateway, span(2, 1, Client, "app", (0, 9))]));
    assert_eq!(doctor, Doctor::default());
}
