//! Trees as they look.

use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{self, Attribute, Resource, SpanKind, StatusCode, Value};

use super::*;
use crate::assemble::assemble;

use SpanKind::{Client, Internal, Server};

const START: u64 = 1_790_000_000_000_000_000;

/// A span that lasts from `start` to `end` milliseconds.
fn span(id: u64, parent: u64, kind: SpanKind, service: &str, (start, end): (u64, u64)) -> span::Span {
    let span_id = |id: u64| SpanId::from_bytes(&id.to_be_bytes());
    span::Span {
        trace_id: TraceId::from_bytes(&[7; 16]).unwrap(),
        span_id: span_id(id).unwrap(),
        parent_span_id: span_id(parent),
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind,
        start_unix_ns: START + start * 1_000_000,
        end_unix_ns: START + end * 1_000_000,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![text(attribute::SERVICE_NAME, service)] }),
    }
}

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

fn with(mut span: span::Span, key: &str, value: &str) -> span::Span {
    span.attributes.push(text(key, value));
    span
}

fn failed(mut span: span::Span, code: &str) -> span::Span {
    span.status = StatusCode::Error;
    with(span, attribute::ERROR_TYPE, code)
}

fn drawn(spans: Vec<span::Span>) -> String {
    let spans: Vec<_> = spans.into_iter().map(Arc::new).collect();
    draw(&Trace::of(TraceId::from_bytes(&[7; 16]).unwrap(), &assemble(&spans)), Paint::Plain)
}

/// The drawing without its heading.
fn check(spans: Vec<span::Span>, expected: &[&str]) {
    let drawing = drawn(spans);
    let lines: Vec<&str> = drawing.lines().skip(3).map(str::trim_end).collect();
    assert_eq!(lines, expected, "\n{drawing}");
    assert!(drawing.lines().all(|line| line.chars().count() <= 100), "\n{drawing}");
}

#[test]
fn begins_with_the_trace_and_the_names_of_the_columns() {
    let drawing = drawn(vec![span(1, 0, Server, "gateway", (0, 100))]);
    let lines: Vec<&str> = drawing.lines().take(3).collect();
    assert_eq!(
        lines,
        [
            "trace 07070707070707070707070707070707  2026-09-21 14:13:20.000 UTC",
            "",
            "SERVICE  OPERATION                           STATUS       LINK         CALLER   SERVER TIMELINE",
        ]
    );
}

#[test]
fn draws_a_call_and_its_server_as_one_line() {
    let ok = |span| with(span, attribute::RPC_RESPONSE_STATUS_CODE, "OK");
    check(
        vec![
            ok(span(1, 0, Server, "gateway", (0, 100))),
            with(ok(span(2, 1, Client, "gateway", (5, 95))), attribute::LINK_KIND, "propagated"),
            ok(span(3, 2, Server, "frontend", (10, 90))),
            with(span(4, 3, Client, "frontend", (20, 40)), attribute::LINK_KIND, "request-id"),
            failed(span(5, 4, Server, "cart", (22, 38)), "503"),
            ok(span(6, 3, Client, "frontend", (50, 80))),
            ok(span(7, 6, Server, "catalog", (55, 75))),
            span(8, 7, Internal, "catalog", (60, 70)),
        ],
        &[
            "gateway  GET                                 OK           -                 -   100 ms ━━━━━━━━━━━━━",
            "└ frontend  GET                              OK           propagated  90.0 ms  80.0 ms ━━━━━━━━━━━━",
            "  ├ cart  GET                                503 ✗        request-id  20.0 ms  16.0 ms   ━━━",
            "  └ catalog  GET                             OK           -           30.0 ms  20.0 ms       ━━━━",
            "    └ catalog  GET                           unset        -                 -  10.0 ms        ━━",
            "",
            "4 hops · depth 3 · 8 spans · 4 services · 100 ms · 1 error · complete",
        ],
    );
}

#[test]
fn shows_the_caller_where_the_trace_began_with_a_call() {
    let client = with(span(1, 0, Client, "frontend", (0, 10)), attribute::LINK_KIND, "none");
    check(
        vec![client, span(2, 1, Server, "cart", (1, 9))],
        &[
            "frontend → cart  GET                         unset        none        10.0 ms  8.00 ms ━━━━━━━━━━━━━",
            "",
            "1 hop · depth 1 · 2 spans · 2 services · 10.0 ms · complete",
        ],
    );
}

#[test]
fn says_of_no_parent_that_arrived_that_it_did_not() {
    check(
        vec![span(1, 2, Server, "cart", (0, 10)), span(2, 1, Internal, "cart", (2, 8))],
        &[
            "┄ the chain of parents of the next line leads back to it",
            "cart  GET                                    unset ⚠      -                 -  10.0 ms ━━━━━━━━━━━━━",
            "└ cart  GET                                  unset        -                 -  6.00 ms   ━━━━━━━━",
            "",
            "⚠ missing-parent (unknown) cart span 0000000000000001",
            "  its chain of parents leads back to itself, so one of the parent ids is wrong",
            "1 hop · depth 1 · 2 spans · 1 service · 10.0 ms · incomplete: 1 gap, 66.7 % arrived",
        ],
    );
}

#[test]
fn marks_gaps_and_explains_them() {
    let lonely = with(span(2, 1, Client, "cart", (2, 8)), attribute::ROLE, "outbound");
    check(
        vec![
            span(1, 0, Server, "cart", (0, 10)),
            with(lonely, attribute::SERVER_ADDRESS, "currency.shop"),
            span(3, 9, Server, "payment", (3, 4)),
        ],
        &[
            "cart  GET                                    unset        -                 -  10.0 ms ━━━━━━━━━━━━━",
            "└ → currency.shop  GET                       unset ⚠      -           6.00 ms        -   ━━━━━━━━",
            "┄ the parent of the next line, 0000000000000009, did not arrive",
            "payment  GET                                 unset ⚠      -                 -  1.00 ms    ━━",
            "",
            "⚠ no-server-span (unknown) cart span 0000000000000002",
            "  no span arrived from currency.shop: it has no proxy, or its span is late or lost",
            "⚠ missing-parent (unknown) payment span 0000000000000003",
            "  its parent 0000000000000009 did not arrive",
            "3 hops · depth 2 · 3 spans · 2 services · 10.0 ms · incomplete: 2 gaps, 60.0 % arrived",
        ],
    );
}

#[test]
fn tells_where_traces_were_joined_and_where_that_is_open() {
    let spans: Vec<_> = [
        span(1, 0, Server, "gateway", (0, 10)),
        with(span(2, 1, Client, "gateway", (2, 8)), attribute::LINK_KIND, "none"),
    ]
    .map(Arc::new)
    .to_vec();
    let mut trace = Trace::of(TraceId::from_bytes(&[7; 16]).unwrap(), &assemble(&spans));
    let seam = |kind: &str, cause: Option<&str>, joined: bool| Seam {
        trace_id: "07".repeat(16),
        span_id: "0000000000000002".to_owned(),
        service: "gateway".to_owned(),
        kind: kind.to_owned(),
        confidence: 0.5,
        candidates: 2,
        cause_trace_id: cause.map(str::to_owned),
        cause_span_id: cause.map(|_| "0000000000000001".to_owned()),
        joined,
    };
    let lost = "09".repeat(16);
    trace.seams = vec![
        seam("contained", Some("08"), true),
        seam("restart", Some(&lost), false),
        seam("open", None, false),
    ];
    trace.summary.confidence = 0.5;
    let drawing = draw(&trace, Paint::Plain);
    for words in [
        "contained   6.00 ms",
        "≈ seam gateway trace 07070707070707070707070707070707\n  joined here by contained, 50.0 % certain",
        "  its cause (restart) in trace 09090909090909090909090909090909 is not here",
        "  not joined: 2 requests could have caused it, each 50.0 % likely",
        "links 50.0 % certain",
    ] {
        assert!(drawing.contains(words), "{words:?} in\n{drawing}");
    }
    assert!(drawing.lines().all(|line| line.chars().count() <= 100), "\n{drawing}");
}

#[test]
fn draws_every_server_that_answered_one_call() {
    let client = with(span(1, 0, Client, "a", (0, 10)), attribute::ENVOY_UPSTREAM_CLUSTER, "outbound|80||b");
    check(
        vec![client, failed(span(2, 1, Server, "b", (1, 4)), "503"), span(3, 1, Server, "b", (5, 9))],
        &[
            "a → outbound|80||b  GET                      unset        -           10.0 ms        - ━━━━━━━━━━━━━",
            "├ b  GET                                     503 ✗        -                 -  3.00 ms  ━━━━",
            "└ b  GET                                     unset        -                 -  4.00 ms       ━━━━━",
            "",
            "1 hop · depth 1 · 3 spans · 2 services · 10.0 ms · 1 error · complete",
        ],
    );
}

#[test]
fn says_when_there_are_several_roots() {
    let drawing = drawn(vec![span(1, 0, Server, "a", (0, 10)), span(2, 0, Server, "b", (1, 2))]);
    assert!(drawing.ends_with("incomplete: several roots\n"), "{drawing}");
}

#[test]
fn calls_a_trace_that_is_read_in_part_incomplete_for_that() {
    for roots in [[0, 1], [9, 1]] {
        let spans = (1..).zip(roots).map(|(id, parent)| Arc::new(span(id, parent, Server, "a", (0, 10))));
        let spans: Vec<_> = spans.collect();
        let mut trace = Trace::of(TraceId::from_bytes(&[7; 16]).unwrap(), &assemble(&spans));
        (trace.summary.truncated, trace.summary.complete, trace.summary.gaps) = (true, false, 0);
        let drawing = draw(&trace, Paint::Plain);
        assert!(drawing.ends_with("incomplete: only the first 2 spans are read\n"), "{drawing}");
    }
}

#[test]
fn keeps_its_width_with_long_names_and_deep_trees() {
    let deep = |id: u64| {
        let mut span = span(id, id - 1, Internal, &"service".repeat(id as usize), (id, 100 - id));
        span.name = "operation".repeat(10);
        failed(span, "DEADLINE_EXCEEDED")
    };
    let drawing = drawn((1..=40).map(deep).collect());
    assert!(drawing.lines().all(|line| line.chars().count() <= 100), "\n{drawing}");
    assert!(drawing.contains("… "), "\n{drawing}");
}

#[test]
fn shows_no_control_characters() {
    let mut evil = span(1, 0, Server, "a\u{1b}[2J", (0, 10));
    evil.name = "GET\r\n\u{7}".to_owned();
    let drawing = drawn(vec![with(evil, attribute::ERROR_TYPE, "\u{1b}]0;x")]);
    assert!(!drawing.contains(|letter: char| letter.is_control() && letter != '\n'), "{drawing:?}");
}

#[test]
fn tells_whose_clocks_were_corrected() {
    let spans = vec![
        span(1, 0, Server, "gateway", (0, 100)),
        span(2, 1, Client, "gateway", (10, 60)),
        span(3, 2, Server, "cart", (3_010, 3_060)),
        span(4, 1, Client, "gateway", (70, 90)),
        span(5, 4, Server, "stock", (70, 90)),
    ];
    let drawing = drawn(spans);
    let expected = "⚠ clocks apart: their times are shown corrected\n  cart 3.00 s ahead\n";
    assert!(drawing.contains(expected), "{drawing}");
    let same_clock = drawn(vec![span(1, 0, Client, "gateway", (0, 10)), span(2, 1, Server, "cart", (1, 9))]);
    assert!(!same_clock.contains("clocks"), "{same_clock}");
}
