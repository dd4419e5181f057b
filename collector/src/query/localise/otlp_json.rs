//! Spans out of OTLP JSON: one `ExportTraceServiceRequest`, or one a line, as the OpenTelemetry Collector writes files.
//!
//! Only what localisation asks of a span is read: ids, times, role, outcome, names and texts.

use std::sync::Arc;

use serde::Deserialize;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

/// The usable spans of a file, and what was wrong with the others.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) spans: Vec<Span>,
    pub(super) faults: u64,
    pub(super) first_fault: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default)]
    resource: Attributes,
    #[serde(default)]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<TracedSpan>,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    #[serde(default)]
    value: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TracedSpan {
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: serde_json::Value,
    #[serde(default)]
    start_time_unix_nano: serde_json::Value,
    #[serde(default)]
    end_time_unix_nano: serde_json::Value,
    #[serde(default)]
    attributes: Vec<KeyValue>,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: serde_json::Value,
}

/// Reads a file; the error says why it is no OTLP JSON. A span with a fault is left out and counted.
pub(super) fn read(bytes: &[u8]) -> Result<Read, String> {
    let mut read = Read::default();
    for request in serde_json::Deserializer::from_slice(bytes).into_iter::<Request>() {
        let request = request.map_err(|error| format!("it is no OTLP JSON: {error}"))?;
        for group in request.resource_spans {
            let resource = Arc::new(Resource { attributes: attributes_of(group.resource.attributes) });
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                match span_of(span, &resource) {
                    Ok(span) => read.spans.push(span),
                    Err(fault) => {
                        read.faults += 1;
                        read.first_fault.get_or_insert(fault);
                    }
                }
            }
        }
    }
    Ok(read)
}

fn span_of(told: TracedSpan, resource: &Arc<Resource>) -> Result<Span, String> {
    let wrong = |field: &str, text: &str| {
        format!("{field} is {text:?}: write hexadecimal digits that are not all zero")
    };
    let hex = |text: &str| text.to_ascii_lowercase().into_bytes();
    Ok(Span {
        trace_id: TraceId::from_hex(&hex(&told.trace_id)).ok_or_else(|| wrong("traceId", &told.trace_id))?,
        span_id: SpanId::from_hex(&hex(&told.span_id)).ok_or_else(|| wrong("spanId", &told.span_id))?,
        parent_span_id: SpanId::from_hex(&hex(&told.parent_span_id)),
        trace_state: String::new(),
        flags: 0,
        name: told.name,
        kind: SpanKind::from_number(number_of(&told.kind, "SPAN_KIND_", &KINDS).unwrap_or(0)),
        start_unix_ns: time_of("startTimeUnixNano", &told.start_time_unix_nano)?,
        end_unix_ns: time_of("endTimeUnixNano", &told.end_time_unix_nano)?,
        attributes: attributes_of(told.attributes),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::from_number(number_of(&told.status.code, "STATUS_CODE_", &CODES).unwrap_or(0)),
        status_message: String::new(),
        resource: Arc::clone(resource),
    })
}

/// By number, as names after a prefix that some writers use.
const KINDS: [&str; 6] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const CODES: [&str; 3] = ["UNSET", "OK", "ERROR"];

fn number_of(value: &serde_json::Value, prefix: &str, names: &[&str]) -> Option<u64> {
    let by_name = || {
        let name = value.as_str()?.strip_prefix(prefix)?;
        names.iter().position(|known| *known == name).and_then(|place| u64::try_from(place).ok())
    };
    value.as_u64().or_else(by_name)
}

/// 64-bit integers are decimal text in JSON, and numbers with some writers.
fn time_of(field: &str, value: &serde_json::Value) -> Result<u64, String> {
    let time = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    time.ok_or_else(|| format!("{field} is {value}: write nanoseconds since 1970-01-01 UTC as decimal text"))
}

fn attributes_of(told: Vec<KeyValue>) -> Vec<Attribute> {
    let attribute = |pair: KeyValue| Some(Attribute { value: value_of(&pair.value)?, key: pair.key });
    told.into_iter().filter_map(attribute).collect()
}

fn value_of(value: &serde_json::Value) -> Option<Value> {
    if let Some(text) = value.get("stringValue").and_then(serde_json::Value::as_str) {
        return Some(Value::Text(text.to_owned()));
    }
    if let Some(is) = value.get("boolValue").and_then(serde_json::Value::as_bool) {
        return Some(Value::Bool(is));
    }
    let number = value.get("intValue")?;
    number.as_i64().or_else(|| number.as_str()?.parse().ok()).map(Value::Int)
}

#[cfg(test)]
mod tests;
