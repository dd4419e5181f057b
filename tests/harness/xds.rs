//! A control plane as small as one can be: gives Envoy one filter over an aggregated stream, as istiod does, and changes it.
//!
//! Messages are those of Envoy's `envoy.service.discovery.v3` and `envoy.extensions.wasm.v3`, written by field number.

mod message;

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::wait;

use message::ECDS;
pub use message::{Extension, Module};

const DEADLINE: Duration = Duration::from_secs(60);

/// What is served: its number, and the filter; number 0 is nothing yet.
type Served = (u64, Vec<u8>);

/// What proxies said.
#[derive(Debug, Default)]
struct Heard {
    taken: AtomicU64,
    refused: AtomicU64,
}

/// A control plane on a thread of its own that lives as long as the process.
#[derive(Debug)]
pub struct ControlPlane {
    port: u16,
    served: watch::Sender<Served>,
    heard: Arc<Heard>,
}

impl ControlPlane {
    /// Starts it with nothing to serve.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (served, watched) = watch::channel((0, Vec::new()));
        let heard = Arc::new(Heard::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || runtime.block_on(accept(listener, watched, shared)));
        Ok(Self { port, served, heard })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves something else from now on, and waits until the proxy has taken it; an error when it refuses.
    pub fn serve(&self, name: &str, extension: &Extension) -> Result<()> {
        let number = self.served.borrow().0 + 1;
        self.served.send_replace((number, message::typed_extension(name, extension)));
        wait::until("the proxy has taken the filter", DEADLINE, || {
            ensure!(self.heard.refused.load(Ordering::Relaxed) == 0, "the proxy refuses number {number}");
            Ok((self.heard.taken.load(Ordering::Relaxed) >= number).then_some(()))
        })
    }
}

async fn accept(listener: TcpListener, served: watch::Receiver<Served>, heard: Arc<Heard>) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        tokio::spawn(speak(stream, served.clone(), Arc::clone(&heard)));
    }
}

async fn speak(stream: TcpStream, served: watch::Receiver<Served>, heard: Arc<Heard>) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (served, heard) = (served.clone(), Arc::clone(&heard));
        async move { Ok::<_, Infallible>(open(request, served, heard)) }
    });
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // The proxy ends the connection when it ends.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// Both directions of a stream: what the proxy says is heard, and what is served is sent, now and at each change.
fn open(
    request: Request<Incoming>,
    served: watch::Receiver<Served>,
    heard: Arc<Heard>,
) -> Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>> {
    let (subscribe, subscribed) = watch::channel(0);
    tokio::spawn(listen(request.into_body(), subscribe, heard));
    let begin = Sent { served, subscribed, number: 0, answered: 0, nonce: 0 };
    let frames = stream::unfold(begin, |mut sent| async move {
        let frame = sent.next().await?;
        Some((Ok(frame), sent))
    });
    let mut response = Response::new(StreamBody::new(frames));
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// What a stream has sent.
struct Sent {
    served: watch::Receiver<Served>,
    /// How often the proxy has asked for the filter anew.
    subscribed: watch::Receiver<u64>,
    number: u64,
    answered: u64,
    nonce: u64,
}

impl Sent {
    /// Waits for a change, or for a question that is not yet answered.
    async fn next(&mut self) -> Option<Frame<Bytes>> {
        loop {
            let (number, asked) = (self.served.borrow().0, *self.subscribed.borrow());
            if asked > 0 && number > 0 && (number > self.number || asked > self.answered) {
                break;
            }
            tokio::select! {
                changed = self.served.changed() => changed.ok()?,
                changed = self.subscribed.changed() => changed.ok()?,
            }
        }
        let (number, extension) = self.served.borrow_and_update().clone();
        (self.number, self.answered) = (number, *self.subscribed.borrow_and_update());
        self.nonce += 1;
        Some(Frame::data(message::framed(&message::discovery_response(number, self.nonce, &extension))))
    }
}

/// A proxy answers each response once, by its nonce; any further question is one that it asks anew.
async fn listen(mut body: Incoming, subscribe: watch::Sender<u64>, heard: Arc<Heard>) {
    let (mut waiting, mut last_nonce) = (Vec::new(), None);
    while let Some(Ok(frame)) = body.frame().await {
        waiting.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
        while let Some(request) = message::take_frame(&mut waiting) {
            match message::read_request(&request) {
                Some(asked) if asked.type_url != ECDS => {}
                Some(asked) if !asked.is_refusal => {
                    heard.taken.fetch_max(asked.version, Ordering::Relaxed);
                    if asked.has_names && (asked.nonce == 0 || last_nonce == Some(asked.nonce)) {
                        subscribe.send_modify(|times| *times += 1);
                    }
                    last_nonce = Some(asked.nonce);
                }
                Some(_) | None => drop(heard.refused.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }
}
