//! Asks the collector over HTTP, and says what is wrong in words that help.

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::{Agent, BodyReader};

use crate::query::answer::Problem;
use crate::query::progress::Progress;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_ANSWER_BYTES: u64 = 512 * 1024 * 1024;

/// Why a command did not get its answer, divided by exit code.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// The question was good, and the answer is: nothing.
    #[error("{0}")]
    NothingFound(String),
    /// The question was wrong.
    #[error("{0}")]
    Usage(String),
    /// Nobody answered.
    #[error(
        "the collector at {server} cannot be reached: {reason}\nstart one with `throughline serve`, or name another \
         with --server URL (or the variable THROUGHLINE_SERVER)"
    )]
    Unreachable { server: String, reason: String },
    /// The collector is there, and cannot answer just now.
    #[error("the collector at {server} cannot answer now: {reason}")]
    Busy { server: String, reason: String },
    /// The collector answered with an error, or with something else than expected.
    #[error("{0}")]
    Failed(String),
    /// The answer could not be printed.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl ClientError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::NothingFound(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Failed(_) | Self::Output(_) => 3,
        }
    }

    /// The reader of the output has seen enough, such as `head`.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// An answer without end.
pub(super) type Stream = BodyReader<'static>;

/// A connection to one collector.
#[derive(Debug)]
pub(super) struct Client {
    server: String,
    agent: Agent,
}

impl Client {
    pub(super) fn new(server: &str) -> Result<Self, ClientError> {
        Self::to(server, "the server", "http://127.0.0.1:16686")
    }

    /// To what else answers by HTTP; messages call it by its name and give an example of its address.
    pub(super) fn to(server: &str, name: &str, example: &str) -> Result<Self, ClientError> {
        let right = format!("write http://HOST:PORT, such as {example}");
        let host = server.strip_prefix("http://").ok_or_else(|| {
            ClientError::Usage(format!("{name} {server:?} is not usable: only plain http is spoken; {right}"))
        })?;
        let is_wrong = |letter: char| letter.is_whitespace() || letter.is_control() || "?#@".contains(letter);
        if host.trim_matches('/').is_empty() || host.contains(is_wrong) {
            return Err(ClientError::Usage(format!("{name} {server:?} is not usable: {right}")));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A proxy for the web does not know the way to a local collector.
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .build()
            .new_agent();
        Ok(Self { server: server.trim_end_matches('/').to_owned(), agent })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Asks and waits for the whole answer.
    pub(super) fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, ClientError> {
        let _waiting = Progress::of(format!("waiting for the answer of {}", self.server));
        let request =
            self.agent.get(format!("{}{path}", self.server)).query_pairs(parameters.iter().copied());
        let request = request.config().timeout_global(Some(ANSWER_TIMEOUT)).build();
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        self.judge(status, &body.map_err(|error| self.unreachable(&error))?)
    }

    /// Gives something; what comes of it is told by the status.
    pub(super) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<u16, ClientError> {
        let request = self.agent.post(format!("{}{path}", self.server)).header("content-type", content_type);
        let request = request.config().timeout_global(Some(ANSWER_TIMEOUT)).build();
        let mut response = request.send(body).map_err(|error| self.unreachable(&error))?;
        // So that the connection serves the next request.
        response.body_mut().read_to_vec().map_err(|error| self.unreachable(&error))?;
        Ok(response.status().as_u16())
    }

    /// Asks for an answer without end; reading it fails where the collector goes away.
    pub(super) fn open_stream(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Stream, ClientError> {
        self.open(path, parameters, "text/event-stream")
    }

    /// Asks for an answer of lines, each of which comes when it is known.
    pub(super) fn open_lines(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Stream, ClientError> {
        self.open(path, parameters, "application/x-ndjson")
    }

    fn open(&self, path: &str, parameters: &[(&str, &str)], accept: &str) -> Result<Stream, ClientError> {
        let request =
            self.agent.get(format!("{}{path}", self.server)).query_pairs(parameters.iter().copied());
        let request = request.header("accept", accept);
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let body = response.body_mut().read_to_vec().unwrap_or_default();
            self.judge(status, &body)?;
        }
        Ok(response.into_body().into_reader())
    }

    fn judge(&self, status: u16, body: &[u8]) -> Result<Value, ClientError> {
        if status == 200 {
            return serde_json::from_slice(body).map_err(|_| self.no_collector("its answer is not JSON"));
        }
        let detail = match serde_json::from_slice(body) {
            Ok(Problem { detail, .. }) => detail,
            // While its log is replayed, the collector answers in plain words.
            Err(_) if status == 503 => String::from_utf8_lossy(body).trim().chars().take(200).collect(),
            Err(_) => return Err(self.no_collector(&format!("it answered with status {status}"))),
        };
        Err(self.refused(status, detail))
    }

    /// What a problem means for the command.
    pub(super) fn refused(&self, status: u16, detail: String) -> ClientError {
        match status {
            400 => ClientError::Usage(detail),
            404 => ClientError::NothingFound(detail),
            503 => ClientError::Busy { server: self.server.clone(), reason: detail },
            _ => ClientError::Failed(format!("the collector at {} answered: {detail}", self.server)),
        }
    }

    pub(super) fn no_collector(&self, why: &str) -> ClientError {
        ClientError::Failed(format!("{} does not answer as a Throughline collector: {why}", self.server))
    }

    fn unreachable(&self, error: &ureq::Error) -> ClientError {
        let reason = match error {
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::HostNotFound => "its host name is not known".to_owned(),
            other => other.to_string(),
        };
        ClientError::Unreachable { server: self.server.clone(), reason }
    }
}

/// Reads an answer as what it should be.
pub(super) fn read_as<T: DeserializeOwned>(answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|error| {
        ClientError::Failed(format!(
            "the answer is not understood ({error}): is the collector of another version?"
        ))
    })
}
