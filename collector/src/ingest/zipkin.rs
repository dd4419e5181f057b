//! Zipkin spans, version 2, as JSON: `POST /api/v2/spans`, as the Zipkin API has it. What they say is put in the words of OpenTelemetry.

mod router;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use throughline_model::attribute::{NETWORK_PEER_ADDRESS, NETWORK_PEER_PORT, SERVICE_NAME};
use throughline_model::id::TraceId;
use throughline_model::span::{Attribute, Resource, Span, SpanEvent, SpanKind, StatusCode, Value};

use super::json::{self, Converted};

pub use router::router;

/// The service at the other end of a call, as its caller knows it.
const PEER_SERVICE: &str = "peer.service";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan {
    trace_id: String,
    id: String,
    parent_id: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    /// Microseconds.
    timestamp: Option<u64>,
    /// Microseconds.
    duration: Option<u64>,
    local_endpoint: Option<Endpoint>,
    remote_endpoint: Option<Endpoint>,
    annotations: Option<Vec<Annotation>>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct Annotation {
    /// Microseconds.
    timestamp: u64,
    value: String,
}

/// Reads a list of spans.
pub(crate) fn read(bytes: &[u8]) -> Result<Converted, String> {
    let spans: Vec<ZipkinSpan> = serde_json::from_slice(bytes)
        .map_err(|error| format!("the body is not a list of Zipkin spans of version 2: {error}"))?;
    let mut resources: HashMap<String, Arc<Resource>> = HashMap::new();
    let mut converted = Converted::default();
    for span in spans {
        let endpoint = span.local_endpoint.as_ref();
        let service = endpoint.and_then(|endpoint| endpoint.service_name.clone()).unwrap_or_default();
        let resource = resources.entry(service).or_insert_with_key(|service| Arc::new(resource(service)));
        let resource = Arc::clone(resource);
        converted.take(span.into_span(resource));
    }
    Ok(converted)
}

fn resource(service: &str) -> Resource {
    let attributes = if service.is_empty() { Vec::new() } else { vec![text(SERVICE_NAME, service)] };
    Resource { attributes }
}

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

impl ZipkinSpan {
    fn into_span(self, resource: Arc<Resource>) -> Result<Span, &'static str> {
        let parent_span_id = match self.parent_id.as_deref().unwrap_or_default() {
            "" | "0000000000000000" => None,
            parent => Some(json::span_id(parent).ok_or("parentId is not 16 hexadecimal digits")?),
        };
        let trace_id =
            trace_id(&self.trace_id).ok_or("traceId is not 16 or 32 hexadecimal digits, or all zero")?;
        let span_id = json::span_id(&self.id).ok_or("id is not 16 hexadecimal digits, or all zero")?;
        let start_unix_ns = self.timestamp.unwrap_or(0).saturating_mul(1_000);
        let (status, status_message) = self.status();
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state: String::new(),
            // Zipkin says nothing of flags; what arrives was sampled.
            flags: 1,
            name: self.name.clone().unwrap_or_default(),
            kind: match self.kind.as_deref() {
                Some("CLIENT") => SpanKind::Client,
                Some("SERVER") => SpanKind::Server,
                Some("PRODUCER") => SpanKind::Producer,
                Some("CONSUMER") => SpanKind::Consumer,
                _ => SpanKind::Internal,
            },
            start_unix_ns,
            end_unix_ns: start_unix_ns.saturating_add(self.duration.unwrap_or(0).saturating_mul(1_000)),
            attributes: self.attributes(),
            events: self.annotations.unwrap_or_default().into_iter().map(Annotation::into_event).collect(),
            links: Vec::new(),
            status,
            status_message,
            resource,
        })
    }

    /// The tag `error` marks a failure whatever its value is; `otel.status_code` is what OpenTelemetry's exporters write.
    fn status(&self) -> (StatusCode, String) {
        let tag = |key| self.tags.as_ref().and_then(|tags| tags.get(key)).map(String::as_str);
        match (tag("error"), tag("otel.status_code")) {
            (Some("false"), None) | (None, None) => (StatusCode::Unset, String::new()),
            (None | Some("false"), Some("OK")) => (StatusCode::Ok, String::new()),
            (Some("true" | ""), _) | (None, Some("ERROR")) => {
                (StatusCode::Error, tag("otel.status_description").unwrap_or_default().to_owned())
            }
            (Some(words), _) if words != "false" => (StatusCode::Error, words.to_owned()),
            _ => (StatusCode::Unset, String::new()),
        }
    }

    fn attributes(&self) -> Vec<Attribute> {
        let tags = self.tags.iter().flatten().map(|(key, value)| text(key, value));
        let mut attributes: Vec<Attribute> = tags.collect();
        if let Some(peer) = &self.remote_endpoint {
            let address = peer.ipv4.as_ref().or(peer.ipv6.as_ref());
            attributes.extend(peer.service_name.as_ref().map(|name| text(PEER_SERVICE, name)));
            attributes.extend(address.map(|address| text(NETWORK_PEER_ADDRESS, address)));
            attributes.extend(
                peer.port.map(|port| Attribute {
                    key: NETWORK_PEER_PORT.to_owned(),
                    value: Value::Int(port.into()),
                }),
            );
        }
        attributes
    }
}

impl Annotation {
    fn into_event(self) -> SpanEvent {
        SpanEvent {
            time_unix_ns: self.timestamp.saturating_mul(1_000),
            name: self.value,
            attributes: Vec::new(),
        }
    }
}

/// Ids of 64 bits get zeros in front.
fn trace_id(digits: &str) -> Option<TraceId> {
    match digits.len() {
        16 => json::trace_id(&format!("{:0>32}", digits)),
        _ => json::trace_id(digits),
    }
}

#[cfg(test)]
pub(crate) mod tests;
