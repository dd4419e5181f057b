//! A collector whose blocks go to S3: a new disk has them all, an outage loses nothing, and two collectors do not mix.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::s3::{BUCKET, S3};
use harness::wait;
use serde_json::Value as Json;
use throughline_model::otlp::encode_export_request;

use crate::blocks::span;
use crate::runner::{Fixture, Runner, scenario};

const DEADLINE: Duration = Duration::from_secs(90);
const SECRET: &str = "the-key-that-nobody-may-see";
const OWNER: &str = "collector-of-the-shop";

/// A collector, its bucket and its folder.
struct WithBucket {
    // Both end before their folder goes.
    collector: Collector,
    s3: S3,
    run: RunDirectory,
    sent: u64,
}

impl Fixture for WithBucket {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

/// Small blocks, none of which stays on the disk; the spans are of 2023.
fn settings(s3: &S3, more: &str, store: &str) -> String {
    format!(
        "storage:\n  retention: 9000d\n  rollups: {{retention: 9000d}}\n  block: {{max_spans: 100, max_age: 1s}}\n{store}  \
         object_store:\n    url: s3://{BUCKET}/mesh\n    endpoint: {}\n    region: eu-central-1\n    cache_bytes: 1\n{more}",
        s3.endpoint()
    )
}

fn keys_in_file() -> String {
    format!("    access_key_id: tester\n    secret_access_key: {SECRET}\n    owner: {OWNER}\n")
}

/// The suites with a bucket.
pub(crate) fn run(runner: &mut Runner) {
    runner.group(
        "a collector with a bucket",
        start,
        &[
            scenario("a_collector_with_a_new_disk_finds_all_blocks_in_s3", a_new_disk_finds_all_blocks),
            scenario("an_outage_of_s3_loses_nothing_and_is_shown", an_outage_loses_nothing),
            scenario("a_second_collector_in_the_same_place_of_s3_is_refused", a_second_collector_is_refused),
            scenario("retention_removes_blocks_from_s3", retention_empties_the_bucket),
        ],
    );
}

fn start() -> Result<WithBucket> {
    let run = RunDirectory::create()?;
    let s3 = S3::start(&run)?;
    let yaml = settings(&s3, &keys_in_file(), "");
    let collector = Collector::start_with_settings(Ports::free()?, &run, "first", &yaml)?;
    Ok(WithBucket { collector, s3, run, sent: 0 })
}

impl WithBucket {
    fn send(&mut self, count: u64) -> Result<()> {
        let client = Client::new();
        for number in self.sent + 1..=self.sent + count {
            let payload = encode_export_request(&[span(number)]);
            let headers = [("content-type", "application/x-protobuf")];
            let answer = client.request("POST", &self.collector.otlp_http_url(), &headers, &payload)?;
            ensure!(answer.status == 200, "a batch got status {}", answer.status);
        }
        self.sent += count;
        Ok(())
    }

    fn status(&self) -> Result<Json> {
        Client::new().get(&format!("{}/api/v1/status", self.collector.url()))?.json()
    }

    /// Waits until every span is in a block and every block in the bucket.
    fn wait_uploaded(&self) -> Result<Json> {
        wait::until("everything is in the bucket", DEADLINE, || {
            let status = self.status()?;
            let objects = &status["object_store"];
            let is_done = status["spans_live"] == 0
                && objects["blocks_waiting"] == 0
                && objects["bytes_cached"] == 0
                && objects["failure"].is_null();
            Ok(is_done.then_some(status))
        })
    }

    /// Every span that was acknowledged is answered, once.
    fn check_traces(&self) -> Result<()> {
        for number in 1..=self.sent {
            let lifecycle = self.collector.api().json(&format!("/api/v1/traces/{number:032x}"))?;
            let spans = lifecycle["spans"].as_array().map_or(0, Vec::len);
            ensure!(spans == 1, "trace {number} has {spans} spans: {lifecycle}");
        }
        Ok(())
    }

    fn metric(&self, name: &str) -> Result<u64> {
        let text = Client::new().get(&format!("{}/metrics", self.collector.url()))?.text()?;
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        let value =
            line.and_then(|line| line.split(' ').nth(1)).with_context(|| format!("no metric {name}"))?;
        Ok(value.parse()?)
    }
}

fn a_new_disk_finds_all_blocks(setup: &mut WithBucket) -> Result<()> {
    setup.send(250)?;
    let status = setup.wait_uploaded()?;
    let blocks = status["blocks"].as_u64().context("a number of blocks")?;
    ensure!(setup.metric("throughline_blocks_uploaded_total")? >= blocks);
    ensure!(
        setup.metric("throughline_blocks_waiting")? == 0
            && setup.metric("throughline_block_cache_bytes")? == 0
    );
    setup.check_traces()?;
    setup.collector.kill();
    // The keys come from the environment this time.
    let yaml = settings(&setup.s3, &format!("    owner: {OWNER}\n"), "");
    let environment = [("AWS_ACCESS_KEY_ID", "tester"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    setup.collector =
        Collector::start_with_environment(Ports::free()?, &setup.run, "second", &yaml, &environment)?;
    ensure!(setup.status()?["blocks"] == blocks, "the new disk has {} of {blocks} blocks", setup.status()?);
    setup.check_traces()?;
    let fetched = setup.metric("throughline_blocks_fetched_total")?;
    ensure!(fetched > 0, "nothing was fetched although nothing is on the disk");
    println!("  {blocks} blocks uploaded, fetched {fetched} times, found by a collector with an empty disk");
    Ok(())
}

fn an_outage_loses_nothing(setup: &mut WithBucket) -> Result<()> {
    setup.s3.close_gate();
    setup.send(250)?;
    let status = wait::until("the outage is shown", DEADLINE, || {
        let status = setup.status()?;
        let objects = &status["object_store"];
        let is_shown = status["spans_live"] == 0
            && objects["blocks_waiting"].as_u64() > Some(0)
            && objects["failure"].is_string();
        Ok(is_shown.then_some(status))
    })?;
    let (failures, waiting) = (
        setup.metric("throughline_object_store_failures_total")?,
        setup.metric("throughline_blocks_waiting")?,
    );
    ensure!(failures > 0 && waiting > 0, "{failures} failures, {waiting} blocks waiting");
    // Killed in the middle of it, and started again without a bucket.
    setup.collector.kill();
    setup.collector.restart()?;
    setup.send(50)?;
    let old = Client::new().get(&format!("{}/api/v1/traces/{:032x}", setup.collector.url(), 1))?;
    ensure!(old.status == 503, "a trace that is out of reach got status {}: {}", old.status, old.text()?);
    setup.s3.open_gate();
    setup.wait_uploaded()?;
    setup.check_traces()?;
    println!(
        "  {failures} failures counted, {waiting} blocks waited, shown as: {}",
        status["object_store"]["failure"].as_str().unwrap_or_default()
    );
    Ok(())
}

fn a_second_collector_is_refused(setup: &mut WithBucket) -> Result<()> {
    let file = setup.run.join("collector-third.yaml");
    let yaml = settings(&setup.s3, &keys_in_file().replace(OWNER, "somebody-else"), "");
    fs::write(&file, yaml)?;
    let mut command = Command::new(artefacts::collector()?);
    command.args([
        "serve",
        "--otlp-grpc",
        "127.0.0.1:0",
        "--otlp-http",
        "127.0.0.1:0",
        "--zipkin",
        "127.0.0.1:0",
    ]);
    command.args(["--http", "127.0.0.1:0", "--config"]).arg(&file);
    let output = command.arg("--data-dir").arg(setup.run.join("data-third")).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(3), "it ended with {}: {words}", output.status);
    ensure!(words.contains("belongs to another collector") && words.contains(OWNER), "{words}");
    ensure!(words.contains("storage.object_store.owner"), "{words}");
    println!("  {}", words.lines().last().unwrap_or_default());
    let shown =
        Command::new(artefacts::collector()?).args(["config", "print", "--config"]).arg(&file).output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(shown.contains("owner: somebody-else"), "{shown}");
    let logs = ["collector-first", "collector-second"].map(|name| setup.run.log(name));
    for text in logs
        .iter()
        .filter(|log| log.exists())
        .map(fs::read_to_string)
        .chain([Ok(shown), Ok(words.into_owned())])
    {
        ensure!(!text?.contains(SECRET), "the secret key is shown");
    }
    Ok(())
}

fn retention_empties_the_bucket(setup: &mut WithBucket) -> Result<()> {
    let before = setup.s3.keys()?.iter().filter(|key| key.contains("/blocks/")).count();
    ensure!(before > 0, "there are no blocks");
    setup.collector.kill();
    let yaml = settings(&setup.s3, &keys_in_file(), "  max_bytes: 1\n");
    setup.collector = Collector::start_with_settings(Ports::free()?, &setup.run, "second", &yaml)?;
    wait::until("the bucket has no blocks", DEADLINE, || {
        let keys = setup.s3.keys()?;
        Ok((!keys.iter().any(|key| key.contains("/blocks/"))).then_some(()))
    })?;
    let keys = setup.s3.keys()?;
    ensure!(keys.iter().any(|key| key == "mesh/OWNER"), "the mark of the owner is gone: {keys:?}");
    ensure!(keys.iter().any(|key| key.contains("/rollups/")), "rollups outlive spans: {keys:?}");
    println!("  {before} blocks before, none after; {} other objects stay", keys.len());
    Ok(())
}
