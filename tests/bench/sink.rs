//! Takes spans by OTLP/gRPC and counts them.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use harness::wait;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use throughline_model::otlp;

use crate::load;

/// gRPC puts a flag and a length before a message.
const FRAME_BYTES: usize = 5;
const QUIET_FOR: Duration = Duration::from_secs(2);
const QUIET_DEADLINE: Duration = Duration::from_secs(30);

/// A server of its own for one proxy.
#[derive(Debug)]
pub(crate) struct Sink {
    port: u16,
    spans: Arc<AtomicU64>,
}

impl Sink {
    /// Listens on a free port until the process ends.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen for spans")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let spans = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&spans);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            let outcome = load::yield_this_thread().and_then(|()| runtime.block_on(serve(listener, counted)));
            if let Err(error) = outcome {
                eprintln!("bench: the sink ended: {error:#}");
            }
        });
        Ok(Self { port, spans })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The number of spans once no more come.
    pub(crate) fn wait_quiet(&self) -> Result<u64> {
        wait::until_quiet("all spans came", QUIET_FOR, QUIET_DEADLINE, || {
            Ok(self.spans.load(Ordering::Relaxed))
        })
    }
}

async fn serve(listener: TcpListener, spans: Arc<AtomicU64>) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        let spans = Arc::clone(&spans);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&spans)));
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A proxy that goes away breaks its connection, and its spans are missed in the count.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    spans: Arc<AtomicU64>,
) -> Result<Response<impl Body<Data = Bytes, Error = Infallible>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let message = body.get(FRAME_BYTES..).unwrap_or_default();
    // A message that cannot be read counts for nothing, and the comparison with the requests shows it. Spans are checked and
    // not built: this core also sends the load, and who exports many spans at once would be charged for its pause.
    let count = otlp::scan_export_request(message, |_| ()).map_or(0, |tally| tally.spans);
    spans.fetch_add(count, Ordering::Relaxed);
    let trailers =
        HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from_static(&[0; FRAME_BYTES])).with_trailers(async { Some(Ok(trailers)) });
    Ok(Response::builder()
        .header("content-type", "application/grpc")
        .body(body)
        .expect("a response of constant parts is well-formed"))
}
