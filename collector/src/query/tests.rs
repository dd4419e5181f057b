//! The API as a client meets it: requests in, answers out, over a store in memory.

mod described;
mod peers;
mod tail;
mod withdrawn;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value as Json, json};
use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{
    Attribute, Resource, Span, SpanEvent, SpanKind, StatusCode as SpanStatus, Value,
};

use super::*;
use crate::store::MemoryStore;

pub(super) const START: u64 = 1_790_000_000_000_000_000;
const DEADLINE: Duration = Duration::from_secs(20);
const PROBLEM: &str = "application/problem+json";

pub(super) struct Collector {
    store: Arc<MemoryStore>,
    counters: Arc<Counters>,
    pub(super) state: QueryState,
}

impl Collector {
    /// Has to be made within a runtime.
    pub(super) fn with(spans: Vec<Span>) -> Self {
        let (store, counters) = (Arc::new(MemoryStore::new()), Arc::new(Counters::new()));
        let state = QueryState::new(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&counters));
        store.insert(spans);
        Self { store, counters, state }
    }

    /// Further spans.
    pub(super) fn insert(&self, spans: Vec<Span>) {
        self.store.insert(spans);
    }

    pub(super) async fn ask(&self, method: &str, path: &str) -> Response {
        self.ask_for(method, path, "*/*").await
    }

    /// Asks with a header that says what is wanted.
    pub(super) async fn ask_for(&self, method: &str, path: &str, accept: &str) -> Response {
        let request = Request::builder().method(method).uri(path).header("accept", accept);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response {
        TowerToHyperService::new(router(self.state.clone())).call(request).await.unwrap()
    }

    /// The same, answering questions about alerts too.
    pub(super) fn with_alerts(self, alerts: Alerts) -> Self {
        Self { state: self.state.with_alerts(alerts), ..self }
    }

    /// Status and body of an answer.
    pub(super) async fn answer(&self, path: &str, accept: &str) -> (u16, Vec<u8>) {
        let response = self.ask_for("GET", path, accept).await;
        let status = response.status().as_u16();
        (status, described_body(path, response).await)
    }

    pub(super) async fn json(&self, path: &str) -> Json {
        let response = self.ask("GET", path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        serde_json::from_slice(&described_body(path, response).await).unwrap()
    }

    /// What is answered line by line.
    async fn lines(&self, path: &str) -> Vec<Json> {
        let response = self.ask_for("GET", path, "application/x-ndjson").await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/x-ndjson");
        let body = String::from_utf8(described_body(path, response).await).unwrap();
        body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks that the answer is a problem document whose detail contains the words.
    pub(super) async fn check_problem(&self, path: &str, status: u16, words: &str) {
        let response = self.ask("GET", path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM);
        let problem: Json = serde_json::from_slice(&described_body(path, response).await).unwrap();
        assert_eq!((&problem["type"], &problem["status"]), (&json!("about:blank"), &json!(status)));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{path}: {problem}");
    }

    /// Asks for the status until it shows these totals of complete and incomplete traces.
    async fn wait_for_totals(&self, complete: i64, incomplete: i64) {
        let began = Instant::now();
        loop {
            let status = self.json("/api/v1/status").await;
            if (&status["traces_complete"], &status["traces_incomplete"])
                == (&json!(complete), &json!(incomplete))
            {
                return;
            }
            assert!(began.elapsed() < DEADLINE, "{status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The body of an answer to GET, after it was held against the OpenAPI document.
async fn described_body(path: &str, response: Response) -> Vec<u8> {
    described_body_of("GET", path, response).await
}

/// The same of any method.
pub(super) async fn described_body_of(method: &str, path: &str, response: Response) -> Vec<u8> {
    let status = response.status().as_u16();
    let content_type =
        response.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    described::check(method, path, status, &content_type, &body);
    body
}

async fn body_json(response: Response) -> Json {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

pub(super) fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

pub(super) fn trace_id(number: u8) -> TraceId {
    TraceId::from_bytes(&[number; 16]).unwrap()
}

pub(super) fn span(trace: u8, id: u64, parent: u64, kind: SpanKind, service: &str) -> Span {
    let span_id = |id: u64| SpanId::from_bytes(&id.to_be_bytes());
    let start_unix_ns = START + u64::from(trace) * 1_000_000_000 + id * 1_000_000;
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(id).unwrap(),
        parent_span_id: span_id(parent),
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind,
        start_unix_ns,
        end_unix_ns: start_unix_ns + 50_000_000 - 2 * id * 1_000_000,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: SpanStatus::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![text(attribute::SERVICE_NAME, service)] }),
    }
}

/// gateway -> cart, three spans.
pub(super) fn pair_of_hops(trace: u8) -> Vec<Span> {
    vec![
        span(trace, 1, 0, SpanKind::Server, "gateway"),
        span(trace, 2, 1, SpanKind::Client, "gateway"),
        span(trace, 3, 2, SpanKind::Server, "cart"),
    ]
}

#[tokio::test]
async fn finds_the_newest_traces_first() {
    let collector = Collector::with([pair_of_hops(1), pair_of_hops(2)].concat());
    let answer = collector.json("/api/v1/traces").await;
    assert_eq!(
        answer["traces"][0],
        json!({
            "trace_id": "02020202020202020202020202020202", "start_unix_ns": "1790000002001000000",
            "duration_ns": 48_000_000, "root": {"service": "gateway", "name": "GET"},
            "services": ["gateway", "cart"], "spans": 3, "hops": 2, "errors": 0, "depth": 2, "link": null,
            "confidence": 1.0, "complete": true, "gaps": 0, "percent_complete": 100.0
        })
    );
    assert_eq!(answer["traces"][1]["trace_id"], "01010101010101010101010101010101");
    assert_eq!(collector.json("/api/v1/traces?limit=1").await["traces"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn searches_by_span() {
    let mut failed = pair_of_hops(2);
    failed[2].status = SpanStatus::Error;
    let collector = Collector::with([pair_of_hops(1), failed].concat());
    for (query, expected) in [
        ("service=cart", 2),
        ("service=nobody", 0),
        ("service=cart&errors=true", 1),
        ("service=gateway&errors=true", 0),
        ("min_duration_ms=48", 2),
        ("min_duration_ms=48.5", 0),
        ("since=2026-09-21T14:13:22Z", 1),
    ] {
        let answer = collector.json(&format!("/api/v1/traces?{query}")).await;
        assert_eq!(answer["traces"].as_array().unwrap().len(), expected, "{query}");
    }
}

#[tokio::test]
async fn searches_by_query_attribute_kind_link_and_depth() {
    let mut failed = pair_of_hops(2);
    failed[2].status = SpanStatus::Error;
    failed[1].attributes = vec![text(attribute::LINK_KIND, "sole"), text("zone", "b")];
    let deeper = span(3, 1, 0, SpanKind::Server, "gateway");
    let collector = Collector::with([pair_of_hops(1), failed, vec![deeper]].concat());
    for (query, expected) in [
        ("q=%7B%7D", vec![3, 2, 1]),
        (
            "q=%7B%20resource.service.name%20=%20%22gateway%22%20%7D%20%3E%3E%20%7B%20status%20=%20error%20%7D",
            vec![2],
        ),
        ("attribute=zone%3Db", vec![2]),
        ("attribute=service.name%3Dcart", vec![2, 1]),
        ("attribute=zone%3Db&kind=server", vec![]),
        ("kind=client", vec![2, 1]),
        ("link=sole", vec![2]),
        ("min_depth=2", vec![2, 1]),
        ("max_depth=1", vec![3]),
        ("link=sole&q=%7B%20status%20=%20error%20%7D", vec![2]),
    ] {
        let answer = collector.json(&format!("/api/v1/traces?{query}")).await;
        let found: Vec<String> = answer["traces"]
            .as_array()
            .unwrap()
            .iter()
            .map(|trace| trace["trace_id"].as_str().unwrap().to_owned())
            .collect();
        let expected: Vec<String> = expected.into_iter().map(|number| trace_id(number).to_hex()).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!((&answer["next"], &answer["stopped"]), (&json!(null), &json!(null)));
    }
    let answer = collector.json("/api/v1/traces?q=%7Bstatus=error%7D").await;
    assert_eq!(answer["traces"][0]["matched"], json!({"spans": 1, "span_ids": ["0000000000000003"]}));
    collector.check_problem("/api/v1/traces?q=%7Boops", 400, "column 2: unknown name `oops`").await;
}

#[tokio::test]
async fn leads_through_pages() {
    let collector = Collector::with((1..=5).flat_map(pair_of_hops).collect());
    let (mut path, mut found) = ("/api/v1/traces?limit=2".to_owned(), Vec::new());
    loop {
        let answer = collector.json(&path).await;
        found.extend(answer["traces"].as_array().unwrap().iter().map(|trace| trace["trace_id"].clone()));
        let Some(next) = answer["next"].as_str() else { break };
        path = format!("/api/v1/traces?limit=2&after={next}");
    }
    assert_eq!(found, [5, 4, 3, 2, 1].map(|number| json!(trace_id(number).to_hex())));
}

#[tokio::test]
async fn says_when_a_search_ran_into_a_bound() {
    let collector = Collector::with((1..=5).flat_map(pair_of_hops).collect());
    collector.state.set_search_limits(Duration::from_secs(10), 1);
    let answer = collector.json("/api/v1/traces").await;
    assert_eq!((&answer["stopped"], answer["traces"].as_array().unwrap().len()), (&json!("bytes"), 1));
    assert!(answer["next"].is_string());
}

#[tokio::test]
async fn streams_each_trace_as_a_line() {
    let collector = Collector::with((1..=3).flat_map(pair_of_hops).collect());
    let lines = collector.lines("/api/v1/traces?q=%7B%7D&limit=2").await;
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["trace_id"], json!(trace_id(3).to_hex()));
    assert_eq!(lines[2]["inspected"]["traces"], 2);
    assert!(lines[2]["next"].is_string());
}

#[tokio::test]
async fn the_last_line_says_why_a_search_failed() {
    let mut collector = Collector::with(pair_of_hops(1));
    collector.state.workers = Arc::new(Workers::with_limits(0, 0));
    let lines = collector.lines("/api/v1/traces").await;
    assert_eq!((lines.len(), &lines[0]["status"]), (1, &json!(503)));
    collector.check_problem("/api/v1/traces", 503, "ask again").await;
    let refused = collector.ask_for("GET", "/api/v1/traces?limit=x", "application/x-ndjson").await;
    assert_eq!(
        (refused.status(), refused.headers()[CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::BAD_REQUEST, PROBLEM)
    );
    described_body("/api/v1/traces", refused).await;
}

#[tokio::test]
async fn shows_one_lifecycle() {
    let mut spans = pair_of_hops(1);
    let number = |key: &str, value| Attribute { key: key.to_owned(), value: Value::Int(value) };
    spans[2].attributes = vec![
        text(attribute::LINK_KIND, "propagated"),
        number(attribute::DEPTH, 2),
        text(attribute::PATH, "gateway>cart"),
        number(attribute::HTTP_RESPONSE_STATUS_CODE, 200),
    ];
    let event = SpanEvent { time_unix_ns: START, name: "exception".to_owned(), attributes: Vec::new() };
    spans[2].events.push(event);
    let answer = Collector::with(spans).json("/api/v1/traces/01010101010101010101010101010101").await;
    assert_eq!(answer["summary"]["link"], "propagated");
    assert_eq!((&answer["gaps"], &answer["omitted_spans"]), (&json!([]), &json!(0)));
    assert_eq!(
        answer["spans"][2],
        json!({
            "span_id": "0000000000000003", "parent_span_id": "0000000000000002", "service": "cart", "name": "GET",
            "kind": "server", "start_unix_ns": "1790000001003000000", "offset_ns": 2_000_000, "clock_correction_ns": 0,
            "duration_ns": 44_000_000, "self_ns": 44_000_000, "level": 2, "status": "unset", "status_message": "",
            "link": "propagated", "link_confidence": 1.0, "trace_id": "01010101010101010101010101010101", "trace_depth": 2, "path": "gateway>cart", "missing_parent": false,
            "attributes": {
                "throughline.link.kind": "propagated", "throughline.depth": 2, "throughline.path": "gateway>cart",
                "http.response.status_code": 200
            },
            "events": [{"time_unix_ns": "1790000000000000000", "name": "exception", "attributes": {}}],
            "resource": {"service.name": "cart"}
        })
    );
}

#[tokio::test]
async fn names_what_is_missing() {
    let collector = Collector::with(vec![span(1, 3, 2, SpanKind::Server, "cart")]);
    let answer = collector.json("/api/v1/traces/01010101010101010101010101010101").await;
    assert_eq!((&answer["summary"]["root"], &answer["summary"]["complete"]), (&json!(null), &json!(false)));
    assert_eq!(answer["gaps"][0]["reason"], "missing-parent");
    assert_eq!(answer["spans"][0]["missing_parent"], true);
}

#[tokio::test]
async fn lists_services() {
    let answer = Collector::with(pair_of_hops(1)).json("/api/v1/services").await;
    assert_eq!(answer, json!({"services": ["cart", "gateway"]}));
}

#[tokio::test]
async fn refuses_with_a_problem_that_says_what_is_right() {
    let collector = Collector::with(Vec::new());
    collector.check_problem("/api/v1/traces/01010101010101010101010101010101", 404, "not known").await;
    collector.check_problem("/api/v1/traces/0101", 400, "32 hexadecimal digits").await;
    collector.check_problem("/api/v1/traces/00000000000000000000000000000000", 400, "not all zero").await;
    collector.check_problem("/api/v1/traces/%ff", 400, "UTF-8").await;
    collector.check_problem("/api/v1/traces?servise=cart", 400, "`service`").await;
    collector.check_problem("/api/v1/services?limit=1", 400, "takes none").await;
    collector.check_problem("/api/v1/tail?limit=1", 400, "unknown parameter").await;
    collector.check_problem("/api/v2/traces", 404, "/api/v1/traces").await;
    collector.check_problem("/elsewhere", 404, "/elsewhere").await;
}

#[tokio::test]
async fn answers_that_nobody_reads_hold_room_until_they_are_dropped() {
    let mut collector = Collector::with(pair_of_hops(1));
    collector.state.answers = AnswerRoom::of_bytes(3 * 1_024);
    let path = "/api/v1/traces/01010101010101010101010101010101";
    let unread = collector.ask("GET", path).await;
    assert_eq!(unread.status(), StatusCode::OK);
    collector.check_problem(path, 503, "wait to be read").await;
    assert_eq!(collector.ask("GET", path).await.headers()["retry-after"], "1");
    assert_eq!(collector.ask("GET", "/healthz").await.status(), StatusCode::OK);
    // A part of the answer, in some buffer on its way to the client, is as good as the whole.
    let part = unread.into_body().frame().await.unwrap().unwrap().into_data().unwrap().slice(..1);
    collector.check_problem(path, 503, "wait to be read").await;
    drop(part);
    for _ in 0..3 {
        collector.json(path).await;
    }
}

#[tokio::test]
async fn an_answer_larger_than_all_the_room_is_given_when_it_is_alone() {
    let mut collector = Collector::with(pair_of_hops(1));
    collector.state.answers = AnswerRoom::of_bytes(1);
    let path = "/api/v1/traces/01010101010101010101010101010101";
    let unread = collector.ask("GET", path).await;
    assert_eq!(unread.status(), StatusCode::OK);
    collector.check_problem("/api/v1/services", 503, "wait to be read").await;
    drop(unread);
    collector.json(path).await;
}

#[tokio::test]
async fn says_how_a_path_may_be_asked_that_was_asked_otherwise() {
    let collector = Collector::with(Vec::new());
    for (method, path, allowed) in [
        ("POST", "/api/v1/traces", "GET,HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/api/v1/silences", "GET,HEAD,POST"),
        ("GET", "/api/v1/silences/1", "DELETE"),
    ] {
        let response = collector.ask(method, path).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(response.headers()[ALLOW], allowed, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM, "{path}");
    }
}

#[tokio::test]
async fn is_ready_when_the_process_says_so() {
    let collector = Collector::with(Vec::new());
    assert_eq!(collector.ask("GET", "/healthz").await.status(), StatusCode::OK);
    collector.check_problem("/readyz", 503, "not ready").await;
    collector.counters.set_ready();
    assert_eq!(collector.ask("GET", "/readyz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn exposes_the_counters() {
    let response = Collector::with(Vec::new()).ask("GET", "/metrics").await;
    assert!(response.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("application/openmetrics-text"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("throughline_traces_complete 0"), "{text}");
    for verdict in ["complete", "incomplete"] {
        // A rate needs to know that nothing was counted before the first.
        assert!(
            text.contains(&format!("throughline_traces_judged_total{{verdict=\"{verdict}\"}} 0")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn sets_headers_that_keep_answers_private() {
    let headers = Collector::with(Vec::new()).ask("GET", "/api/v1/services").await.headers().clone();
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn counts_a_trace_anew_when_late_spans_complete_it() {
    let mut spans = pair_of_hops(1);
    let late = spans.remove(1);
    let collector = Collector::with(spans);
    collector.wait_for_totals(0, 1).await;
    collector.store.insert(vec![late]);
    collector.wait_for_totals(1, 0).await;
}

#[tokio::test]
async fn a_trace_of_too_many_spans_says_so_and_is_not_complete() {
    let many = (1..=crate::store::MAX_TRACE_SPANS as u64 + 1).map(|id| Span {
        end_unix_ns: START * 2,
        ..span(1, id, u64::from(id > 1), SpanKind::Internal, "loop")
    });
    let collector = Collector::with(many.collect());
    let answer = collector.json("/api/v1/traces?service=loop").await;
    let summary = &answer["traces"][0];
    assert_eq!((&summary["spans"], &summary["complete"]), (&json!(100_000), &json!(false)));
    assert_eq!(summary["truncated"], json!(true));
}
