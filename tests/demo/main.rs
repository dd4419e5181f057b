//! `make demo`: starts the shop with its mesh and collector, sends traffic, and shows the first complete trace.

mod arguments;
mod display;
mod traffic;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::artefacts;
use harness::collector::{Api, Ports};
use harness::mesh::{CollectorPlace, Mesh, Options};
use harness::ports::{free_port, is_free};
use harness::topology::Topology;
use harness::wait::{self, Interrupted};

use crate::arguments::Arguments;
use crate::display::LiveLine;
use crate::traffic::Traffic;

/// Within this time after the first request, one trace must be complete; a shorter `--duration` does not shorten it.
const FIRST_TRACE_DEADLINE: Duration = Duration::from_secs(30);
/// A trace is shown once nothing of it can still be on its way.
const SETTLED_AGE: &str = "2s";
const GATEWAY_PORT: u16 = 8080;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            println!("\nstopped all that was started");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    wait::catch_interrupts()?;
    let mut mesh = start_mesh()?;
    match present(&mut mesh, arguments) {
        Err(error) if !error.is::<Interrupted>() => {
            Err(error.context(format!("the files of the run are in {}", mesh.keep_run())))
        }
        outcome => outcome,
    }
}

fn present(mesh: &mut Mesh, arguments: Arguments) -> Result<()> {
    let (url, api) = (mesh.collector()?.url(), mesh.api()?);
    let traffic = Traffic::start(mesh.visitor(), arguments.requests_per_second);
    let start = Instant::now();

    println!(
        "sending {} requests a second, waiting for the first complete trace",
        arguments.requests_per_second
    );
    let trace_id = first_complete_trace(mesh, &api)?;
    println!("\nfirst complete trace after {:.1} s:\n", start.elapsed().as_secs_f64());
    print_trace(&trace_id, &url)?;
    println!("\npage:     {url}/");
    println!("          {url}/trace/{trace_id}");
    let (port, domain) = (mesh.visitor().gateway_port(), mesh.visitor().domain().to_owned());
    println!("gateway:  curl -H 'host: {domain}' http://127.0.0.1:{port}/checkout");
    match arguments.duration {
        Some(duration) => println!("ends by itself after {} s, or with Ctrl-C\n", duration.as_secs()),
        None => println!("ends with Ctrl-C\n"),
    }

    let mut line = LiveLine::new();
    let outcome = watch(mesh, &traffic, start, arguments.duration, &mut line);
    line.finish();
    traffic.stop();
    outcome
}

fn start_mesh() -> Result<Mesh> {
    let ports = Ports::well_known()?;
    for (name, expected, got) in [
        ("page", 16686, ports.http),
        ("OTLP over gRPC", 4317, ports.otlp_grpc),
        ("OTLP over HTTP", 4318, ports.otlp_http),
    ] {
        if expected != got {
            println!("port {expected} is taken, so the {name} is on {got}");
        }
    }
    let gateway_port = if is_free(GATEWAY_PORT) { GATEWAY_PORT } else { free_port()? };
    let options = Options {
        topology: Topology::read(&artefacts::root().join("tests/topology/shop.yaml"))?,
        collector: CollectorPlace::On(ports),
        filter_configuration: None,
        gateway_port: Some(gateway_port),
    };
    Mesh::start(options, &|line| println!("{line}"))
}

/// Waits for a trace that began at the gateway and lacks nothing; gives the oldest one.
fn first_complete_trace(mesh: &Mesh, api: &Api) -> Result<String> {
    let query = format!("service={}&until={SETTLED_AGE}&limit=1000", mesh.gateway_name());
    let found = wait::until("a complete trace", FIRST_TRACE_DEADLINE, || {
        let settled = api.search(&query)?;
        Ok(settled.into_iter().rev().find(|trace| trace.complete).map(|trace| trace.trace_id))
    });
    if found.is_err() {
        wait::stop_if_interrupted()?;
    }
    found.with_context(|| where_spans_went(mesh, api).unwrap_or_else(|error| format!("{error:#}")))
}

/// What the filters and the collector count, for a user who got no trace.
fn where_spans_went(mesh: &Mesh, api: &Api) -> Result<String> {
    let count = |name| mesh.stat_sum(&["throughline", name]);
    let status = api.status()?;
    Ok(format!(
        "the filters dropped {} spans and failed to send {} batches; the collector received {} spans, rejected {}, \
         and has {} traces that lack something",
        count("_dropped_")?,
        count("_exports_failed")?,
        status.spans_received,
        status.spans_rejected,
        status.traces_incomplete
    ))
}

/// The command line prints the tree, as a user would ask for it.
fn print_trace(trace_id: &str, url: &str) -> Result<()> {
    let mut command = Command::new(artefacts::collector()?);
    command.args(["trace", trace_id, "--server", url]).stdin(Stdio::null());
    let status = command.status().context("run `throughline trace`")?;
    ensure!(status.success(), "`throughline trace {trace_id}` ended with {status}");
    Ok(())
}

/// Shows the numbers once a second until the time is over or the user interrupts. A collector that was killed, which is
/// worth trying, is started again on its data, as whatever runs it elsewhere would.
fn watch(
    mesh: &mut Mesh,
    traffic: &Traffic,
    start: Instant,
    duration: Option<Duration>,
    line: &mut LiveLine,
) -> Result<()> {
    let api = mesh.api()?;
    for second in 1.. {
        let next = start.elapsed().as_secs() + 1;
        while start.elapsed().as_secs() < next {
            wait::stop_if_interrupted()?;
            std::thread::sleep(Duration::from_millis(50));
        }
        let status = api.status();
        match &status {
            Ok(status) => line.show(&traffic.counts(), status),
            Err(_) => line.say(&replace_collector(mesh)?),
        }
        if duration.is_some_and(|duration| start.elapsed() >= duration) {
            ensure!(status?.traces_complete > 0, "no complete trace in {second} s");
            return Ok(());
        }
    }
    bail!("time has no end")
}

/// Starts a collector that has ended again; says what became of it.
fn replace_collector(mesh: &mut Mesh) -> Result<String> {
    let collector = mesh.collector_mut()?;
    let ended = collector.process_mut().context("the collector was never started")?.ended()?;
    let Some(end) = ended else { return Ok("the collector does not answer; the shop goes on".to_owned()) };
    collector.restart()?;
    Ok(format!("the collector ended ({end}) and was started again on its data; the shop went on"))
}
