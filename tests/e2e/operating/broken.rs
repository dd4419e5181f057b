//! Sidecars from the files that users run, each with one thing wrong, before one collector.

mod fault;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::echo_server::EchoServer;
use harness::envoy::Envoy;
use harness::http::Client;
use harness::ports::free_port;
use harness::run_directory::RunDirectory;
use harness::runner::Fixture;
use harness::streams::{Content, Load, Version};
use serde_json::Value;

use super::throughline;
use fault::{BEHIND, CALLS_NAKED, FAULTS, Parts};

/// What is found besides, where it is found, and that it is the fault of no single sidecar's file.
const FURTHER: [(&str, &str); 3] =
    [(CALLS_NAKED, "hop-without-proxy"), ("all proxies", "version-mismatch"), ("deaf", "spans-dropped")];

/// One broken sidecar.
struct Sidecar {
    envoy: Envoy,
    outbound_port: u16,
}

/// The mesh that was broken on purpose.
pub(crate) struct Broken {
    sidecars: BTreeMap<&'static str, Sidecar>,
    collector: Collector,
    _application: EchoServer,
    // Last, so that nothing writes there any more when it is removed.
    run: RunDirectory,
}

impl Fixture for Broken {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

pub(crate) fn start() -> Result<Broken> {
    let (run, application) = (RunDirectory::create()?, EchoServer::start()?);
    let ports = Ports::free()?;
    let collector = Collector::start(ports, &run)?;
    let parts = Parts::prepare(application.port(), ports.otlp_grpc, &run)?;
    let clock = fault::clock_behind(&run)?;
    let mut sidecars = BTreeMap::new();
    for (name, _) in FAULTS {
        let outbound_port = free_port()?;
        let file = fault::render(name, outbound_port, &parts)?;
        let environment: &[(&str, &Path)] = if name == BEHIND { &[("LD_PRELOAD", &clock)] } else { &[] };
        let envoy = Envoy::start_in(name, &file, 1, environment, &run)?;
        sidecars.insert(name, Sidecar { envoy, outbound_port });
    }
    let client = Client::new();
    sidecars.values_mut().try_for_each(|sidecar| sidecar.envoy.wait_ready(&client))?;
    Ok(Broken { sidecars, collector, _application: application, run })
}

impl Broken {
    /// Looks at everything with requests under way.
    fn examine(&self, flags: &[&str]) -> Result<Output> {
        let is_over = Arc::new(AtomicBool::new(false));
        let url = self.collector.url();
        let admins: Vec<String> = self.sidecars.values().map(|one| one.envoy.admin_url("")).collect();
        let mut words = vec!["doctor", "--watch", "5", "--server", &url];
        words.extend(flags);
        admins.iter().for_each(|admin| words.extend(["--admin", admin]));
        std::thread::scope(|scope| {
            for sidecar in self.sidecars.values() {
                let (load, is_over) = (trickle(sidecar.outbound_port), Arc::clone(&is_over));
                scope.spawn(move || while !is_over.load(Ordering::Relaxed) && load.run(5).is_ok() {});
            }
            let output = throughline(&words);
            is_over.store(true, Ordering::Relaxed);
            output
        })
    }
}

pub(crate) fn faults_are_found(broken: &mut Broken) -> Result<()> {
    let output = broken.examine(&["--json"])?;
    ensure!(output.status.code() == Some(1), "a broken mesh gives {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let findings = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let is_found = |kind: &str, place: &str| {
        findings.iter().any(|one| {
            one["kind"] == kind
                && one["place"].as_str().is_some_and(|found| found.starts_with(place))
                && one["do"].as_str().is_some_and(|remedy| !remedy.is_empty())
        })
    };
    let wanted: Vec<_> = FAULTS.into_iter().filter(|(_, kind)| !kind.is_empty()).chain(FURTHER).collect();
    for (place, kind) in &wanted {
        ensure!(is_found(kind, place), "{kind} of {place} is not found");
    }
    for (name, _) in FAULTS.into_iter().filter(|(_, kind)| kind.is_empty()) {
        let pod = format!("{name}-");
        let blamed = findings.iter().find(|one| one["place"].as_str().is_some_and(|at| at.starts_with(&pod)));
        ensure!(blamed.is_none(), "{name} is sound, and blamed: {blamed:?}");
    }
    println!("  {} faults, each found", wanted.len());
    Ok(())
}

pub(crate) fn findings_are_told(broken: &mut Broken) -> Result<()> {
    let output = broken.examine(&[])?;
    ensure!(output.status.code() == Some(1), "a broken mesh gives {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    for (_, kind) in FAULTS.into_iter().filter(|(_, kind)| !kind.is_empty()).chain(FURTHER) {
        ensure!(text.contains(&format!("[{kind}]")), "{kind} is not told");
    }
    let told = text.lines().filter(|line| line.trim_end().ends_with(']')).count();
    let remedies = text.lines().filter(|line| line.trim_start().starts_with("do: ")).count();
    ensure!(told == remedies, "{told} findings have {remedies} remedies");
    ensure!(text.contains(&format!("looked at {} proxies and the collector", FAULTS.len())), "no verdict");
    Ok(())
}

/// A few requests at a time, so that the machine has room for the rest.
fn trickle(port: u16) -> Load {
    Load {
        port,
        path: "/".to_owned(),
        version: Version::Http1,
        content: Content::Empty,
        clients: 1,
        streams: 1,
    }
}

pub(crate) fn verify_names_the_missing_hop(broken: &mut Broken) -> Result<()> {
    let sidecar = broken.sidecars.get(CALLS_NAKED).context("the sidecar")?;
    let entry = format!("http://127.0.0.1:{}/", sidecar.outbound_port);
    let (url, admin) = (broken.collector.url(), sidecar.envoy.admin_url(""));
    let words = ["verify", "--entry", &entry, "--server", &url, "--pairs", "0", "--admin", &admin];
    let output = throughline(&words)?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(1), "a missing hop gives {}", output.status);
    ensure!(text.contains("missing at sound: no span arrived from"), "the missing hop is not named");
    let silent = broken.sidecars.get("deaf").context("the sidecar")?;
    let (entry, admin) = (format!("http://127.0.0.1:{}/", silent.outbound_port), silent.envoy.admin_url(""));
    let words =
        ["verify", "--entry", &entry, "--server", &url, "--pairs", "0", "--wait", "3", "--admin", &admin];
    let output = throughline(&words)?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(1), "a trace that does not arrive gives {}", output.status);
    ensure!(text.contains("no span of trace") && text.contains("[exports-fail]"), "the reason is not told");
    Ok(())
}
