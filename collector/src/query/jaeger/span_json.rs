//! A trace as Jaeger's first version writes it: processes, and spans with tags, logs and references.

use serde_json::{Map, Value as Json, json};
use throughline_model::id::TraceId;
use throughline_model::span::{Attribute, Span, SpanEvent, SpanKind, StatusCode, Value};

use crate::assemble::{Gap, Lifecycle, PlacedSpan};
use crate::query::answer::MAX_SPANS;
use crate::query::{attribute_json, envoy_tags, otlp_json};

const NANOSECONDS_PER_MICROSECOND: u64 = 1_000;

/// One element of `data`.
pub(super) fn trace(trace_id: TraceId, lifecycle: &Lifecycle) -> Json {
    let listed = || lifecycle.spans.iter().take(MAX_SPANS);
    let groups = otlp_json::by_resource(listed().map(|placed| &placed.span));
    let mut processes = Map::new();
    let mut process_of = std::collections::HashMap::new();
    for (number, group) in (1..).zip(&groups) {
        let id = format!("p{number}");
        for span in &group.spans {
            process_of.insert(std::ptr::from_ref::<Span>(span), id.clone());
        }
        let tags =
            group.resource.attributes.iter().filter(|attribute| attribute.key != "service.name").map(tag);
        let process =
            json!({"serviceName": group.resource.service_name(), "tags": tags.collect::<Vec<Json>>()});
        processes.insert(id, process);
    }
    let spans: Vec<Json> = listed()
        .map(|placed| {
            let process =
                process_of.get(&std::ptr::from_ref::<Span>(&placed.span)).map_or("", String::as_str);
            one_span(placed, process, lifecycle)
        })
        .collect();
    let warnings = otlp_json::omission(lifecycle).map_or(Json::Null, |words| json!([words]));
    json!({"traceID": trace_id.to_hex(), "spans": spans, "processes": processes, "warnings": warnings})
}

fn one_span(placed: &PlacedSpan, process: &str, lifecycle: &Lifecycle) -> Json {
    let span = &placed.span;
    let trace_id = span.trace_id.to_hex();
    let mut references = Vec::new();
    if let Some(parent) = span.parent_span_id {
        references.push(json!({"refType": "CHILD_OF", "traceID": trace_id, "spanID": parent.to_hex()}));
    }
    references.extend(span.links.iter().map(|link| {
        json!({"refType": "FOLLOWS_FROM", "traceID": link.trace_id.to_hex(), "spanID": link.span_id.to_hex()})
    }));
    json!({
        "traceID": trace_id,
        "spanID": span.span_id.to_hex(),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_unix_ns / NANOSECONDS_PER_MICROSECOND,
        "duration": span.duration_ns() / NANOSECONDS_PER_MICROSECOND,
        "tags": tags(span),
        "logs": span.events.iter().map(log).collect::<Vec<Json>>(),
        "processID": process,
        "warnings": warnings(placed, lifecycle),
    })
}

/// What is missing at this span, in words.
fn warnings(placed: &PlacedSpan, lifecycle: &Lifecycle) -> Json {
    if !placed.is_parent_missing {
        return Json::Null;
    }
    let words: Vec<String> =
        lifecycle.gaps.iter().filter(|gap| gap.span_id == placed.span.span_id).map(Gap::words).collect();
    if words.is_empty() { Json::Null } else { json!(words) }
}

fn tags(span: &Span) -> Vec<Json> {
    let text = |key: &str, value: &str| json!({"key": key, "type": "string", "value": value});
    let mut tags: Vec<Json> = span.attributes.iter().map(tag).collect();
    tags.extend(envoy_tags::derived(span).iter().map(tag));
    if span.kind != SpanKind::Unspecified {
        tags.push(text("span.kind", span.kind.as_str()));
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => tags.push(text("otel.status_code", "OK")),
        StatusCode::Error => {
            tags.push(text("otel.status_code", "ERROR"));
            tags.push(json!({"key": "error", "type": "bool", "value": true}));
        }
    }
    if !span.status_message.is_empty() {
        tags.push(text("otel.status_description", &span.status_message));
    }
    if !span.trace_state.is_empty() {
        tags.push(text("w3c.tracestate", &span.trace_state));
    }
    tags
}

fn tag(attribute: &Attribute) -> Json {
    let (kind, value) = match &attribute.value {
        Value::Text(text) => ("string", json!(text)),
        Value::Bool(truth) => ("bool", json!(truth)),
        Value::Int(number) => ("int64", json!(number)),
        Value::Double(number) if number.is_finite() => ("float64", json!(number)),
        Value::Double(number) => ("string", json!(number.to_string())),
        Value::Bytes(bytes) => {
            ("string", json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        Value::List(_) | Value::Map(_) => {
            let object = attribute_json::object(std::slice::from_ref(attribute));
            ("string", json!(object.get(&attribute.key).map(Json::to_string).unwrap_or_default()))
        }
    };
    json!({"key": attribute.key, "type": kind, "value": value})
}

fn log(event: &SpanEvent) -> Json {
    let name = json!({"key": "event", "type": "string", "value": event.name});
    let fields: Vec<Json> = std::iter::once(name).chain(event.attributes.iter().map(tag)).collect();
    json!({"timestamp": event.time_unix_ns / NANOSECONDS_PER_MICROSECOND, "fields": fields})
}
