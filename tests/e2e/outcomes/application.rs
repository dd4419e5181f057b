//! An application that ends requests in every way an application can: statuses, silence, broken bodies, gRPC, WebSocket.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};

/// Longer than any test waits.
const SILENCE: Duration = Duration::from_secs(600);
/// The pause before a body breaks off.
const UNTIL_FLUSHED: Duration = Duration::from_millis(100);

/// A server on the loopback address that lives as long as the process.
pub(crate) struct Application {
    port: u16,
    silent: Arc<AtomicUsize>,
}

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

impl Application {
    /// Starts it on a port that the system picks.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let silent = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&silent);
        std::thread::spawn(move || runtime.block_on(serve(listener, shared)));
        Ok(Self { port, silent })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many requests have come that are never answered.
    pub(crate) fn silent_requests(&self) -> usize {
        self.silent.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, silent: Arc<AtomicUsize>) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let flaky = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        let (silent, flaky) = (Arc::clone(&silent), Arc::clone(&flaky));
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                answer(Arc::clone(&silent), Arc::clone(&flaky), request)
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // How a connection ends is what the tests look at from the other side.
            let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    silent: Arc<AtomicUsize>,
    flaky: Arc<AtomicUsize>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/silent" | "/timeout" => {
            silent.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(SILENCE).await;
            plain(StatusCode::OK)
        }
        // Every second request fails.
        "/flaky" if flaky.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) => {
            plain(StatusCode::SERVICE_UNAVAILABLE)
        }
        "/broken" => broken(),
        "/socket" => switch_protocols(request),
        "/shop.Cart/Get" => grpc_with_trailers("0"),
        "/shop.Cart/Find" => grpc_with_trailers("5"),
        "/shop.Cart/Web" => grpc_web(),
        "/shop.Cart/Fail" => grpc_without_trailers("14"),
        other => {
            let status = other.strip_prefix("/status/").and_then(|status| status.parse::<u16>().ok());
            plain(status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK))
        }
    })
}

fn plain(status: StatusCode) -> Answer {
    let body = Full::new(Bytes::from_static(b"ok\n")).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A success by its headers, whose body ends before it should.
fn broken() -> Answer {
    let pieces = futures_util::stream::unfold(0, |piece| async move {
        if piece == 0 {
            return Some((Ok(Frame::data(Bytes::from_static(b"half"))), 1));
        }
        // Headers and first half are on their way by then.
        tokio::time::sleep(UNTIL_FLUSHED).await;
        Some((Err(std::io::Error::other("broken on purpose")), 2))
    });
    Response::new(BodyExt::boxed_unsync(StreamBody::new(pieces)))
}

fn switch_protocols(request: Request<Incoming>) -> Answer {
    // The other end closes it.
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            tokio::time::sleep(SILENCE).await;
            drop(upgraded);
        }
    });
    let mut response = plain_without_body(StatusCode::SWITCHING_PROTOCOLS);
    response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    response
}

fn plain_without_body(status: StatusCode) -> Answer {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn grpc_with_trailers(status: &'static str) -> Answer {
    let message = Full::new(Bytes::from_static(&[0; 5])).map_err(|never: Infallible| match never {});
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let body = message.with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed_unsync());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// A success whose trailers are in the body, as browsers can read them.
fn grpc_web() -> Answer {
    let body = Bytes::from_static(b"\0\0\0\0\0\x80\0\0\0\x0fgrpc-status:0\r\n");
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc-web+proto"));
    response
}

fn grpc_without_trailers(status: &'static str) -> Answer {
    let mut response = plain_without_body(StatusCode::OK);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response.headers_mut().insert("grpc-status", HeaderValue::from_static(status));
    response
}
