//! What the operator asked for: flags over the file over defaults, checked as a whole before anything starts.

mod address;
mod command;
mod duration;
mod environment;
mod fault;
mod file;
mod reload;
mod resolve;
mod show;
mod size;
mod written;

use std::path::PathBuf;
use std::time::Duration;

use crate::telemetry::Level;
use crate::{alert, ingest, store};

use environment::{Environment, ProcessEnvironment};
use written::Written;

pub use address::ListenAddress;
pub use command::{ConfigCommand, PrintOptions};
pub use duration::parse_duration;
pub use fault::{ConfigError, Fault};

/// The flags of `throughline serve`, as written.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeOptions {
    /// Folder that keeps all data; made when it does not exist [default: throughline-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Address that takes spans by OTLP/gRPC; port 0 takes any free one [default: 127.0.0.1:4317]
    #[arg(long, value_name = "HOST:PORT")]
    pub otlp_grpc: Option<String>,
    /// Address that takes spans by OTLP/HTTP; port 0 takes any free one [default: 127.0.0.1:4318]
    #[arg(long, value_name = "HOST:PORT")]
    pub otlp_http: Option<String>,
    /// Address that takes spans as Zipkin's JSON; port 0 takes any free one [default: 127.0.0.1:9411]
    #[arg(long, value_name = "HOST:PORT")]
    pub zipkin: Option<String>,
    /// Address of the page and the API; port 0 takes any free one [default: 127.0.0.1:16686]
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    /// When a batch counts as kept: fsync (on disk, survives a crash of the machine), os (given to the system, survives a crash
    /// of the process) or memory (survives nothing but a stop in good order) [default: fsync]
    #[arg(long, value_name = "WHEN")]
    pub durability: Option<String>,
    /// Memory of the process, such as 1GiB: 192MiB for itself, the rest for spans on their way; senders are told to wait when
    /// that is full. Questions take theirs besides [default: 704MiB]
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<String>,
    /// How long spans are kept, such as 36h or 7d [default: 7d]
    #[arg(long, value_name = "DURATION")]
    pub retention: Option<String>,
    /// Configuration file (YAML); flags win over it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The filter's module, served to proxies at /filter.wasm of the OTLP/HTTP address [default: none]
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// File of alert rules (YAML) over the built-in ones; read again whenever it changes
    #[arg(long, value_name = "FILE", env = "THROUGHLINE_ALERT_RULES")]
    pub alert_rules: Option<PathBuf>,
    /// For demonstrations: take so many minutes of observation for a whole day of baseline; alerts say so
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub alert_fast_forward: Option<u32>,
    /// How much is logged: off, error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "THROUGHLINE_LOG")]
    pub log_level: Option<String>,
}

/// Everything `serve` needs, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where OTLP/gRPC is taken.
    pub otlp_grpc: ListenAddress,
    /// Where OTLP/HTTP is taken.
    pub otlp_http: ListenAddress,
    /// Where Zipkin's JSON is taken.
    pub zipkin: ListenAddress,
    /// Where the page and the API are served.
    pub http: ListenAddress,
    /// What is watched.
    pub alert: alert::Config,
    /// The receivers.
    pub ingest: ingest::Config,
    /// The store.
    pub store: store::Config,
    /// The filter's module to serve.
    pub module: Option<PathBuf>,
    /// How long a search may take.
    pub search_timeout: Duration,
    /// How many bytes of spans a search may look at.
    pub search_max_bytes: u64,
    /// How much is logged.
    pub log_level: Level,
}

impl ServeOptions {
    /// Reads the file, lets the flags win over it, and checks every value. All faults are reported at once.
    pub fn resolve(&self) -> Result<Config, ConfigError> {
        Ok(self.read_with(&ProcessEnvironment)?.1)
    }

    /// What was written, and what it means.
    fn read_with(&self, environment: &dyn Environment) -> Result<(Written, Config), ConfigError> {
        let mut faults = Vec::new();
        let from_file = match &self.config {
            Some(path) => file::read(path, environment, &mut faults),
            None => Written::default(),
        };
        let written = written::from_flags(self).or(from_file);
        let mut config = resolve::resolve(&written, &mut faults);
        config.module.clone_from(&self.module);
        config.alert = alert::Config {
            rules_file: self.alert_rules.clone(),
            fast_forward_minutes: self.alert_fast_forward,
            book_file: config.store.data_dir.join("alerts.json"),
        };
        if faults.is_empty() { Ok((written, config)) } else { Err(ConfigError { faults }) }
    }
}

/// Resolves the text of a file as `serve` would, and prints it as `config print` would.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn resolve_text(text: &str) -> Result<(Config, String), ConfigError> {
    let mut faults = Vec::new();
    let written = file::parse(text, &ProcessEnvironment, &mut faults);
    let config = resolve::resolve(&written, &mut faults);
    if faults.is_empty() { Ok((config, show::in_effect(&written))) } else { Err(ConfigError { faults }) }
}

#[cfg(test)]
mod tests;
