//! What really happened in the mesh, as the services themselves wrote it down: one JSON line for each call.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The one header of their own that the services pass on: the key of the call, unique in a run.
pub const CALL_HEADER: &str = "x-shop-call";

/// One side of one call. The key of a call is the key of the request that caused it, a slash and a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// A service answered a request.
    Handled {
        /// The key of the request.
        key: String,
        /// The service that answered.
        service: String,
        /// The path asked for.
        path: String,
        /// The HTTP status or gRPC code it gave.
        status: u16,
        /// The trace its proxy told it of, whatever it does with that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace_id: Option<String>,
    },
    /// A service made a call.
    Called {
        /// The key of the call.
        key: String,
        /// The key of the request the service worked on.
        parent: String,
        /// The caller.
        from: String,
        /// The service called.
        to: String,
        /// The path asked for.
        path: String,
        /// The HTTP status or gRPC code the caller got.
        status: u16,
    },
}

/// Appends records to a file of one process.
pub struct TruthWriter {
    file: std::fs::File,
}

impl TruthWriter {
    /// Opens the file for appending, and makes it when it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        Ok(Self { file: file.with_context(|| format!("truth file {}", path.display()))? })
    }

    /// Writes one record as one line with one system call, so that it is there when the answer arrives.
    pub fn write(&self, record: &Record) -> Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        (&self.file).write_all(&line).context("truth file")
    }
}

/// A call as both of its ends saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The key of the request that caused it; `None` for an entry request, which a client outside the mesh made.
    pub parent: Option<String>,
    /// The caller; the gateway for an entry request.
    pub from: String,
    /// The service called.
    pub to: String,
    /// The path asked for.
    pub path: String,
}

/// Everything that happened, by call key.
#[derive(Debug, Default)]
pub struct Truth {
    /// The calls by key.
    pub calls: BTreeMap<String, Call>,
    /// The traces that the services were told of, by call key.
    pub trace_ids: BTreeMap<String, String>,
    /// The HTTP status or gRPC code that the callee gave, by call key.
    pub statuses: BTreeMap<String, u16>,
    /// Calls that were handled twice or never: the run itself is broken.
    pub faults: Vec<String>,
}

impl Truth {
    /// Reads the files of all services; `gateway` is the caller of every entry request.
    pub fn read(files: &[PathBuf], gateway: &str) -> Result<Self> {
        let mut records = Vec::new();
        for path in files.iter().filter(|path| path.exists()) {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            for line in text.lines() {
                records
                    .push(serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))?);
            }
        }
        Ok(Self::from_records(&records, gateway))
    }

    /// Joins both sides of each call.
    pub fn from_records(records: &[Record], gateway: &str) -> Self {
        let mut truth = Self::default();
        let mut handled = BTreeMap::new();
        for record in records {
            if let Record::Handled { key, service, path, status, trace_id } = record {
                truth.statuses.insert(key.clone(), *status);
                if let Some(trace_id) = trace_id {
                    truth.trace_ids.insert(key.clone(), trace_id.clone());
                }
                let times = handled.entry(key.clone()).or_insert(0_u32);
                *times += 1;
                if *times > 1 {
                    truth.faults.push(format!("{key} was handled {times} times"));
                }
                if !key.contains('/') {
                    let (from, to, path) = (gateway.to_owned(), service.clone(), path.clone());
                    truth.calls.insert(key.clone(), Call { parent: None, from, to, path });
                }
            }
        }
        for record in records {
            if let Record::Called { key, parent, from, to, path, .. } = record {
                if !handled.contains_key(key) {
                    truth.faults.push(format!("{key} from {from} was never handled by {to}"));
                }
                let (from, to, path) = (from.clone(), to.clone(), path.clone());
                truth.calls.insert(key.clone(), Call { parent: Some(parent.clone()), from, to, path });
            }
        }
        truth
    }

    /// The calls that belong to one set of entry requests, named by the prefix of their keys.
    #[must_use]
    pub fn of_run(&self, prefix: &str) -> BTreeMap<&str, &Call> {
        let calls = self.calls.iter().filter(|(key, _)| key.starts_with(prefix));
        calls.map(|(key, call)| (key.as_str(), call)).collect()
    }
}

/// The key of the entry request that a call goes back to.
#[must_use]
pub fn entry_key(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests;
