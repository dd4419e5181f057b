//! A small HTTP/1.1 client for the gateway, the collector's API and Envoy's admin port.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

/// Nothing on the loopback address takes longer, however busy the machine is.
const TIMEOUT: Duration = Duration::from_secs(20);
/// More than the largest lifecycle or stats page.
const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

/// Keeps connections open between requests; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
}

/// A status and a body.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client of its own connections.
    #[must_use]
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .build();
        Self { agent: config.into() }
    }

    /// GET without headers.
    pub fn get(&self, url: &str) -> Result<Answer> {
        self.request("GET", url, &[], &[])
    }

    /// Any request.
    pub fn request(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            [] => self.agent.run(request.body(())?),
            body => self.agent.run(request.body(body)?),
        };
        let mut response = response.with_context(|| format!("{method} {url}"))?;
        let body = response.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_vec()?;
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> Result<String> {
        String::from_utf8(self.body.clone()).context("the body is not UTF-8")
    }

    /// The body of a success as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        ensure!(self.status == 200, "status {}: {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).with_context(|| String::from_utf8_lossy(&self.body).into_owned())
    }
}
