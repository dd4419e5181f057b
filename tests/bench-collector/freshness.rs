//! How long after its acknowledgement a span can be found.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use harness::generator::{Generator, Shape, now_unix_ns};
use harness::http::Client;
use throughline_model::otlp::HTTP_CONTENT_TYPE;

use crate::server::Server;

const PROBES: u64 = 200;
const DEADLINE: Duration = Duration::from_secs(10);

/// Milliseconds from the acknowledgement to the answer that has the trace, asked for by id and found by a search.
#[derive(Clone, Debug, Default)]
pub(crate) struct Freshness {
    pub(crate) by_id_ms: Vec<f64>,
    pub(crate) by_search_ms: Vec<f64>,
}

/// Sends single traces one after the other and asks for each at once.
pub(crate) fn measure(server: &Server, seed: u64) -> Result<Freshness> {
    let generator = Generator::new(Shape::Together(1), seed)?;
    let (client, url) = (Client::new(), server.collector.url());
    let mut found = Freshness::default();
    for set in 0..PROBES {
        let Some(template) = generator.template(set, 0) else { continue };
        let mut message = template.bytes.clone();
        let now = now_unix_ns();
        template.patch(&mut message, generator.salt(set), now);
        let headers = [("content-type", HTTP_CONTENT_TYPE)];
        let answer = client.request("POST", &server.collector.otlp_http_url(), &headers, &message)?;
        ensure!(answer.status == 200, "a probe was answered with {}", answer.status);
        let acknowledged = Instant::now();
        let trace_id = generator.trace_ids(set)[0].to_hex();
        let by_id = format!("{url}/api/v1/traces/{trace_id}");
        found.by_id_ms.push(wait(&client, &by_id, &trace_id, acknowledged)?);
        let by_search = format!("{url}/api/v1/traces?service=gateway&limit=20");
        found.by_search_ms.push(wait(&client, &by_search, &trace_id, acknowledged)?);
    }
    Ok(found)
}

fn wait(client: &Client, url: &str, trace_id: &str, since: Instant) -> Result<f64> {
    loop {
        let answer = client.get(url)?;
        if answer.status == 200 && answer.text()?.contains(trace_id) {
            return Ok(since.elapsed().as_secs_f64() * 1e3);
        }
        ensure!(since.elapsed() < DEADLINE, "a trace was not found at {url}");
    }
}
