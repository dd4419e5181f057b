//! Spans as the JSON encoding of OTLP, in the two dialects that clients expect.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value as Json, json};
use throughline_model::context::TRACESTATE_IN_JSON;
use throughline_model::span::{Attribute, Resource, Span, SpanEvent, SpanLink, StatusCode, Value};

use super::answer::MAX_SPANS;
use super::envoy_tags;
use crate::assemble::Lifecycle;

/// How ids and enumerations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Ids in hexadecimal digits, enumerations as numbers: the OTLP specification, and Jaeger.
    Otlp,
    /// Ids in base64, enumerations by name: JSON of protocol buffers, and Tempo.
    Protobuf,
}

/// The spans of one sender.
pub(super) struct Group<'a> {
    pub(super) resource: &'a Arc<Resource>,
    pub(super) spans: Vec<&'a Span>,
}

/// Words for a trace that has more spans than an answer lists.
pub(super) fn omission(lifecycle: &Lifecycle) -> Option<String> {
    let omitted = lifecycle.spans.len().saturating_sub(MAX_SPANS);
    (omitted > 0).then(|| format!("{omitted} spans were left out: an answer lists {MAX_SPANS}"))
}

/// Puts the spans of each resource together, in the order in which resources are met.
pub(super) fn by_resource<'a>(spans: impl IntoIterator<Item = &'a Arc<Span>>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    // Resources hold doubles, which have no hash: the service leads to the few that may be equal.
    let mut by_service: HashMap<&'a str, Vec<usize>> = HashMap::new();
    for span in spans {
        let candidates = by_service.entry(span.service_name()).or_default();
        let is_same =
            |resource: &Arc<Resource>| Arc::ptr_eq(resource, &span.resource) || **resource == *span.resource;
        let known =
            candidates.iter().find(|place| groups.get(**place).is_some_and(|group| is_same(group.resource)));
        match known.and_then(|place| groups.get_mut(*place)) {
            Some(group) => group.spans.push(span),
            None => {
                candidates.push(groups.len());
                groups.push(Group { resource: &span.resource, spans: vec![span] });
            }
        }
    }
    groups
}

/// The list of `ResourceSpans`.
pub(super) fn resource_spans(groups: &[Group<'_>], dialect: Dialect) -> Json {
    let of_group = |group: &Group<'_>| {
        let spans: Vec<Json> = group.spans.iter().map(|span| one_span(span, dialect)).collect();
        json!({
            "resource": {"attributes": attributes(&group.resource.attributes)},
            "scopeSpans": [{"scope": {}, "spans": spans}],
        })
    };
    Json::Array(groups.iter().map(of_group).collect())
}

fn one_span(span: &Span, dialect: Dialect) -> Json {
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| {
        object.insert(key.to_owned(), value);
    };
    put("traceId", id(span.trace_id.as_bytes(), dialect));
    put("spanId", id(span.span_id.as_bytes(), dialect));
    if let Some(parent) = span.parent_span_id {
        put("parentSpanId", id(parent.as_bytes(), dialect));
    }
    if !span.trace_state.is_empty() {
        put(TRACESTATE_IN_JSON, json!(span.trace_state));
    }
    if span.flags != 0 {
        put("flags", json!(span.flags));
    }
    put("name", json!(span.name));
    put("kind", number_or_name(span.kind as u64, "SPAN_KIND_", span.kind.as_str(), dialect));
    put("startTimeUnixNano", json!(span.start_unix_ns.to_string()));
    put("endTimeUnixNano", json!(span.end_unix_ns.to_string()));
    let derived = envoy_tags::derived(span);
    put("attributes", list(span.attributes.iter().chain(&derived)));
    if !span.events.is_empty() {
        put("events", span.events.iter().map(event).collect());
    }
    if !span.links.is_empty() {
        put("links", span.links.iter().map(|link| one_link(link, dialect)).collect());
    }
    put("status", status(span, dialect));
    Json::Object(object)
}

fn id(bytes: &[u8], dialect: Dialect) -> Json {
    Json::String(match dialect {
        Dialect::Otlp => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Dialect::Protobuf => BASE64_STANDARD.encode(bytes),
    })
}

fn number_or_name(number: u64, prefix: &str, name: &str, dialect: Dialect) -> Json {
    match dialect {
        Dialect::Otlp => json!(number),
        Dialect::Protobuf => json!(format!("{prefix}{}", name.to_ascii_uppercase())),
    }
}

/// Empty for `unset` without words, as both write it.
fn status(span: &Span, dialect: Dialect) -> Json {
    let mut object = Map::new();
    if !span.status_message.is_empty() {
        object.insert("message".to_owned(), json!(span.status_message));
    }
    if span.status != StatusCode::Unset {
        let code = number_or_name(span.status as u64, "STATUS_CODE_", span.status.as_str(), dialect);
        object.insert("code".to_owned(), code);
    }
    Json::Object(object)
}

fn event(event: &SpanEvent) -> Json {
    json!({
        "timeUnixNano": event.time_unix_ns.to_string(),
        "name": event.name,
        "attributes": attributes(&event.attributes),
    })
}

fn one_link(link: &SpanLink, dialect: Dialect) -> Json {
    json!({
        "traceId": id(link.trace_id.as_bytes(), dialect),
        "spanId": id(link.span_id.as_bytes(), dialect),
        "attributes": attributes(&link.attributes),
    })
}

fn attributes(attributes: &[Attribute]) -> Json {
    list(attributes.iter())
}

fn list<'a>(attributes: impl Iterator<Item = &'a Attribute>) -> Json {
    attributes.map(|attribute| json!({"key": attribute.key, "value": any_value(&attribute.value)})).collect()
}

/// An `AnyValue`.
pub(super) fn any_value(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({"stringValue": text}),
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Int(number) => json!({"intValue": number.to_string()}),
        Value::Double(number) => json!({"doubleValue": double(*number)}),
        Value::Bytes(bytes) => json!({"bytesValue": BASE64_STANDARD.encode(bytes)}),
        Value::List(values) => {
            json!({"arrayValue": {"values": values.iter().map(any_value).collect::<Vec<Json>>()}})
        }
        Value::Map(entries) => json!({"kvlistValue": {"values": attributes(entries)}}),
    }
}

/// What JSON lacks is text: `NaN`, `Infinity`, `-Infinity`.
fn double(number: f64) -> Json {
    Number::from_f64(number).map_or_else(
        || {
            json!(match number {
                f64::INFINITY => "Infinity",
                f64::NEG_INFINITY => "-Infinity",
                _ => "NaN",
            })
        },
        Json::Number,
    )
}
