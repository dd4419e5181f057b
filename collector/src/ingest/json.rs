//! OTLP as JSON: protocol buffers' mapping with ids in hexadecimal, as the OTLP specification has it ("JSON Protobuf Encoding").

mod number;
mod value;

use std::sync::Arc;

use serde::Deserialize;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Resource, Span, SpanEvent, SpanKind, SpanLink, StatusCode};

use number::Number;
use value::KeyValue;

/// Spans that were read, and how many had ids that are not usable.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) spans: Vec<Span>,
    pub(super) rejected: u64,
    /// Why the first of them was not usable.
    pub(super) reason: Option<&'static str>,
}

impl Converted {
    pub(super) fn take(&mut self, span: Result<Span, &'static str>) {
        match span {
            Ok(span) => self.spans.push(span),
            Err(reason) => {
                self.rejected += 1;
                self.reason.get_or_insert(reason);
            }
        }
    }
}

/// Reads an `ExportTraceServiceRequest`. Unknown keys are passed over, `null` means the default.
pub(crate) fn read(bytes: &[u8]) -> Result<Converted, String> {
    let request: Request =
        serde_json::from_slice(bytes).map_err(|error| format!("the body is not OTLP as JSON: {error}"))?;
    let mut converted = Converted::default();
    for resource_spans in request.resource_spans.unwrap_or_default() {
        let attributes = resource_spans.resource.unwrap_or_default().attributes;
        let resource = Arc::new(Resource { attributes: value::attributes(attributes) });
        for scope_spans in resource_spans.scope_spans.unwrap_or_default() {
            for span in scope_spans.spans.unwrap_or_default() {
                converted.take(span.into_span(&resource));
            }
        }
    }
    Ok(converted)
}

/// The `ExportTraceServiceResponse` as JSON.
pub(super) fn response(rejected: u64, words: &str) -> String {
    if rejected == 0 && words.is_empty() {
        return "{}".to_owned();
    }
    let partial = serde_json::json!({"rejectedSpans": rejected.to_string(), "errorMessage": words});
    serde_json::json!({ "partialSuccess": partial }).to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    resource_spans: Option<Vec<ResourceSpansJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpansJson {
    resource: Option<ResourceJson>,
    scope_spans: Option<Vec<ScopeSpansJson>>,
}

#[derive(Default, Deserialize)]
struct ResourceJson {
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize)]
struct ScopeSpansJson {
    spans: Option<Vec<SpanJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson {
    trace_id: Option<String>,
    span_id: Option<String>,
    parent_span_id: Option<String>,
    trace_state: Option<String>,
    flags: Option<Number>,
    name: Option<String>,
    kind: Option<Number>,
    start_time_unix_nano: Option<Number>,
    end_time_unix_nano: Option<Number>,
    attributes: Option<Vec<KeyValue>>,
    events: Option<Vec<EventJson>>,
    links: Option<Vec<LinkJson>>,
    status: Option<StatusJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventJson {
    time_unix_nano: Option<Number>,
    name: Option<String>,
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkJson {
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Default, Deserialize)]
struct StatusJson {
    code: Option<Number>,
    message: Option<String>,
}

impl SpanJson {
    fn into_span(self, resource: &Arc<Resource>) -> Result<Span, &'static str> {
        let parent_span_id = match self.parent_span_id.unwrap_or_default().as_str() {
            "" | "0000000000000000" => None,
            text => Some(span_id(text).ok_or("parentSpanId is not 16 hexadecimal digits")?),
        };
        let status = self.status.unwrap_or_default();
        Ok(Span {
            trace_id: trace_id(&self.trace_id.unwrap_or_default())
                .ok_or("traceId is not 32 hexadecimal digits, or all zero")?,
            span_id: span_id(&self.span_id.unwrap_or_default())
                .ok_or("spanId is not 16 hexadecimal digits, or all zero")?,
            parent_span_id,
            trace_state: self.trace_state.unwrap_or_default(),
            flags: number::unsigned(self.flags) as u32,
            name: self.name.unwrap_or_default(),
            kind: SpanKind::from_number(number::unsigned(self.kind)),
            start_unix_ns: number::unsigned(self.start_time_unix_nano),
            end_unix_ns: number::unsigned(self.end_time_unix_nano),
            attributes: value::attributes(self.attributes),
            events: self.events.unwrap_or_default().into_iter().map(EventJson::into_event).collect(),
            links: self.links.unwrap_or_default().into_iter().filter_map(LinkJson::into_link).collect(),
            status: StatusCode::from_number(number::unsigned(status.code)),
            status_message: status.message.unwrap_or_default(),
            resource: Arc::clone(resource),
        })
    }
}

impl EventJson {
    fn into_event(self) -> SpanEvent {
        SpanEvent {
            time_unix_ns: number::unsigned(self.time_unix_nano),
            name: self.name.unwrap_or_default(),
            attributes: value::attributes(self.attributes),
        }
    }
}

impl LinkJson {
    /// A link without usable ids says nothing and is left out.
    fn into_link(self) -> Option<SpanLink> {
        Some(SpanLink {
            trace_id: trace_id(&self.trace_id.unwrap_or_default())?,
            span_id: span_id(&self.span_id.unwrap_or_default())?,
            attributes: value::attributes(self.attributes),
        })
    }
}

/// Hexadecimal digits of either case.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    TraceId::from_hex(text.to_ascii_lowercase().as_bytes())
}

/// Hexadecimal digits of either case.
pub(super) fn span_id(text: &str) -> Option<SpanId> {
    SpanId::from_hex(text.to_ascii_lowercase().as_bytes())
}

#[cfg(test)]
pub(crate) mod tests;
