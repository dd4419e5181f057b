//! Another collector under the same load in the same run: rotel, which takes OTLP and here throws everything away.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use harness::artefacts;
use harness::http::Client;
use harness::ports::free_port;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use throughline_model::otlp::HTTP_CONTENT_TYPE;

use crate::run::Kind;
use crate::sender::{self, Protocol};

const READY_DEADLINE: Duration = Duration::from_secs(30);
/// How long it may go on working after the last acknowledgement.
const REST_DEADLINE: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_millis(1_500);
/// It is at rest when it takes less than this share of a processor.
const REST_SHARE: f64 = 0.02;

/// What one load took the peer.
#[derive(Clone, Debug)]
pub(crate) struct PeerFigures {
    pub(crate) spans: f64,
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) put_off: u64,
}

/// Loads a fresh peer as [`crate::run::run`] loads the collector.
pub(crate) fn run(kind: Kind, spans: u64, seed: u64, run: &RunDirectory) -> Result<PeerFigures> {
    let (grpc, http) = (free_port()?, free_port()?);
    let mut process = start(grpc, http, run)?;
    let load = kind.load(spans, seed, if kind.protocol == Protocol::Grpc { grpc } else { http })?;
    let (begin_cpu_s, begin) = (process.cpu_s()?, Instant::now());
    let sent = sender::send(&load)?;
    let wall_s = begin.elapsed().as_secs_f64();
    let cpu_s = at_rest_cpu_s(&process)? - begin_cpu_s;
    let peak_bytes = process.peak_resident_bytes()?;
    process.terminate();
    ensure!(process.wait_end().is_some(), "the peer did not end");
    Ok(PeerFigures { spans: sent.spans as f64, cpu_s, wall_s, peak_bytes, put_off: sent.put_off })
}

/// With its defaults, but for addresses and files.
fn start(grpc: u16, http: u16, run: &RunDirectory) -> Result<Process> {
    let binary = artefacts::root().join(".tools/rotel/bin/rotel-agent");
    ensure!(binary.is_file(), "{} is missing: make bench-collector installs it", binary.display());
    let mut command = Command::new(binary);
    command.args(["start", "--exporter", "blackhole"]);
    command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
    command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
    command.arg("--pid-file").arg(run.join("rotel.pid")).arg("--log-file").arg(run.log("rotel"));
    let mut process = Process::start("rotel", command, &run.log("rotel-output"))?;
    let (client, url) = (Client::new(), format!("http://127.0.0.1:{http}/v1/traces"));
    let headers = [("content-type", HTTP_CONTENT_TYPE)];
    process.wait_ready(READY_DEADLINE, || client.request("POST", &url, &headers, &[]).is_ok())?;
    Ok(process)
}

fn at_rest_cpu_s(process: &Process) -> Result<f64> {
    let begin = Instant::now();
    loop {
        let before = process.cpu_s()?;
        std::thread::sleep(REST);
        harness::wait::stop_if_interrupted()?;
        if process.cpu_s()? - before < REST.as_secs_f64() * REST_SHARE {
            return Ok(before);
        }
        if begin.elapsed() > REST_DEADLINE {
            bail!("the peer is not at rest {} s after the load", REST_DEADLINE.as_secs());
        }
    }
}

/// The version that it names.
pub(crate) fn version() -> Result<String> {
    let binary = artefacts::root().join(".tools/rotel/bin/rotel-agent");
    let output = Command::new(binary).arg("--version").output().context("rotel --version")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
