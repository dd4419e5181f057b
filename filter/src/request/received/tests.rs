//! Whole requests with trace headers of every kind: what goes on, what is exported, what the caller is told.

use throughline_model::span::{Span, SpanKind};

use super::*;
use crate::host::fake::FakeHost;
use crate::request::Request;

const INBOUND: i64 = 1;
const OUTBOUND: i64 = 2;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const W3C: (&str, &[u8]) = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const B3_TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const B3: (&str, &[u8]) = ("b3", b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90");

/// Sends one request through a proxy with this configuration; gives the proxy and the spans.
fn pass(
    mut host: FakeHost,
    written: &str,
    direction: i64,
    headers: &[(&str, &[u8])],
) -> (FakeHost, Vec<Span>) {
    host.configuration = written.as_bytes().to_vec();
    let mut engine = Engine::start(&mut host);
    host.receive(direction, headers);
    let mut request = Request::default();
    request.on_headers(&mut engine, &mut host);
    host.response.push(("server-timing".to_owned(), b"db;dur=53".to_vec()));
    host.response.push(("x-envoy-upstream-service-time".to_owned(), b"1".to_vec()));
    request.on_response_headers(&mut engine, &mut host);
    request.on_end(&mut engine, &mut host);
    engine.on_done(&mut host);
    let spans = host.exported();
    (host, spans)
}

fn sidecar() -> FakeHost {
    FakeHost::sidecar("cart")
}

fn waypoint() -> FakeHost {
    let mut host = FakeHost::sidecar("waypoint");
    host.set_property("xds.node.id", "waypoint~10.0.0.1~waypoint-1.shop~shop.svc.cluster.local");
    host
}

#[test]
fn a_request_with_b3_alone_is_continued_and_both_forms_go_on() {
    for (host, direction) in [(sidecar(), INBOUND), (sidecar(), OUTBOUND), (FakeHost::gateway(), OUTBOUND)] {
        let (host, spans) = pass(host, "", direction, &[B3]);
        let (outermost, innermost) = (spans.first().unwrap(), spans.last().unwrap());
        assert_eq!(outermost.trace_id.to_hex(), B3_TRACE);
        assert_eq!(outermost.parent_span_id.unwrap().to_hex(), "e457b5a2e4d86bd1");
        assert_eq!(host.sent_on("b3"), [format!("{B3_TRACE}-{}-1", innermost.span_id)]);
        assert_eq!(host.sent_on("traceparent"), [format!("00-{B3_TRACE}-{}-01", innermost.span_id)]);
        assert_eq!(host.counter("throughline_contexts_malformed"), 0);
    }
}

#[test]
fn a_stale_or_malformed_header_is_never_passed_on_beside_a_valid_one() {
    let junk: [(&str, &[u8]); 2] = [("x-b3-traceid", b"\xff\xfe"), ("x-b3-sampled", b"1")];
    let (host, spans) = pass(sidecar(), "", INBOUND, &[W3C, B3, junk[0], junk[1]]);
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(host.sent_on("b3"), [format!("{TRACE}-{}-1", span.span_id)]);
    assert_eq!(host.sent_on("x-b3-traceid").len() + host.sent_on("x-b3-sampled").len(), 0);
    assert_eq!(host.counter("throughline_contexts_malformed"), 1);
    let [link] = span.links.as_slice() else { panic!("{:?}", span.links) };
    assert_eq!((link.trace_id.to_hex(), link.span_id.to_hex()), (B3_TRACE.into(), "e457b5a2e4d86bd1".into()));
    assert_eq!(link.attributes[0].value.as_text(), Some("other-format"));
}

#[test]
fn a_header_behind_all_that_are_looked_at_is_replaced_too() {
    let mut headers = vec![("a", &b"1"[..]); 2_000];
    headers.push(W3C);
    let (host, _) = pass(sidecar(), "", INBOUND, &headers);
    let sent_on = host.sent_on("traceparent");
    assert_eq!(sent_on.len(), 1);
    assert!(!sent_on[0].contains(TRACE), "it was not read");
}

#[test]
fn a_denial_without_ids_begins_a_trace_that_nobody_records() {
    let (host, spans) = pass(sidecar(), "", INBOUND, &[("b3", b"0")]);
    assert!(spans.is_empty());
    let passed_on = host.sent_on("traceparent").remove(0);
    assert!(passed_on.ends_with("-02"), "random, not sampled: {passed_on}");
    assert!(host.sent_on("b3")[0].ends_with("-0"), "{:?}", host.sent_on("b3"));
}

#[test]
fn a_decision_left_to_us_is_made_by_our_own_rate() {
    let deferred: (&str, &[u8]) = ("b3", b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1");
    let never = r#"{"sampling": {"rate": 0, "keep_slow_ms": 0}}"#;
    for (written, flags, state) in [("", "-01", "-1"), (never, "-00", "-0")] {
        let (host, _) = pass(sidecar(), written, INBOUND, &[deferred]);
        assert!(host.sent_on("traceparent")[0].ends_with(flags), "{:?}", host.sent_on("traceparent"));
        assert!(host.sent_on("b3")[0].ends_with(state), "{:?}", host.sent_on("b3"));
    }
    // A caller who wants a request recorded gets it recorded.
    assert_eq!(pass(sidecar(), never, INBOUND, &[("b3", b"d")]).1.len(), 1);
    assert_eq!(pass(sidecar(), never, INBOUND, &[("x-b3-sampled", b"1")]).1.len(), 1);
}

#[test]
fn a_gateway_that_restarts_links_to_the_trace_outside_and_takes_nothing_along() {
    let written = r#"{"edge": "restart"}"#;
    let headers = [W3C, ("tracestate", &b"a=1"[..]), ("b3", b"d")];
    let (host, spans) = pass(FakeHost::gateway(), written, OUTBOUND, &headers);
    let [server, client] = spans.as_slice() else { panic!("{spans:?}") };
    assert_ne!(server.trace_id.to_hex(), TRACE);
    assert_eq!((server.parent_span_id, server.links.len(), client.links.len()), (None, 1, 0));
    assert_eq!(server.links[0].trace_id.to_hex(), TRACE);
    assert_eq!(server.links[0].attributes[0].value.as_text(), Some("restart"));
    assert_eq!(host.sent_on("traceparent"), [format!("00-{}-{}-03", client.trace_id, client.span_id)]);
    assert!(!host.sent_on("tracestate")[0].contains("a=1"), "{:?}", host.sent_on("tracestate"));
    assert_eq!(host.sent_on("b3"), [format!("{}-{}-1", client.trace_id, client.span_id)]);
}

#[test]
fn only_gateways_are_an_edge() {
    for host in [sidecar(), waypoint()] {
        let (_, spans) = pass(host, r#"{"edge": "restart"}"#, INBOUND, &[W3C]);
        assert_eq!((spans[0].trace_id.to_hex(), spans[0].links.len()), (TRACE.to_owned(), 0));
    }
}

#[test]
fn a_gateway_that_resamples_keeps_the_ids_and_decides_by_itself() {
    let unsampled: (&str, &[u8]) =
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02");
    let state: (&str, &[u8]) = ("tracestate", b"ot=th:fff,a=1");
    let always = r#"{"edge": "continue-resample"}"#;
    let (host, spans) = pass(FakeHost::gateway(), always, OUTBOUND, &[unsampled, state]);
    assert_eq!(spans.len(), 2);
    assert!(host.sent_on("traceparent")[0].starts_with(&format!("00-{TRACE}-")));
    assert!(host.sent_on("traceparent")[0].ends_with("-03"), "the random flag is kept as received");
    assert!(host.sent_on("tracestate")[0].ends_with(",ot=th:0,a=1"), "{:?}", host.sent_on("tracestate"));
    let never = r#"{"edge": "continue-resample", "sampling": {"rate": 0}}"#;
    let (host, spans) = pass(FakeHost::gateway(), never, OUTBOUND, &[W3C]);
    assert!(spans.is_empty() && host.sent_on("traceparent")[0].ends_with("-00"));
}

#[test]
fn a_trace_of_a_load_balancer_is_taken_up_by_its_id() {
    let root: (&str, &[u8]) = ("x-amzn-trace-id", b"Root=1-67891233-abcdef012345678912345678;Self=1-2-3");
    let written = r#"{"propagation": {"extract": ["xray"]}}"#;
    let (host, spans) = pass(FakeHost::gateway(), written, OUTBOUND, &[root]);
    let [server, client] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(server.trace_id.to_hex(), "67891233abcdef012345678912345678");
    assert_eq!((server.parent_span_id, server.flags & 0xff), (None, 1));
    let expected =
        format!("Root=1-67891233-abcdef012345678912345678;Parent={};Sampled=1;Self=1-2-3", client.span_id);
    assert_eq!(host.sent_on("x-amzn-trace-id"), [expected]);
}

#[test]
fn formats_that_were_not_asked_for_and_baggage_pass_untouched() {
    let others: [(&str, &[u8]); 4] = [
        ("baggage", b"a=1,, b=\xff"),
        ("uber-trace-id", b"junk"),
        ("x-amzn-trace-id", b"Root=1-67891233-abcdef012345678912345678"),
        ("ot-baggage-user", b"7"),
    ];
    let (host, _) = pass(sidecar(), "", INBOUND, &[W3C, others[0], others[1], others[2], others[3]]);
    for (name, value) in others {
        let kept: Vec<&[u8]> = host
            .request
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_slice())
            .collect();
        assert_eq!(kept, [value], "{name}");
    }
}

#[test]
fn a_gateway_tells_the_caller_its_trace_where_that_is_asked_for() {
    let written = r#"{"propagation": {"server_timing": true}}"#;
    let told = |host: &FakeHost| -> Vec<String> {
        let lines = host.response.iter().filter(|(name, _)| name == propagation::SERVER_TIMING);
        lines.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
    };
    let (host, spans) = pass(FakeHost::gateway(), written, OUTBOUND, &[W3C]);
    let server = spans.iter().find(|span| span.kind == SpanKind::Server).unwrap();
    let ours = format!("traceparent;desc=\"00-{TRACE}-{}-01\"", server.span_id);
    assert_eq!(told(&host), ["db;dur=53", ours.as_str()], "the application's own stays");
    let silent = [(FakeHost::gateway(), ""), (sidecar(), written), (waypoint(), written)];
    for (host, written) in silent {
        assert_eq!(told(&pass(host, written, INBOUND, &[W3C]).0), ["db;dur=53"]);
    }
}

#[test]
fn a_call_found_by_its_request_id_follows_the_decision_of_its_cause() {
    let never = r#"{"sampling": {"rate": 0, "keep_slow_ms": 0}}"#;
    let mut host = sidecar();
    host.configuration = never.as_bytes().to_vec();
    let mut engine = Engine::start(&mut host);
    let id: (&str, &[u8]) = ("x-request-id", b"8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0001");
    host.receive(INBOUND, &[W3C, id]);
    let mut inbound = Request::default();
    inbound.on_headers(&mut engine, &mut host);
    // A denial without ids says nothing against a cause that is known.
    host.receive(OUTBOUND, &[id, ("b3", b"0")]);
    Request::default().on_headers(&mut engine, &mut host);
    assert!(host.sent_on("traceparent")[0].starts_with(&format!("00-{TRACE}-")));
    assert!(host.sent_on("traceparent")[0].ends_with("-01"));
    assert!(host.sent_on("b3")[0].starts_with(TRACE) && host.sent_on("b3")[0].ends_with("-1"));
}

type Pairs = &'static [(&'static str, &'static [u8])];

/// How many headers come in, and which of ours go on.
#[test]
fn no_header_is_added_beyond_what_the_next_proxy_takes() {
    let cases: [(usize, Pairs, usize, usize, &str); 7] = [
        (94, &[], 1, 1, "room for both"),
        (95, &[], 1, 0, "room for one"),
        (96, &[], 0, 0, "the next proxy takes no more"),
        (99, &[], 0, 0, "nor does one that speaks HTTP/1"),
        (100, &[], 1, 1, "it takes more, or takes none of these"),
        (
            95,
            &[("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
            1,
            0,
            "replaced",
        ),
        (95, &[("tracestate", b"a=1")], 0, 1, "what is not added leaves what is there"),
    ];
    for (others, ours, traceparents, tracestates, reason) in cases {
        let mut host = FakeHost::sidecar("cart");
        let mut engine = Engine::start(&mut host);
        let filling: [(&str, &[u8]); 1] = [("a", b"1")];
        let headers: Vec<_> = filling.iter().cycle().take(others).chain(ours).copied().collect();
        host.receive(1, &headers);
        Request::default().on_headers(&mut engine, &mut host);
        let passed_on = (host.sent_on("traceparent").len(), host.sent_on("tracestate").len());
        assert_eq!(passed_on, (traceparents, tracestates), "{reason}");
        engine.stats.tell(&mut host);
        let withheld = host.counter("throughline_contexts_not_passed_on");
        assert_eq!(withheld, 1 - traceparents as i64, "{reason}");
    }
}
