//! The requests that Grafana and Kiali make of Tempo, and what they need in the answers.

use serde_json::{Value as Json, json};
use throughline_model::attribute as names;
use throughline_model::otlp::decode_export_request;
use throughline_model::span::{Attribute, StatusCode, Value};

use crate::query::tests::{Collector, pair_of_hops, text, trace_id};

fn collector() -> Collector {
    let mut failed = pair_of_hops(2);
    failed[2].status = StatusCode::Error;
    failed[2].attributes = vec![
        text(names::ROLE, "inbound"),
        text(names::HTTP_REQUEST_METHOD, "GET"),
        Attribute { key: names::HTTP_RESPONSE_STATUS_CODE.to_owned(), value: Value::Int(503) },
        Attribute { key: "ratio".to_owned(), value: Value::Double(0.5) },
        Attribute { key: "cached".to_owned(), value: Value::Bool(true) },
    ];
    Collector::with([pair_of_hops(1), failed].concat())
}

fn encode(query: &str) -> String {
    query.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn found(collector: &Collector, rest: &str) -> Vec<String> {
    let answer = collector.json(&format!("/api/search?{rest}")).await;
    answer["traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| trace["traceID"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn grafana_finds_out_what_it_talks_to() {
    let collector = collector();
    assert_eq!(collector.answer("/api/echo", "*/*").await, (200, b"echo".to_vec()));
    assert_eq!(collector.answer("/tempo/api/echo", "*/*").await, (200, b"echo".to_vec()));
    let version = collector.json("/api/status/buildinfo").await["version"].clone();
    assert!(version.as_str().unwrap().starts_with("throughline-"), "{version}");
    assert_eq!(collector.answer("/status/services", "*/*").await.0, 503, "not ready yet");
}

#[tokio::test]
async fn grafana_searches() {
    let collector = collector();
    let query = encode("{status=error && resource.service.name=\"cart\"} | select(.http.status_code, name)");
    let answer = collector
        .json(&format!("/api/search?q={query}&limit=20&spss=10&start=1790000000&end=1790000100"))
        .await;
    let spans = json!({
        "matched": 1,
        "spans": [{
            "spanID": "0000000000000003", "startTimeUnixNano": "1790000002003000000", "durationNanos": "44000000",
            "name": "GET",
            "attributes": [
                {"key": "status", "value": {"stringValue": "error"}},
                {"key": "service.name", "value": {"stringValue": "cart"}},
                {"key": "http.status_code", "value": {"stringValue": "503"}},
            ],
        }],
    });
    assert_eq!(
        answer["traces"],
        json!([{
            "traceID": trace_id(2).to_hex(), "rootServiceName": "gateway", "rootTraceName": "GET",
            "startTimeUnixNano": "1790000002001000000", "durationMs": 48, "spanSet": spans, "spanSets": [spans],
            "serviceStats": {"cart": {"spanCount": 1, "errorCount": 1}, "gateway": {"spanCount": 2}},
        }])
    );
    assert_eq!(answer["metrics"]["inspectedTraces"], 1);
    let both = [2, 1].map(|number| trace_id(number).to_hex());
    assert_eq!(found(&collector, &format!("q={}", encode("{nestedSetParent<0 && true}"))).await, both);
    assert_eq!(found(&collector, &format!("q={}", encode("{} | count() > 3"))).await, [""; 0]);
    assert_eq!(
        found(&collector, "tags=service.name%3Dcart%20http.status_code%3D%22503%22&minDuration=20ms").await,
        both[..1]
    );
    assert_eq!(found(&collector, "tags=&start=1790000000&end=1790000001").await, [""; 0]);
    assert_eq!(found(&collector, "limit=1").await, both[..1]);
    let answer = collector
        .json(&format!("/api/search?q={}", encode("{} | by(kind) | count() = 2 | avg(duration) > 1ms")))
        .await;
    let set = &answer["traces"][0]["spanSets"][0];
    assert_eq!(set["attributes"][0], json!({"key": "by(kind)", "value": {"stringValue": "server"}}));
    assert_eq!(set["attributes"][1], json!({"key": "count()", "value": {"intValue": "2"}}));
    assert_eq!(set["attributes"][2], json!({"key": "avg(duration)", "value": {"doubleValue": 46_000_000.0}}));
}

#[tokio::test]
async fn kiali_searches() {
    let query = encode(
        "{ .service.name = \"cart\" && .http.status_code != \"200\" } && {  }| select(status, .service_name, .node_id, \
         .component, .upstream_cluster, .http.method, .response_flags, resource.hostname)",
    );
    let path = format!(
        "/tempo/api/search?end=1790000100&limit=20&minDuration=1ms&q={query}&spss=10&start=1790000000"
    );
    let answer = collector().json(&path).await;
    let spans = answer["traces"][0]["spanSet"]["spans"].as_array().unwrap();
    assert_eq!((answer["traces"].as_array().unwrap().len(), spans.len()), (1, 3));
    for span in spans {
        let attributes = span["attributes"].as_array().unwrap();
        assert!(
            attributes.iter().any(|one| one["key"] == "service.name"),
            "Kiali takes the service from here: {span}"
        );
    }
}

#[tokio::test]
async fn mistakes_are_plain_words_with_the_column() {
    let collector = collector();
    for (path, words) in [
        ("/api/search?q=%7Boops", "invalid TraceQL query: parse error at line 1, col 2: unknown name `oops`"),
        ("/api/search?start=now", "invalid start"),
        ("/api/search?tags=cart", "write key=value"),
        ("/api/search?spss=x", "invalid spss"),
        ("/api/traces/xyz", "32 hexadecimal digits"),
        ("/api/metrics/query_range?q=%7B%7D", "not part of the subset"),
        ("/api/v2/search/tags?q=%7Boops", "col 2"),
    ] {
        let (status, body) = collector.answer(path, "application/protobuf").await;
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, 400, "{path}");
        assert!(body.contains(words), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_trace_by_id_has_ids_in_base64_and_kinds_by_name() {
    let collector = collector();
    let id = trace_id(2).to_hex();
    let answer = collector.json(&format!("/tempo/api/traces/{id}?start=1&end=2")).await;
    let span = &answer["batches"][1]["scopeSpans"][0]["spans"][0];
    assert_eq!(
        (&span["traceId"], &span["spanId"]),
        (&json!("AgICAgICAgICAgICAgICAg=="), &json!("AAAAAAAAAAM="))
    );
    assert_eq!(
        (&span["kind"], &span["status"]),
        (&json!("SPAN_KIND_SERVER"), &json!({"code": "STATUS_CODE_ERROR"}))
    );
    let attributes = span["attributes"].as_array().unwrap();
    assert!(attributes.contains(&json!({"key": "component", "value": {"stringValue": "proxy"}})));
    assert!(attributes.contains(&json!({"key": "ratio", "value": {"doubleValue": 0.5}})));
    let answer = collector.json(&format!("/api/v2/traces/{id}")).await;
    assert_eq!(answer["trace"]["resourceSpans"][1]["scopeSpans"][0]["spans"][0], *span);
    // Clients cut leading zeros.
    assert_eq!(collector.answer("/tempo/api/traces/1", "*/*").await.0, 404);
}

#[tokio::test]
async fn a_trace_by_id_is_given_as_protocol_buffers() {
    let collector = collector();
    let id = trace_id(2).to_hex();
    let (status, version_1) = collector.answer(&format!("/api/traces/{id}"), "application/protobuf").await;
    assert_eq!(status, 200);
    let spans = decode_export_request(&version_1).unwrap().spans;
    assert_eq!(spans.len(), 3);
    assert_eq!(spans[2].attribute("http.status_code"), Some(&Value::Text("503".to_owned())));
    let (_, version_2) = collector.answer(&format!("/api/v2/traces/{id}"), "application/protobuf").await;
    // `TraceByIDResponse`: field 1 is the trace, field 2 the empty metrics.
    assert_eq!(version_2[0], 0x0a);
    assert!(version_2.ends_with(&[0x12, 0]));
    assert!(version_2.windows(version_1.len()).any(|part| part == version_1));
}

#[tokio::test]
async fn a_missing_trace_is_404_in_version_1_and_empty_in_version_2() {
    let collector = collector();
    let id = "0123456789abcdef0123456789abcdef";
    for accept in ["application/protobuf", "application/json"] {
        assert_eq!(collector.answer(&format!("/tempo/api/traces/{id}"), accept).await, (404, Vec::new()));
    }
    let (status, bytes) = collector.answer(&format!("/api/v2/traces/{id}"), "application/protobuf").await;
    assert_eq!((status, bytes), (200, vec![0x0a, 0, 0x12, 0]));
    assert_eq!(collector.json(&format!("/api/v2/traces/{id}")).await, json!({"trace": {}, "metrics": {}}));
}

#[tokio::test]
async fn tags_have_scopes_and_values_have_types() {
    let collector = collector();
    let names: Json = collector.json("/api/search/tags").await["tagNames"].clone();
    for name in ["service.name", "http.request.method", "http.status_code", "ratio"] {
        assert!(names.as_array().unwrap().contains(&json!(name)), "{name}: {names}");
    }
    let scopes =
        collector.json("/api/v2/search/tags?start=1790000000&end=1790000100").await["scopes"].clone();
    assert_eq!(scopes[0], json!({"name": "resource", "tags": ["service.name"]}));
    assert!(scopes[1]["tags"].as_array().unwrap().contains(&json!("http.method")));
    let intrinsic = scopes[2]["tags"].as_array().unwrap();
    assert!(
        ["duration", "status", "trace:depth", "rootServiceName"]
            .iter()
            .all(|name| intrinsic.contains(&json!(name)))
    );
    let only = collector.json("/api/v2/search/tags?scope=resource").await["scopes"].clone();
    assert_eq!(only.as_array().unwrap().len(), 1);
    for (path, expected) in [
        (
            "resource.service.name",
            json!([{"type": "string", "value": "cart"}, {"type": "string", "value": "gateway"}]),
        ),
        (".http.response.status_code", json!([{"type": "int", "value": "503"}])),
        ("span.http.status_code", json!([{"type": "int", "value": "503"}])),
        ("span.ratio", json!([{"type": "float", "value": "0.5"}])),
        ("span.cached", json!([{"type": "bool", "value": "true"}])),
        ("rootServiceName", json!([{"type": "string", "value": "gateway"}])),
        ("name", json!([{"type": "string", "value": "GET"}])),
        ("span.nothing", json!([])),
    ] {
        let values = collector.json(&format!("/api/v2/search/tag/{path}/values")).await["tagValues"].clone();
        assert_eq!(values, expected, "{path}");
    }
    let status = collector.json("/api/v2/search/tag/status/values").await["tagValues"].clone();
    assert_eq!(status[1], json!({"type": "keyword", "value": "error"}));
    let query = encode("{resource.service.name=`gateway`}");
    let values = collector.json(&format!("/api/v2/search/tag/resource.service.name/values?q={query}")).await;
    assert_eq!(values["tagValues"], json!([{"type": "string", "value": "gateway"}]));
    assert_eq!(
        collector.json("/api/search/tag/service.name/values").await["tagValues"],
        json!(["cart", "gateway"])
    );
}
