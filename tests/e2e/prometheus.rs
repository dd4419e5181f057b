//! A real Prometheus scrapes the collector: the mesh's figures, and exemplars that lead to traces.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::ports::free_port;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::Value as Json;
use throughline_model::attribute::{LINK_KIND, ROLE, SERVER_ADDRESS, SERVICE_NAME};
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use crate::runner::Fixture;

const DEADLINE: Duration = Duration::from_secs(90);
const MILLISECOND: u64 = 1_000_000;
const TRACE: u128 = 0x7e57_0000_0000_0000_0000_0000_0000_0001;

/// A collector, and a Prometheus that scrapes it every second.
pub(crate) struct Scraped {
    run: RunDirectory,
    collector: Collector,
    prometheus: Process,
    prometheus_url: String,
}

impl Fixture for Scraped {
    fn keep_run(&self) -> String {
        self.run.keep_run()
    }
}

pub(crate) fn start() -> Result<Scraped> {
    let run = RunDirectory::create()?;
    let ports = Ports::free()?;
    let collector = Collector::start(ports, &run)?;
    let port = free_port()?;
    let configuration = run.join("prometheus.yaml");
    let target = format!("127.0.0.1:{}", ports.http);
    std::fs::write(
        &configuration,
        format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: throughline\n  \
             static_configs: [{{targets: ['{target}']}}]\n"
        ),
    )?;
    let binary = std::env::var("PROMETHEUS_BIN").unwrap_or_else(|_| "prometheus".to_owned());
    let mut command = Command::new(&binary);
    command.arg(format!("--config.file={}", configuration.display()));
    command.arg(format!("--storage.tsdb.path={}", run.join("prometheus").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.args(["--enable-feature=exemplar-storage", "--log.level=warn"]);
    let started = Process::start("prometheus", command, &run.log("prometheus"));
    let mut prometheus =
        started.with_context(|| format!("{binary}: apt-get install prometheus, or set PROMETHEUS_BIN"))?;
    let prometheus_url = format!("http://127.0.0.1:{port}");
    let (client, ready) = (Client::new(), format!("{prometheus_url}/-/ready"));
    prometheus.wait_ready(DEADLINE, || client.get(&ready).is_ok_and(|answer| answer.status == 200))?;
    Ok(Scraped { run, collector, prometheus, prometheus_url })
}

pub(crate) fn scrapes_figures_and_exemplars(scraped: &mut Scraped) -> Result<()> {
    let began_unix_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    post_call(&scraped.collector)?;
    for (query, expected) in [
        ("up", "1"),
        ("throughline_spans_received_total", "3"),
        ("traces_service_graph_request_total{client=\"gateway\",server=\"cart\"}", "1"),
        ("traces_service_graph_request_failed_total{client=\"gateway\",server=\"cart\"}", "1"),
        ("traces_service_graph_request_server_seconds_count{client=\"gateway\",server=\"cart\"}", "1"),
        ("traces_spanmetrics_calls_total{service=\"cart\",status_code=\"STATUS_CODE_ERROR\"}", "1"),
        ("sum by (service) (traces_spanmetrics_latency_bucket{service=\"gateway\",le=\"+Inf\"})", "2"),
        ("throughline_calls_by_link_total{client=\"gateway\",link=\"sole\"}", "1"),
        // How complete traces, edges and workloads are, as docs/api.md has it.
        (
            "throughline_traces_complete / (throughline_traces_complete + throughline_traces_incomplete)",
            "0.5",
        ),
        ("throughline_traces_judged_total{verdict=\"complete\"}", "1"),
        ("throughline_traces_judged_total{verdict=\"incomplete\"}", "1"),
        (&complete("", "{client=\"gateway\",server=\"cart\"}"), "1"),
        (&complete("", "{client=\"gateway\",server=\"bank.example\"}"), "0"),
        (&complete("sum by (client) ", ""), "0.5"),
    ] {
        let value = |scraped: &Scraped| -> Result<Option<String>> {
            let answer = ask(scraped, &format!("query?query={}", encode(query)))?;
            Ok(answer.pointer("/data/result/0/value/1").and_then(Json::as_str).map(str::to_owned))
        };
        wait::until(&format!("{query} is {expected}"), DEADLINE, || {
            Ok((value(scraped)?.as_deref() == Some(expected)).then_some(()))
        })
        .with_context(|| {
            format!("{query} is {:?}\n{}", value(scraped).ok(), scraped.prometheus.log_tail())
        })?;
    }
    let query = encode("traces_spanmetrics_latency_bucket{service=\"cart\"}");
    let range = format!("start={}&end={}", began_unix_s - 60, began_unix_s + 3_600);
    let trace_id = wait::until("an exemplar", DEADLINE, || {
        let answer = ask(scraped, &format!("query_exemplars?query={query}&{range}"))?;
        Ok(answer.pointer("/data/0/exemplars/0/labels/trace_id").and_then(Json::as_str).map(str::to_owned))
    })?;
    let lifecycle = scraped.collector.api().lifecycle(&trace_id)?;
    ensure!(
        lifecycle.is_some_and(|found| found.spans.len() == 2),
        "the exemplar {trace_id} leads to no trace"
    );
    println!(
        "  Prometheus has the call, its failure and its durations, and the exemplar {trace_id}, which is the trace"
    );
    Ok(())
}

/// The share of calls of which both ends sent a span.
fn complete(sum: &str, labels: &str) -> String {
    let of = |name: &str| format!("{sum}(traces_service_graph_{name}_total{labels})");
    format!("1 - {} / {}", of("unpaired_spans"), of("request"))
}

/// One call from the gateway to the cart that failed, both ends, and one to a bank that sent no span.
fn post_call(collector: &Collector) -> Result<()> {
    let now_unix_ns = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let attribute =
        |(key, text): (&str, &str)| Attribute { key: key.to_owned(), value: Value::Text(text.to_owned()) };
    let told = [(ROLE, "gateway"), (SERVER_ADDRESS, "bank.example"), (LINK_KIND, "sole")];
    let unanswered = Span {
        trace_id: TraceId::from_bytes(&(TRACE + 1).to_be_bytes()).context("not zero")?,
        attributes: told.map(attribute).into(),
        ..span(3, None, SpanKind::Client, "gateway", now_unix_ns)?
    };
    let spans = [
        unanswered,
        span(1, None, SpanKind::Client, "gateway", now_unix_ns)?,
        span(2, Some(1), SpanKind::Server, "cart", now_unix_ns + MILLISECOND)?,
    ];
    let headers = [("content-type", "application/x-protobuf")];
    let payload = encode_export_request(&spans);
    let answer = Client::new().request("POST", &collector.otlp_http_url(), &headers, &payload)?;
    ensure!(answer.status == 200, "the post got {}", answer.status);
    Ok(())
}

fn span(id: u64, parent: Option<u64>, kind: SpanKind, service: &str, start_unix_ns: u64) -> Result<Span> {
    let span_id = |id: u64| SpanId::from_bytes(&id.to_be_bytes());
    let name = Attribute { key: SERVICE_NAME.to_owned(), value: Value::Text(service.to_owned()) };
    Ok(Span {
        trace_id: TraceId::from_bytes(&TRACE.to_be_bytes()).context("not zero")?,
        span_id: span_id(id).context("not zero")?,
        parent_span_id: parent.and_then(span_id),
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind,
        start_unix_ns,
        end_unix_ns: start_unix_ns + 20 * MILLISECOND,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Error,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![name] }),
    })
}

fn ask(scraped: &Scraped, question: &str) -> Result<Json> {
    Client::new().get(&format!("{}/api/v1/{question}", scraped.prometheus_url))?.json()
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _always_fits = write!(encoded, "%{byte:02X}");
        encoded
    })
}
