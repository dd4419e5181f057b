//! The plugin's configuration, composed of what each room reads for itself: every key optional, every fault reported,
//! a faulty key as if it were absent.
//!
//! To add keys: in the room they belong to, list them as `KEYS` and read them from a [`Reader`] into a struct of the
//! room's own; then add both here, and write the documents anew as `CONTRIBUTING.md` tells.

use crate::attributes::{self, AttributesConfig};
use crate::batch::{self, BatchLimits};
use crate::export::{self, CollectorConfig};
use crate::links::{self, LinksConfig};
use crate::propagation::{self, PropagationConfig};
use crate::role::{self, Role};
use crate::sampling::{self, SamplingConfig};
use crate::settings::{Key, Kind, Reader};

/// `enabled`.
const ENABLED: Key = Key::new(
    "enabled",
    Kind::Switch,
    "true",
    "`false` stops everything the filter does: no header is touched and no span is made",
);
/// `path_log`.
const PATH_LOG: Key = Key::new(
    "path_log",
    Kind::Choice(&["off", "errors", "sampled", "all"]),
    "\"sampled\"",
    "which requests get a line in the proxy's log",
);

/// The keys of no other room.
const KEYS: &[Key] = &[ENABLED, PATH_LOG];

/// Every key there is.
pub fn keys() -> impl Iterator<Item = &'static Key> + Clone {
    [
        KEYS,
        role::KEYS,
        export::KEYS,
        batch::KEYS,
        attributes::KEYS,
        propagation::KEYS,
        sampling::KEYS,
        links::KEYS,
    ]
    .into_iter()
    .flatten()
}

/// When a line about a hop is written to the proxy's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathLog {
    /// Never.
    Off,
    /// For requests that fail, once they have.
    Errors,
    /// For requests that are recorded.
    Sampled,
    /// For every request.
    All,
}

/// The checked configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `enabled`: whether the filter does anything at all.
    pub is_enabled: bool,
    /// `role`; `None` where each request has to be asked about.
    pub role: Option<Role>,
    /// `path_log`.
    pub path_log: PathLog,
    /// `collector.*`.
    pub collector: CollectorConfig,
    /// `batch.*`.
    pub batch: BatchLimits,
    /// `attributes.*`.
    pub attributes: AttributesConfig,
    /// `propagation.*` and `edge`.
    pub propagation: PropagationConfig,
    /// `sampling.*` and `stubs`.
    pub sampling: SamplingConfig,
    /// `links.*`.
    pub links: LinksConfig,
}

impl Config {
    fn read(reader: &mut Reader) -> Self {
        Self {
            is_enabled: reader.switch(&ENABLED),
            role: Role::read_stated(reader),
            path_log: match reader.choice(&PATH_LOG) {
                "off" => PathLog::Off,
                "errors" => PathLog::Errors,
                "all" => PathLog::All,
                _ => PathLog::Sampled,
            },
            collector: CollectorConfig::read(reader),
            batch: BatchLimits::read(reader),
            attributes: AttributesConfig::read(reader),
            propagation: PropagationConfig::read(reader),
            sampling: SamplingConfig::read(reader),
            links: LinksConfig::read(reader),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        resolve(b"").config
    }
}

/// A configuration, and what was wrong with what was written, one sentence for each fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What is in force.
    pub config: Config,
    /// What was wrong; empty when all was well.
    pub faults: Vec<String>,
}

/// Reads what the operator wrote. Nothing at all is a configuration too.
pub fn resolve(written: &[u8]) -> Resolved {
    let mut reader = Reader::open(written, keys());
    let config = Config::read(&mut reader);
    Resolved { config, faults: reader.into_faults() }
}

#[cfg(test)]
mod tests;
