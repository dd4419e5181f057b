//! The analyses as a client meets them, over a store in memory.

mod outage;

use std::sync::Arc;

use serde_json::json;
use throughline_model::attribute;
use throughline_model::id::SpanId;
use throughline_model::span::{Resource, Span, SpanKind, StatusCode};

use crate::query::tests::{Collector, START, span, text};
use crate::query::timestamp;

const SECOND: u64 = 1_000_000_000;
const ALL: &str = "since=2000-01-01T00:00:00Z";

fn in_role(mut span: Span, role: &str, link: &str) -> Span {
    span.attributes.push(text(attribute::ROLE, role));
    span.attributes.push(text(attribute::LINK_KIND, link));
    span
}

/// gateway -> front -> cart; the cart takes `cart_ns`, front forwards nothing.
fn trace(number: u8, cart_ns: u64) -> Vec<Span> {
    let mut spans = vec![
        span(number, 1, 0, SpanKind::Server, "gateway"),
        in_role(span(number, 2, 1, SpanKind::Client, "gateway"), "gateway", "propagated"),
        in_role(span(number, 3, 2, SpanKind::Server, "front"), "inbound", "propagated"),
        in_role(span(number, 4, 3, SpanKind::Client, "front"), "outbound", "sole"),
        in_role(span(number, 5, 4, SpanKind::Server, "cart"), "inbound", "propagated"),
    ];
    let start = spans[0].start_unix_ns;
    for (depth, span) in (0..).zip(&mut spans) {
        span.start_unix_ns = start + depth * 1_000_000;
        span.end_unix_ns = start + cart_ns + (9 - depth) * 1_000_000;
    }
    spans
}

fn with_version(mut spans: Vec<Span>, version: &str) -> Vec<Span> {
    for span in &mut spans {
        let mut attributes = span.resource.attributes.clone();
        attributes.push(text(attribute::SERVICE_VERSION, version));
        span.resource = Arc::new(Resource { attributes });
    }
    spans
}

fn traces(numbers: std::ops::Range<u8>, cart_ns: u64) -> Vec<Span> {
    numbers.flat_map(|number| trace(number, cart_ns + u64::from(number))).collect()
}

#[tokio::test]
async fn tells_the_critical_path_of_one_trace() {
    let collector = Collector::with(trace(1, 20_000_000));
    let answer = collector.json(&format!("/api/v1/traces/{}/critical-path", "01".repeat(16))).await;
    assert_eq!(
        (&answer["duration_ns"], &answer["root_span_id"]),
        (&json!(29_000_000), &json!("0000000000000001"))
    );
    assert_eq!(
        answer["services"][0],
        json!({"service": "cart", "self_ns": 21_000_000, "share": 21.0 / 29.0})
    );
    let steps = answer["steps"].as_array().unwrap();
    assert_eq!(
        (steps.len(), &steps[0]["from_ns"], &steps[8]["until_ns"]),
        (9, &json!(0), &json!(29_000_000))
    );
    collector
        .check_problem(&format!("/api/v1/traces/{}/critical-path", "02".repeat(16)), 404, "is not known")
        .await;
}

#[tokio::test]
async fn tells_the_first_hops_of_many_and_counts_the_others() {
    let calls = |call: u64| {
        let mut span = span(1, 1, 2, SpanKind::Client, "front");
        span.span_id = SpanId::from_bytes(&(1_000 + call).to_be_bytes()).unwrap();
        span.start_unix_ns += 10_000_000 + call;
        span.end_unix_ns = span.start_unix_ns + 1;
        span
    };
    // In the order of the tree the last of these comes after all calls of the one before.
    let mut spans: Vec<Span> =
        vec![span(1, 1, 0, SpanKind::Server, "gateway"), span(1, 2, 1, SpanKind::Server, "front")];
    spans.extend((0..5_000).map(calls));
    spans.push(span(1, 3, 1, SpanKind::Server, "cart"));
    let answer = Collector::with(spans).json(&format!("/api/v1/traces/{}/hops", "01".repeat(16))).await;
    let servers = |place: usize| answer["hops"][place]["server"].as_str();
    assert_eq!((servers(0), servers(1), servers(2)), (Some("gateway"), Some("front"), Some("cart")));
    assert_eq!((answer["hops"].as_array().unwrap().len(), &answer["omitted_hops"]), (5_000, &json!(3)));
}

#[tokio::test]
async fn tells_hops_with_their_split() {
    let collector = Collector::with(trace(1, 20_000_000));
    let answer = collector.json(&format!("/api/v1/traces/{}/hops", "01".repeat(16))).await;
    let hops = answer["hops"].as_array().unwrap();
    assert_eq!(hops.len(), 3);
    assert_eq!(
        (&hops[2]["client"], &hops[2]["server"], &hops[2]["depth"]),
        (&json!("front"), &json!("cart"), &json!(3))
    );
    assert_eq!((&hops[2]["between_ns"], &hops[2]["network_ns"]), (&json!(2_000_000), &json!(null)));
}

#[tokio::test]
async fn corrects_clocks_unless_the_raw_ones_are_asked_for() {
    let mut spans = trace(1, 20_000_000);
    spans[4].start_unix_ns += 3 * SECOND;
    spans[4].end_unix_ns += 3 * SECOND;
    let collector = Collector::with(spans);
    let path = format!("/api/v1/traces/{}", "01".repeat(16));
    let (corrected, raw) = (collector.json(&path).await, collector.json(&format!("{path}?clock=raw")).await);
    assert_eq!(corrected["spans"][4]["clock_correction_ns"], json!(-3_000_000_000i64));
    assert_eq!(
        (&corrected["spans"][4]["offset_ns"], &raw["spans"][4]["offset_ns"]),
        (&json!(4_000_000), &json!(3_004_000_000u64))
    );
    collector.check_problem(&format!("{path}?clock=mine"), 400, "`corrected` or `raw`").await;
}

#[tokio::test]
async fn adds_critical_paths_up() {
    let collector = Collector::with(traces(1..11, 20_000_000));
    let answer = collector.json(&format!("/api/v1/critical-path?{ALL}")).await;
    assert_eq!((&answer["traces"], &answer["cut"]), (&json!(10), &json!(false)));
    let root = &answer["frames"][0];
    assert_eq!(
        (&root["service"], &root["share"], &root["traces"]),
        (&json!("gateway"), &json!(1.0), &json!(10))
    );
    assert_eq!(root["children"][0]["children"][0]["service"], "front");
}

#[tokio::test]
async fn ranks_suspects_of_two_times() {
    let collector = Collector::with([traces(1..20, 20_000_000), traces(60..80, 90_000_000)].concat());
    let at = |seconds: u64| {
        format!("2026-09-21T{:02}:{:02}:{:02}Z", 14, (800 + seconds) / 60 % 60, (800 + seconds) % 60)
    };
    assert_eq!(START / SECOND, 1_790_000_000, "2026-09-21T14:13:20Z");
    let query = format!("baseline_since={}&baseline_until={}&since={}", at(0), at(40), at(50));
    let answer = collector.json(&format!("/api/v1/suspects?{query}")).await;
    assert_eq!((&answer["traces"], &answer["baseline_traces"]), (&json!(20), &json!(19)));
    assert_eq!(answer["services"][0]["service"], "cart");
    assert!(answer["services"][0]["reason"].as_str().unwrap().starts_with("own time of GET: 9"), "{answer}");
}

#[tokio::test]
async fn compares_versions() {
    let spans =
        [with_version(traces(1..40, 20_000_000), "v1"), with_version(traces(100..140, 30_000_000), "v2")];
    let collector = Collector::with(spans.concat());
    let answer = collector.json(&format!("/api/v1/compare?{ALL}&version=v2&baseline_version=v1")).await;
    assert_eq!(
        (&answer["traces"], &answer["baseline_traces"], &answer["regression"]),
        (&json!(40), &json!(39), &json!(true))
    );
    assert_eq!(answer["shifts"].as_array().unwrap().len(), 3);
    let same = collector.json(&format!("/api/v1/compare?{ALL}&version=v2&baseline_version=v2")).await;
    assert_eq!((&same["regression"], &same["shifts"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn explains_a_selection() {
    let mut spans = traces(1..60, 20_000_000);
    for (index, span) in spans.iter_mut().enumerate().filter(|(index, _)| index % 5 == 4) {
        let fails = index < 75;
        span.status = if fails { StatusCode::Error } else { StatusCode::Unset };
        span.attributes.push(text("tenant", if fails { "acme" } else { "others" }));
    }
    let collector = Collector::with(spans);
    let answer = collector.json(&format!("/api/v1/explain?{ALL}&errors=true")).await;
    assert_eq!((&answer["selected"], &answer["rest"]), (&json!(15), &json!(44)));
    let facts = answer["facts"].as_array().unwrap();
    assert!(facts.iter().any(|fact| fact["key"] == "tenant" && fact["value"] == "acme"), "{answer}");
}

#[tokio::test]
async fn names_the_workload_that_forwards_nothing() {
    let collector = Collector::with(traces(1..21, 20_000_000));
    let answer = collector.json(&format!("/api/v1/doctor/propagation?{ALL}")).await;
    let first = &answer["workloads"][0];
    assert_eq!((&first["service"], &first["verdict"]), (&json!("front"), &json!("forwards-nothing")));
    assert_eq!(
        (&first["requests"], &first["broken_requests"], &first["calls"]),
        (&json!(20), &json!(20), &json!(20))
    );
    assert_eq!(first["calls_by_link"], json!({"sole": 20}));
}

#[tokio::test]
async fn draws_the_graph_of_a_window() {
    let collector = Collector::with(traces(1..21, 20_000_000));
    let answer = collector.json(&format!("/api/v1/graph?{ALL}&until=2030-01-01T00:00:00Z")).await;
    let edges = answer["edges"].as_array().unwrap();
    let told: Vec<_> =
        edges.iter().map(|edge| (&edge["client"], &edge["server"], &edge["requests"])).collect();
    let (none, twenty) = (json!(null), json!(20));
    assert_eq!(
        told,
        [
            (&none, &json!("gateway"), &twenty),
            (&json!("front"), &json!("cart"), &twenty),
            (&json!("gateway"), &json!("front"), &twenty),
        ]
    );
    assert!(edges.iter().all(|edge| edge["appeared"] == json!(true) && edge["one_sided"].is_u64()));
    assert_eq!((&edges[0]["links"], &edges[0]["link_confidence"]), (&json!({}), &none));
    assert_eq!(edges[1]["links"], json!({"sole": 20}));
    assert_eq!(edges[1]["link_confidence"]["lowest"], json!(0.999));
    assert_eq!(edges[2]["links"], json!({"propagated": 20}));
}

#[tokio::test]
async fn books_what_is_missing_and_why() {
    let mut spans = traces(1..11, 20_000_000);
    for number in 1..6 {
        let call = in_role(span(number, 9, 3, SpanKind::Client, "front"), "outbound", "propagated");
        let mut call = with_address(call, "db.example");
        (call.start_unix_ns, call.end_unix_ns) = (call.start_unix_ns - 3_000_000, call.start_unix_ns);
        spans.push(call);
    }
    let collector = Collector::with(spans);
    let answer = collector.json(&format!("/api/v1/completeness?{ALL}")).await;
    assert_eq!((&answer["arrived"], &answer["missing"]), (&json!(55), &json!({cause(): 5})));
    let edges = answer["edges"].as_array().unwrap();
    let db = edges.iter().find(|edge| edge["server"] == "db.example").unwrap();
    assert_eq!((&db["client"], &db["percent"]), (&json!("front"), &json!(0.0)));
    let trace = collector.json(&format!("/api/v1/traces/{}", "01".repeat(16))).await;
    assert_eq!(trace["gaps"][0]["cause"], cause());
}

/// Where the clock of this machine is behind the times of these tests, their spans may still come.
fn cause() -> &'static str {
    if timestamp::now_unix_ns() > START + 3_600 * SECOND { "no-sidecar" } else { "late" }
}

fn with_address(mut span: Span, address: &str) -> Span {
    span.attributes.push(text(attribute::SERVER_ADDRESS, address));
    span
}
