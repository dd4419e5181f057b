//! OTLP over HTTP: `POST /v1/traces` with a protocol buffers or JSON body.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use throughline_model::otlp::{HTTP_PATH, encode_export_response};

use super::compression::Encoding;
use super::refusal::{self, Refusal};
use super::{Accepted, Ingest, Peer, body, json, zipkin};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// A message as JSON takes several times its bytes while it is read.
const JSON_MEMORY_FACTOR: usize = 6;

/// The receiver's paths.
pub fn router(ingest: Ingest) -> Router {
    Router::new().route(HTTP_PATH, post(export)).fallback(unknown_path).with_state(ingest)
}

async fn unknown_path() -> Response {
    (StatusCode::NOT_FOUND, "spans are taken at POST /v1/traces\n").into_response()
}

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
    Zipkin,
}

impl Format {
    fn of(content_type: &str) -> Result<Self, Refusal> {
        if content_type.eq_ignore_ascii_case(PROTOBUF) {
            Ok(Self::Protobuf)
        } else if content_type.eq_ignore_ascii_case(JSON) {
            Ok(Self::Json)
        } else {
            let words = format!("content type `{content_type}` is not taken; send {PROTOBUF} or {JSON}");
            Err(Refusal::WrongType(words))
        }
    }
}

async fn export(State(ingest): State<Ingest>, request: Request) -> Response {
    let content_type = content_type(request.headers()).to_owned();
    let outcome = match Format::of(&content_type) {
        Ok(format) => take(&ingest, request, format).await.map(|accepted| answer(format, &accepted)),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| {
        ingest.note(&refusal);
        refuse(&refusal, &content_type)
    })
}

/// An answer in the format of the request.
fn answer(format: Format, accepted: &Accepted) -> Response {
    let Accepted { rejected, words, .. } = accepted;
    match format {
        Format::Protobuf => {
            ([(CONTENT_TYPE, PROTOBUF)], encode_export_response(*rejected, words)).into_response()
        }
        Format::Json | Format::Zipkin => {
            ([(CONTENT_TYPE, JSON)], json::response(*rejected, words)).into_response()
        }
    }
}

/// Reads a request and keeps its spans.
pub(super) async fn take(ingest: &Ingest, request: Request, format: Format) -> Result<Accepted, Refusal> {
    let name = request.headers().get(CONTENT_ENCODING).map_or(&b""[..], |value| value.as_bytes());
    let encoding = Encoding::from_name(name)?;
    let peer = Peer::of(&request);
    let config = &ingest.config;
    let max_bytes = config.max_message_bytes;
    let whole = body::read(request.into_body(), max_bytes, config.body_timeout, &ingest.budget, peer).await?;
    let payload = match encoding {
        Encoding::Identity => whole.bytes,
        compressed => compressed.decompress(&whole.bytes, max_bytes)?.into(),
    };
    // From here on the bytes are counted again, as a message.
    drop(whole.held);
    let read = match format {
        Format::Protobuf => return ingest.accept(payload, peer).await,
        Format::Json => json::read,
        Format::Zipkin => zipkin::read,
    };
    let _held = ingest.budget.take(payload.len() * JSON_MEMORY_FACTOR, peer)?;
    let converted = read(&payload).map_err(Refusal::Malformed)?;
    drop(payload);
    ingest.accept_converted(converted).await
}

/// The media type without parameters.
fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// An error in the format of the request, as the OTLP/HTTP specification has it.
fn refuse(refusal: &Refusal, content_type: &str) -> Response {
    let (answer_type, answer): (&'static str, Body) = if content_type.eq_ignore_ascii_case(JSON) {
        let status = serde_json::json!({"code": refusal.grpc_code() as u8, "message": refusal.words()});
        (JSON, status.to_string().into())
    } else if content_type.eq_ignore_ascii_case(PROTOBUF) {
        (PROTOBUF, refusal.rpc_status().into())
    } else {
        ("text/plain; charset=utf-8", format!("{}\n", refusal.words()).into())
    };
    let mut response = (refusal.http_status(), [(CONTENT_TYPE, answer_type)], answer).into_response();
    refusal::add_retry_after(refusal, &mut response);
    response
}
