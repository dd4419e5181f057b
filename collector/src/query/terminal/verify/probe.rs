//! The marked request: its trace is chosen here, so that it can be found without a search.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use throughline_model::context::TRACEPARENT;
use ureq::Agent;

use super::super::client::ClientError;
use crate::query::timestamp;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A trace context of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    trace_id: String,
    span_id: String,
}

impl Mark {
    pub(super) fn new() -> Self {
        // Keys of the standard library's hashers come from the system's randomness.
        let number = || RandomState::new().build_hasher().finish() | 1;
        Self {
            trace_id: format!("{:016x}{:016x}", number(), number()),
            span_id: format!("{:016x}", number()),
        }
    }

    pub(super) fn trace_id(&self) -> &str {
        &self.trace_id
    }

    pub(super) fn span_id(&self) -> &str {
        &self.span_id
    }

    /// By W3C Trace Context: version, ids, and whether the trace is recorded.
    pub(super) fn traceparent(&self, recording: Recording) -> String {
        let flags = match recording {
            Recording::On => "01",
            Recording::Off => "00",
        };
        format!("00-{}-{}-{flags}", self.trace_id, self.span_id)
    }
}

/// Whether the request is to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recording {
    On,
    Off,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) mark: Mark,
    pub(super) status: u16,
    pub(super) start_unix_ns: u64,
    pub(super) took: Duration,
}

impl Sent {
    pub(super) fn took_ns(&self) -> u64 {
        u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Sends requests to one entry.
#[derive(Debug)]
pub(super) struct Probe {
    agent: Agent,
    entry: String,
    headers: Vec<(String, String)>,
}

impl Probe {
    pub(super) fn new(entry: &str, host: Option<&str>, headers: &[String]) -> Result<Self, ClientError> {
        if !entry.starts_with("http://") {
            return Err(ClientError::Usage(format!(
                "the entry {entry:?} is not usable: only plain http is spoken; write http://HOST:PORT/PATH"
            )));
        }
        let mut all: Vec<(String, String)> =
            host.map(|host| ("host".to_owned(), host.to_owned())).into_iter().collect();
        for header in headers {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                ClientError::Usage(format!("the header {header:?} is not usable: write NAME: VALUE"))
            })?;
            all.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).max_redirects(0);
        let agent = config.timeout_global(Some(TIMEOUT)).build().new_agent();
        Ok(Self { agent, entry: entry.to_owned(), headers: all })
    }

    /// Sends one request and reads its whole answer.
    pub(super) fn send(&self, recording: Recording) -> Result<Sent, ClientError> {
        let mark = Mark::new();
        let mut request = self.agent.get(&self.entry).header(TRACEPARENT, mark.traceparent(recording));
        request = request.header("user-agent", concat!("throughline-verify/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let (begin, start_unix_ns) = (Instant::now(), timestamp::now_unix_ns());
        let failed = |error: ureq::Error| {
            ClientError::Failed(format!("the entry {} cannot be reached: {error}", self.entry))
        };
        let mut response = request.call().map_err(failed)?;
        response.body_mut().read_to_vec().map_err(failed)?;
        Ok(Sent { mark, status: response.status().as_u16(), start_unix_ns, took: begin.elapsed() })
    }
}
