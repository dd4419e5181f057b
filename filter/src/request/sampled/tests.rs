//! Requests that are not recorded, through one proxy after the other: which are kept, who is told, and what it costs
//! the others.

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, Value};

use crate::engine::Engine;
use crate::host::fake::FakeHost;
use crate::request::Request;

const INBOUND: i64 = 1;
const OUTBOUND: i64 = 2;
const KEEP: &str = super::KEEP;
/// What a proxy of ours sends for a trace that is not recorded.
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02";
const STATE: &str = "tl=d:2;p:gateway>frontend";

type Pairs = &'static [(&'static str, &'static str)];
type Reasons = &'static [&'static str];

/// One proxy, and its host.
struct Proxy {
    host: FakeHost,
    engine: Engine,
}

impl Proxy {
    fn new(mut host: FakeHost, configuration: &str) -> Self {
        host.configuration = configuration.as_bytes().to_vec();
        host.set_property("xds.cluster_name", "outbound|8080||cart.shop.svc.cluster.local");
        let engine = Engine::start(&mut host);
        assert_eq!(host.counter("throughline_config_errors"), 0, "{configuration}");
        Self { host, engine }
    }

    fn sidecar(configuration: &str) -> Self {
        Self::new(FakeHost::sidecar("cart"), configuration)
    }

    fn begin(&mut self, direction: i64, headers: &[(&str, &[u8])]) -> Request {
        self.host.receive(direction, headers);
        let mut request = Request::default();
        request.on_headers(&mut self.engine, &mut self.host);
        request
    }

    /// A request that a proxy of ours sends, whose trace is not recorded.
    fn begin_unsampled(&mut self, direction: i64) -> Request {
        self.begin(direction, &[("traceparent", PARENT.as_bytes()), ("tracestate", STATE.as_bytes())])
    }

    /// The response with these headers; gives what the caller gets for a mark.
    fn answer(&mut self, request: &mut Request, response: &[(&str, &str)]) -> Option<String> {
        let pairs = response.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        self.host.response = pairs.collect();
        request.on_response_headers(&mut self.engine, &mut self.host);
        let mark = self.host.response.iter().find(|(name, _)| name == KEEP);
        mark.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    }

    fn end(&mut self, mut request: Request) {
        request.on_end(&mut self.engine, &mut self.host);
    }

    fn exported(mut self) -> Vec<Span> {
        self.engine.on_done(&mut self.host);
        self.host.exported()
    }
}

fn reason(span: &Span) -> &str {
    span.attribute(attribute::SAMPLED_REASON).and_then(Value::as_text).unwrap_or_default()
}

fn reasons(proxy: Proxy) -> Vec<String> {
    proxy.exported().iter().map(|span| reason(span).to_owned()).collect()
}

#[test]
fn a_response_decides_what_is_kept_and_who_is_told() {
    const OK: (&str, &str) = (":status", "200");
    const FAILED: (&str, &str) = (":status", "503");
    const MARK: (&str, &str) = (KEEP, "1");
    let cases: [(i64, Pairs, Option<&str>, Reasons, &str); 9] = [
        (INBOUND, &[OK], None, &[], "nothing to note"),
        (INBOUND, &[FAILED], Some("1"), &["error"], "a failure is kept and the caller is told"),
        (INBOUND, &[OK, MARK], None, &[], "an application's word is no mark, and does not go on"),
        (INBOUND, &[(":status", "404")], None, &[], "the caller's error is no failure of this service"),
        (OUTBOUND, &[OK], None, &[], "nothing to note"),
        (OUTBOUND, &[FAILED], None, &["error"], "the application is not told"),
        (OUTBOUND, &[OK, MARK], None, &["descendant"], "a mark is taken off and honoured"),
        (OUTBOUND, &[FAILED, MARK], None, &["error"], "what failed here failed here"),
        (OUTBOUND, &[OK, (KEEP, "\u{7f}yes")], None, &[], "what is no mark goes and does nothing"),
    ];
    for (direction, response, mark, kept, why) in cases {
        let mut proxy = Proxy::sidecar("");
        let mut request = proxy.begin_unsampled(direction);
        assert_eq!(proxy.answer(&mut request, response).as_deref(), mark, "{why}");
        proxy.end(request);
        assert_eq!(reasons(proxy), kept, "{why}");
    }
}

#[test]
fn a_mark_crosses_the_pod_to_the_request_that_caused_the_call_and_to_no_other() {
    let mut proxy = Proxy::sidecar("");
    let mut inbound = proxy.begin_unsampled(INBOUND);
    let passed_on = proxy.host.sent_on("traceparent").remove(0);
    let mut other = proxy.begin_unsampled(INBOUND);
    let mut call = proxy.begin(OUTBOUND, &[("traceparent", passed_on.as_bytes())]);
    assert_eq!(proxy.answer(&mut call, &[(":status", "200"), (KEEP, "1")]), None);
    assert_eq!(proxy.answer(&mut other, &[(":status", "200")]), None);
    assert_eq!(proxy.answer(&mut inbound, &[(":status", "200")]).as_deref(), Some("1"));
    for request in [call, other, inbound] {
        proxy.end(request);
    }
    proxy.engine.stats.tell(&mut proxy.host);
    assert_eq!(proxy.host.counter("throughline_requests_unsampled"), 3);
    assert_eq!(proxy.host.counter("throughline_requests_kept_descendant"), 2);
    let spans = proxy.exported();
    let [client, server] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((client.kind, server.kind), (SpanKind::Client, SpanKind::Server));
    assert_eq!(client.parent_span_id, Some(server.span_id));
    assert_eq!((reason(client), reason(server)), ("descendant", "descendant"));
    assert_eq!(client.flags & 1, 0, "a kept span does not claim to be sampled");
}

#[test]
fn a_mark_finds_its_request_on_another_worker() {
    let mut inbound_worker = Proxy::sidecar("");
    let mut inbound = inbound_worker.begin_unsampled(INBOUND);
    let passed_on = inbound_worker.host.sent_on("traceparent").remove(0);
    let mut outbound_worker = Proxy::sidecar("");
    outbound_worker.host.shared = inbound_worker.host.shared.clone();
    let mut call = outbound_worker.begin(OUTBOUND, &[("traceparent", passed_on.as_bytes())]);
    outbound_worker.answer(&mut call, &[(":status", "500")]);
    inbound_worker.host.shared = outbound_worker.host.shared.clone();
    assert!(inbound_worker.answer(&mut inbound, &[(":status", "200")]).is_some());
}

#[test]
fn a_mark_that_cannot_be_passed_on_is_counted() {
    let mut proxy = Proxy::sidecar("");
    let mut call = proxy.begin_unsampled(OUTBOUND);
    proxy.host.lost_races = 1_000;
    proxy.answer(&mut call, &[(":status", "500")]);
    proxy.engine.stats.tell(&mut proxy.host);
    assert_eq!(proxy.host.counter("throughline_keep_marks_lost"), 1);
}

#[test]
fn a_gateway_lets_no_mark_out_of_the_mesh_and_a_waypoint_passes_it_on() {
    let unsampled = r#"{"sampling": {"rate": 0}}"#;
    let cases = [(unsampled, "router", None), ("", "router", None), (unsampled, "waypoint", Some("1"))];
    for (configuration, kind, mark) in cases {
        let mut host = FakeHost::gateway();
        host.set_property("xds.node.id", format!("{kind}~10.0.0.1~{kind}-1.shop~shop.svc.cluster.local"));
        let mut proxy = Proxy::new(host, configuration);
        let mut request = match kind {
            "waypoint" => proxy.begin_unsampled(OUTBOUND),
            _ => proxy.begin(OUTBOUND, &[]),
        };
        let response = [(":status", "200"), ("x-envoy-upstream-service-time", "3"), (KEEP, "1")];
        let passed = proxy.answer(&mut request, &response);
        assert_eq!(passed.as_deref(), mark, "{kind} {configuration}");
        proxy.end(request);
        assert_eq!(proxy.exported().len(), 2, "{kind} {configuration}");
    }
}

#[test]
fn a_caller_that_is_no_proxy_of_ours_gets_no_mark() {
    for headers in [&[("traceparent", PARENT.as_bytes())][..], &[]] {
        let mut proxy = Proxy::sidecar(r#"{"sampling": {"rate": 0}}"#);
        let mut request = proxy.begin(INBOUND, headers);
        assert_eq!(proxy.answer(&mut request, &[(":status", "500")]), None, "{headers:?}");
        proxy.end(request);
        assert_eq!(reasons(proxy), ["error"], "{headers:?}");
    }
}

#[test]
fn grpc_says_in_headers_or_trailers_that_it_failed() {
    let grpc = [
        ("traceparent", PARENT.as_bytes()),
        ("tracestate", STATE.as_bytes()),
        ("content-type", &b"application/grpc+proto"[..]),
    ];
    let cases = [
        (&[(":status", "200"), ("grpc-status", "14")][..], &[][..], Some("headers"), "trailers only"),
        (&[(":status", "200")], &[("grpc-status", "13")], Some("trailers"), "behind a body"),
        (&[(":status", "200")], &[("grpc-status", "0")], None, "success"),
        (&[(":status", "200")], &[("grpc-status", "5")], None, "the caller's error"),
        (&[(":status", "200")], &[("grpc-status", "\u{e4}")], None, "no number"),
    ];
    for (response, trailers, marked, why) in cases {
        let mut proxy = Proxy::sidecar("");
        let mut request = proxy.begin(INBOUND, &grpc);
        let in_headers = proxy.answer(&mut request, response);
        if !trailers.is_empty() {
            let pairs = trailers
                .iter()
                .map(|(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec()));
            proxy.host.trailers = pairs.collect();
            request.on_response_trailers(&mut proxy.engine, &mut proxy.host);
        }
        assert_eq!(in_headers.is_some(), marked == Some("headers"), "{why}");
        let in_trailers = proxy.host.trailers.iter().any(|(name, _)| name == KEEP);
        assert_eq!(in_trailers, marked == Some("trailers"), "{why}");
        proxy.end(request);
        assert_eq!(proxy.exported().len(), usize::from(marked.is_some()), "{why}");
    }
}

#[test]
fn a_mark_in_trailers_is_honoured_and_taken_off() {
    let mut proxy = Proxy::sidecar("");
    let mut call =
        proxy.begin(OUTBOUND, &[("traceparent", PARENT.as_bytes()), ("content-type", b"application/grpc")]);
    proxy.answer(&mut call, &[(":status", "200")]);
    proxy.host.trailers = vec![("grpc-status".into(), b"0".to_vec()), (KEEP.into(), b"1".to_vec())];
    call.on_response_trailers(&mut proxy.engine, &mut proxy.host);
    assert_eq!(proxy.host.trailers, [("grpc-status".to_owned(), b"0".to_vec())]);
    proxy.end(call);
    assert_eq!(reasons(proxy), ["descendant"]);
}

#[test]
fn slow_requests_are_kept_by_the_time_of_their_response_headers() {
    let cases = [
        ("", 999, 5_000, &[][..], "in time; a long body is no slowness"),
        ("", 1_000, 0, &["slow"], "by default a second"),
        (r#"{"sampling": {"keep_slow_ms": 20}}"#, 20, 0, &["slow"], "or what is set"),
        (r#"{"sampling": {"keep_slow_ms": 0}}"#, 50_000, 0, &[], "or not at all"),
    ];
    for (configuration, headers_ms, body_ms, kept, why) in cases {
        let mut proxy = Proxy::sidecar(configuration);
        let mut request = proxy.begin_unsampled(INBOUND);
        proxy.host.now_ns += headers_ms * 1_000_000;
        let mark = proxy.answer(&mut request, &[(":status", "200")]);
        assert_eq!(mark.is_some(), !kept.is_empty(), "{why}");
        proxy.host.now_ns += body_ms * 1_000_000;
        proxy.end(request);
        assert_eq!(reasons(proxy), kept, "{why}");
    }
}

#[test]
fn what_never_got_an_answer_is_kept_unless_its_caller_went_away() {
    let cases = [(1_u64 << 14, &[][..]), (1 << 6, &["error"][..])];
    for (flags, kept) in cases {
        let mut proxy = Proxy::sidecar("");
        let request = proxy.begin_unsampled(INBOUND);
        proxy.host.response = Vec::new();
        proxy.host.set_property("response.flags", flags.to_le_bytes());
        proxy.end(request);
        assert_eq!(reasons(proxy), kept, "flags {flags}");
    }
}

#[test]
fn a_kept_request_is_told_as_fully_as_a_recorded_one() {
    let full = |parent: &str, status: &str| {
        let mut proxy = Proxy::sidecar(r#"{"attributes": {"request_headers": ["x-tenant"]}}"#);
        let headers =
            [("traceparent", parent.as_bytes()), ("tracestate", STATE.as_bytes()), ("x-tenant", b"a")];
        let mut request = proxy.begin(INBOUND, &headers);
        proxy.answer(&mut request, &[(":status", status)]);
        proxy.end(request);
        proxy.exported().remove(0)
    };
    let kept = full(PARENT, "500");
    let recorded = full(&PARENT.replace("-02", "-03"), "500");
    let facts = |span: &Span| {
        let others = span.attributes.iter().filter(|attribute| attribute.key != attribute::SAMPLED_REASON);
        others.cloned().collect::<Vec<_>>()
    };
    assert_eq!(facts(&kept), facts(&recorded));
    assert_eq!((reason(&kept), reason(&recorded)), ("error", ""));
    assert!(facts(&kept).iter().any(|attribute| attribute.key == "http.request.header.x-tenant"));
}

#[test]
fn a_request_that_was_answered_well_holds_no_headers() {
    let mut proxy = Proxy::sidecar("");
    let mut unsampled = proxy.begin_unsampled(INBOUND);
    assert!(unsampled.begun.as_ref().is_some_and(|begun| !begun.headers.is_empty()));
    proxy.answer(&mut unsampled, &[(":status", "200")]);
    assert!(unsampled.begun.as_ref().is_some_and(|begun| begun.headers.is_empty()));
    let sampled = PARENT.replace("-02", "-03");
    let mut sampled = proxy.begin(INBOUND, &[("traceparent", sampled.as_bytes())]);
    proxy.answer(&mut sampled, &[(":status", "200")]);
    assert!(sampled.begun.as_ref().is_some_and(|begun| !begun.headers.is_empty()));
}

#[test]
fn a_root_says_at_what_threshold_it_was_recorded_and_all_hops_agree() {
    let mut recorded = 0;
    let mut gateway = Proxy::new(FakeHost::gateway(), r#"{"sampling": {"rate": 0.25}}"#);
    for _ in 0..1_000 {
        let request = gateway.begin(OUTBOUND, &[]);
        let (parent, state) =
            (gateway.host.sent_on("traceparent").remove(0), gateway.host.sent_on("tracestate").remove(0));
        let is_recorded = parent.ends_with("-03");
        assert!(is_recorded || parent.ends_with("-02"), "{parent}");
        assert_eq!(state.contains("ot=th:c"), is_recorded, "{state}");
        gateway.end(request);
        // Whatever its own rate is, the next proxy follows.
        let mut next = Proxy::sidecar(r#"{"sampling": {"rate": 0}}"#);
        next.begin(INBOUND, &[("traceparent", parent.as_bytes()), ("tracestate", state.as_bytes())]);
        assert_eq!(next.host.sent_on("traceparent")[0].ends_with("-03"), is_recorded);
        assert_eq!(next.host.sent_on("tracestate")[0].contains("ot=th:c"), is_recorded);
        recorded += i64::from(is_recorded);
    }
    // The fake's random numbers are always the same; the margin is five standard deviations.
    assert!((182..318).contains(&recorded), "{recorded} of 1000 at a rate of a quarter");
    gateway.engine.stats.tell(&mut gateway.host);
    assert_eq!(gateway.host.counter("throughline_requests_sampled_probability"), recorded);
    assert_eq!(gateway.host.counter("throughline_requests_unsampled"), 1_000 - recorded);
}

#[test]
fn a_rule_on_the_route_asks_the_proxy_for_it() {
    for (route, is_recorded) in [("health", false), ("shop", true)] {
        let mut host = FakeHost::gateway();
        host.set_property("xds.route_name", route);
        let mut proxy = Proxy::new(host, r#"{"sampling": {"rules": [{"route": "health", "rate": 0}]}}"#);
        proxy.begin(OUTBOUND, &[]);
        assert_eq!(proxy.host.sent_on("traceparent")[0].ends_with("-03"), is_recorded, "{route}");
    }
}

#[test]
fn a_request_that_is_not_exported_leaves_a_stub_where_that_is_wanted() {
    let cases = [
        ("200", r#"{"stubs": true}"#, 1, "a stub"),
        ("200", "", 0, "nothing, by default"),
        ("500", r#"{"stubs": true}"#, 0, "the whole span, where it is kept"),
    ];
    for (status, configuration, stubs, why) in cases {
        let mut proxy = Proxy::sidecar(configuration);
        proxy.host.set_property("xds.route_name", "orders");
        let mut request = proxy.begin_unsampled(INBOUND);
        let passed_on = proxy.host.sent_on("traceparent").remove(0);
        proxy.host.now_ns += 5_000_000;
        proxy.answer(&mut request, &[(":status", status)]);
        proxy.end(request);
        proxy.engine.stats.tell(&mut proxy.host);
        assert_eq!(proxy.host.counter("throughline_stubs"), stubs, "{why}");
        let spans = proxy.exported();
        let stub: Vec<&Span> =
            spans.iter().filter(|span| span.attribute(attribute::STUB).is_some()).collect();
        assert_eq!(stub.len() as i64, stubs, "{why}");
        for stub in stub {
            assert!(
                passed_on.contains(&stub.span_id.to_hex()) && passed_on.contains(&stub.trace_id.to_hex())
            );
            assert_eq!(stub.parent_span_id.unwrap().to_hex(), "00f067aa0ba902b7");
            assert_eq!((stub.name.as_str(), stub.kind), ("orders", SpanKind::Server));
            assert_eq!(stub.end_unix_ns - stub.start_unix_ns, 5_000_000);
        }
    }
}

#[test]
fn a_gateway_leaves_a_stub_for_each_side_that_there_was() {
    for (attempts, kinds) in [(1_i64, &[SpanKind::Server, SpanKind::Client][..]), (0, &[SpanKind::Server])] {
        let mut proxy = Proxy::new(FakeHost::gateway(), r#"{"sampling": {"rate": 0}, "stubs": true}"#);
        proxy.host.set_property("upstream.request_attempt_count", attempts.to_le_bytes());
        proxy.host.set_property("xds.route_name", "default");
        let mut request = proxy.begin(OUTBOUND, &[]);
        proxy.answer(&mut request, &[(":status", "200")]);
        proxy.end(request);
        let spans = proxy.exported();
        assert_eq!(spans.iter().map(|span| span.kind).collect::<Vec<_>>(), kinds);
        assert!(spans.iter().all(|span| span.name.is_empty()));
    }
}

#[test]
fn stubs_of_many_requests_take_sixty_bytes_each_and_arrive() {
    let mut proxy = Proxy::sidecar(r#"{"stubs": true}"#);
    for _ in 0..500 {
        let mut request = proxy.begin_unsampled(INBOUND);
        proxy.answer(&mut request, &[(":status", "200")]);
        proxy.end(request);
    }
    proxy.engine.on_done(&mut proxy.host);
    let bytes: usize = proxy.host.calls.iter().map(Vec::len).sum();
    assert_eq!(proxy.host.exported().len(), 500);
    assert!(bytes < 500 * 62, "{} bytes for each, resource and scope included", bytes / 500);
}

#[test]
fn what_is_kept_says_what_came_in_and_not_what_the_route_made_of_it() {
    let mut proxy = Proxy::new(FakeHost::gateway(), "");
    let mut request = proxy.begin_unsampled(OUTBOUND);
    for (name, value) in &mut proxy.host.request {
        match name.as_str() {
            ":path" => *value = b"/inner".to_vec(),
            ":authority" => *value = b"inner.example.com".to_vec(),
            _ => {}
        }
    }
    proxy.answer(&mut request, &[(":status", "500"), ("x-envoy-upstream-service-time", "3")]);
    proxy.end(request);
    let spans = proxy.exported();
    assert_eq!(spans.len(), 2, "{spans:?}");
    for span in spans {
        let text = |key| span.attribute(key).and_then(Value::as_text);
        assert_eq!((text("url.path"), text("server.address")), (Some("/cart"), Some("cart")), "{span:?}");
    }
}
