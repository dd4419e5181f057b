//! What a span says beyond the ordinary, when it does, and which requests have no span at all.

use throughline_model::span::{Span, SpanKind, Value};

use crate::engine::Engine;
use crate::host::fake::FakeHost;
use crate::request::Request;

type Pairs = &'static [(&'static str, &'static [u8])];

const INBOUND: i64 = 1;
const OUTBOUND: i64 = 2;

fn pass(
    host: &mut FakeHost,
    direction: i64,
    headers: &[(&str, &[u8])],
    answer: &[(&str, &str)],
) -> Vec<Span> {
    let mut engine = Engine::start(host);
    host.receive(direction, headers);
    if !answer.is_empty() {
        let pairs = answer.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        host.response = pairs.collect();
    }
    let mut request = Request::default();
    request.on_headers(&mut engine, host);
    let service_time = host.response.iter().find(|(name, _)| name == "x-envoy-upstream-service-time");
    let service_ms: u64 = service_time.map_or(0, |(_, text)| String::from_utf8_lossy(text).parse().unwrap());
    host.now_ns += service_ms * 1_000_000;
    request.on_response_headers(&mut engine, host);
    request.on_end(&mut engine, host);
    engine.on_done(host);
    host.exported()
}

fn shown(span: &Span, key: &str) -> String {
    match span.attribute(key) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Int(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => "-".to_owned(),
    }
}

fn check(span: &Span, expected: &[(&str, &str)]) {
    for (key, value) in expected {
        assert_eq!(shown(span, key), *value, "{key} of {span:?}");
    }
}

#[test]
fn both_sides_say_of_the_request_what_the_conventions_want() {
    let mut host = FakeHost::gateway();
    let headers: [(&str, &[u8]); 3] =
        [("user-agent", b"curl/8"), ("x-forwarded-for", b"203.0.113.9, 10.0.0.1"), ("x-request-id", b"7")];
    let spans = pass(&mut host, OUTBOUND, &headers, &[]);
    let [server, client] = spans.as_slice() else { panic!("{spans:?}") };
    let both = [
        ("http.request.method", "GET"),
        ("url.path", "/cart"),
        ("server.address", "cart"),
        ("server.port", "8080"),
        ("user_agent.original", "curl/8"),
        ("http.response.status_code", "200"),
        ("throughline.first_byte_ns", "3000000"),
        // Nothing failed, so nothing more was asked for.
        ("envoy.route_name", "-"),
        ("network.peer.address", "-"),
    ];
    check(server, &both);
    check(client, &both);
    check(server, &[("url.scheme", "http"), ("url.query", "user=7"), ("client.address", "203.0.113.9")]);
    check(server, &[("url.full", "-")]);
    check(
        client,
        &[("envoy.upstream.attempt_count", "1"), ("envoy.upstream_cluster", "outbound|8080||cart")],
    );
    check(client, &[("url.scheme", "-"), ("url.query", "-"), ("client.address", "-")]);
    check(client, &[("url.full", "http://cart:8080/cart?user=7")]);
}

fn set_envoy_facts(host: &mut FakeHost) {
    host.set_property("xds.route_name", "default");
    host.set_property("upstream.request_attempt_count", 3_i64.to_le_bytes());
    host.set_property("upstream.address", "[fd00::7]:8080");
    host.set_property("upstream.transport_failure_reason", "connection refused");
    host.set_property("upstream.cx_pool_ready_duration", 250_000_i64.to_le_bytes());
    host.set_property("response.backend_latency", 9_000_000_i64.to_le_bytes());
    host.set_property("request.protocol", "HTTP/1.1");
    host.set_property("source.address", "10.0.0.9:51234");
}

#[test]
fn a_failed_call_says_what_envoy_knows_of_it() {
    let mut host = FakeHost::sidecar("cart");
    set_envoy_facts(&mut host);
    host.set_property("response.flags", (1_i64 << 5).to_le_bytes());
    host.set_property("response.code_details", "upstream_reset{connection_refused|10.0.0.1}");
    let spans = pass(&mut host, OUTBOUND, &[], &[(":status", "503")]);
    let [client] = spans.as_slice() else { panic!("{spans:?}") };
    let expected = [
        ("error.type", "UF"),
        ("envoy.response_flags", "UF"),
        ("envoy.response_code_details", "upstream_reset"),
        ("envoy.route_name", "default"),
        ("envoy.upstream.attempt_count", "3"),
        ("envoy.upstream.transport_failure_reason", "connection refused"),
        ("envoy.upstream.connect_ns", "250000"),
        ("envoy.upstream.first_byte_ns", "9000000"),
        ("network.peer.address", "fd00::7"),
        ("network.peer.port", "8080"),
    ];
    check(client, &expected);
}

#[test]
fn a_slow_request_and_every_request_on_demand_say_as_much() {
    let slow = [(":status", "200"), ("x-envoy-upstream-service-time", "100")];
    let fast = [(":status", "200"), ("x-envoy-upstream-service-time", "99")];
    let cases =
        [("{}", slow, "3"), ("{}", fast, "-"), (r#"{"attributes": {"envoy_details": "all"}}"#, fast, "3")];
    for (configuration, answer, attempts) in cases {
        let mut host = FakeHost::sidecar("cart");
        set_envoy_facts(&mut host);
        host.configuration = configuration.as_bytes().to_vec();
        let spans = pass(&mut host, INBOUND, &[], &answer);
        let [server] = spans.as_slice() else { panic!("{spans:?}") };
        let version = if attempts == "-" { "-" } else { "1.1" };
        check(server, &[("envoy.upstream.attempt_count", attempts), ("network.protocol.version", version)]);
    }
}

#[test]
fn a_gateway_that_answered_by_itself_has_no_client_span() {
    let rejected = [(":status", "401")];
    let mut host = FakeHost::gateway();
    host.set_property("response.code_details", "jwt_authn_access_denied{Jwt_is_missing}");
    let spans = pass(&mut host, OUTBOUND, &[], &rejected);
    assert_eq!(spans.iter().map(|span| span.kind).collect::<Vec<_>>(), [SpanKind::Server]);
    // No healthy upstream: it would have been sent on.
    host.set_property("response.flags", (1_i64 << 1).to_le_bytes());
    host.calls.clear();
    let spans = pass(&mut host, OUTBOUND, &[], &[(":status", "503")]);
    assert_eq!(spans.len(), 2, "{spans:?}");
}

#[test]
fn requests_that_carry_spans_are_left_alone() {
    let cases: [(Pairs, usize); 5] = [
        (&[(":path", b"/opentelemetry.proto.collector.trace.v1.TraceService/Export")], 0),
        (&[(":path", b"/v1/traces"), ("content-type", b"application/x-protobuf")], 0),
        (&[(":path", b"/v1/traces"), ("content-type", b"application/json; charset=utf-8")], 0),
        (&[(":path", b"/v1/traces")], 1),
        (&[(":path", b"/v1/traces/7"), ("content-type", b"application/json")], 1),
    ];
    for (headers, spans) in cases {
        let mut host = FakeHost::sidecar("cart");
        let mut engine = Engine::start(&mut host);
        host.receive(OUTBOUND, headers);
        host.request.retain(|(name, value)| name != ":path" || value != b"/cart?user=7");
        let mut request = Request::default();
        request.on_headers(&mut engine, &mut host);
        assert_eq!(host.sent_on("traceparent").len(), spans, "{headers:?}");
        request.on_end(&mut engine, &mut host);
        engine.on_done(&mut host);
        assert_eq!(host.exported().len(), spans, "{headers:?}");
        assert_eq!(host.counter("throughline_requests_of_telemetry"), 1 - spans as i64, "{headers:?}");
    }
}

#[test]
fn the_kill_switch_leaves_everything_as_it_came() {
    let mut host = FakeHost::sidecar("cart");
    host.configuration = br#"{"enabled": false}"#.to_vec();
    let spans = pass(&mut host, INBOUND, &[("traceparent", b"whatever it is")], &[]);
    assert_eq!(spans, []);
    assert_eq!(host.sent_on("traceparent"), ["whatever it is"]);
    assert!(host.log.is_empty(), "{:?}", host.log);
}

#[test]
fn the_environment_names_the_resource() {
    let mut host = FakeHost::sidecar("cart");
    let variable = "OTEL_RESOURCE_ATTRIBUTES".to_owned();
    host.environment.insert(variable.clone(), "service.name=basket,team=a%2Cb".to_owned());
    let spans = pass(&mut host, INBOUND, &[], &[]);
    assert_eq!(spans[0].service_name(), "basket");
    host.environment.insert("OTEL_SERVICE_NAME".to_owned(), "trolley".to_owned());
    host.environment.insert(variable, "no pairs".to_owned());
    host.calls.clear();
    let spans = pass(&mut host, INBOUND, &[], &[]);
    assert_eq!(spans[0].service_name(), "trolley");
    assert_eq!(host.counter("throughline_config_errors"), 1);
    assert!(host.log.iter().any(|line| line.contains("OTEL_RESOURCE_ATTRIBUTES")), "{:?}", host.log);
}
