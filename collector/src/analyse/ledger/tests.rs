//! Accounts of small traces.

use std::collections::BTreeMap;

use throughline_model::attribute;
use throughline_model::span::SpanKind;

use super::Ledger;
use crate::analyse::fixture::{assembled, span, with};
use crate::assemble::GapCause;

#[test]
fn books_what_arrived_and_what_is_missing() {
    let call = with(span(4, 1, SpanKind::Client, "front", (60, 90)), attribute::ROLE, "outbound");
    let mut lifecycle = assembled(vec![
        span(1, 0, SpanKind::Server, "front", (0, 100)),
        span(2, 1, SpanKind::Client, "front", (10, 50)),
        span(3, 2, SpanKind::Server, "cart", (20, 40)),
        with(call, attribute::SERVER_ADDRESS, "db.example"),
    ]);
    lifecycle.gaps[0].cause = GapCause::NoSidecar;
    let mut ledger = Ledger::default();
    ledger.book(&lifecycle);
    ledger.book(&lifecycle);
    assert_eq!((ledger.all.arrived, ledger.all.share()), (8, Some(0.8)));
    let missing = BTreeMap::from([(GapCause::NoSidecar, 2)]);
    assert_eq!(ledger.workloads["front"].missing, missing);
    assert_eq!((ledger.workloads["cart"].arrived, ledger.workloads["cart"].share()), (2, Some(1.0)));
    let edge = |callee: &str| &ledger.edges[&("front".to_owned(), callee.to_owned())];
    assert_eq!(
        (edge("cart").arrived, edge("db.example").arrived, edge("db.example").share()),
        (2, 0, Some(0.0))
    );
}

#[test]
fn has_no_share_of_nothing() {
    assert_eq!(Ledger::default().all.share(), None);
}
