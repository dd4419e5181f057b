//! Blocks and rollups are plain Parquet: DuckDB reads them as they lie in the collector's folder.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::{Value as Json, json};
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use crate::runner::Fixture;

const DEADLINE: Duration = Duration::from_secs(60);
const TRACES: u64 = 300;
/// Several blocks, the last one by age.
/// The spans are of 2023.
const SETTINGS: &str =
    "storage: {retention: 9000d, rollups: {retention: 9000d}, block: {max_spans: 100, max_age: 1s}}\n";
/// One JSON value for each query.
const SCRIPT: &str = "
import duckdb, json, sys
for query in sys.argv[1:]:
    print(json.dumps(duckdb.sql(query).fetchall(), default=str))
";

/// A collector and its folder.
pub(crate) struct Alone {
    // Ends before its folder goes.
    collector: Collector,
    run: RunDirectory,
}

impl Fixture for Alone {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

pub(crate) fn start() -> Result<Alone> {
    let run = RunDirectory::create()?;
    let collector = Collector::start_with_settings(Ports::free()?, &run, "alone", SETTINGS)?;
    Ok(Alone { collector, run })
}

pub(crate) fn duckdb_counts(alone: &mut Alone) -> Result<()> {
    let client = Client::new();
    for number in 1..=TRACES {
        let payload = encode_export_request(&[span(number)]);
        let headers = [("content-type", "application/x-protobuf")];
        let answer = client.request("POST", &alone.collector.otlp_http_url(), &headers, &payload)?;
        ensure!(answer.status == 200, "a batch got status {}", answer.status);
    }
    let status = format!("{}/api/v1/status", alone.collector.url());
    wait::until("all spans are in blocks", DEADLINE, || {
        let status: Json = client.get(&status)?.json()?;
        Ok((status["spans_live"] == 0).then_some(()))
    })?;
    let data = alone.run.join("data-alone");
    let blocks = format!("'{}/blocks/*.parquet'", data.display());
    let rollups = format!("'{}/rollups/*.parquet'", data.display());
    let answers = duckdb(&[
        format!("select count(*), count(distinct trace_id), sum(duration_ns) from {blocks}"),
        format!("select count(*) from {blocks} where status = 2 and http_response_status_code = 503"),
        format!("select distinct service, name, url_path from {blocks}"),
        format!("select series, service, sum(calls), sum(errors) from {rollups} group by all order by all"),
    ])?;
    let failed = TRACES / 3;
    let expected = json!([
        [[TRACES, TRACES, TRACES * 1_000]],
        [[failed]],
        [["cart", "GET /cart", "/cart"]],
        [["edge", "cart", TRACES, failed], ["operation", "cart", TRACES, failed]],
    ]);
    ensure!(json!(answers) == expected, "DuckDB answers {answers:?} and not {expected}");
    println!(
        "  DuckDB counts {TRACES} spans in the blocks, {failed} of them failed, and as many in the rollups"
    );
    Ok(())
}

fn duckdb(queries: &[String]) -> Result<Vec<Json>> {
    let output = Command::new(artefacts::python()?).arg("-c").arg(SCRIPT).args(queries).output()?;
    ensure!(output.status.success(), "DuckDB failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// A server span of a trace of its own; every third one failed.
pub(crate) fn span(number: u64) -> Span {
    let text = |key: &str, text: &str| Attribute { key: key.to_owned(), value: Value::Text(text.to_owned()) };
    let has_failed = number.is_multiple_of(3);
    let status = Attribute {
        key: "http.response.status_code".to_owned(),
        value: Value::Int(if has_failed { 503 } else { 200 }),
    };
    let start_unix_ns = 1_700_000_000_000_000_000 + number;
    Span {
        trace_id: TraceId::from_bytes(&u128::from(number).to_be_bytes()).expect("not zero"),
        span_id: SpanId::from_bytes(&number.to_be_bytes()).expect("not zero"),
        parent_span_id: None,
        trace_state: String::new(),
        flags: 1,
        name: "GET /cart".to_owned(),
        kind: SpanKind::Server,
        start_unix_ns,
        end_unix_ns: start_unix_ns + 1_000,
        attributes: vec![text("url.path", "/cart"), status],
        events: Vec::new(),
        links: Vec::new(),
        status: if has_failed { StatusCode::Error } else { StatusCode::Unset },
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![text("service.name", "cart")] }),
    }
}
