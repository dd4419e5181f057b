//! The requests that Grafana and Kiali make, to a real collector whose spans are in blocks.

use anyhow::{Context, Result, ensure};
use harness::generator::{SPANS_PER_TRACE, now_unix_ns};
use harness::http::{Answer, Client};
use harness::wait;
use serde_json::Value as Json;
use throughline_model::otlp::decode_export_request;

use super::{Asked, DEADLINE};

const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";
/// `{ .service.name = "gateway" && .http.status_code != "0" } && { } | select(status, .node_id)`
const QUERY: &str = "%7B%20.service.name%20%3D%20%22gateway%22%20%26%26%20.http.status_code%20!%3D%20%220%22%20%7D%20%26%26%20%7B%20%7D\
                     %20%7C%20select(status%2C%20.node_id)";
const ALWAYS: &str =
    "query.start_time_min=2020-01-01T00:00:00Z&query.start_time_max=2100-01-01T00:00:00Z&query.num_traces=5";

pub(super) fn grafana_and_kiali(asked: &mut Asked) -> Result<()> {
    let api = asked.collector.api();
    wait::until("a block", DEADLINE, || {
        Ok((api.json("/api/v1/status")?["blocks"].as_u64() > Some(0)).then_some(()))
    })?;
    let (client, url, trace_id) = (Client::new(), asked.collector.url(), asked.trace_id());
    let get = |path: &str, accept: &str| -> Result<Answer> {
        client.request("GET", &format!("{url}{path}"), &[("accept", accept)], &[])
    };
    let questions = questions(&trace_id);
    for (path, place) in &questions {
        let answer: Json = get(path, "application/json")?.json().with_context(|| path.clone())?;
        let found = answer.pointer(place).is_some_and(|value| !value.is_null());
        ensure!(found, "the answer to {path} has nothing at {place}: {answer}");
    }
    let protobuf = "application/protobuf";
    let spans = decode_export_request(&get(&format!("/tempo/api/traces/{trace_id}"), protobuf)?.body)?.spans;
    ensure!(spans.len() == SPANS_PER_TRACE, "{} spans as protocol buffers", spans.len());
    let version_2 = get(&format!("/tempo/api/v2/traces/{trace_id}"), protobuf)?;
    ensure!(version_2.status == 200 && version_2.body.len() > 100, "version 2 got {}", version_2.status);
    ensure!(get("/tempo/api/echo", "*/*")?.text()? == "echo", "no echo");
    for (path, status) in [
        (format!("/jaeger/api/traces/{UNKNOWN}"), 404),
        (format!("/api/v3/traces/{UNKNOWN}"), 404),
        (format!("/tempo/api/traces/{UNKNOWN}"), 404),
        (format!("/tempo/api/v2/traces/{UNKNOWN}"), 200),
        ("/tempo/api/search?q=%7Boops".to_owned(), 400),
    ] {
        let found = get(&path, protobuf)?.status;
        ensure!(found == status, "{path} got {found} and not {status}");
    }
    println!("  {} questions of Grafana and Kiali have answers", questions.len());
    Ok(())
}

/// What is asked, and where in the answer something has to stand.
fn questions(trace_id: &str) -> Vec<(String, &'static str)> {
    let now_s = now_unix_ns() / 1_000_000_000;
    let (start_s, end_s) = (now_s - 3_600, now_s + 60);
    let microseconds = format!("start={start_s}000000&end={end_s}000000");
    let seconds = format!("start={start_s}&end={end_s}");
    let mut questions = vec![
        ("/api/services".to_owned(), "/data/0"),
        ("/api/services/gateway/operations".to_owned(), "/data/0"),
        ("/api/operations?service=gateway".to_owned(), "/data/0/name"),
        (
            format!("/api/traces?service=gateway&{microseconds}&lookback=custom&limit=20&minDuration=1us"),
            "/data/0/spans/0/tags/0/key",
        ),
        (format!("/jaeger/api/traces?service=gateway.shop&{microseconds}&limit=100"), "/data/0/traceID"),
        (format!("/jaeger/api/traces/{trace_id}"), "/data/0/spans/1/references/0"),
        (format!("/api/dependencies?endTs={end_s}000&lookback=3600000"), "/data/0/callCount"),
        ("/api/v3/services".to_owned(), "/services/0"),
        ("/api/v3/operations?service=gateway".to_owned(), "/operations/0/name"),
        (format!("/api/v3/traces?query.service_name=gateway&{ALWAYS}"), "/result/resourceSpans/0"),
        (format!("/api/v3/traces/{trace_id}"), "/result/resourceSpans/0"),
        (format!("/api/v3/trace-summaries?query.service_name=gateway&{ALWAYS}"), "/summaries/0/spanCount"),
    ];
    questions.extend([
        ("/tempo/api/status/buildinfo".to_owned(), "/version"),
        (
            format!("/tempo/api/search?q={QUERY}&{seconds}&limit=20&spss=10&minDuration=1us"),
            "/traces/0/spanSets/0/spans/0/attributes/0",
        ),
        (format!("/tempo/api/search?tags=service.name%3Dgateway&{seconds}"), "/traces/0/traceID"),
        ("/tempo/api/search/tags".to_owned(), "/tagNames/0"),
        (format!("/tempo/api/v2/search/tags?{seconds}"), "/scopes/0/tags/0"),
        ("/tempo/api/search/tag/service.name/values".to_owned(), "/tagValues/0"),
        ("/tempo/api/v2/search/tag/resource.service.name/values".to_owned(), "/tagValues/0/value"),
        (format!("/tempo/api/traces/{trace_id}"), "/batches/0/scopeSpans/0/spans/0/traceId"),
        (format!("/tempo/api/v2/traces/{trace_id}"), "/trace/resourceSpans/0/scopeSpans/0/spans/0"),
    ]);
    questions
}
