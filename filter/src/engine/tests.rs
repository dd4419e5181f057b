//! From finished spans to the collector and back: when they leave, what is lost, and that each loss is counted.

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, Value};

use super::*;
use crate::host::fake::FakeHost;
use crate::request::Request;

const MILLISECOND_NS: u64 = 1_000_000;
const UNAVAILABLE: u32 = 14;

fn sidecar(configuration: &str) -> (FakeHost, Engine) {
    let mut host = FakeHost::sidecar("cart");
    host.configuration = configuration.as_bytes().to_vec();
    let engine = Engine::start(&mut host);
    (host, engine)
}

fn pass_requests(engine: &mut Engine, host: &mut FakeHost, requests: usize) {
    for _ in 0..requests {
        host.receive(1, &[]);
        let mut request = Request::default();
        request.on_headers(engine, host);
        request.on_end(engine, host);
    }
}

fn tick_after(engine: &mut Engine, host: &mut FakeHost, milliseconds: u64) {
    host.now_ns += milliseconds * MILLISECOND_NS;
    engine.on_tick(host);
}

#[test]
fn a_span_waits_for_the_interval_and_a_full_batch_for_nothing() {
    let (mut host, mut engine) = sidecar(r#"{"batch": {"max_spans": 3}}"#);
    pass_requests(&mut engine, &mut host, 2);
    tick_after(&mut engine, &mut host, 999);
    assert_eq!(host.exported().len(), 0);
    tick_after(&mut engine, &mut host, 1);
    assert_eq!(host.exported().len(), 2);
    pass_requests(&mut engine, &mut host, 3);
    assert_eq!(host.exported().len(), 5, "a full batch is sent with the request that filled it");
}

#[test]
fn times_are_on_the_wall_clock_as_the_last_turn_of_the_timer_saw_it() {
    let (mut host, mut engine) = sidecar("");
    let before = host.now_ns;
    pass_requests(&mut engine, &mut host, 1);
    host.wall_ahead_ns = 7_000_000_000;
    tick_after(&mut engine, &mut host, 250);
    pass_requests(&mut engine, &mut host, 1);
    let after = host.now_ns + host.wall_ahead_ns;
    tick_after(&mut engine, &mut host, 1_000);
    let starts: Vec<u64> = host.exported().iter().map(|span| span.start_unix_ns).collect();
    assert_eq!(starts, [before, after]);
}

#[test]
fn without_a_collector_memory_is_bounded_and_every_dropped_span_counted() {
    let (mut host, mut engine) = sidecar(r#"{"batch": {"max_buffer_bytes": 65536}}"#);
    host.refuses_calls = true;
    for _ in 0..100 {
        pass_requests(&mut engine, &mut host, 100);
        tick_after(&mut engine, &mut host, 1_000);
    }
    host.refuses_calls = false;
    for token in 1..100 {
        tick_after(&mut engine, &mut host, 60_000);
        engine.on_grpc_answer(&mut host, CallToken(token), 0, 0);
    }
    let (reports, kept): (Vec<_>, Vec<_>) =
        host.exported().into_iter().partition(|span| span.name == attribute::DROPPED_SPAN_NAME);
    let (kept, kept_bytes) = (kept.len(), host.calls.iter().map(Vec::len).sum::<usize>());
    assert!(kept > 0 && kept_bytes <= 65_536, "{kept} spans, {kept_bytes} bytes");
    let dropped = host.counter("throughline_spans_dropped_buffer_full");
    assert_eq!(dropped as usize, 10_000 - kept);
    assert_eq!(host.counter("throughline_spans"), 10_000);
    let told = |span: &Span| span.attribute(attribute::DROPPED_SPANS).and_then(Value::as_int).unwrap();
    assert_eq!(reports.iter().map(told).sum::<i64>(), dropped, "the collector is told of every loss");
    assert!(
        reports.iter().all(|span| span.service_name() == "cart" && span.start_unix_ns < span.end_unix_ns)
    );
}

#[test]
fn the_smallest_buffer_loses_nothing_while_the_collector_answers() {
    let (mut host, mut engine) = sidecar(r#"{"batch": {"max_buffer_bytes": 65536}}"#);
    let mut answered = 0;
    for _ in 0..1_000 {
        pass_requests(&mut engine, &mut host, 1);
        while answered < host.calls.len() as u32 {
            answered += 1;
            engine.on_grpc_answer(&mut host, CallToken(answered), 0, 0);
        }
    }
    engine.on_done(&mut host);
    assert_eq!((host.exported().len(), host.counter("throughline_spans_dropped_buffer_full")), (1_000, 0));
}

#[test]
fn a_batch_that_failed_arrives_later_and_once() {
    let (mut host, mut engine) = sidecar("");
    pass_requests(&mut engine, &mut host, 1);
    tick_after(&mut engine, &mut host, 1_000);
    engine.on_grpc_answer(&mut host, CallToken(1), UNAVAILABLE, 0);
    tick_after(&mut engine, &mut host, 1_000);
    assert_eq!(host.calls.len(), 2);
    assert_eq!(host.calls[0], host.calls[1]);
    engine.on_grpc_answer(&mut host, CallToken(2), 0, 0);
    tick_after(&mut engine, &mut host, 60_000);
    assert_eq!(host.calls.len(), 2);
    assert_eq!((host.counter("throughline_exports_failed"), host.counter("throughline_exports_ok")), (1, 1));
}

#[test]
fn what_the_collector_refused_is_counted() {
    let (mut host, mut engine) = sidecar("");
    pass_requests(&mut engine, &mut host, 5);
    tick_after(&mut engine, &mut host, 1_000);
    host.answer = otlp::encode_export_response(2, "too old");
    engine.on_grpc_answer(&mut host, CallToken(1), 0, 100);
    assert_eq!(host.counter("throughline_spans_dropped_by_collector"), 2);
    pass_requests(&mut engine, &mut host, 5);
    tick_after(&mut engine, &mut host, 1_000);
    engine.on_grpc_answer(&mut host, CallToken(2), 3, 0);
    assert_eq!(host.counter("throughline_spans_dropped_refused"), 5);
}

#[test]
fn what_was_lost_before_the_end_is_told_with_the_last_spans() {
    let (mut host, mut engine) = sidecar("");
    pass_requests(&mut engine, &mut host, 5);
    tick_after(&mut engine, &mut host, 1_000);
    engine.on_grpc_answer(&mut host, CallToken(1), 3, 0);
    pass_requests(&mut engine, &mut host, 1);
    assert!(!engine.on_done(&mut host));
    let exported = host.exported();
    let told: Vec<_> = exported.iter().filter_map(|span| span.attribute(attribute::DROPPED_SPANS)).collect();
    assert_eq!((exported.len(), told), (7, vec![&Value::Int(5)]));
    (2..=3).for_each(|token| engine.on_grpc_answer(&mut host, CallToken(token), UNAVAILABLE, 0));
    assert!(engine.is_finished());
    assert_eq!(host.counter("throughline_spans_dropped_shutdown"), 1, "a report is no span of a request");
}

#[test]
fn the_end_waits_for_the_last_answer() {
    let (mut host, mut engine) = sidecar("");
    assert!(engine.on_done(&mut host), "nothing to wait for");
    pass_requests(&mut engine, &mut host, 1);
    assert!(!engine.on_done(&mut host));
    assert_eq!(host.exported().len(), 1);
    engine.on_grpc_answer(&mut host, CallToken(1), 0, 0);
    assert!(engine.is_finished());
}

#[test]
fn the_end_does_not_wait_for_a_collector_that_is_not_there() {
    let (mut host, mut engine) = sidecar(r#"{"batch": {"max_spans": 1}}"#);
    host.refuses_calls = true;
    pass_requests(&mut engine, &mut host, 3);
    assert!(engine.on_done(&mut host));
    assert_eq!(host.counter("throughline_spans_dropped_shutdown"), 3);

    let (mut host, mut engine) = sidecar(r#"{"batch": {"max_spans": 1}}"#);
    pass_requests(&mut engine, &mut host, 6);
    assert!(!engine.on_done(&mut host));
    (1..=4).for_each(|token| engine.on_grpc_answer(&mut host, CallToken(token), UNAVAILABLE, 0));
    assert!(engine.is_finished());
    assert_eq!(host.counter("throughline_spans_dropped_shutdown"), 6);
}

#[test]
fn a_faulty_configuration_is_logged_counted_and_survived() {
    let (host, engine) = sidecar(r#"{"colector": {}, "batch": 1}"#);
    assert_eq!(host.counter("throughline_config_errors"), 2);
    assert!(host.log[0].contains("`colector`: did you mean `collector`?"), "{:?}", host.log);
    assert_eq!(engine.config, Config::default());
}

fn answer_by_http(engine: &mut Engine, host: &mut FakeHost, token: u32, status: &str) {
    host.call_response = vec![(":status".to_owned(), status.as_bytes().to_vec())];
    engine.on_http_answer(host, CallToken(token), host.answer.len());
}

#[test]
fn spans_go_by_http_when_that_is_configured() {
    let (mut host, mut engine) = sidecar(
        r#"{"collector": {"protocol": "http", "token": "T0k", "cluster": "outbound|4318||otel.svc"}}"#,
    );
    pass_requests(&mut engine, &mut host, 2);
    tick_after(&mut engine, &mut host, 1_000);
    assert_eq!(host.exported().len(), 2);
    let (cluster, place) = ("outbound|4318||otel.svc".to_owned(), "otel.svc/v1/traces".to_owned());
    assert_eq!(host.call_places, [(CallKind::Http, cluster, place, "Bearer T0k".to_owned())]);
    answer_by_http(&mut engine, &mut host, 1, "503");
    tick_after(&mut engine, &mut host, 1_000);
    assert_eq!(host.calls.len(), 2, "what the proxy answered for a collector that is away is tried again");
    host.answer = otlp::encode_export_response(1, "too old");
    answer_by_http(&mut engine, &mut host, 2, "200");
    assert_eq!((host.counter("throughline_exports_failed"), host.counter("throughline_exports_ok")), (1, 1));
    assert_eq!(host.counter("throughline_spans_dropped_by_collector"), 1);
    pass_requests(&mut engine, &mut host, 3);
    tick_after(&mut engine, &mut host, 1_000);
    answer_by_http(&mut engine, &mut host, 3, "401");
    assert_eq!(host.counter("throughline_spans_dropped_refused"), 3);
    assert!(host.log.iter().any(|line| line.contains("3 spans with HTTP status 401")), "{:?}", host.log);
    assert!(!host.log.iter().any(|line| line.contains("T0k")), "{:?}", host.log);
}

#[test]
fn a_token_goes_along_by_grpc() {
    let (mut host, mut engine) = sidecar(r#"{"collector": {"token": "T0k"}}"#);
    pass_requests(&mut engine, &mut host, 1);
    tick_after(&mut engine, &mut host, 1_000);
    let [(CallKind::Grpc, _, _, authorization)] = host.call_places.as_slice() else {
        panic!("{:?}", host.call_places)
    };
    assert_eq!(authorization, "Bearer T0k");
}

#[test]
fn the_gauge_says_how_much_waits_and_nothing_in_the_end() {
    let (mut host, mut engine) = sidecar("");
    pass_requests(&mut engine, &mut host, 10);
    tick_after(&mut engine, &mut host, 1_000);
    let sent: usize = host.calls.iter().map(Vec::len).sum();
    assert_eq!(host.counter("throughline_buffer_bytes"), sent as i64);
    engine.on_grpc_answer(&mut host, CallToken(1), 0, 0);
    tick_after(&mut engine, &mut host, 1);
    assert_eq!(host.counter("throughline_buffer_bytes"), 0);
    pass_requests(&mut engine, &mut host, 10);
    assert!(!engine.on_done(&mut host));
    engine.on_grpc_answer(&mut host, CallToken(2), 0, 0);
    assert_eq!(host.counter("throughline_buffer_bytes"), 0);
}

#[test]
fn what_requests_count_reaches_the_host_once_with_the_timer_and_at_the_end() {
    let (mut host, mut engine) = sidecar("");
    pass_requests(&mut engine, &mut host, 3);
    assert_eq!(host.counter("throughline_spans"), 0);
    for _ in 0..2 {
        tick_after(&mut engine, &mut host, 250);
        assert_eq!(host.counter("throughline_spans"), 3);
    }
    pass_requests(&mut engine, &mut host, 1);
    engine.on_done(&mut host);
    assert_eq!(host.counter("throughline_spans"), 4);
}

#[test]
fn a_role_that_envoy_contradicts_is_told_once_and_not_followed() {
    let (mut host, mut engine) = sidecar(r#"{"role": "inbound"}"#);
    pass_requests(&mut engine, &mut host, 16);
    assert_eq!(host.counter("throughline_config_errors"), 0);
    for _ in 0..2 {
        host.receive(2, &[]);
        let mut call = Request::default();
        call.on_headers(&mut engine, &mut host);
        call.on_end(&mut engine, &mut host);
    }
    pass_requests(&mut engine, &mut host, 1);
    engine.on_done(&mut host);
    let kinds: Vec<SpanKind> = host.exported().iter().map(|span| span.kind).collect();
    use SpanKind::{Client, Server};
    assert_eq!(kinds, [vec![Server; 16], vec![Client, Client, Server]].concat());
    assert_eq!(host.counter("throughline_config_errors"), 1);
    let told: Vec<&String> = host.log.iter().filter(|line| line.contains("configuration: role")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("handles outbound requests too; right is `auto`"), "{told:?}");
}
