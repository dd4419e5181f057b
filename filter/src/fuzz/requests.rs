//! Whole requests through the filter, several at a time, in a proxy that answers anything and forgets anything.

use throughline_model::context::{self, Extracted, TRACEPARENT, TRACESTATE};
use throughline_model::otlp;

use super::input::Input;
use super::parsers::FOREIGN_NAMES;
use crate::engine::Engine;
use crate::host::fake::FakeHost;
use crate::host::{CallToken, Host};
use crate::request::Request;

/// Requests under way at once.
const MAX_UNDER_WAY: usize = 6;
const MAX_STEPS: usize = 200;
const CONFIGURATIONS: [&str; 5] = [
    "",
    r#"{"path_log": "all", "batch": {"max_spans": 1, "max_buffer_bytes": 65536}}"#,
    r#"{"edge": "restart", "stubs": true, "sampling": {"rate": 0.5}, "path_log": "errors"}"#,
    r#"{"propagation": {"extract": ["tracecontext", "b3", "b3multi", "jaeger", "xray", "datadog", "cloudtrace",
        "grpc-trace-bin", "ottrace"], "server_timing": true}, "edge": "continue-resample"}"#,
    r#"{"sampling": {"rate": 0}, "collector": {"protocol": "http"}, "attributes": {"request_headers": ["x-any"]}}"#,
];
const OTHER_NAMES: [&str; 10] = [
    "x-request-id",
    "content-type",
    "authorization",
    "cookie",
    "x-any",
    ":path",
    ":method",
    ":authority",
    "upgrade",
    "user-agent",
];
const PROPERTIES: [&str; 9] = [
    "xds.cluster_name",
    "xds.listener_direction",
    "xds.route_name",
    "response.code",
    "response.flags",
    "response.code_details",
    "response.grpc_status",
    "upstream.address",
    "upstream.request_attempt_count",
];
const VALID: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Plays a story told by the bytes, and holds every request that leaves the proxy against the specification.
pub fn whole_requests(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut host =
        if input.byte().is_multiple_of(2) { FakeHost::sidecar("cart") } else { FakeHost::gateway() };
    let choice = usize::from(input.byte() % 8);
    host.configuration = match CONFIGURATIONS.get(choice) {
        Some(text) => text.as_bytes().to_vec(),
        None => input.bytes(),
    };
    let mut engine = Engine::start(&mut host);
    let mut under_way = Vec::new();
    for _ in 0..MAX_STEPS {
        if input.is_used_up() {
            break;
        }
        step(&mut input, &mut engine, &mut host, &mut under_way);
    }
    for mut request in under_way {
        request.on_end(&mut engine, &mut host);
    }
    engine.on_done(&mut host);
    for message in &host.calls {
        let decoded = otlp::decode_export_request(message).expect("what the filter sends is OTLP");
        assert_eq!(decoded.tally.rejected, 0, "{:?}", decoded.tally.reason);
    }
}

fn step(input: &mut Input<'_>, engine: &mut Engine, host: &mut FakeHost, under_way: &mut Vec<Request>) {
    let at = |input: &mut Input<'_>, count: usize| usize::from(input.byte()) % count.max(1);
    match input.byte() % 10 {
        0 | 1 => begin(input, engine, host, under_way),
        2 if !under_way.is_empty() => {
            respond(input, host);
            let mut request = under_way.swap_remove(at(input, under_way.len()));
            request.on_end(engine, host);
        }
        3 if !under_way.is_empty() => {
            respond(input, host);
            let index = at(input, under_way.len());
            under_way[index].on_response_headers(engine, host);
            under_way[index].on_response_trailers(engine, host);
        }
        4 => {
            host.now_ns = host.now_ns.saturating_add(u64::from(input.byte()) * 50_000_000);
            engine.on_tick(host);
        }
        5 => {
            let token = CallToken(u32::from(input.byte()));
            host.answer = input.bytes();
            engine.on_grpc_answer(host, token, u32::from(input.byte()), host.answer.len());
        }
        6 => {
            host.call_response = vec![(":status".to_owned(), input.bytes())];
            engine.on_http_answer(host, CallToken(u32::from(input.byte())), usize::from(input.byte()));
        }
        7 => spoil_what_is_shared(input, host),
        8 => {
            host.lost_races = usize::from(input.byte() % 8);
            host.refuses_calls = input.byte() % 2 == 1;
            host.has_no_randomness = input.byte() % 2 == 1;
        }
        9 => {
            // A request that was refused before the filter saw its headers.
            host.request = Vec::new();
            respond(input, host);
            Request::default().on_end(engine, host);
        }
        _ => {}
    }
}

fn begin(input: &mut Input<'_>, engine: &mut Engine, host: &mut FakeHost, under_way: &mut Vec<Request>) {
    let direction = i64::from(input.byte() % 4);
    let mut headers: Vec<(&str, Vec<u8>)> = Vec::new();
    for _ in 0..input.byte() % 24 {
        let name = match input.byte() {
            0..=40 => TRACEPARENT,
            41..=80 => TRACESTATE,
            81..=160 => input.one_of(&FOREIGN_NAMES),
            _ => input.one_of(&OTHER_NAMES),
        };
        let value = if input.byte().is_multiple_of(4) { VALID.to_vec() } else { input.bytes() };
        headers.push((name, value));
    }
    let borrowed: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    host.receive(direction, &borrowed);
    let mut request = Request::default();
    request.on_headers(engine, host);
    assert_passed_on(host, &headers);
    if under_way.len() < MAX_UNDER_WAY {
        under_way.push(request);
    } else {
        request.on_end(engine, host);
    }
}

/// Exactly one valid `traceparent`, at most one `tracestate`, and every header that is none of ours as it came.
fn assert_passed_on(host: &FakeHost, received: &[(&str, Vec<u8>)]) {
    let values = |name: &str| -> Vec<&[u8]> {
        let lines = host.request.iter().filter(|(candidate, _)| candidate == name);
        lines.map(|(_, value)| value.as_slice()).collect()
    };
    let (parents, states) = (values(TRACEPARENT), values(TRACESTATE));
    assert_eq!(parents.len(), 1, "one traceparent is passed on");
    assert!(states.len() <= 1, "one tracestate is passed on");
    let passed_on = context::extract(parents.into_iter(), states.iter().copied());
    let Extracted::Found(context) = passed_on else { panic!("passed on: {passed_on:?}") };
    let line = context.state.to_header().unwrap_or_default().into_bytes();
    assert_eq!(states.first().copied().unwrap_or_default(), line, "the tracestate passed on is a valid one");
    for name in OTHER_NAMES.iter().filter(|name| !name.starts_with(':')) {
        let before = received.iter().filter(|(candidate, _)| candidate == name).count();
        assert_eq!(values(name).len(), before, "{name} is passed on as often as it came");
    }
}

fn respond(input: &mut Input<'_>, host: &mut FakeHost) {
    let status: &[u8] =
        input.one_of(&[b"200".as_slice(), b"404", b"503", b"", b"99999999999999999999", b"\xff"]);
    host.response = vec![(":status".to_owned(), status.to_vec())];
    host.trailers = vec![("grpc-status".to_owned(), input.bytes())];
    host.response
        .push((input.one_of(&["grpc-status", "throughline-keep", "x-any"]).to_owned(), input.bytes()));
    let property = input.one_of(&PROPERTIES);
    host.set_property(property, input.bytes());
}

fn spoil_what_is_shared(input: &mut Input<'_>, host: &mut FakeHost) {
    let mut keys: Vec<String> = host.shared.keys().cloned().collect();
    keys.sort();
    if let Some(key) = keys.get(usize::from(input.byte()) % keys.len().max(1)) {
        let mut bytes = host.shared_value(key).bytes;
        let place = usize::from(input.byte());
        match bytes.get_mut(place) {
            Some(byte) => *byte ^= input.byte() | 1,
            None => bytes = input.bytes(),
        }
        host.put_shared_value(key, &bytes);
    }
}
