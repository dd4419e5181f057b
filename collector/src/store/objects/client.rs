//! The HTTP client below the object stores: the one that the collector has for everything else, with its TLS.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use tokio::task::spawn_blocking;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http};

use super::{ObjectError, ObjectStoreConfig};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one request with its answer, of which the largest is one part of a block.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Blocks are read in parts that are far smaller, and a list of names has at most 1,000 of them.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Makes clients that trust what the settings say.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    agent: Agent,
}

impl Connector {
    pub(super) fn new(config: &ObjectStoreConfig) -> Result<Self, ObjectError> {
        let mut builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(REQUEST_TIMEOUT));
        if let Some(path) = &config.ca_file {
            let unusable = |reason: &dyn std::fmt::Display| {
                ObjectError::Setting(format!(
                    "storage.object_store.ca_file {} is not usable ({reason}): name a file with certificates in PEM",
                    path.display()
                ))
            };
            let pem = fs::read(path).map_err(|error| unusable(&error))?;
            let mut certificates = Vec::new();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(&error))? {
                    certificates.push(certificate);
                }
            }
            if certificates.is_empty() {
                return Err(unusable(&"it holds no certificate"));
            }
            let roots = RootCerts::Specific(Arc::new(certificates));
            builder = builder.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self { agent: builder.build().into() })
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let agent = self.agent.clone();
        let answered = spawn_blocking(move || exchange(&agent, parts, &body)).await;
        answered.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?
    }
}

/// One request and its whole answer. Blocks.
fn exchange(agent: &Agent, parts: http::request::Parts, body: &Bytes) -> Result<HttpResponse, HttpError> {
    let takes_body = parts.method == http::Method::PUT || parts.method == http::Method::POST;
    let answer = if takes_body || !body.is_empty() {
        agent.run(http::Request::from_parts(parts, body.as_ref()))
    } else {
        agent.run(http::Request::from_parts(parts, ()))
    };
    let (parts, mut body): (_, Body) = answer.map_err(failed)?.into_parts();
    let bytes = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(failed)?;
    Ok(HttpResponse::from_parts(parts, bytes.into()))
}

/// The kind decides whether the request is sent once more.
fn failed(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => HttpErrorKind::Connect,
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            HttpErrorKind::Connect
        }
        ureq::Error::Io(_) | ureq::Error::BodyStalled => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
