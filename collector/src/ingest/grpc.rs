//! OTLP over gRPC: `TraceService/Export`, whose messages are handed on as the bytes they are.

use std::future::ready;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use throughline_model::otlp::{METHOD, SERVICE, encode_export_response};
use tonic::Status;

use super::compression::Encoding;
use super::refusal::Refusal;
use super::{Accepted, Ingest, Peer, body};

const GRPC: &str = "application/grpc";
/// The header that names how a message is compressed.
const ENCODING: &str = "grpc-encoding";
/// What tells a sender how it may compress, and how a call ended.
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Compression flag and length in front of a message.
const PREFIX_BYTES: usize = 5;

/// The receiver's only method, and an answer for every other.
pub fn router(ingest: Ingest) -> Router {
    Router::new()
        .route(&format!("/{SERVICE}/{METHOD}"), post(export))
        .fallback(unknown_method)
        .method_not_allowed_fallback(unknown_method)
        .with_state(ingest)
}

async fn unknown_method(request: Request) -> Response {
    if is_grpc(&request) {
        let words = format!("only {SERVICE}/{METHOD} is served here");
        return Status::unimplemented(words).into_http::<Body>();
    }
    let words = "this address takes OTLP by gRPC; OTLP by HTTP has an address of its own\n";
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, words).into_response()
}

fn is_grpc(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    content_type.is_some_and(|value| value.starts_with(GRPC.as_bytes()))
}

async fn export(State(ingest): State<Ingest>, request: Request) -> Response {
    if !is_grpc(&request) {
        return unknown_method(request).await;
    }
    let peer = Peer::of(&request);
    let encoding = request.headers().get(ENCODING).map_or(&b""[..], |value| value.as_bytes());
    let encoding = match Encoding::from_name(encoding) {
        Ok(encoding) => encoding,
        Err(refusal) => {
            ingest.note(&refusal);
            return unknown_encoding(&refusal);
        }
    };
    let outcome = match read(&ingest, request.into_body(), encoding, peer).await {
        Ok(message) => ingest.accept(message, peer).await,
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(accepted) => answer(&accepted),
        Err(refusal) => {
            ingest.note(&refusal);
            status(&refusal).into_http::<Body>()
        }
    }
}

/// The gRPC specification has a code of its own for this, and wants to be told what would be taken.
fn unknown_encoding(refusal: &Refusal) -> Response {
    let mut response = Status::unimplemented(refusal.words()).into_http::<Body>();
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,zstd"));
    response
}

/// Reads the whole body first: what is decoded afterwards waits for nobody, so few messages are decoded at a time.
async fn read(ingest: &Ingest, body: Body, encoding: Encoding, peer: Peer) -> Result<Bytes, Refusal> {
    let config = &ingest.config;
    let max_bytes = config.max_message_bytes;
    let whole = body::read(body, max_bytes + PREFIX_BYTES, config.body_timeout, &ingest.budget, peer).await;
    let whole = whole.map_err(|refusal| match refusal {
        Refusal::TooLarge(_) => body::too_large(max_bytes),
        other => other,
    })?;
    message(&whole.bytes, encoding, max_bytes)
}

/// The message behind its prefix, as it was before it was compressed.
fn message(body: &Bytes, encoding: Encoding, max_bytes: usize) -> Result<Bytes, Refusal> {
    let (flag, length) = prefix(body, max_bytes)?;
    let message = body.slice(PREFIX_BYTES..PREFIX_BYTES + length);
    match (flag, encoding) {
        (0, _) => Ok(message),
        (1, Encoding::Identity) => {
            let words = "the message is compressed, as its flag says, and grpc-encoding does not say how";
            Err(Refusal::Malformed(words.to_owned()))
        }
        (1, encoding) => Ok(encoding.decompress(&message, max_bytes)?.into()),
        (flag, _) => {
            let words = format!("the message has the compression flag {flag}; 0 or 1 would be right");
            Err(Refusal::Malformed(words))
        }
    }
}

/// The compression flag and the length of the message, all of which the body has.
fn prefix(body: &[u8], max_bytes: usize) -> Result<(u8, usize), Refusal> {
    if body.is_empty() {
        let words = "the body is empty; send one message behind its prefix of 5 bytes";
        return Err(Refusal::Malformed(words.to_owned()));
    }
    if let Some(([flag, length @ ..], behind)) = body.split_first_chunk::<PREFIX_BYTES>() {
        let length = u32::from_be_bytes(*length) as usize;
        if length > max_bytes {
            return Err(body::too_large(max_bytes));
        }
        if behind.len() == length {
            return Ok((*flag, length));
        }
        if behind.len() > length {
            let words = "more bytes follow the message; send one message a call";
            return Err(Refusal::Malformed(words.to_owned()));
        }
    }
    Err(Refusal::Malformed("the body ends before its message does".to_owned()))
}

fn answer(accepted: &Accepted) -> Response {
    let message = encode_export_response(accepted.rejected, &accepted.words);
    let mut framed = Vec::with_capacity(PREFIX_BYTES + message.len());
    framed.push(0);
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from(framed)).with_trailers(ready(Some(Ok(trailers))));
    ([(CONTENT_TYPE, GRPC)], Body::new(body)).into_response()
}

fn status(refusal: &Refusal) -> Status {
    Status::with_details(refusal.grpc_code(), refusal.words(), refusal.rpc_status().into())
}
