//! The collector of a mesh: started on its own data directory, killed and started again on the same.

pub mod api;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::artefacts;
use crate::http::Client;
use crate::ports::{free_port, is_free};
use crate::process::Process;
use crate::run_directory::RunDirectory;

pub use api::Api;

/// Replaying the log of a long run on a busy machine takes its time.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Where a collector listens, on the loopback address.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// OTLP over gRPC.
    pub otlp_grpc: u16,
    /// OTLP over HTTP.
    pub otlp_http: u16,
    /// Zipkin's JSON over HTTP.
    pub zipkin: u16,
    /// The page and the API.
    pub http: u16,
}

impl Ports {
    /// Four free ones.
    pub fn free() -> Result<Self> {
        Ok(Self {
            otlp_grpc: free_port()?,
            otlp_http: free_port()?,
            zipkin: free_port()?,
            http: free_port()?,
        })
    }

    /// The ports everybody expects, each replaced by a free one where somebody listens already.
    pub fn well_known() -> Result<Self> {
        let choose = |port: u16| if is_free(port) { Ok(port) } else { free_port() };
        Ok(Self {
            otlp_grpc: choose(4317)?,
            otlp_http: choose(4318)?,
            zipkin: choose(9411)?,
            http: choose(16686)?,
        })
    }
}

/// A collector, running or between two runs.
#[derive(Debug)]
pub struct Collector {
    process: Option<Process>,
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    ports: Ports,
    settings: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    surroundings: Surroundings,
}

/// What the system gives a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surroundings {
    /// What it gives us.
    Usual,
    /// So many files, connections included.
    FewFiles(u32),
    /// A disk of its own for its data, of so many bytes; it is gone with the process.
    SmallDisk(u64),
}

impl Collector {
    /// Starts a collector with an empty data directory.
    pub fn start(ports: Ports, run: &RunDirectory) -> Result<Self> {
        Self::start_with(ports, run, None)
    }

    /// The same with a configuration file.
    pub fn start_with(ports: Ports, run: &RunDirectory, settings: Option<PathBuf>) -> Result<Self> {
        let binary = artefacts::collector()?;
        let (data, log) = (run.join("data"), run.log("collector"));
        let mut collector = Self::ended(binary, data, log, ports, settings);
        collector.restart()?;
        Ok(collector)
    }

    /// Starts one of several in the same run, with a configuration file; its data are in `data-NAME`.
    pub fn start_with_settings(ports: Ports, run: &RunDirectory, name: &str, yaml: &str) -> Result<Self> {
        Self::start_with_environment(ports, run, name, yaml, &[])
    }

    /// The same with variables that it has besides those of the tests.
    pub fn start_with_environment(
        ports: Ports,
        run: &RunDirectory,
        name: &str,
        yaml: &str,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let binary = artefacts::collector()?;
        let (data, log) = (run.join(format!("data-{name}")), run.log(&format!("collector-{name}")));
        let settings = run.join(format!("collector-{name}.yaml"));
        std::fs::write(&settings, yaml)?;
        let mut collector = Self::ended(binary, data, log, ports, Some(settings));
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        collector.environment = environment.iter().map(owned).collect();
        collector.restart()?;
        Ok(collector)
    }

    /// Starts one that may have so many files open, connections included.
    pub fn start_with_open_files(ports: Ports, run: &RunDirectory, open_files: u32) -> Result<Self> {
        let binary = artefacts::collector()?;
        let (data, log) = (run.join("data"), run.log("collector"));
        let mut collector = Self::ended(binary, data, log, ports, None);
        collector.surroundings = Surroundings::FewFiles(open_files);
        collector.restart()?;
        Ok(collector)
    }

    /// Starts one whose data are on a disk of its own with so many bytes, and with a configuration file. The disk is mounted for it
    /// alone, which needs root or user namespaces.
    pub fn start_with_small_disk(
        ports: Ports,
        run: &RunDirectory,
        bytes: u64,
        settings: PathBuf,
    ) -> Result<Self> {
        let binary = artefacts::collector()?;
        let (data, log) = (run.join("data"), run.log("collector"));
        let mut collector = Self::ended(binary, data, log, ports, Some(settings));
        collector.surroundings = Surroundings::SmallDisk(bytes);
        collector.restart()?;
        Ok(collector)
    }

    /// The same with further arguments, from now on.
    pub fn restart_with(&mut self, arguments: Vec<String>) -> Result<()> {
        self.arguments = arguments;
        self.restart()
    }

    fn ended(binary: PathBuf, data: PathBuf, log: PathBuf, ports: Ports, settings: Option<PathBuf>) -> Self {
        let (arguments, environment, surroundings) = (Vec::new(), Vec::new(), Surroundings::Usual);
        Self { process: None, binary, data, log, ports, settings, arguments, environment, surroundings }
    }

    /// Starts it again on the same ports and the same data, and waits until it is ready.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let mut command = self.command();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg("serve").arg("--data-dir").arg(&self.data);
        if let Some(settings) = &self.settings {
            command.arg("--config").arg(settings);
        }
        let Ports { otlp_grpc, otlp_http, zipkin, http } = self.ports;
        for (flag, port) in
            [("--otlp-grpc", otlp_grpc), ("--otlp-http", otlp_http), ("--zipkin", zipkin), ("--http", http)]
        {
            command.arg(flag).arg(format!("127.0.0.1:{port}"));
        }
        command.args(&self.arguments);
        let mut process = Process::start("collector", command, &self.log)?;
        let (client, url) = (Client::new(), format!("{}/readyz", self.url()));
        process.wait_ready(READY_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))?;
        self.process = Some(process);
        Ok(())
    }

    /// What starts it, without its arguments.
    fn command(&self) -> Command {
        let mut command = match self.surroundings {
            Surroundings::Usual => return Command::new(&self.binary),
            Surroundings::FewFiles(files) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]);
                shell
            }
            Surroundings::SmallDisk(bytes) => {
                // A namespace of its own takes the parent-death signal away.
                let script = format!(
                    "mkdir -p \"$1\" && mount -t tmpfs -o size={bytes} none \"$1\" && shift \
                     && exec setpriv --pdeathsig KILL \"$0\" \"$@\""
                );
                let mut own = Command::new("unshare");
                own.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
                own
            }
        };
        command.arg(&self.binary);
        if let Surroundings::SmallDisk(_) = self.surroundings {
            command.arg(&self.data);
        }
        command
    }

    /// The folder of its data as it sees it, which may be on a disk that only it has.
    pub fn data_folder(&self) -> Result<PathBuf> {
        let id = self.process.as_ref().context("the collector is down")?.id();
        Ok(PathBuf::from(format!("/proc/{id}/root{}", self.data.display())))
    }

    /// Ends it as a crash would: SIGKILL, no chance to write anything.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// What it has logged so far.
    pub fn logged(&self) -> Result<String> {
        self.process.as_ref().context("the collector is down")?.log_text()
    }

    /// Its process to stop; `None` while it is down.
    pub fn process_mut(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// The address of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// Its API.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.url())
    }

    /// Where it takes OTLP over HTTP.
    #[must_use]
    pub fn otlp_http_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/traces", self.ports.otlp_http)
    }
}
