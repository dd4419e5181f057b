//! Which of several contexts wins, what becomes of the others, and what goes on.

use super::*;
use crate::config;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const W3C: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const B3: (&str, &str) = ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
const B3_TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const MULTI_ID: (&str, &str) = ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124");
const MULTI_SPAN: (&str, &str) = ("x-b3-spanid", "a2fb4a1d1a96d312");
const JAEGER: (&str, &str) = ("uber-trace-id", "80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1");

fn settings(written: &str) -> PropagationConfig {
    let resolved = config::resolve(written.as_bytes());
    assert_eq!(resolved.faults, Vec::<String>::new());
    resolved.config.propagation
}

fn received(written: &str, headers: &[(&str, &str)]) -> Received {
    let pairs = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    extract(&Headers::from_pairs(pairs), &settings(written))
}

/// The context as `traceparent` and `tracestate`, the decision, the traces linked, and whether all was well formed.
fn shown(received: &Received) -> (String, String, Decision, Vec<String>, bool) {
    let context = received.context.as_ref();
    let parent = context.map(TraceContext::to_traceparent).unwrap_or_default();
    let state = context.and_then(|context| context.state.to_header()).unwrap_or_default();
    let linked = received.linked.iter().map(|linked| linked.trace_id.to_hex()).collect();
    (parent, state, received.decision, linked, !received.is_malformed)
}

type Case = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    Decision,
    &'static [&'static str],
    &'static str,
);

/// Headers, the `traceparent` and `tracestate` they stand for, the decision, what is linked, and the rule.
const PRECEDENCE: &[Case] = &[
    (&[], "", "", Decision::Deferred, &[], "nothing says nothing"),
    (&[W3C, ("tracestate", "a=1")], W3C.1, "a=1", Decision::Sampled, &[], "W3C 3.2 and 3.3"),
    (
        &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02")],
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02",
        "",
        Decision::NotSampled,
        &[],
        "W3C 3.2.2.5: the flags are bits",
    ),
    (
        &[B3, W3C, ("tracestate", "a=1")],
        W3C.1,
        "a=1",
        Decision::Sampled,
        &[B3_TRACE],
        "a valid traceparent wins",
    ),
    (
        &[W3C, B3, JAEGER],
        W3C.1,
        "",
        Decision::Sampled,
        &[B3_TRACE],
        "a format that is not asked for is not read",
    ),
    (
        &[W3C, ("b3", "a3ce929d0e0e4736-e457b5a2e4d86bd1-1")],
        W3C.1,
        "",
        Decision::Sampled,
        &[],
        "W3C, shorter identifiers: the right half names the same trace",
    ),
    (
        &[W3C, ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-e457b5a2e4d86bd1-d")],
        W3C.1,
        "",
        Decision::Debug,
        &[],
        "B3: debug is kept beside a sampled traceparent of the same trace",
    ),
    (
        &[W3C, ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d")],
        W3C.1,
        "",
        Decision::Sampled,
        &[B3_TRACE],
        "what another trace wants is its own affair",
    ),
    (&[W3C, ("b3", "0")], W3C.1, "", Decision::Sampled, &[], "a valid traceparent decides"),
    (
        &[("traceparent", "00-junk"), ("tracestate", "a=1"), B3],
        "00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01",
        "",
        Decision::Sampled,
        &[],
        "W3C 3.3: without a valid traceparent no tracestate; 3.2.2.5.2: nobody knows whether it is random",
    ),
    (
        &[MULTI_ID, MULTI_SPAN, B3],
        "00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01",
        "",
        Decision::Sampled,
        &["463ac35c9f6413ad48485a3953bb6124"],
        "B3: the single header takes precedence",
    ),
    (
        &[MULTI_ID, MULTI_SPAN, ("b3", "junk")],
        "00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-00",
        "",
        Decision::Deferred,
        &[],
        "a malformed format gives way to the next; B3: no state is defer",
    ),
    (
        &[("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1-d")],
        "00-000000000000000064fe8b2a57d3eff7-e457b5a2e4d86bd1-01",
        "",
        Decision::Debug,
        &[],
        "W3C, shorter identifiers: zeros on the left, and no random flag",
    ),
    (&[("b3", "0")], "", "", Decision::NotSampled, &[], "B3: a decision alone"),
    (&[("x-b3-flags", "1")], "", "", Decision::Debug, &[], "B3: a decision alone"),
    (&[("b3", "junk")], "", "", Decision::Deferred, &[], "what is malformed says nothing"),
];

#[test]
fn the_strongest_context_wins_and_others_are_linked() {
    for (headers, parent, state, decision, linked, rule) in PRECEDENCE {
        let (got_parent, got_state, got_decision, got_linked, is_well_formed) = shown(&received("", headers));
        assert_eq!((got_parent.as_str(), got_state.as_str()), (*parent, *state), "{headers:?}: {rule}");
        assert_eq!((got_decision, got_linked.as_slice()), (*decision, owned(linked).as_slice()), "{rule}");
        assert_eq!(is_well_formed, !headers.iter().any(|(_, value)| value.contains("junk")), "{rule}");
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const ALL: &str = r#"{"propagation": {"extract": ["jaeger", "xray", "datadog", "cloudtrace", "grpc-trace-bin",
                     "ottrace", "b3", "b3multi"]}}"#;

#[test]
fn the_operators_order_decides_among_other_formats() {
    let other = ("b3", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-0");
    let jaeger_first = received(ALL, &[other, JAEGER]);
    assert_eq!(jaeger_first.context.unwrap().trace_id.to_hex(), B3_TRACE);
    assert_eq!(jaeger_first.linked[0].trace_id.to_hex(), "463ac35c9f6413ad48485a3953bb6124");
    assert_eq!(jaeger_first.linked[0].reason, LinkReason::OtherFormat);
}

#[test]
fn a_trace_named_by_two_other_formats_is_linked_once() {
    assert_eq!(received(ALL, &[W3C, B3, JAEGER]).linked.len(), 1);
}

#[test]
fn a_trace_that_a_load_balancer_began_is_taken_up_without_a_parent() {
    let root = ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678;Sampled=0");
    let began = received(ALL, &[root]);
    assert_eq!((began.context, began.decision), (None, Decision::NotSampled));
    assert_eq!(began.named_trace.unwrap().to_hex(), "67891233abcdef012345678912345678");
    let joined = received(ALL, &[W3C, root]);
    assert_eq!((joined.linked.len(), joined.named_trace), (0, None), "there is no span to link to");
}

#[test]
fn an_edge_continues_restarts_or_decides_anew() {
    let headers = [W3C, ("tracestate", "a=1,ot=th:8"), B3];
    let at_edge = |edge| shown(&received("", &headers).at_edge(edge));
    let (parent, state) = (W3C.1.to_owned(), "a=1,ot=th:8".to_owned());
    let linked = vec![B3_TRACE.to_owned()];
    let continued = (parent.clone(), state.clone(), Decision::Sampled, linked.clone(), true);
    assert_eq!(at_edge(Edge::Continue), continued);
    assert_eq!(at_edge(Edge::ContinueResample), (parent, state, Decision::Deferred, linked.clone(), true));
    let both = [vec![TRACE.to_owned()], linked].concat();
    assert_eq!(at_edge(Edge::Restart), (String::new(), String::new(), Decision::Deferred, both, true));
    let restarted = received("", &headers).at_edge(Edge::Restart);
    assert_eq!(restarted.linked[0].reason, LinkReason::Restart);
    assert_eq!(restarted.linked[0].span_id.to_hex(), "00f067aa0ba902b7");
}

#[test]
fn a_restart_heeds_no_wish_from_outside_and_keeps_no_id_from_there() {
    let root = ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678;Sampled=1");
    let restarted = received(ALL, &[root]).at_edge(Edge::Restart);
    assert_eq!((restarted.named_trace, restarted.decision), (None, Decision::Deferred));
    assert_eq!(received("", &[("b3", "d")]).at_edge(Edge::Restart).decision, Decision::Deferred);
}

#[test]
fn only_formats_that_were_read_are_rewritten() {
    let context = received("", &[W3C]).context.unwrap();
    let rewrites = received("", &[W3C, B3, MULTI_ID, JAEGER]).rewrites(&context);
    let b3 = format!("{TRACE}-00f067aa0ba902b7-1");
    assert_eq!(rewrites, [Rewrite::Set("b3", b3), Rewrite::Remove("x-b3-traceid")]);
    assert_eq!(received("", &[W3C]).rewrites(&context), []);
    let jaeger = format!("{TRACE}:00f067aa0ba902b7:0:1");
    assert_eq!(received(ALL, &[JAEGER]).rewrites(&context), [Rewrite::Set("uber-trace-id", jaeger)]);
}

#[test]
fn a_callers_debug_wish_goes_on_with_the_trace() {
    let debug = received("", &[("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1-d")]);
    let context = debug.context.clone().unwrap();
    let b3 = "64fe8b2a57d3eff7-e457b5a2e4d86bd1-d".to_owned();
    assert_eq!(debug.rewrites(&context), [Rewrite::Set("b3", b3)]);
}

#[test]
fn the_caller_is_told_trace_and_server_span() {
    let context = received("", &[W3C, ("tracestate", "a=1")]).context.unwrap();
    let server = SpanId::from_hex(b"00000000000000ff").unwrap();
    let expected = "traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ff-01\"";
    assert_eq!(server_timing(&context, server), expected);
}

#[test]
fn keys_are_read_and_what_is_wrong_is_told() {
    let written =
        r#"{"edge": "restart", "propagation": {"extract": ["tracecontext", "xray"], "server_timing": true}}"#;
    let expected =
        PropagationConfig { formats: vec![Format::XRay], has_server_timing: true, edge: Edge::Restart };
    assert_eq!(settings(written), expected);
    assert_eq!(settings(r#"{"edge": "continue-resample"}"#).edge, Edge::ContinueResample);
    let default = PropagationConfig {
        formats: vec![Format::B3Single, Format::B3Multi],
        has_server_timing: false,
        edge: Edge::Continue,
    };
    assert_eq!(settings(""), default);
    let faulty = config::resolve(br#"{"edge": "stop", "propagation": {"extract": ["zipkin"]}}"#);
    assert_eq!((faulty.config.propagation, faulty.faults.len()), (default, 2));
    let names = Format::ALL.map(|(name, _)| format!("\"{name}\"")).join(",");
    assert_eq!(settings(&format!(r#"{{"propagation": {{"extract": [{names}]}}}}"#)).formats.len(), 8);
}
