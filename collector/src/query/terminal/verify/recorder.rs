//! The span of this command itself: requests name it as their parent, so without it their traces would lack something for good.

use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use super::super::client::{Client, ClientError};
use super::probe::Sent;

/// The service that this command is in traces.
pub(super) const SERVICE: &str = "throughline-verify";

/// The port that OTLP/HTTP has where nothing else is said.
const OTLP_HTTP_PORT: u16 = 4318;

/// Sends spans to the collector by OTLP/HTTP, as any application would.
#[derive(Debug)]
pub(super) struct Recorder {
    client: Client,
}

impl Recorder {
    /// Makes sure that the collector takes spans, at `otlp` or else beside its server: a request whose parent cannot be sent is
    /// better not made.
    pub(super) fn connect(
        otlp: Option<&str>,
        server: &str,
        otlp_http_port: Option<u16>,
    ) -> Result<Self, ClientError> {
        let address =
            otlp.map_or_else(|| beside(server, otlp_http_port.unwrap_or(OTLP_HTTP_PORT)), str::to_owned);
        let recorder = Self { client: Client::to(&address, "the OTLP address", "http://127.0.0.1:4318")? };
        recorder.post(&[])?;
        Ok(recorder)
    }

    /// Sends the span that the request names as its parent.
    pub(super) fn send(&self, sent: &Sent) -> Result<(), ClientError> {
        self.post(root_span(sent).as_slice())
    }

    fn post(&self, spans: &[Span]) -> Result<(), ClientError> {
        let body = encode_export_request(spans);
        let refused = |reason: String| {
            ClientError::Failed(format!(
                "the collector cannot be reached for spans at {}: {reason}\nverify sends a span of its own, the root of the \
                 trace: name the collector's OTLP/HTTP address with --otlp URL; in Kubernetes forward its port 4318 too",
                self.client.server()
            ))
        };
        let posted = self.client.post("/v1/traces", "application/x-protobuf", &body);
        match posted.map_err(|error| refused(error.to_string()))? {
            200 => Ok(()),
            status => Err(refused(format!("it answered with status {status}"))),
        }
    }
}

/// The same host with another port.
fn beside(server: &str, port: u16) -> String {
    let authority = server.strip_prefix("http://").unwrap_or(server);
    let authority = authority.split('/').next().unwrap_or_default();
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let host =
        authority.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(authority, |(host, _)| host);
    format!("http://{host}:{port}")
}

/// An internal span: as a client's it would make this command a caller in the graph of the mesh, and miss it when it rests.
fn root_span(sent: &Sent) -> Option<Span> {
    let text =
        |key: &str, value: &str| Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) };
    let status = Value::Int(i64::from(sent.status));
    Some(Span {
        trace_id: TraceId::from_hex(sent.mark.trace_id().as_bytes())?,
        span_id: SpanId::from_hex(sent.mark.span_id().as_bytes())?,
        parent_span_id: None,
        trace_state: String::new(),
        flags: 1,
        name: "verify".to_owned(),
        kind: SpanKind::Internal,
        start_unix_ns: sent.start_unix_ns,
        end_unix_ns: sent.start_unix_ns.saturating_add(sent.took_ns()),
        attributes: vec![
            text(attribute::HTTP_REQUEST_METHOD, "GET"),
            Attribute { key: attribute::HTTP_RESPONSE_STATUS_CODE.to_owned(), value: status },
        ],
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource {
            attributes: vec![
                text(attribute::SERVICE_NAME, SERVICE),
                text(attribute::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
            ],
        }),
    })
}

#[cfg(test)]
mod tests;
