//! One request at a time through the filter, as gateway, inbound and outbound proxies see it.

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, StatusCode, Value};

use super::*;
use crate::host::fake::FakeHost;

const INBOUND: i64 = 1;
const OUTBOUND: i64 = 2;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ID_ONE: &[u8] = b"8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0001";
const ID_TWO: &[u8] = b"8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0002";

/// Runs one whole request.
fn pass(engine: &mut Engine, host: &mut FakeHost, direction: i64, headers: &[(&str, &[u8])]) {
    begin_request(engine, host, direction, headers).on_end(engine, host);
}

fn begin_request(
    engine: &mut Engine,
    host: &mut FakeHost,
    direction: i64,
    headers: &[(&str, &[u8])],
) -> Request {
    host.receive(direction, headers);
    let mut request = Request::default();
    request.on_headers(engine, host);
    request
}

fn exported(engine: &mut Engine, host: &mut FakeHost) -> Vec<Span> {
    engine.on_done(host);
    host.exported()
}

fn text<'a>(span: &'a Span, key: &str) -> &'a str {
    span.attribute(key).and_then(Value::as_text).unwrap_or_default()
}

#[test]
fn a_gateway_begins_a_trace_with_a_server_and_a_client_span() {
    let mut host = FakeHost::gateway();
    host.set_property("xds.cluster_name", "outbound|8080||frontend.shop.svc.cluster.local");
    let mut engine = Engine::start(&mut host);
    pass(&mut engine, &mut host, OUTBOUND, &[]);
    let passed_on = host.sent_on("traceparent").remove(0);
    assert_eq!(host.sent_on("tracestate"), ["tl=d:1;p:gateway,ot=th:0"]);
    let spans = exported(&mut engine, &mut host);
    let [server, client] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((server.kind, client.kind), (SpanKind::Server, SpanKind::Client));
    assert_eq!((server.parent_span_id, client.parent_span_id), (None, Some(server.span_id)));
    assert_eq!(passed_on, format!("00-{}-{}-03", client.trace_id, client.span_id));
    assert_eq!(server.trace_id, client.trace_id);
    assert_eq!(text(client, attribute::LINK_KIND), "propagated");
}

#[test]
fn an_inbound_request_continues_the_trace_and_grows_the_path() {
    let mut host = FakeHost::sidecar("cart");
    let mut engine = Engine::start(&mut host);
    let state = b"a=1,tl=d:2;p:gateway>frontend";
    pass(&mut engine, &mut host, INBOUND, &[("traceparent", PARENT.as_bytes()), ("tracestate", state)]);
    assert_eq!(host.sent_on("tracestate"), ["tl=d:3;p:gateway>frontend>cart,a=1"]);
    let spans = exported(&mut engine, &mut host);
    let [server] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(server.trace_id.to_hex(), TRACE);
    assert_eq!(server.parent_span_id.unwrap().to_hex(), "00f067aa0ba902b7");
    assert_eq!(host.sent_on("traceparent"), [format!("00-{TRACE}-{}-01", server.span_id)]);
    assert_eq!((server.name.as_str(), text(server, attribute::URL_PATH)), ("GET", "/cart"));
    assert_eq!(server.attribute(attribute::DEPTH).unwrap().as_int(), Some(3));
    assert_eq!(server.service_name(), "cart");
}

#[test]
fn a_forwarded_context_makes_the_call_a_child() {
    let mut host = FakeHost::sidecar("cart");
    let mut engine = Engine::start(&mut host);
    pass(&mut engine, &mut host, OUTBOUND, &[("traceparent", PARENT.as_bytes())]);
    let spans = exported(&mut engine, &mut host);
    let [client] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((client.kind, text(client, attribute::LINK_KIND)), (SpanKind::Client, "propagated"));
    assert_eq!(client.parent_span_id.unwrap().to_hex(), "00f067aa0ba902b7");
}

#[test]
fn a_forwarded_request_id_finds_its_request_even_after_native_tracing_wrote_into_it() {
    let mut host = FakeHost::sidecar("cart");
    let mut engine = Engine::start(&mut host);
    let state = b"tl=d:2;p:gateway>frontend,a=1";
    let inbound = [("traceparent", PARENT.as_bytes()), ("tracestate", &state[..]), ("x-request-id", ID_ONE)];
    let mut first = begin_request(&mut engine, &mut host, INBOUND, &inbound);
    let rewritten = b"8e0c2d5c-0a4f-9f6e-9a30-5f6b7f9d0001";
    pass(&mut engine, &mut host, OUTBOUND, &[("x-request-id", rewritten)]);
    assert_eq!(host.sent_on("tracestate"), ["tl=d:3;p:gateway>frontend>cart,a=1"]);
    first.on_end(&mut engine, &mut host);
    let spans = exported(&mut engine, &mut host);
    let [client, server] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((client.trace_id, client.parent_span_id), (server.trace_id, Some(server.span_id)));
    assert_eq!(text(client, attribute::LINK_KIND), "request-id");
    assert_eq!(host.counter("throughline_links_request_id"), 1);
}

#[test]
fn a_call_without_evidence_begins_a_trace_of_its_own() {
    let mut host = FakeHost::sidecar("cart");
    let mut engine = Engine::start(&mut host);
    let inbound = [("traceparent", PARENT.as_bytes()), ("x-request-id", ID_ONE)];
    let _first = begin_request(&mut engine, &mut host, INBOUND, &inbound);
    pass(&mut engine, &mut host, OUTBOUND, &[("x-request-id", ID_TWO)]);
    let spans = exported(&mut engine, &mut host);
    let [client] = spans.as_slice() else { panic!("{spans:?}") };
    assert_ne!(client.trace_id.to_hex(), TRACE);
    assert_eq!((client.parent_span_id, text(client, attribute::LINK_KIND)), (None, "none"));
    assert_eq!(text(client, attribute::PATH), "cart");
}

#[test]
fn two_requests_in_flight_with_one_id_are_not_told_apart() {
    let mut host = FakeHost::sidecar("cart");
    let mut engine = Engine::start(&mut host);
    let inbound = [("traceparent", PARENT.as_bytes()), ("x-request-id", ID_ONE)];
    let mut first = begin_request(&mut engine, &mut host, INBOUND, &inbound);
    let _second = begin_request(&mut engine, &mut host, INBOUND, &inbound);
    pass(&mut engine, &mut host, OUTBOUND, &[("x-request-id", ID_ONE)]);
    host.receive(INBOUND, &inbound);
    first.on_end(&mut engine, &mut host);
    // Only one of them is in flight now, so it is the cause.
    pass(&mut engine, &mut host, OUTBOUND, &[("x-request-id", ID_ONE)]);
    let spans = exported(&mut engine, &mut host);
    let calls: Vec<&Span> = spans.iter().filter(|span| span.kind == SpanKind::Client).collect();
    assert_eq!(text(calls[0], attribute::LINK_KIND), "none");
    assert_eq!(calls[0].attribute(attribute::LINK_CANDIDATES).unwrap().as_int(), Some(2));
    assert_eq!(text(calls[1], attribute::LINK_KIND), "request-id");
}

#[test]
fn malformed_and_repeated_contexts_start_a_new_trace_and_are_never_passed_on() {
    let cases: [&[(&str, &[u8])]; 4] = [
        &[("traceparent", b"00-xyz"), ("tracestate", b"a=1")],
        &[("traceparent", PARENT.as_bytes()), ("traceparent", PARENT.as_bytes())],
        &[("traceparent", b"\xff\xfe")],
        &[("traceparent", b"")],
    ];
    for headers in cases {
        let mut host = FakeHost::sidecar("cart");
        let mut engine = Engine::start(&mut host);
        pass(&mut engine, &mut host, INBOUND, headers);
        let passed_on = host.sent_on("traceparent");
        assert_eq!(passed_on.len(), 1, "{headers:?}");
        assert!(!passed_on[0].contains(TRACE) && passed_on[0].len() == 55, "{passed_on:?}");
        assert_eq!(host.sent_on("tracestate"), ["tl=d:1;p:cart,ot=th:0"], "{headers:?}");
        engine.stats.tell(&mut host);
        assert_eq!(host.counter("throughline_contexts_malformed"), 1, "{headers:?}");
        assert_eq!(exported(&mut engine, &mut host)[0].parent_span_id, None);
    }
}

#[test]
fn a_request_that_its_caller_does_not_record_is_passed_on_and_not_exported() {
    let mut host = FakeHost::sidecar("cart");
    let mut engine = Engine::start(&mut host);
    let unsampled = PARENT.replace("-01", "-00");
    pass(&mut engine, &mut host, INBOUND, &[("traceparent", unsampled.as_bytes())]);
    assert!(host.sent_on("traceparent")[0].starts_with(&format!("00-{TRACE}-")));
    assert!(host.sent_on("traceparent")[0].ends_with("-00"));
    assert!(exported(&mut engine, &mut host).is_empty() && host.log.is_empty());
    assert_eq!(host.counter("throughline_requests_unsampled"), 1);
}

#[test]
fn a_request_refused_before_the_filter_saw_it_is_a_span() {
    let mut host = FakeHost::gateway();
    let mut engine = Engine::start(&mut host);
    host.response = vec![(":status".to_owned(), b"400".to_vec())];
    Request::default().on_end(&mut engine, &mut host);
    let spans = exported(&mut engine, &mut host);
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(span.attribute(attribute::HTTP_RESPONSE_STATUS_CODE).unwrap().as_int(), Some(400));
    assert_eq!(span.end_unix_ns - span.start_unix_ns, 0, "nobody knows when it began");
    assert_eq!((span.kind, span.status, span.name.as_str()), (SpanKind::Server, StatusCode::Unset, "HTTP"));
}

#[test]
fn every_request_has_one_line_that_is_json() {
    let mut host = FakeHost::sidecar("ca\"rt\\");
    let mut engine = Engine::start(&mut host);
    pass(&mut engine, &mut host, INBOUND, &[("traceparent", PARENT.as_bytes())]);
    let [line] = host.log.as_slice() else { panic!("{:?}", host.log) };
    let parsed: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&parsed["trace_id"], &parsed["depth"], &parsed["path"]),
        (&TRACE.into(), &1.into(), &"ca_rt_".into())
    );
    assert_eq!((&parsed["role"], parsed["span_id"].as_str().unwrap().len()), (&"inbound".into(), 16));
}

#[test]
fn listed_headers_become_attributes_and_bad_bytes_harm_nobody() {
    let mut host = FakeHost::sidecar("cart");
    host.configuration = br#"{"attributes": {"request_headers": ["X-Tenant"]}}"#.to_vec();
    let mut engine = Engine::start(&mut host);
    pass(
        &mut engine,
        &mut host,
        INBOUND,
        &[("x-tenant", b"a\xff"), ("x-other", b"\x80"), (":path", b"\xff")],
    );
    let spans = exported(&mut engine, &mut host);
    let expected = Value::List(vec![Value::Text("a\u{fffd}".into())]);
    assert_eq!(spans[0].attribute("http.request.header.x-tenant"), Some(&expected));
    assert_eq!(spans[0].attribute("http.request.header.x-other"), None);
}

#[test]
fn without_randomness_ids_still_differ() {
    let mut host = FakeHost::sidecar("cart");
    host.has_no_randomness = true;
    let mut engine = Engine::start(&mut host);
    let ids: std::collections::HashSet<_> = (0..1_000).map(|_| engine.new_trace_id(&mut host)).collect();
    assert_eq!(ids.len(), 1_000);
}

#[test]
fn a_request_refused_before_the_filter_saw_it_took_as_long_as_the_proxy_had_it() {
    let mut host = FakeHost::gateway();
    let mut engine = Engine::start(&mut host);
    host.response = vec![(":status".to_owned(), b"503".to_vec())];
    let begun_unix_ns = host.now_ns + host.wall_ahead_ns;
    host.set_property("request.time", begun_unix_ns.to_le_bytes());
    host.now_ns += 500_000_000;
    Request::default().on_end(&mut engine, &mut host);
    let spans = exported(&mut engine, &mut host);
    assert_eq!((spans[0].start_unix_ns, spans[0].end_unix_ns), (begun_unix_ns, begun_unix_ns + 500_000_000));
}

#[test]
fn a_call_refused_before_the_filter_saw_it_is_not_linked_to_who_is_in_flight_at_its_end() {
    let mut host = FakeHost::sidecar("cart");
    host.configuration = br#"{"links": {"sole_after_calls": 1, "sole_after_idle_ms": 250}}"#.to_vec();
    let mut engine = Engine::start(&mut host);
    let tick = |engine: &mut Engine, host: &mut FakeHost| {
        host.now_ns += 300_000_000;
        engine.on_tick(host);
    };
    // The first request is news to the other workers, which are looked at with the timer.
    pass(&mut engine, &mut host, INBOUND, &[]);
    tick(&mut engine, &mut host);
    let mut first = begin_request(&mut engine, &mut host, INBOUND, &[]);
    pass(&mut engine, &mut host, OUTBOUND, &[]);
    first.on_end(&mut engine, &mut host);
    (0..3).for_each(|_| tick(&mut engine, &mut host));
    let _second = begin_request(&mut engine, &mut host, INBOUND, &[]);
    pass(&mut engine, &mut host, OUTBOUND, &[]);
    host.receive(OUTBOUND, &[]);
    Request::default().on_end(&mut engine, &mut host);
    let spans = exported(&mut engine, &mut host);
    let calls = spans.iter().filter(|span| span.kind == SpanKind::Client);
    let links: Vec<&str> = calls.map(|span| text(span, attribute::LINK_KIND)).collect();
    assert_eq!(links, ["none", "sole", "none"]);
}
