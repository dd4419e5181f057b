//! A collector whose blocks go to an object store: a new disk has them all, an outage loses nothing, and two collectors do not
//! mix.

mod cloud;

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::s3::S3;
use harness::wait;
use serde_json::Value as Json;
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{Attribute, Span, Value};

use self::cloud::{Cloud, settings};
use crate::blocks::span;
use crate::runner::{Fixture, Runner, scenario};

/// Few requests, lest a busy machine cut blocks by their age before they are full.
const BATCH: usize = 10;
const DEADLINE: Duration = Duration::from_secs(90);
const SECRET: &str = "the-key-that-nobody-may-see";
const OWNER: &str = "collector-of-the-shop";

/// A collector, its bucket and its folder.
struct WithBucket {
    cloud: Cloud,
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

/// The suites with a bucket.
pub(crate) fn run(runner: &mut Runner) {
    runner.group(
        "a collector with a bucket",
        || start(Cloud::Amazon),
        &[
            scenario("a_collector_with_a_new_disk_finds_all_blocks_in_s3", a_new_disk_finds_all_blocks),
            scenario("an_outage_of_s3_loses_nothing_and_is_shown", an_outage_loses_nothing),
            scenario("a_second_collector_in_the_same_place_of_s3_is_refused", a_second_collector_is_refused),
            scenario("retention_removes_blocks_from_s3", retention_empties_the_bucket),
        ],
    );
    runner.group(
        "a collector with a bucket of Google's",
        || start(Cloud::Google),
        &[
            scenario(
                "a_collector_with_a_new_disk_finds_all_blocks_in_google_cloud_storage",
                a_new_disk_finds_all_blocks,
            ),
            scenario("a_large_block_goes_to_google_cloud_storage_in_parts", a_large_block_goes_up_in_parts),
            scenario("retention_removes_blocks_from_google_cloud_storage", retention_empties_the_bucket),
        ],
    );
}

fn start(cloud: Cloud) -> Result<WithBucket> {
    let run = RunDirectory::create()?;
    let s3 = S3::start(&run)?;
    let yaml = settings(cloud, &s3, OWNER, &cloud.keys_in_file());
    let environment = match cloud {
        Cloud::Amazon => &[],
        Cloud::Google => cloud.keys_in_environment(),
    };
    let collector = Collector::start_with_environment(Ports::free()?, &run, "first", &yaml, environment)?;
    Ok(WithBucket { cloud, collector, s3, run, sent: 0 })
}

impl WithBucket {
    /// Another collector in place of the one that was killed, or the same with other settings.
    fn start_anew(&mut self, name: &str, more: &str) -> Result<()> {
        let yaml = settings(self.cloud, &self.s3, OWNER, more);
        let environment = self.cloud.keys_in_environment();
        self.collector =
            Collector::start_with_environment(Ports::free()?, &self.run, name, &yaml, environment)?;
        Ok(())
    }

    fn send(&mut self, count: u64) -> Result<()> {
        self.send_each(count, span)
    }

    fn send_each(&mut self, count: u64, span: impl Fn(u64) -> Span) -> Result<()> {
        let client = Client::new();
        let numbers: Vec<u64> = (self.sent + 1..=self.sent + count).collect();
        for batch in numbers.chunks(BATCH) {
            let payload =
                encode_export_request(&batch.iter().map(|number| span(*number)).collect::<Vec<_>>());
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
    setup.start_anew("second", "")?;
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
    let yaml = settings(setup.cloud, &setup.s3, "somebody-else", &setup.cloud.keys_in_file());
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

/// A block of more than the eight MiB that go up at once, because nothing in it can be made smaller.
fn a_large_block_goes_up_in_parts(setup: &mut WithBucket) -> Result<()> {
    let before = setup.metric("throughline_blocks_uploaded_total")?;
    let noisy = |number: u64| {
        let mut state = number;
        let mut noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(33 + (state >> 57) as u8 % 90)
        });
        let mut span = span(number);
        for place in 0..4 {
            let text = noise.by_ref().take(50_000).collect();
            span.attributes.push(Attribute { key: format!("noise.{place}"), value: Value::Text(text) });
        }
        span
    };
    setup.send_each(100, noisy)?;
    setup.wait_uploaded()?;
    let largest = setup.s3.sizes()?.into_iter().max().unwrap_or_default();
    ensure!(largest > 8 << 20, "the largest object has {largest} bytes, which go up at once");
    setup.check_traces()?;
    let after = setup.metric("throughline_blocks_uploaded_total")?;
    println!("  {} blocks uploaded, the largest of {largest} bytes, and read again", after - before);
    Ok(())
}

fn retention_empties_the_bucket(setup: &mut WithBucket) -> Result<()> {
    let before = setup.s3.keys()?.iter().filter(|key| key.contains("/blocks/")).count();
    ensure!(before > 0, "there are no blocks");
    setup.collector.kill();
    setup.start_anew("second", "  max_bytes: 1\n")?;
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
