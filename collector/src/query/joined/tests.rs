//! Joined traces as a client of the API meets them.

use serde_json::json;
use throughline_model::attribute;
use throughline_model::span::{Attribute, Span, SpanKind, SpanLink, Value};

use crate::query::tests::{Collector, pair_of_hops, span, text, trace_id};

/// gateway -> front, and a call of the front's in a trace of its own, whose candidates are these traces' front spans.
fn shop(candidates: &[u8]) -> Vec<Span> {
    let mut spans = pair_of_hops(1);
    spans[2].end_unix_ns += 10_000_000;
    let mut call = span(2, 1, 0, SpanKind::Client, "cart");
    (call.start_unix_ns, call.end_unix_ns) = (spans[2].start_unix_ns + 1, spans[2].end_unix_ns - 1);
    let ids = candidates.iter().map(|trace| Value::Text(format!("{}-{:016x}", trace_id(*trace), 3)));
    call.attributes = vec![
        text(attribute::LINK_KIND, "none"),
        text(attribute::SERVER_ADDRESS, "orders"),
        Attribute { key: attribute::LINK_CANDIDATES.to_owned(), value: Value::Int(candidates.len() as i64) },
        Attribute { key: attribute::LINK_CANDIDATE_IDS.to_owned(), value: Value::List(ids.collect()) },
    ];
    let mut server = span(2, 2, 1, SpanKind::Server, "orders");
    (server.start_unix_ns, server.end_unix_ns) = (call.start_unix_ns + 1, call.end_unix_ns - 1);
    spans.extend([call, server]);
    spans
}

fn path(trace: u8, rest: &str) -> String {
    format!("/api/v1/traces/{}{rest}", trace_id(trace))
}

#[tokio::test]
async fn a_trace_is_told_with_those_joined_to_it() {
    let collector = Collector::with(shop(&[1]));
    for asked in [1, 2] {
        let answer = collector.json(&path(asked, "")).await;
        let spans: Vec<_> = answer["spans"].as_array().unwrap().iter().map(|span| &span["service"]).collect();
        assert_eq!(spans, ["gateway", "gateway", "cart", "cart", "orders"], "{answer:#}");
        assert_eq!(answer["spans"][3]["trace_id"], trace_id(2).to_hex());
        assert_eq!((&answer["spans"][3]["level"], &answer["summary"]["complete"]), (&json!(3), &json!(true)));
        assert_eq!((&answer["summary"]["confidence"], &answer["seams_cut"]), (&json!(0.966), &json!(false)));
        assert_eq!(
            answer["seams"],
            json!([{
                "trace_id": trace_id(2).to_hex(), "span_id": "0000000000000001", "service": "cart",
                "kind": "contained", "confidence": 0.966, "candidates": 1,
                "cause_trace_id": trace_id(1).to_hex(), "cause_span_id": "0000000000000003", "joined": true
            }])
        );
        let hops = collector.json(&path(asked, "/hops")).await;
        let last = hops["hops"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["link"], &last["link_confidence"]), (&json!("contained"), &json!(0.966)));
        assert_eq!(
            (&last["client"], &last["server"], &last["depth"]),
            (&json!("cart"), &json!("orders"), &json!(3))
        );
        let critical = collector.json(&path(asked, "/critical-path")).await;
        assert!(critical["services"].as_array().unwrap().iter().any(|one| one["service"] == "orders"));
    }
}

#[tokio::test]
async fn a_trace_is_told_alone_where_that_is_asked() {
    let collector = Collector::with(shop(&[1]));
    let answer = collector.json(&path(1, "?joined=false")).await;
    assert_eq!((answer["spans"].as_array().unwrap().len(), &answer["seams"]), (3, &json!([])));
    collector.check_problem(&path(1, "?joined=maybe"), 400, "joined").await;
}

#[tokio::test]
async fn a_candidate_that_is_not_known_leaves_it_open() {
    let collector = Collector::with(shop(&[1, 9]));
    let answer = collector.json(&path(2, "")).await;
    assert_eq!(answer["spans"].as_array().unwrap().len(), 2);
    let seam = &answer["seams"][0];
    assert_eq!(
        (&seam["kind"], &seam["confidence"], &seam["candidates"], &seam["joined"]),
        (&json!("open"), &json!(0.5), &json!(2), &json!(false))
    );
}

#[tokio::test]
async fn what_the_workload_does_otherwise_speaks_against_a_join() {
    let mut forwarding = span(7, 2, 1, SpanKind::Client, "cart");
    forwarding.attributes = vec![text(attribute::LINK_KIND, "propagated")];
    (forwarding.start_unix_ns, forwarding.end_unix_ns) =
        (shop(&[1])[0].start_unix_ns, shop(&[1])[0].end_unix_ns);
    let background = |number: u8| {
        let mut call = forwarding.clone();
        (call.trace_id, call.parent_span_id) = (trace_id(number), None);
        call.attributes = vec![text(attribute::LINK_KIND, "none"), text(attribute::SERVER_ADDRESS, "orders")];
        call
    };
    for (others, joined) in [
        (vec![forwarding.clone()], 2),
        (vec![background(7), background(8)], 5),
        (vec![background(7), background(8), background(9)], 2),
    ] {
        let collector = Collector::with([shop(&[1]), others].concat());
        let answer = collector.json(&path(2, "")).await;
        assert_eq!(answer["spans"].as_array().unwrap().len(), joined, "{answer:#}");
    }
}

#[tokio::test]
async fn a_trace_that_an_edge_began_anew_is_found_from_its_caller() {
    let caller = {
        let mut call = span(1, 2, 1, SpanKind::Client, "shop");
        call.attributes = vec![text(attribute::ROLE, "outbound"), text(attribute::LINK_KIND, "propagated")];
        vec![span(1, 1, 0, SpanKind::Server, "shop"), call]
    };
    let mut edge = span(2, 1, 0, SpanKind::Server, "edge");
    (edge.start_unix_ns, edge.end_unix_ns) = (caller[1].start_unix_ns + 5, caller[1].end_unix_ns - 5);
    edge.attributes = vec![text(attribute::ROLE, "gateway")];
    edge.links = vec![SpanLink {
        trace_id: trace_id(1),
        span_id: caller[1].span_id,
        attributes: vec![text(attribute::LINKED_REASON, "restart")],
    }];
    let collector = Collector::with([caller, vec![edge]].concat());
    for asked in [1, 2] {
        let answer = collector.json(&path(asked, "")).await;
        assert_eq!(answer["spans"].as_array().unwrap().len(), 3, "{answer:#}");
        assert_eq!(
            (&answer["seams"][0]["kind"], &answer["summary"]["complete"]),
            (&json!("restart"), &json!(true))
        );
    }
    let alone = collector.json(&path(1, "?joined=false")).await;
    assert_eq!(alone["gaps"][0]["reason"], "no-server-span");
}
