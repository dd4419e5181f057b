//! A collector that fails in every way in which one can, beside one that takes everything.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// One more than the highest gRPC status.
const GRPC_STATUSES: usize = 17;

/// How the collector behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It takes every batch.
    Takes,
    /// It accepts connections and never reads from them.
    NeverReads,
    /// It reads requests and never answers.
    NeverAnswers,
    /// It resets every connection once something has come.
    Resets,
    /// It answers with bytes that are no HTTP/2.
    GarbageBytes,
    /// It answers with status 0 and a message that is no protocol buffers message.
    GarbageMessage,
    /// It answers with a gRPC frame that claims to be longer than all memory.
    GarbageFrame,
    /// It answers with HTTP 503 and no gRPC status.
    HttpError,
    /// It answers with each gRPC status in turn.
    EveryStatus,
}

/// A collector on a thread of its own that lives as long as the process.
#[derive(Debug)]
pub struct FaultyCollector {
    port: u16,
    attempts: Arc<AtomicUsize>,
}

impl FaultyCollector {
    /// Starts it on a port that the system picks.
    pub fn start(behaviour: Behaviour) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let attempts = Arc::new(AtomicUsize::new(0));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&attempts);
        std::thread::spawn(move || runtime.block_on(serve(listener, behaviour, shared)));
        Ok(Self { port, attempts })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many calls it got, or connections where it does not look at calls.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, behaviour: Behaviour, attempts: Arc<AtomicUsize>) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut kept = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.context("accept")?;
        match behaviour {
            Behaviour::NeverReads => {
                attempts.fetch_add(1, Ordering::Relaxed);
                kept.push(stream);
            }
            Behaviour::Resets => {
                attempts.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(reset(stream));
            }
            Behaviour::GarbageBytes => {
                attempts.fetch_add(1, Ordering::Relaxed);
                let garbage: Vec<u8> =
                    (0..4_096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
                // The proxy may hang up before it has read all of it.
                let _ = stream.write_all(&garbage).await;
                kept.push(stream);
            }
            _ => drop(tokio::spawn(speak(stream, behaviour, Arc::clone(&attempts)))),
        }
    }
}

/// A connection that is closed with bytes still unread is reset by the system.
async fn reset(stream: TcpStream) {
    let mut byte = [0_u8; 1];
    let _ = stream.peek(&mut byte).await;
    drop(stream);
}

async fn speak(stream: TcpStream, behaviour: Behaviour, attempts: Arc<AtomicUsize>) {
    let service =
        hyper::service::service_fn(move |request| answer(behaviour, Arc::clone(&attempts), request));
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // A connection that ends in an error is what the test is about.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

async fn answer(
    behaviour: Behaviour,
    attempts: Arc<AtomicUsize>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let _ = request.into_body().collect().await;
    let number = attempts.fetch_add(1, Ordering::Relaxed);
    let answer = match behaviour {
        Behaviour::Takes => grpc(b"\0\0\0\0\0", 0),
        Behaviour::GarbageMessage => grpc(b"\0\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff", 0),
        Behaviour::GarbageFrame => grpc(b"\x01\xff\xff\xff\xff garbage", 0),
        Behaviour::EveryStatus => grpc(b"", number % GRPC_STATUSES),
        Behaviour::HttpError => {
            let mut response = Response::new(Full::new(Bytes::from_static(b"try later")).boxed_unsync());
            *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            response
        }
        Behaviour::NeverAnswers | Behaviour::NeverReads | Behaviour::Resets | Behaviour::GarbageBytes => {
            std::future::pending().await
        }
    };
    Ok(answer)
}

fn grpc(body: &'static [u8], status: usize) -> Answer {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status));
    let body = Full::new(Bytes::from_static(body)).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed_unsync());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
