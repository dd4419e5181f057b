//! A service forwards exactly what the topology says.

use http::HeaderMap;

use super::{Forwards, outgoing_headers};

fn check(forwards: Forwards, expected: &[&str]) {
    let mut incoming = HeaderMap::new();
    for name in [
        "traceparent",
        "tracestate",
        "b3",
        "x-b3-traceid",
        "baggage",
        "x-request-id",
        "cookie",
        "x-shop-call",
    ] {
        incoming.insert(name, "incoming".parse().unwrap());
    }
    let outgoing = outgoing_headers(forwards, &incoming, Some("run-1/0"));
    let mut names: Vec<&str> = outgoing.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(outgoing["x-shop-call"], "run-1/0");
}

#[test]
fn forwards_trace_headers() {
    let expected =
        ["b3", "baggage", "traceparent", "tracestate", "x-b3-traceid", "x-request-id", "x-shop-call"];
    check(Forwards::TraceHeaders, &expected);
}

#[test]
fn forwards_the_request_id_alone() {
    check(Forwards::RequestId, &["x-request-id", "x-shop-call"]);
}

#[test]
fn forwards_nothing() {
    check(Forwards::Nothing, &["x-shop-call"]);
}
