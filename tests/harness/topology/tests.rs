//! The topology file is strict, and says what would be right.

use super::{CallFailure, Forwards, Protocol, Topology};

const SHOP: &str = include_str!("../../topology/shop.yaml");

/// Parses the shop with one text replaced and expects every fragment in the error.
fn check_refused(from: &str, to: &str, fragments: &[&str]) {
    assert!(SHOP.contains(from), "the shop has no `{from}`");
    let error = format!("{:#}", Topology::parse(&SHOP.replacen(from, to, 1)).expect_err("must be refused"));
    for fragment in fragments {
        assert!(error.contains(fragment), "no `{fragment}` in: {error}");
    }
}

#[test]
fn the_shop_has_a_gateway_and_eight_services() {
    let shop = Topology::parse(SHOP).expect("the shop is valid");
    assert_eq!(shop.services.len(), 8);
    assert_eq!(shop.gateway.to, "frontend");
    assert_eq!(shop.services["currency"].protocol, Protocol::Grpc);
    assert_eq!(shop.services["recommendations"].forwards, Forwards::Nothing);
    assert_eq!(shop.services["frontend"].endpoints[1].when_a_call_fails, CallFailure::Answer502);
    assert_eq!(shop.callees(&shop.services["checkout"]), ["cart", "currency", "payment", "shipping"]);
}

#[test]
fn names_the_nearest_key() {
    check_refused(
        "forwards: trace-headers",
        "fowards: trace-headers",
        &["fowards", "did you mean `forwards`?"],
    );
}

#[test]
fn names_the_nearest_value() {
    check_refused("protocol: http", "protocol: htpp", &["htpp", "did you mean `http`?"]);
}

#[test]
fn names_the_nearest_service() {
    check_refused("to: catalog,", "to: catalogue,", &["catalogue", "the nearest is `catalog`"]);
}

#[test]
fn names_the_nearest_path() {
    check_refused("path: /products}", "path: /product}", &["`/product`", "the nearest is `/products`"]);
}

#[test]
fn refuses_a_rate_above_one() {
    check_refused("fail_rate: 0.1", "fail_rate: 10", &["services.payment.fail_rate is 10", "from 0 to 1"]);
}

#[test]
fn changes_leave_the_rest_as_it_was() {
    let shop = Topology::parse(SHOP).expect("the shop is valid");
    let changed = shop.clone().without_failures().without_slowness();
    assert!(changed.services.values().all(|service| service.fail_rate == 0.0 && service.slow_rate == 0.0));
    let changed = shop.clone().with_forwarding("recommendations", Forwards::TraceHeaders).expect("is known");
    assert_eq!(changed.services["recommendations"].forwards, Forwards::TraceHeaders);
    assert_eq!(changed.services["cart"], shop.services["cart"]);
    assert!(shop.with_forwarding("nobody", Forwards::Nothing).is_err());
}

#[test]
fn a_written_topology_reads_back_the_same() {
    let shop = Topology::parse(SHOP).expect("the shop is valid");
    let written = serde_json::to_string(&shop).expect("it serializes");
    assert_eq!(Topology::parse(&written).expect("JSON is YAML"), shop);
}
