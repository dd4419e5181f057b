//! The collector's HTTP API as a client sees it.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::Client;
use crate::truth::CALL_HEADER;

/// Most traces one search may return.
const SEARCH_LIMIT: usize = 1000;

/// Asks one collector.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    url: String,
}

/// One trace in a search result.
#[derive(Clone, Debug, Deserialize)]
pub struct Summary {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// One root and nothing missing.
    pub complete: bool,
}

/// One trace with its spans.
#[derive(Clone, Debug, Deserialize)]
pub struct Lifecycle {
    /// The same as in a search result.
    pub summary: Summary,
    /// The spans, parents first.
    pub spans: Vec<Span>,
    /// What is missing.
    pub gaps: Vec<Value>,
}

/// One span of a trace.
#[derive(Clone, Debug, Deserialize)]
pub struct Span {
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The span that caused it.
    pub parent_span_id: Option<String>,
    /// The service that sent it.
    pub service: String,
    /// The lower-case kind: `server` or `client` in a mesh.
    pub kind: String,
    /// The outcome: `unset`, `ok` or `error`.
    pub status: String,
    /// How the call was tied to its cause.
    pub link: Option<String>,
    /// Workloads from the entry to here, as the proxy counted.
    pub trace_depth: Option<usize>,
    /// Their names, joined by `>`.
    pub path: Option<String>,
    /// Facts about the operation.
    pub attributes: Map<String, Value>,
}

impl Span {
    /// The shop's own key of the call, when the filter was told to keep that header.
    #[must_use]
    pub fn call_key(&self) -> Option<&str> {
        match self.attributes.get(&format!("http.request.header.{CALL_HEADER}"))?.as_array()?.as_slice() {
            [Value::String(key)] => Some(key),
            _ => None,
        }
    }
}

/// The collector's own numbers.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Since its start.
    pub spans_received: u64,
    /// Since its start.
    pub spans_rejected: u64,
    /// Traces that have been quiet for a second and lack nothing.
    pub traces_complete: u64,
    /// Traces that have been quiet for three seconds and lack something.
    pub traces_incomplete: u64,
}

#[derive(Deserialize)]
struct SearchResult {
    traces: Vec<Summary>,
}

impl Api {
    pub(super) fn new(url: String) -> Self {
        Self { client: Client::new(), url }
    }

    /// All traces, newest first; an error when there are more than a search returns.
    pub fn traces(&self) -> Result<Vec<Summary>> {
        let traces = self.search(&format!("limit={SEARCH_LIMIT}"))?;
        anyhow::ensure!(traces.len() < SEARCH_LIMIT, "more than {SEARCH_LIMIT} traces: the search is cut");
        Ok(traces)
    }

    /// The traces that a query string finds.
    pub fn search(&self, query: &str) -> Result<Vec<Summary>> {
        let url = format!("{}/api/v1/traces?{query}", self.url);
        Ok(self.client.get(&url)?.json::<SearchResult>().context("search")?.traces)
    }

    /// One trace without those joined to it; `None` when the collector does not know it.
    pub fn lifecycle(&self, trace_id: &str) -> Result<Option<Lifecycle>> {
        let answer = self.client.get(&format!("{}/api/v1/traces/{trace_id}?joined=false", self.url))?;
        if answer.status == 404 {
            return Ok(None);
        }
        answer.json().map(Some).with_context(|| format!("trace {trace_id}"))
    }

    /// Any other question, by its path and query.
    pub fn json(&self, path: &str) -> Result<Value> {
        self.client.get(&format!("{}{path}", self.url))?.json().with_context(|| path.to_owned())
    }

    /// The collector's own numbers.
    pub fn status(&self) -> Result<Status> {
        self.client.get(&format!("{}/api/v1/status", self.url))?.json().context("status")
    }
}
