//! The requests that Grafana and Kiali make of Jaeger, and what they need in the answers.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use throughline_model::attribute as names;
use throughline_model::span::{Attribute, Resource, SpanKind, StatusCode, Value};

use super::parameter;
use crate::query::tests::{Collector, pair_of_hops, text, trace_id};

/// Parameters whose values are read.
const NAMES: [&str; 11] = [
    "operation",
    "minDuration",
    "maxDuration",
    "start",
    "end",
    "lookback",
    "limit",
    "tags",
    "tag",
    "traceID",
    "endTs",
];

const ONE: &str = "01010101010101010101010101010101";

/// Two traces; in the second the server of the cart fails, and its proxy tells all that a proxy tells.
fn collector() -> Collector {
    let mut failed = pair_of_hops(2);
    failed[2].status = StatusCode::Error;
    failed[2].status_message = "upstream connect error".to_owned();
    failed[2].attributes = vec![
        text(names::ROLE, "inbound"),
        text(names::HTTP_REQUEST_METHOD, "GET"),
        Attribute { key: names::HTTP_RESPONSE_STATUS_CODE.to_owned(), value: Value::Int(503) },
        text(names::ENVOY_RESPONSE_FLAGS, "UF"),
    ];
    failed[2].resource = std::sync::Arc::new(Resource {
        attributes: vec![
            text(names::SERVICE_NAME, "cart"),
            text(names::K8S_POD_NAME, "cart-7d9f"),
            text(names::K8S_NAMESPACE_NAME, "shop"),
            text("istio.cluster_id", "Kubernetes"),
        ],
    });
    Collector::with([pair_of_hops(1), failed].concat())
}

async fn check_found(collector: &Collector, query: &str, expected: &[u8]) {
    let answer = collector.json(&format!("/api/traces?{query}")).await;
    assert_eq!(
        (&answer["errors"], &answer["limit"], &answer["offset"]),
        (&json!(null), &json!(0), &json!(0))
    );
    let found: Vec<&str> =
        answer["data"].as_array().unwrap().iter().map(|trace| trace["traceID"].as_str().unwrap()).collect();
    let expected: Vec<String> = expected.iter().map(|number| trace_id(*number).to_hex()).collect();
    assert_eq!(found, expected, "{query}");
}

async fn check_refused(collector: &Collector, path: &str, status: u16, words: &str) {
    let (found, body) = collector.answer(path, "application/json").await;
    let body: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (found, &body["data"], &body["errors"][0]["code"]),
        (status, &json!(null), &json!(status)),
        "{path}"
    );
    assert!(body["errors"][0]["msg"].as_str().unwrap().contains(words), "{path}: {body}");
}

#[tokio::test]
async fn grafana_lists_services_and_operations() {
    let collector = collector();
    assert_eq!(
        collector.json("/api/services").await,
        json!({"data": ["cart", "gateway"], "total": 2, "limit": 0, "offset": 0, "errors": null})
    );
    assert_eq!(collector.json("/api/services/gateway/operations").await["data"], json!(["GET"]));
    assert_eq!(
        collector.json("/api/operations?service=gateway").await["data"],
        json!([{"name": "GET", "spanKind": "server"}, {"name": "GET", "spanKind": "client"}])
    );
    assert_eq!(collector.json("/api/operations?service=cart&spanKind=client").await["data"], json!([]));
    assert_eq!(collector.json("/api/v3/services").await, json!({"services": ["cart", "gateway"]}));
    assert_eq!(
        collector.json("/api/v3/operations?service=gateway").await,
        json!({"operations": [{"name": "GET", "spanKind": "server"}, {"name": "GET", "spanKind": "client"}]})
    );
    assert_eq!(
        collector.json("/api/v3/operations?service=gateway&span_kind=client").await["operations"],
        json!([{"name": "GET", "spanKind": "client"}])
    );
}

#[tokio::test]
async fn grafana_searches() {
    let collector = collector();
    check_found(&collector, "service=cart", &[2, 1]).await;
    check_found(&collector, "service=cart&limit=1", &[2]).await;
    check_found(&collector, "limit=20&operation=GET&service=cart&minDuration=1ms&maxDuration=1s", &[2, 1])
        .await;
    check_found(&collector, "service=cart&minDuration=1m", &[]).await;
    check_found(&collector, "service=cart&tags=%7B%22error%22%3A%22true%22%7D", &[2]).await;
    check_found(&collector, "service=cart&tags=%7B%22http.status_code%22%3A%22503%22%7D", &[2]).await;
    check_found(&collector, "service=cart&tags=%7B%22http.response.status_code%22%3A%22503%22%7D", &[2])
        .await;
    check_found(&collector, "service=cart&tags=%7B%22span.kind%22%3A%22client%22%7D", &[]).await;
    check_found(&collector, "service=cart&tag=response_flags:UF", &[2]).await;
    check_found(&collector, "service=cart&start=1790000002000000&end=1790000003000000&lookback=custom", &[2])
        .await;
    check_found(&collector, &format!("traceID={ONE}&traceID=5"), &[1]).await;
}

#[tokio::test]
async fn kiali_searches_by_application_namespace_and_cluster() {
    let collector = collector();
    let query = "end=1790000009000000&limit=100&service=cart.shop&start=1790000000000000\
                 &tags=%7B%22istio.cluster_id%22%3A%22Kubernetes%22%7D";
    check_found(&collector, query, &[2]).await;
    check_found(&collector, "service=cart.shop&minDuration=12us", &[2]).await;
    check_found(&collector, "service=cart.elsewhere", &[]).await;
    let answer = collector.json("/jaeger/api/traces?service=cart.shop").await;
    assert_eq!(answer["data"][0]["traceID"], trace_id(2).to_hex());
}

#[tokio::test]
async fn a_missing_trace_is_404_at_once_and_a_wrong_question_400() {
    let collector = collector();
    check_refused(&collector, "/api/traces/0123456789abcdef0123456789abcdef", 404, "trace not found").await;
    check_refused(&collector, "/api/traces/xyz", 400, "32 hexadecimal digits").await;
    check_refused(&collector, "/api/traces", 400, "`service` is required").await;
    check_refused(&collector, "/api/traces?service=cart&tags=error", 400, "JSON object of texts").await;
    check_refused(&collector, "/api/traces?service=cart&minDuration=5", 400, "write a duration").await;
    check_refused(&collector, "/api/traces?service=cart&start=now", 400, "microseconds").await;
    check_refused(&collector, "/api/traces?service=cart&limit=many", 400, "whole number").await;
    check_refused(&collector, "/api/operations", 400, "`service` is required").await;
    let (status, body) = collector.answer("/api/v3/traces/0123456789abcdef0123456789abcdef", "*/*").await;
    let body: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, body), (404, json!({"error": {"httpCode": 404, "message": "No traces found"}})));
    let (status, _) = collector.answer("/api/v3/traces?query.start_time_min=yesterday", "*/*").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_span_has_the_tags_that_kiali_reads() {
    let answer = collector().json(&format!("/api/traces/{}?start=1&end=2", trace_id(2))).await;
    let trace = &answer["data"][0];
    let span = &trace["spans"][2];
    let tag = |key: &str| {
        let tags = span["tags"].as_array().unwrap();
        tags.iter().find(|tag| tag["key"] == key).map(|tag| (tag["type"].clone(), tag["value"].clone()))
    };
    for (key, kind, value) in [
        ("component", "string", json!("proxy")),
        ("node_id", "string", json!("sidecar~~cart-7d9f.shop~shop.svc.cluster.local")),
        ("http.method", "string", json!("GET")),
        ("http.status_code", "string", json!("503")),
        ("http.response.status_code", "int64", json!(503)),
        ("response_flags", "string", json!("UF")),
        ("istio.cluster_id", "string", json!("Kubernetes")),
        ("span.kind", "string", json!("server")),
        ("error", "bool", json!(true)),
        ("otel.status_code", "string", json!("ERROR")),
        ("otel.status_description", "string", json!("upstream connect error")),
    ] {
        assert_eq!(tag(key), Some((json!(kind), value)), "{key}");
    }
    let parent =
        json!([{"refType": "CHILD_OF", "traceID": trace_id(2).to_hex(), "spanID": "0000000000000002"}]);
    assert_eq!((&span["references"], &span["startTime"]), (&parent, &json!(1_790_000_002_003_000_u64)));
    assert_eq!(
        (&span["duration"], &span["warnings"], &span["logs"]),
        (&json!(44_000), &json!(null), &json!([]))
    );
    let process = &trace["processes"][span["processID"].as_str().unwrap()];
    assert_eq!(process["serviceName"], "cart");
    assert!(process["tags"].as_array().unwrap().iter().all(|tag| tag["key"] != "service.name"));
}

#[tokio::test]
async fn an_answer_that_ended_at_a_bound_says_so() {
    let collector = collector();
    collector.state.set_search_limits(std::time::Duration::from_secs(10), 1);
    let answer = collector.json("/api/traces?service=cart").await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        answer["errors"],
        json!([{"code": 206, "msg": "the search ended by its bound on bytes: narrow it"}])
    );
}

#[tokio::test]
async fn a_missing_parent_is_a_warning() {
    let mut spans = pair_of_hops(1);
    spans.remove(1);
    let answer = Collector::with(spans).json(&format!("/api/traces/{ONE}")).await;
    let warning = &answer["data"][0]["spans"][1]["warnings"][0];
    assert_eq!(warning, "its parent 0000000000000002 did not arrive");
}

#[tokio::test]
async fn version_3_searches_and_sums_up() {
    let collector = collector();
    let query = "query.service_name=cart&query.start_time_min=2026-09-21T14:13:22Z\
                 &query.start_time_max=2026-09-21T14:14:00Z&query.duration_min=20ms&query.search_depth=3";
    let answer = collector.json(&format!("/api/v3/traces?{query}")).await;
    let spans = &answer["result"]["resourceSpans"][1]["scopeSpans"][0]["spans"];
    assert_eq!((&spans[0]["kind"], &spans[0]["status"]["code"]), (&json!(2), &json!(2)));
    assert_eq!(spans[0]["parentSpanId"], "0000000000000002");
    let answer = collector.json(&format!("/api/v3/trace-summaries?{query}")).await;
    let summary = &answer["summaries"][0];
    assert_eq!(
        summary["services"],
        json!([{"name": "cart", "spanCount": 1, "errorSpanCount": 1}, {"name": "gateway", "spanCount": 2}])
    );
    assert_eq!((&summary["rootServiceName"], &summary["spanCount"]), (&json!("gateway"), &json!(3)));
    assert_eq!(summary["maxEndTimeUnixNano"], "1790000002049000000");
    assert_eq!(collector.answer("/api/v3/traces?query.service_name=nobody", "*/*").await.0, 404);
}

#[tokio::test]
async fn dependencies_are_the_calls_between_services() {
    let collector = collector();
    let answer = collector.json("/api/dependencies?endTs=1790000060000&lookback=3600000").await;
    assert_eq!(answer["data"], json!([{"parent": "gateway", "child": "cart", "callCount": 2}]));
    let answer = collector.json("/api/dependencies?endTs=1780000060000&lookback=3600000").await;
    assert_eq!(answer["data"], json!([]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_parameters_are_read_or_refused(name in select(&NAMES[..]), value in "\\PC{0,40}") {
        let pairs = vec![("service".to_owned(), "a".to_owned()), (name.to_owned(), value.clone())];
        let _any_outcome = (parameter::question(&pairs), parameter::dependency_range(&pairs), parameter::trace_ids(&pairs));
        let _any_outcome = parameter::read_trace_id(&value);
    }
}

#[test]
fn kinds_without_a_name_have_none() {
    assert_eq!(super::kind_name(SpanKind::Unspecified), "");
}
