//! What a proxy's span looks like to Kiali.

use std::sync::Arc;

use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Resource, SpanKind, StatusCode};

use super::*;

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

fn span(attributes: Vec<Attribute>) -> Span {
    let resource = Resource {
        attributes: vec![
            text(names::SERVICE_NAME, "cart"),
            text(names::K8S_POD_NAME, "cart-7d9f-x2x"),
            text(names::K8S_NAMESPACE_NAME, "shop"),
            text("istio.canonical_service", "cart"),
        ],
    };
    Span {
        trace_id: TraceId::ONE,
        span_id: SpanId::ONE,
        parent_span_id: None,
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind: SpanKind::Server,
        start_unix_ns: 1,
        end_unix_ns: 2,
        attributes,
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(resource),
    }
}

fn check(span: &Span, key: &str, expected: Option<&str>) {
    let found = value(span, key);
    assert_eq!(found.as_deref().and_then(Value::as_text), expected, "{key}");
}

#[test]
fn a_proxys_span_has_the_tags_that_envoys_tracers_write() {
    let status = Attribute { key: names::HTTP_RESPONSE_STATUS_CODE.to_owned(), value: Value::Int(503) };
    let span = span(vec![
        text(names::ROLE, "inbound"),
        text(names::HTTP_REQUEST_METHOD, "GET"),
        status,
        text(names::SERVER_ADDRESS, "cart.shop"),
        text(names::URL_PATH, "/items"),
        text(names::URL_QUERY, "a=1"),
        text(names::ENVOY_RESPONSE_FLAGS, "UF"),
        text(names::ENVOY_UPSTREAM_CLUSTER, "inbound|8080||"),
        text(names::ENVOY_REQUEST_ID, "abc"),
        text(names::NETWORK_PROTOCOL_VERSION, "1.1"),
    ]);
    for (key, expected) in [
        ("component", "proxy"),
        ("http.method", "GET"),
        ("http.status_code", "503"),
        ("http.url", "http://cart.shop/items?a=1"),
        ("http.protocol", "HTTP/1.1"),
        ("response_flags", "UF"),
        ("upstream_cluster", "inbound|8080||"),
        ("guid:x-request-id", "abc"),
        ("node_id", "sidecar~~cart-7d9f-x2x.shop~shop.svc.cluster.local"),
        ("istio.canonical_service", "cart"),
    ] {
        check(&span, key, Some(expected));
    }
    check(&span, "peer.address", None);
    check(&span, "grpc.path", None);
}

#[test]
fn a_span_keeps_its_own_tags_and_an_applications_span_gets_none() {
    let proxy = span(vec![text(names::ROLE, "gateway"), text("component", "mine")]);
    check(&proxy, "component", Some("mine"));
    check(&proxy, "node_id", Some("router~~cart-7d9f-x2x.shop~shop.svc.cluster.local"));
    check(&proxy, "response_flags", Some("-"));
    assert!(derived(&proxy).iter().all(|tag| tag.key != "component"));
    let application = span(vec![text(names::HTTP_REQUEST_METHOD, "GET")]);
    check(&application, "http.method", None);
    assert_eq!(derived(&application), []);
}
