//! One collector that is filled with traces of the mesh and asked about them.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::Value as Json;
use throughline_model::otlp::encode_export_request;
use throughline_model::span::Span;

use crate::measure::{Step, Times};
use crate::mesh::{Mesh, Numbers, trace_id};

/// Spans of one request, about.
const BATCH_SPANS: usize = 8_000;
/// All spans together cover this time before now, in the order in which they come, give or take some seconds.
const COVERED_NS: u64 = 4 * 3_600 * 1_000_000_000;
const JITTER_NS: u64 = 10 * 1_000_000_000;
const HOUR_NS: u64 = 3_600 * 1_000_000_000;
const QUESTIONS: usize = 500;
const SEARCHES: usize = 100;
const SETTLED_DEADLINE: Duration = Duration::from_secs(1_800);
/// A collector rests that took at most this share of a core for this long.
const REST: Duration = Duration::from_secs(2);
const MAX_REST_SHARE: f64 = 0.05;
/// Windows become blocks early enough for the bench to end; all else is the default.
const SETTINGS: &str = "storage: {block: {max_age: 5s}}\n";

/// A collector, and what was sent to it.
pub(crate) struct Bench<'a> {
    run: &'a RunDirectory,
    name: &'static str,
    pub(crate) collector: Collector,
    pub(crate) client: Client,
    mesh: Mesh,
    pub(crate) spans: u64,
    traces: u64,
    /// The most spans there will be, and when the first of them starts.
    most: u64,
    first_unix_ns: u64,
}

impl<'a> Bench<'a> {
    pub(crate) fn start(run: &'a RunDirectory, name: &'static str, most: u64) -> Result<Self> {
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
        let first_unix_ns = now - COVERED_NS;
        let collector = Collector::start_with_settings(Ports::free()?, run, name, SETTINGS)?;
        let (client, mesh) = (Client::new(), Mesh::new());
        Ok(Self { run, name, collector, client, mesh, spans: 0, traces: 0, most, first_unix_ns })
    }

    /// Finds out what the collector has from an earlier run.
    pub(crate) fn recognise(&mut self) -> Result<()> {
        let known = |number| Ok::<_, anyhow::Error>(self.client.get(&self.trace_url(number))?.status == 200);
        ensure!(
            known(0)?,
            "the first trace is gone: the data are older than the retention, or of another bench"
        );
        let (mut below, mut above) = (0, u64::from(u32::MAX));
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            *(if known(middle)? { &mut below } else { &mut above }) = middle;
        }
        self.traces = above;
        let of_all = self.json("/api/v1/operations?since=2000-01-01T00:00:00Z")?;
        let operations = of_all.get("operations").and_then(Json::as_array).context("no operations")?;
        self.spans = operations.iter().filter_map(|operation| operation.get("calls")?.as_u64()).sum();
        self.most = self.spans;
        let newest = self.json("/api/v1/traces?limit=1")?;
        let start = newest.pointer("/traces/0/start_unix_ns").and_then(Json::as_str).context("no trace")?;
        self.first_unix_ns = start.parse::<u64>()?.saturating_sub(COVERED_NS);
        eprintln!("bench: {} spans in {} traces are there", self.spans, self.traces);
        Ok(())
    }

    /// When the next trace starts, about.
    fn position_unix_ns(&self) -> u64 {
        let covered = u128::from(COVERED_NS) * u128::from(self.spans) / u128::from(self.most.max(1));
        self.first_unix_ns + u64::try_from(covered).unwrap_or(COVERED_NS)
    }

    /// Sends traces until there are so many spans.
    pub(crate) fn fill(&mut self, spans: u64) -> Result<()> {
        eprintln!("bench: filling up to {spans} spans");
        let url = self.collector.otlp_http_url();
        let mut numbers = Numbers::new(self.traces + 1);
        let mut batch: Vec<Span> = Vec::new();
        while self.spans < spans {
            wait::stop_if_interrupted()?;
            batch.clear();
            let position = self.position_unix_ns();
            while batch.len() < BATCH_SPANS {
                let start = position - JITTER_NS + numbers.below(JITTER_NS);
                self.mesh.trace(self.traces, start, &mut batch);
                self.traces += 1;
            }
            // Senders have one resource each.
            batch.sort_by_key(|span| std::sync::Arc::as_ptr(&span.resource) as usize);
            self.send(&url, &encode_export_request(&batch))?;
            self.spans += batch.len() as u64;
        }
        Ok(())
    }

    fn send(&self, url: &str, payload: &[u8]) -> Result<()> {
        let headers = [("content-type", "application/x-protobuf")];
        wait::until("the collector takes a batch", SETTLED_DEADLINE, || {
            let answer = self.client.request("POST", url, &headers, payload)?;
            ensure!([200, 429, 503].contains(&answer.status), "a batch got status {}", answer.status);
            Ok((answer.status == 200).then_some(()))
        })
    }

    /// Waits until every span is in a block, and no block is to be merged any more: what is asked meanwhile would be
    /// charged for that.
    pub(crate) fn settle(&mut self) -> Result<()> {
        wait::until("every span is in a block", SETTLED_DEADLINE, || {
            Ok((self.status("spans_live")? == 0).then_some(()))
        })?;
        let mut before_s = self.cpu_s()?;
        wait::until("the collector rests", SETTLED_DEADLINE, || {
            std::thread::sleep(REST);
            let spent_s = self.cpu_s()? - before_s;
            before_s += spent_s;
            Ok((spent_s < REST.as_secs_f64() * MAX_REST_SHARE).then_some(()))
        })
    }

    pub(crate) fn ask(&mut self) -> Result<Step> {
        eprintln!("bench: asking with {} spans", self.spans);
        let mut numbers = Numbers::new(99);
        let known: Vec<String> = (0..QUESTIONS).map(|_| self.trace_url(numbers.below(self.traces))).collect();
        let unknown: Vec<String> =
            (0..QUESTIONS as u64).map(|number| self.trace_url(self.traces + 1 + number)).collect();
        let services = ["cart", "payment", "checkout", "ads"];
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
        // The hour before the newest span.
        let age_s = now.saturating_sub(self.position_unix_ns() - HOUR_NS) / 1_000_000_000;
        let searches: Vec<String> = (0..SEARCHES)
            .map(|number| {
                let service = services[number % services.len()];
                let duration_ms = 20 + number % 10;
                let url = self.collector.url();
                format!(
                    "{url}/api/v1/traces?service={service}&min_duration_ms={duration_ms}&since={age_s}s&limit=20"
                )
            })
            .collect();
        let bytes = folder_bytes(&self.run.join(format!("data-{}", self.name)).join("blocks"))?;
        Ok(Step {
            spans: self.spans,
            taken_cpu_s: None,
            bytes_per_span: bytes as f64 / self.spans as f64,
            blocks: self.status("blocks")?,
            resident_mib: self.resident_mib()?,
            known: self.times(&known, 200)?,
            unknown: self.times(&unknown, 404)?,
            search: self.times(&searches, 200)?,
        })
    }

    fn times(&mut self, urls: &[String], status: u16) -> Result<Times> {
        let mut times_ms = Vec::new();
        let cpu_before_s = self.cpu_s()?;
        for url in urls {
            let begun = Instant::now();
            let answer = self.client.get(url)?;
            times_ms.push(begun.elapsed().as_secs_f64() * 1e3);
            ensure!(answer.status == status, "{url} got status {} and not {status}", answer.status);
        }
        times_ms.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = ((times_ms.len() as f64 - 1.0) * share).round() as usize;
            times_ms.get(place).copied().context("no question was asked")
        };
        let cpu_ms = (self.cpu_s()? - cpu_before_s) * 1e3 / times_ms.len() as f64;
        Ok(Times { p50_ms: at(0.5)?, p99_ms: at(0.99)?, cpu_ms })
    }

    pub(crate) fn trace_url(&self, number: u64) -> String {
        format!("{}/api/v1/traces/{}", self.collector.url(), trace_id(number))
    }

    pub(crate) fn status(&self, key: &str) -> Result<u64> {
        let status = self.json("/api/v1/status")?;
        status.get(key).and_then(Json::as_u64).with_context(|| format!("no {key} in {status}"))
    }

    fn json(&self, path: &str) -> Result<Json> {
        self.client.get(&format!("{}{path}", self.collector.url()))?.json()
    }

    pub(crate) fn cpu_s(&mut self) -> Result<f64> {
        self.process()?.cpu_s()
    }

    fn process(&mut self) -> Result<&mut harness::process::Process> {
        self.collector.process_mut().context("the collector is down")
    }

    fn resident_mib(&mut self) -> Result<f64> {
        Ok(self.process()?.resident_bytes()? as f64 / 1024.0 / 1024.0)
    }
}

fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
