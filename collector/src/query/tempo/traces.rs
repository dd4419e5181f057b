//! Traces by id, as protocol buffers or JSON: `Trace` in version 1, `TraceByIDResponse` in version 2.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value as Json, json};
use throughline_model::id::TraceId;
use throughline_model::otlp::encode_export_request;
use throughline_model::span::Span;

use super::{Refusal, wants_protobuf};
use crate::assemble::Lifecycle;
use crate::query::answer::MAX_SPANS;
use crate::query::find::Cancel;
use crate::query::held::HeldAnswer;
use crate::query::jaeger::parameter::read_trace_id;
use crate::query::otlp_json::{self, Dialect, omission};
use crate::query::{QueryState, envoy_tags, trace};

const PROTOBUF: &str = "application/protobuf";

/// `PartialStatus.PARTIAL` of Tempo's API.
const PARTIAL: u8 = 1;

/// How a trace is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Protobuf,
}

/// `GET /api/traces/{trace_id}` of Tempo; 404 without a body when the trace is not known.
pub(in crate::query) async fn version_1(
    State(state): State<QueryState>,
    Path(trace_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let write = |found: Option<&Lifecycle>, form: Form| {
        let lifecycle = found?;
        Some(match form {
            Form::Protobuf => protobuf(lifecycle),
            Form::Json => json!({"batches": batches(lifecycle)}).to_string().into_bytes(),
        })
    };
    read(&state, &trace_id, &headers, write).await
}

/// `GET /api/v2/traces/{trace_id}`; an empty trace when it is not known, as Tempo has it.
pub(super) async fn version_2(
    State(state): State<QueryState>,
    Path(trace_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let write = |found: Option<&Lifecycle>, form: Form| {
        Some(match form {
            Form::Protobuf => protobuf_response(found),
            Form::Json => json_response(found).to_string().into_bytes(),
        })
    };
    read(&state, &trace_id, &headers, write).await
}

async fn read<W>(state: &QueryState, id: &str, headers: &HeaderMap, write: W) -> Result<Response, Refusal>
where
    W: FnOnce(Option<&Lifecycle>, Form) -> Option<Vec<u8>> + Send + 'static,
{
    let trace_id: TraceId = read_trace_id(id)?;
    let (form, content_type) = match wants_protobuf(headers) {
        true => (Form::Protobuf, PROTOBUF),
        false => (Form::Json, "application/json"),
    };
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.budget(state.limits());
    let run = move || {
        let found = trace::lifecycle(store.as_ref(), trace_id, &budget)?;
        write(found.as_ref(), form).map(|bytes| room.hold(bytes, content_type)).transpose()
    };
    let held: Option<HeldAnswer> = state.workers.run(run).await?;
    Ok(held.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |held| held.into_response()))
}

fn listed(lifecycle: &Lifecycle) -> impl Iterator<Item = &Arc<Span>> {
    lifecycle.spans.iter().take(MAX_SPANS).map(|placed| &placed.span)
}

fn batches(lifecycle: &Lifecycle) -> Json {
    otlp_json::resource_spans(&otlp_json::by_resource(listed(lifecycle)), Dialect::Protobuf)
}

/// A `Trace`: its one field has the number and the type of that in an export request.
fn protobuf(lifecycle: &Lifecycle) -> Vec<u8> {
    let groups = otlp_json::by_resource(listed(lifecycle));
    let whole = |span: &&Span| {
        let mut whole = Span::clone(span);
        whole.attributes.extend(envoy_tags::derived(span));
        whole
    };
    let spans: Vec<Span> = groups.iter().flat_map(|group| group.spans.iter().map(whole)).collect();
    encode_export_request(&spans)
}

fn json_response(found: Option<&Lifecycle>) -> Json {
    let mut response = Map::new();
    let trace = found.map_or_else(|| json!({}), |lifecycle| json!({"resourceSpans": batches(lifecycle)}));
    response.insert("trace".to_owned(), trace);
    response.insert("metrics".to_owned(), json!({}));
    if let Some(words) = found.and_then(omission) {
        response.insert("status".to_owned(), json!("PARTIAL"));
        response.insert("message".to_owned(), json!(words));
    }
    Json::Object(response)
}

fn protobuf_response(found: Option<&Lifecycle>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_field(&mut bytes, 1, &found.map(protobuf).unwrap_or_default());
    put_field(&mut bytes, 2, &[]);
    if let Some(words) = found.and_then(omission) {
        bytes.extend_from_slice(&[3 << 3, PARTIAL]);
        put_field(&mut bytes, 4, words.as_bytes());
    }
    bytes
}

/// A field with bytes; numbers below 16 have tags of one byte.
fn put_field(bytes: &mut Vec<u8>, number: u8, value: &[u8]) {
    bytes.push(number << 3 | 2);
    let mut length = value.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(value);
}
