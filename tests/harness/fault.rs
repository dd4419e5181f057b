//! What is done to a running service of the shop: a file that the service reads at each request.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::topology::Call;

/// A fault; what is left out is as usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// Share of requests that fail, instead of the one of the topology.
    pub fail_rate: Option<f64>,
    /// How much longer every request takes.
    pub extra_ms: u64,
    /// A call that is made in addition, unless the request is already a call of a call of so many.
    pub call_back: Option<Call>,
    /// Connections are closed instead of answered.
    pub is_gone: bool,
}

/// A request that came this way so often is not sent on in a circle any more.
pub const MAX_ROUNDS: usize = 6;

impl Fault {
    /// The file beside the one in which a service writes down what happened.
    #[must_use]
    pub fn file(truth: &Path) -> PathBuf {
        truth.with_extension("fault.json")
    }

    /// Writes it as a whole: a service never reads a half.
    pub fn write(&self, file: &Path) -> Result<()> {
        let beside = file.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(self)?).with_context(|| beside.display().to_string())?;
        std::fs::rename(&beside, file).with_context(|| file.display().to_string())
    }

    /// Reads it; no file means no fault.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        std::fs::read(file).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }
}
