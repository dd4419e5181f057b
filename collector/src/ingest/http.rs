//! OTLP over HTTP: `POST /v1/traces` with a protocol buffers body.

use std::io::Read as _;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::refusal::{RETRY_AFTER_S, Refusal};
use super::{Ingest, body};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The receiver's paths.
pub fn router(ingest: Ingest) -> Router {
    Router::new().route("/v1/traces", post(export)).fallback(unknown_path).with_state(ingest)
}

async fn unknown_path() -> Response {
    (StatusCode::NOT_FOUND, "spans are taken at POST /v1/traces\n").into_response()
}

async fn export(State(ingest): State<Ingest>, request: Request) -> Response {
    let content_type = content_type(request.headers()).to_owned();
    match take(&ingest, request, &content_type).await {
        Ok(answer) => ([(CONTENT_TYPE, PROTOBUF)], answer).into_response(),
        Err(refusal) => {
            ingest.note(&refusal);
            refuse(&refusal, &content_type)
        }
    }
}

async fn take(ingest: &Ingest, request: Request, content_type: &str) -> Result<Bytes, Refusal> {
    if !content_type.eq_ignore_ascii_case(PROTOBUF) {
        return Err(Refusal::WrongType(format!(
            "content type `{content_type}` is not taken; send {PROTOBUF}"
        )));
    }
    let encoding = Encoding::of(request.headers())?;
    let config = &ingest.config;
    let max_bytes = config.max_message_bytes;
    let whole = body::read(request.into_body(), max_bytes, config.body_timeout, &ingest.budget).await?;
    match encoding {
        Encoding::Identity => {
            // The bytes are counted again, as a message, when they are accepted.
            drop(whole.held);
            ingest.accept(whole.bytes).await
        }
        Encoding::Gzip => {
            let payload = decompress(&whole.bytes, max_bytes)?;
            drop(whole);
            ingest.accept(payload.into()).await
        }
    }
}

/// The media type without parameters.
fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Self::Identity) };
        match value.as_bytes() {
            b"gzip" => Ok(Self::Gzip),
            b"identity" | b"" => Ok(Self::Identity),
            other => {
                let name = String::from_utf8_lossy(other);
                Err(Refusal::WrongType(format!("content encoding `{name}` is not taken; send gzip or none")))
            }
        }
    }
}

fn decompress(bytes: &[u8], max_bytes: usize) -> Result<Vec<u8>, Refusal> {
    let mut payload = Vec::new();
    // One byte more than allowed tells a message that is too large from one that just fits.
    let mut bounded = MultiGzDecoder::new(bytes).take(max_bytes as u64 + 1);
    bounded.read_to_end(&mut payload).map_err(|error| {
        Refusal::Malformed(format!("the body is not gzip as its content encoding says: {error}"))
    })?;
    if payload.len() > max_bytes { Err(body::too_large(max_bytes)) } else { Ok(payload) }
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
    if matches!(refusal, Refusal::Broken(_) | Refusal::Busy(_) | Refusal::Failed(_)) {
        let name: HeaderName = RETRY_AFTER;
        response.headers_mut().insert(name, HeaderValue::from(u16::from(RETRY_AFTER_S)));
    }
    response
}
