//! OTLP over gRPC: `TraceService/Export`, whose messages are handed on as the bytes they are.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::{Buf as _, BufMut as _, Bytes};
use futures_core::future::BoxFuture;
use http_body_util::Full;
use throughline_model::otlp::{METHOD, SERVICE, encode_export_response};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

use super::compression::Encoding;
use super::refusal::Refusal;
use super::{Ingest, Peer, body};

/// The header that names how a message is compressed.
const ENCODING: &str = "grpc-encoding";
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
    content_type.is_some_and(|value| value.starts_with(b"application/grpc"))
}

async fn export(State(ingest): State<Ingest>, request: Request) -> Response {
    if !is_grpc(&request) {
        return unknown_method(request).await;
    }
    let peer = Peer::of(&request);
    match read(&ingest, request, peer).await {
        Ok(request) => {
            let max_bytes = ingest.config.max_message_bytes;
            let mut grpc = Grpc::new(BytesCodec)
                .accept_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(max_bytes);
            let is_readable = AtomicBool::new(false);
            let export = Export { ingest: ingest.clone(), peer, is_readable: &is_readable };
            let response = grpc.unary(export, request).await.map(Body::new);
            if is_readable.into_inner() { response } else { refuse_unreadable(&ingest, response) }
        }
        Err(refusal) => {
            ingest.note(&refusal);
            status(&refusal).into_http::<Body>()
        }
    }
}

/// Where tonic finds no message in a body it speaks of an error of the server, which makes senders try the same bytes
/// again; only what it says of an unknown encoding is right.
fn refuse_unreadable(ingest: &Ingest, response: Response) -> Response {
    let found = response.extensions().get::<Status>();
    let words = found.map_or_else(String::new, |status| status.message().to_owned());
    let refusal = match found.map(Status::code) {
        Some(Code::ResourceExhausted) => Refusal::TooLarge(words),
        _ => Refusal::Malformed(words),
    };
    ingest.note(&refusal);
    if found.is_some_and(|status| status.code() == Code::Unimplemented) {
        return response;
    }
    status(&refusal).into_http::<Body>()
}

/// Reads the whole body first: what is decoded afterwards waits for nobody, so few messages are decoded at a time.
async fn read(
    ingest: &Ingest,
    request: Request,
    peer: Peer,
) -> Result<axum::http::Request<Full<Bytes>>, Refusal> {
    let config = &ingest.config;
    let (mut parts, body) = request.into_parts();
    let max_bytes = config.max_message_bytes + PREFIX_BYTES;
    let whole = body::read(body, max_bytes, config.body_timeout, &ingest.budget, peer).await;
    let whole = whole.map_err(|refusal| match refusal {
        Refusal::TooLarge(_) => body::too_large(config.max_message_bytes),
        other => other,
    })?;
    check_length(&whole.bytes, config.max_message_bytes)?;
    let is_zstd = parts.headers.get(ENCODING).is_some_and(|value| value.as_bytes() == b"zstd");
    if !is_zstd {
        return Ok(axum::http::Request::from_parts(parts, Full::new(whole.bytes)));
    }
    parts.headers.remove(ENCODING);
    let message = decompress_zstd(whole.bytes, config.max_message_bytes)?;
    Ok(axum::http::Request::from_parts(parts, Full::new(message)))
}

/// tonic's decoder of zstd takes whatever window a frame asks for, so that is done here.
fn decompress_zstd(body: Bytes, max_bytes: usize) -> Result<Bytes, Refusal> {
    match body.split_first_chunk::<PREFIX_BYTES>() {
        Some(([1, ..], compressed)) => {
            let message = Encoding::Zstd.decompress(compressed, max_bytes)?;
            let mut whole = Vec::with_capacity(PREFIX_BYTES + message.len());
            whole.push(0);
            whole.extend((message.len() as u32).to_be_bytes());
            whole.extend(message);
            Ok(whole.into())
        }
        _ => Ok(body),
    }
}

/// Whether a body has the message that its prefix announces.
fn check_length(body: &[u8], max_bytes: usize) -> Result<(), Refusal> {
    if body.is_empty() {
        let words = "the body is empty; send one message behind its prefix of 5 bytes";
        return Err(Refusal::Malformed(words.to_owned()));
    }
    let length = body.get(1..PREFIX_BYTES).and_then(|length| length.try_into().ok());
    let length = length.map(|length| u32::from_be_bytes(length) as usize);
    match length {
        Some(length) if length > max_bytes => Err(body::too_large(max_bytes)),
        Some(length) if body.len() - PREFIX_BYTES >= length => Ok(()),
        _ => Err(Refusal::Malformed("the body ends before its message does".to_owned())),
    }
}

fn status(refusal: &Refusal) -> Status {
    Status::with_details(refusal.grpc_code(), refusal.words(), refusal.rpc_status().into())
}

/// The method behind tonic, which answers by itself where it cannot get a message out of the body.
struct Export<'a> {
    ingest: Ingest,
    peer: Peer,
    is_readable: &'a AtomicBool,
}

impl UnaryService<Bytes> for Export<'_> {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        self.is_readable.store(true, Ordering::Relaxed);
        let (ingest, peer) = (self.ingest.clone(), self.peer);
        Box::pin(async move {
            let outcome = ingest.accept(request.into_inner(), peer).await;
            let answer =
                outcome.map(|accepted| encode_export_response(accepted.rejected, &accepted.words).into());
            answer.map(tonic::Response::new).map_err(|refusal| {
                ingest.note(&refusal);
                status(&refusal)
            })
        })
    }
}

/// Leaves messages as the bytes they are.
#[derive(Clone, Copy, Debug, Default)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}
