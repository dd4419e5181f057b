//! One Envoy process of the mesh: its configuration from the files that users run, its start and its numbers.

mod render;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::artefacts;
use crate::http::Client;
use crate::process::Process;
use crate::run_directory::RunDirectory;

pub use render::{Identity, Upstream, render_gateway, render_sidecar};

/// A cold start compiles the module once for each thread; beside eight others on two cores that takes its time.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Envoy keeps its log to itself for ten seconds unless told otherwise.
const LOG_FLUSH_MS: &str = "200";

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin_port: u16,
}

/// The address of the loopback side of everything, and what the module is told.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// The filter's module.
    pub module: &'a Path,
    /// The filter's configuration; `None` leaves it absent.
    pub filter_configuration: Option<&'a Value>,
    /// Where the collector listens for OTLP over gRPC.
    pub collector_port: u16,
}

impl Envoy {
    /// Writes the configuration into the run directory and starts Envoy with it.
    pub fn start(name: &str, configuration: &Value, concurrency: u32, run: &RunDirectory) -> Result<Self> {
        Self::launch(name, configuration, concurrency, (&[], &[]), run)
    }

    /// The same, with further words on Envoy's command line.
    pub fn start_with(
        name: &str,
        configuration: &Value,
        concurrency: u32,
        words: &[&str],
        run: &RunDirectory,
    ) -> Result<Self> {
        Self::launch(name, configuration, concurrency, (words, &[]), run)
    }

    /// The same as [`Self::start`], with variables in Envoy's environment.
    pub fn start_in(
        name: &str,
        configuration: &Value,
        concurrency: u32,
        environment: &[(&str, &Path)],
        run: &RunDirectory,
    ) -> Result<Self> {
        Self::launch(name, configuration, concurrency, (&[], environment), run)
    }

    fn launch(
        name: &str,
        configuration: &Value,
        concurrency: u32,
        (words, environment): (&[&str], &[(&str, &Path)]),
        run: &RunDirectory,
    ) -> Result<Self> {
        let name = format!("envoy-{name}");
        let file = run.join(format!("envoy/{name}.json"));
        std::fs::write(&file, serde_json::to_vec_pretty(configuration)?)
            .context("write Envoy's configuration")?;
        let log = run.log(&name);
        let mut command = Command::new(artefacts::envoy()?);
        command.arg("-c").arg(&file).args(["--disable-hot-restart", "--log-path"]).arg(&log);
        command.args(["--concurrency", &concurrency.to_string(), "--file-flush-interval-msec", LOG_FLUSH_MS]);
        command.args(words).envs(environment.iter().copied());
        let process = Process::start(&name, command, &log)?;
        Ok(Self { process, admin_port: render::admin_port(configuration)? })
    }

    /// Waits until Envoy says that it is ready to serve.
    pub fn wait_ready(&mut self, client: &Client) -> Result<()> {
        let url = self.admin_url("/ready");
        self.process.wait_ready(READY_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The same, to stop it.
    pub fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The sum of all counters and gauges whose name contains every one of the fragments.
    pub fn stat_sum(&self, client: &Client, fragments: &[&str]) -> Result<u64> {
        let stats = self.stats(client)?;
        let matching = stats.iter().filter(|(name, _)| fragments.iter().all(|part| name.contains(part)));
        Ok(matching.map(|(_, value)| value).sum())
    }

    /// All counters and gauges by name.
    pub fn stats(&self, client: &Client) -> Result<Vec<(String, u64)>> {
        let text = client.get(&self.admin_url("/stats"))?.text()?;
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        Ok(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))).collect())
    }

    /// An address of its admin listener.
    #[must_use]
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.admin_port)
    }
}

/// Lets Envoy check a configuration file, without starting it; the error is Envoy's own output.
pub fn validate(file: &Path) -> Result<()> {
    let mut command = Command::new(artefacts::envoy()?);
    let output = command.args(["--mode", "validate", "-c"]).arg(file).output().context("run Envoy")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
