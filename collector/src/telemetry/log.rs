//! Starts the process's log on standard error.

use std::str::FromStr;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing::{Level as EventLevel, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    Off,
    /// Data was lost, or a human is needed.
    Error,
    /// And what the process recovered from.
    Warn,
    /// And what it does.
    #[default]
    Info,
    /// And how it does it.
    Debug,
    /// And every step.
    Trace,
}

/// A level that does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log level; use off, error, warn, info, debug or trace")]
pub struct UnknownLevel(String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        match text.to_ascii_lowercase().as_str() {
            "off" => Ok(Self::Off),
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err(UnknownLevel(text.to_owned())),
        }
    }
}

impl Level {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// What changes how much is logged, once the log has started.
static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Changes how much is logged.
pub fn set_log_level(level: Level) {
    if let Some(handle) = LEVEL.get()
        && let Err(error) = handle.reload(level.filter())
    {
        tracing::warn!(%error, "log level could not be changed");
    }
}

/// Starts the log; a second call changes nothing.
pub fn start_log(level: Level) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let (filter, handle) = reload::Layer::new(level.filter());
    LEVEL.get_or_init(|| handle);
    let started =
        tracing_subscriber::registry().with(filter).with(filter_fn(is_of_interest)).with(lines).try_init();
    if started.is_err() {
        tracing::debug!("log already started");
    }
}

/// Libraries speak only from warnings on: their inner workings are not what an operator looks for.
fn is_of_interest(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("throughline") || *metadata.level() <= EventLevel::WARN
}
