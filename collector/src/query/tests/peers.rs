//! Our answers held against those that Jaeger and Tempo really gave to the same questions about the same spans.
//!
//! The recorded answers lie beside the repository, not in it. Where they are missing this says that it did not run; the shapes are
//! also held, on samples of our own, by the tests of the two rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Once};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value as Json;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::decode_export_request;
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use super::Collector;

static SAID: Once = Once::new();

/// One recorded answer; `None` where there are no recordings.
fn recorded(name: &str) -> Option<Vec<u8>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/api-samples");
    let folder = std::env::var_os("API_SAMPLES").map_or(beside, PathBuf::from);
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        SAID.call_once(|| {
            // Past the test runner, which shows nothing of a test that passes; `make test` repeats it.
            let reason = format!(
                "there is no recorded answer {} of a peer to hold ours against",
                folder.join(name).display()
            );
            writeln!(std::io::stderr(), "  DID NOT RUN: {reason}").unwrap();
        });
    }
    bytes
}

fn recorded_json(name: &str) -> Option<Json> {
    recorded(name).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

fn id(text: &str) -> Vec<u8> {
    let is_hex = text.len().is_multiple_of(16) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex {
        return BASE64_STANDARD.decode(text).unwrap();
    }
    let digits: Vec<char> = text.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap()).collect()
}

fn attributes(list: &Json) -> Vec<Attribute> {
    let one = |entry: &Json| {
        let value = match (&entry["value"]["stringValue"], &entry["value"]["intValue"]) {
            (Json::String(text), _) => Value::Text(text.clone()),
            (_, Json::String(number)) => Value::Int(number.parse().unwrap()),
            other => panic!("{other:?}"),
        };
        Attribute { key: entry["key"].as_str().unwrap().to_owned(), value }
    };
    list.as_array().unwrap().iter().map(one).collect()
}

/// Spans of recorded OTLP in JSON, of either dialect.
fn spans(groups: &Json) -> Vec<Span> {
    let mut spans = Vec::new();
    for group in groups.as_array().unwrap() {
        let resource = Arc::new(Resource { attributes: attributes(&group["resource"]["attributes"]) });
        for span in group["scopeSpans"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|scope| scope["spans"].as_array().unwrap())
        {
            let number = |key: &str| span[key].as_str().unwrap().parse().unwrap();
            let kind = match &span["kind"] {
                Json::Number(number) => SpanKind::from_number(number.as_u64().unwrap()),
                name if *name == "SPAN_KIND_SERVER" => SpanKind::Server,
                _ => SpanKind::Client,
            };
            spans.push(Span {
                trace_id: TraceId::from_bytes(&id(span["traceId"].as_str().unwrap())).unwrap(),
                span_id: SpanId::from_bytes(&id(span["spanId"].as_str().unwrap())).unwrap(),
                parent_span_id: span["parentSpanId"]
                    .as_str()
                    .and_then(|parent| SpanId::from_bytes(&id(parent))),
                trace_state: String::new(),
                flags: span["flags"].as_u64().unwrap_or(0) as u32,
                name: span["name"].as_str().unwrap().to_owned(),
                kind,
                start_unix_ns: number("startTimeUnixNano"),
                end_unix_ns: number("endTimeUnixNano"),
                attributes: attributes(&span["attributes"]),
                events: Vec::new(),
                links: Vec::new(),
                status: StatusCode::Unset,
                status_message: String::new(),
                resource: Arc::clone(&resource),
            });
        }
    }
    spans
}

/// Takes out what we do not keep (the instrumentation scope), and puts lists of named things in order.
fn normal(value: &Json) -> Json {
    match value {
        Json::Object(object) => {
            let kept = object.iter().filter(|(key, _)| *key != "scope");
            Json::Object(kept.map(|(key, value)| (key.clone(), normal(value))).collect())
        }
        Json::Array(list) => {
            let is_of_scope =
                |entry: &Json| entry["key"].as_str().is_some_and(|key| key.starts_with("otel.scope."));
            let mut list: Vec<Json> = list.iter().filter(|entry| !is_of_scope(entry)).map(normal).collect();
            if list.iter().all(|entry| entry["key"].is_string()) {
                list.sort_by_key(|entry| entry["key"].as_str().unwrap().to_owned());
            }
            Json::Array(list)
        }
        other => other.clone(),
    }
}

const TRACE: &str = "9fc1a31173784124769f392aaaca9a65";
const LARGE_TRACE: &str = "9cece0e9859c6432f0b9bf763024fd1b";

#[tokio::test]
async fn a_trace_by_id_is_what_jaeger_answers() {
    let (Some(version_1), Some(version_3)) =
        (recorded_json("jaeger-memory/trace.json"), recorded_json("jaeger-memory/v3_trace.json"))
    else {
        return;
    };
    let collector = Collector::with(spans(&version_3["result"]["resourceSpans"]));
    assert_eq!(normal(&collector.json(&format!("/api/traces/{TRACE}")).await), normal(&version_1));
    assert_eq!(normal(&collector.json(&format!("/jaeger/api/v3/traces/{TRACE}")).await), normal(&version_3));
}

#[tokio::test]
async fn a_trace_by_id_is_what_tempo_answers() {
    let (Some(version_1), Some(version_2), Some(bytes)) = (
        recorded_json("tempo/trace_v1.json"),
        recorded_json("tempo/trace_v2.json"),
        recorded("tempo/trace_v1_pb.pb"),
    ) else {
        return;
    };
    let collector = Collector::with(spans(&version_1["batches"]));
    assert_eq!(normal(&collector.json(&format!("/tempo/api/traces/{TRACE}")).await), normal(&version_1));
    let ours = collector.json(&format!("/api/v2/traces/{TRACE}")).await;
    assert_eq!(normal(&ours["trace"]), normal(&version_2["trace"]));
    let (status, ours) = collector.answer(&format!("/api/traces/{TRACE}"), "application/protobuf").await;
    assert_eq!(status, 200);
    let ours = decode_export_request(&ours).unwrap().spans;
    let theirs = decode_export_request(&bytes).unwrap().spans;
    assert_eq!(by_id(ours), by_id(theirs));
    let Some(version_2) = recorded("tempo/trace_v2_pb.pb") else { return };
    let (_, ours) = collector.answer(&format!("/api/v2/traces/{TRACE}"), "application/protobuf").await;
    let spans = |response: &[u8]| by_id(decode_export_request(first_field(response)).unwrap().spans);
    assert_eq!(spans(&ours), spans(&version_2));
}

/// The trace in a `TraceByIDResponse`: its first field.
fn first_field(message: &[u8]) -> &[u8] {
    assert_eq!(message[0], 0x0a);
    let digits = 1 + message[1..].iter().position(|byte| *byte < 0x80).unwrap();
    let length = message[1..=digits].iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
    &message[digits + 1..][..length]
}

fn by_id(spans: Vec<Span>) -> BTreeMap<SpanId, (String, u64, u64, BTreeMap<String, String>)> {
    let one = |span: Span| {
        let attributes =
            span.attributes.iter().map(|one| (one.key.clone(), format!("{:?}", one.value))).collect();
        (span.span_id, (span.name.clone(), span.start_unix_ns, span.end_unix_ns, attributes))
    };
    spans.into_iter().map(one).collect()
}

/// Every place in an answer and the type of what stands there; service names as keys count as one.
fn shape(value: &Json) -> BTreeSet<String> {
    fn walk(value: &Json, path: &str, shape: &mut BTreeSet<String>) {
        let kind = match value {
            Json::Null => "null",
            Json::Bool(_) => "bool",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(list) => {
                list.iter().for_each(|entry| walk(entry, &format!("{path}[]"), shape));
                "list"
            }
            Json::Object(object) => {
                for (key, value) in object {
                    let is_name = path.ends_with("serviceStats") || path.ends_with("processes");
                    walk(value, &format!("{path}.{}", if is_name { "*" } else { key }), shape);
                }
                "object"
            }
        };
        shape.insert(format!("{path}: {kind}"));
    }
    let mut found = BTreeSet::new();
    walk(value, "", &mut found);
    found
}

/// Asks a peer's question, and holds the shape of the answer against the recorded one.
async fn difference(collector: &Collector, path: &str, name: &str) -> Option<String> {
    let theirs = recorded_json(name)?;
    let (ours, theirs) = (shape(&collector.json(path).await), shape(&theirs));
    // The cost of a search is told in other units, and errors and values are not in every recording.
    let may_differ = |place: &&String| {
        ["metrics", "errorCount", "warnings", "logs", "Value: "].iter().any(|part| place.contains(part))
            || place.contains("references[]")
            // The instrumentation scope is not kept.
            || place.contains(".scope.")
            // VictoriaTraces writes every value as text.
            || (name.starts_with("victoriatraces/") && place.contains("tags[].value"))
    };
    let ours: BTreeSet<&String> = ours.iter().filter(|place| !may_differ(place)).collect();
    let theirs: BTreeSet<&String> = theirs.iter().filter(|place| !may_differ(place)).collect();
    let (more, fewer) = (ours.difference(&theirs), theirs.difference(&ours));
    let (more, fewer): (Vec<_>, Vec<_>) = (more.collect(), fewer.collect());
    let is_same = more.is_empty() && fewer.is_empty();
    (!is_same).then(|| format!("{path} against {name}: ours has {more:?} and lacks {fewer:?}\n"))
}

#[tokio::test]
async fn answers_have_the_shapes_that_peers_give_them() {
    let collector = Collector::with([super::pair_of_hops(1), super::pair_of_hops(2)].concat());
    for (path, name) in [
        ("/api/services", "jaeger-memory/services.json"),
        ("/api/services/cart/operations", "jaeger-memory/operations.json"),
        ("/api/operations?service=cart&spanKind=server", "jaeger-memory/operations2.json"),
        ("/api/v3/services", "jaeger-memory/v3_services.json"),
        ("/api/v3/operations?service=cart", "jaeger-memory/v3_operations.json"),
        ("/api/v3/trace-summaries?query.service_name=cart", "jaeger-memory/v3_summaries.json"),
        ("/api/status/buildinfo", "tempo/buildinfo.json"),
        (
            "/api/search?q=%7Bresource.service.name%3D%22cart%22%20%26%26%20duration%3E20ms%7D",
            "tempo/search_service_duration.json",
        ),
        ("/api/search?q=%7B%7D", "tempo/search_empty.json"),
        ("/api/search?q=%7Bresource.service.name%3D%22nope%22%7D", "tempo/search_none.json"),
        (
            "/api/search?q=%7Bresource.service.name%3D%22gateway%22%7D%20%7C%20count%28%29%20%3E%201",
            "tempo/search_count.json",
        ),
        ("/api/search?tags=service.name%3Dcart&minDuration=20ms", "tempo/search_legacy_tags.json"),
        ("/api/search/tags", "tempo/tags_v1.json"),
        ("/api/v2/search/tags", "tempo/tags_v2.json"),
        ("/api/search/tag/service.name/values", "tempo/tag_values_v1.json"),
        ("/api/v2/search/tag/resource.service.name/values", "tempo/tag_values_v2.json"),
        ("/api/v2/search/tag/status/values", "tempo/tag_values_v2_status.json"),
        ("/api/v2/traces/0123456789abcdef0123456789abcdef", "tempo/trace_v2_not_found.json"),
    ] {
        assert_eq!(difference(&collector, path, name).await, None);
    }
}

/// The searches that were asked of the peers, about spans that one of them gave back, asked of us.
#[tokio::test]
async fn recorded_searches_have_answers_of_the_recorded_shapes() {
    let Some(found) = recorded_json("jaeger-memory/v3_search.json") else { return };
    let sound = spans(&found["result"]["resourceSpans"]);
    let mut failing = sound.clone();
    // Those traces are slow ones: some of them fail here, so that searches for failures find something.
    for span in failing.iter_mut().filter(|span| span.service_name() == "catalog").take(3) {
        span.status = StatusCode::Error;
        span.attributes.retain(|attribute| attribute.key != "http.status_code");
        span.attributes.push(Attribute { key: "http.status_code".to_owned(), value: Value::Int(503) });
    }
    let (sound, failing) = (Collector::with(sound), Collector::with(failing));
    let jaeger = "/api/traces?service=catalog&limit=3&start=1795334507753432&end=1795338107753432";
    let version_3 = "query.service_name=catalog&query.start_time_min=2026-11-22T08:01:47Z\
        &query.start_time_max=2026-11-22T09:02:47Z&query.duration_min=20ms&query.search_depth=3&query.num_traces=3";
    let tempo = "limit=3&spss=3&start=1795334580&end=1795338240";
    let frontend =
        "%7Bresource.service.name%3D%22frontend%22%7D%20%3E%3E%20%7Bresource.service.name%3D%22nope%22%7D";
    let select =
        "%7Bspan.http.status_code%3D503%7D%20%7C%20select%28span.http.url%2C%20resource.k8s.pod.name%29";
    let errors = "tags=%7B%22error%22%3A%20%22true%22%7D&lookback=1h";
    let status = "tags=%7B%22http.status_code%22%3A%20%22503%22%7D";
    let methods = "/api/v2/search/tag/span.http.method/values?q=%7Bresource.service.name%3D%60catalog%60%7D";
    let mut differences = Vec::new();
    for (collector, path, name) in [
        (&sound, format!("{jaeger}&minDuration=20ms"), "jaeger-memory/search.json"),
        (&sound, format!("{jaeger}&minDuration=20ms"), "victoriatraces/search.json"),
        (&failing, format!("{jaeger}&{errors}"), "jaeger-memory/search_tags_error.json"),
        (&failing, format!("{jaeger}&{status}"), "jaeger-memory/search_tags_status.json"),
        (&sound, format!("/api/traces/{LARGE_TRACE}"), "jaeger-memory/trace_big.json"),
        (&sound, format!("/api/traces/{LARGE_TRACE}"), "victoriatraces/trace_big.json"),
        (&sound, format!("/api/v3/traces?{version_3}"), "jaeger-memory/v3_search.json"),
        (&sound, format!("/api/v3/trace-summaries?{version_3}"), "jaeger-memory/v3_summaries.json"),
        (&failing, format!("/api/search?q=%7Bstatus%3Derror%7D&{tempo}"), "tempo/search_error.json"),
        (&failing, format!("/api/search?q={frontend}&{tempo}"), "tempo/search_structural.json"),
        (&failing, format!("/api/search?q={select}&{tempo}"), "tempo/search_select.json"),
        (&sound, methods.to_owned(), "tempo/tag_values_v2_q.json"),
        (&sound, "/api/v2/search/tags?scope=span".to_owned(), "tempo/tags_v2_span.json"),
    ] {
        differences.extend(difference(collector, &path, name).await);
    }
    assert!(differences.is_empty(), "{}", differences.concat());
}

#[tokio::test]
async fn dependencies_have_the_shape_that_jaeger_gives_them() {
    let collector = Collector::with([super::pair_of_hops(1), super::pair_of_hops(2)].concat());
    let end_ms = super::START / 1_000_000 + 600_000;
    let path = format!("/api/dependencies?endTs={end_ms}&lookback=3600000");
    let ours = collector.json(&path).await;
    assert_eq!(ours["data"], serde_json::json!([{"parent": "gateway", "child": "cart", "callCount": 2}]));
    assert_eq!(difference(&collector, &path, "jaeger-memory/dependencies.json").await, None);
}

/// What is not there, and what is no id or no query: the recorded status, and the recorded words or their form.
#[tokio::test]
async fn refusals_are_those_that_peers_give() {
    let collector = Collector::with(Vec::new());
    let unknown = "0123456789abcdef0123456789abcdef";
    let (any, protobuf) = ("*/*", "application/protobuf");
    for (path, accept, status, name) in [
        (format!("/api/traces/{unknown}"), any, 404, "jaeger-memory/trace_not_found.json"),
        ("/api/traces/xyz".to_owned(), any, 400, "jaeger-memory/trace_bad_id.json"),
        (format!("/api/v3/traces/{unknown}"), any, 404, "jaeger-memory/v3_trace_not_found.json"),
        (format!("/tempo/api/traces/{unknown}"), any, 404, "tempo/trace_v1_not_found.txt"),
        ("/tempo/api/traces/xyz".to_owned(), any, 400, "tempo/trace_bad_id.txt"),
        (format!("/api/v2/traces/{unknown}"), protobuf, 200, "tempo/trace_v2_not_found_pb.pb"),
        ("/api/search?q=%7Boops&limit=3".to_owned(), any, 400, "tempo/search_bad.txt"),
        ("/api/echo".to_owned(), any, 200, "tempo/echo.txt"),
    ] {
        let (ours, body) = collector.answer(&path, accept).await;
        assert_eq!(ours, status, "{path}");
        let Some(theirs) = recorded(name) else { continue };
        if name.ends_with(".json") {
            let json = |bytes: &[u8]| shape(&serde_json::from_slice(bytes).unwrap());
            assert_eq!(json(&body), json(&theirs), "{path}");
        } else if name.ends_with("_bad.txt") {
            let form =
                |bytes: &[u8]| String::from_utf8_lossy(bytes).split(", col").next().unwrap().to_owned();
            assert_eq!(form(&body), form(&theirs), "{path}");
        } else if status == 200 || theirs.is_empty() {
            assert_eq!(
                String::from_utf8_lossy(&body).trim(),
                String::from_utf8_lossy(&theirs).trim(),
                "{path}"
            );
        }
    }
    // What is not understood is refused in words, not answered as if nothing were there.
    for path in ["/api/metrics/query_range?q=%7B%7D%20%7C%20rate%28%29", "/api/metrics/query?q=%7B%7D"] {
        assert_eq!(collector.answer(path, any).await.0, 400, "{path}");
    }
}

#[tokio::test]
async fn other_peers_of_jaegers_api_answer_in_the_same_shapes() {
    let collector = Collector::with([super::pair_of_hops(1), super::pair_of_hops(2)].concat());
    for (path, name) in [
        ("/api/services", "victoriatraces/services.json"),
        ("/api/services/cart/operations", "victoriatraces/operations.json"),
    ] {
        assert_eq!(difference(&collector, path, name).await, None);
    }
}
