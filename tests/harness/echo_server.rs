//! An application inside the test's own process: it answers whatever comes, by HTTP/1 and HTTP/2, with trailers if asked.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;

/// More than any Envoy in front of it lets through.
const MAX_HEADERS: usize = 400;
const MAX_HEADER_BYTES: u32 = 1024 * 1024;
/// Streams that a proxy may open on one connection; more than Envoy begins with before it has read this number, because
/// it answers 503 for a stream that is refused.
const MAX_STREAMS: u32 = 2_000;
/// Requests that wait for each other give up after this time, so that a lost one does not hang the rest.
const HOLD_DEADLINE: Duration = Duration::from_secs(30);

/// A server on the loopback address that lives as long as the process.
#[derive(Debug)]
pub struct EchoServer {
    port: u16,
    crowd: Arc<Crowd>,
}

/// Requests that are held until enough of them are there.
#[derive(Debug, Default)]
struct Crowd {
    held: AtomicUsize,
    releases: watch::Sender<usize>,
    most_held: AtomicUsize,
}

impl EchoServer {
    /// Starts it on a port that the system picks.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let crowd = Arc::new(Crowd::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&crowd);
        std::thread::spawn(move || runtime.block_on(serve(listener, shared)));
        Ok(Self { port, crowd })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The most requests that were held at one moment since the last call.
    #[must_use]
    pub fn take_most_held(&self) -> usize {
        self.crowd.most_held.swap(0, Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, crowd: Arc<Crowd>) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        stream.set_nodelay(true)?;
        let crowd = Arc::clone(&crowd);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(Arc::clone(&crowd), request));
            let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            builder.http1().max_headers(MAX_HEADERS);
            builder.http2().max_header_list_size(MAX_HEADER_BYTES).max_concurrent_streams(MAX_STREAMS);
            // A connection that ends in an error is the client's affair; the client counts it.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// `/hold/N` waits until N requests are held, `/trailers` answers with trailers, everything else with a short body.
async fn answer(crowd: Arc<Crowd>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path().to_owned();
    let received = request.into_body().collect().await.ok();
    let trailers = received.and_then(|body| body.trailers().map(HeaderMap::len)).unwrap_or_default();
    if let Some(size) = path.strip_prefix("/hold/").and_then(|size| size.parse().ok()) {
        crowd.wait_for(size).await;
    }
    let body = Full::new(Bytes::from_static(b"ok\n"));
    if path != "/trailers" {
        return Ok(Response::new(body.boxed_unsync()));
    }
    let mut answered = HeaderMap::new();
    answered.insert("x-trailers-received", HeaderValue::from(trailers));
    let body = body.with_trailers(async move { Some(Ok(answered)) }).boxed_unsync();
    let mut response = Response::new(body);
    response.headers_mut().insert("trailer", HeaderValue::from_static("x-trailers-received"));
    Ok(response)
}

impl Crowd {
    /// The one that completes the crowd sends everybody on.
    async fn wait_for(&self, size: usize) {
        let mut releases = self.releases.subscribe();
        releases.mark_unchanged();
        let held = self.held.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_held.fetch_max(held, Ordering::Relaxed);
        if held >= size {
            self.held.store(0, Ordering::Relaxed);
            self.releases.send_modify(|count| *count += 1);
            return;
        }
        let _ = tokio::time::timeout(HOLD_DEADLINE, releases.changed()).await;
    }
}
