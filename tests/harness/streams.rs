//! Many requests at once over few connections, by HTTP/1.1 or HTTP/2, and how each was answered.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::wait::stop_if_interrupted;

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// As many connections as there are streams.
    Http1,
    /// All streams of a client on one connection.
    Http2,
}

/// What a request carries besides its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A body, and trailers behind it.
    BodyAndTrailers,
}

/// A load on one port of the loopback address.
#[derive(Clone, Debug)]
pub struct Load {
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
    /// The protocol.
    pub version: Version,
    /// What the requests carry.
    pub content: Content,
    /// Clients with connections of their own.
    pub clients: usize,
    /// Requests that each client has under way at once.
    pub streams: usize,
}

/// How a number of requests went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many answers had this status.
    pub statuses: BTreeMap<u16, usize>,
    /// Requests that got no answer, or not the whole of it.
    pub broken: usize,
}

impl Tally {
    /// All requests.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.statuses.values().sum::<usize>() + self.broken
    }

    /// Answers that blame the server or the proxy, broken ones included.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.statuses.range(500..).map(|(_, count)| count).sum::<usize>() + self.broken
    }

    /// Counts one answer.
    pub fn add(&mut self, status: Option<u16>) {
        match status {
            Some(status) => *self.statuses.entry(status).or_default() += 1,
            None => self.broken += 1,
        }
    }

    /// Counts what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.broken += other.broken;
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How many requests have begun, and when it is enough.
struct Turn {
    begun: AtomicUsize,
    most: usize,
    is_over: Arc<AtomicBool>,
}

impl Turn {
    fn take(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
            && stop_if_interrupted().is_ok()
            && self.begun.fetch_add(1, Ordering::Relaxed) < self.most
    }
}

impl Load {
    /// Sends so many requests.
    pub fn run(&self, requests: usize) -> Result<Tally> {
        self.send(Turn { begun: AtomicUsize::new(0), most: requests, is_over: Arc::default() })
    }

    /// Sends requests until it is told that this is enough.
    pub fn run_until(&self, is_over: &Arc<AtomicBool>) -> Result<Tally> {
        self.send(Turn { begun: AtomicUsize::new(0), most: usize::MAX, is_over: Arc::clone(is_over) })
    }

    fn send(&self, turn: Turn) -> Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let turn = Arc::new(turn);
        let tally = runtime.block_on(async {
            let mut workers = Vec::new();
            for _ in 0..self.clients {
                let client = self.client();
                for _ in 0..self.streams {
                    workers.push(tokio::spawn(worker(client.clone(), self.clone(), Arc::clone(&turn))));
                }
            }
            let mut tally = Tally::default();
            for worker in workers {
                tally.merge(&worker.await.context("a worker does not panic")?);
            }
            Ok::<_, anyhow::Error>(tally)
        })?;
        stop_if_interrupted()?;
        Ok(tally)
    }

    fn client(&self) -> Client<HttpConnector, Body> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Client::builder(TokioExecutor::new()).http2_only(self.version == Version::Http2).build(connector)
    }

    fn request(&self) -> Result<Request<Body>> {
        let request = Request::builder().uri(format!("http://127.0.0.1:{}{}", self.port, self.path));
        Ok(match self.content {
            Content::Empty => request.body(Empty::new().boxed_unsync())?,
            Content::BodyAndTrailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", HeaderValue::from_bytes(b"caf\xe9 \xff")?);
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                let body = Full::new(Bytes::from_static(b"a body"));
                let body = body.with_trailers(async move { Some(Ok(trailers)) });
                request
                    .method("POST")
                    .header("trailer", "x-sum, grpc-status")
                    .header("te", "trailers")
                    .body(body.boxed_unsync())?
            }
        })
    }
}

async fn worker(client: Client<HttpConnector, Body>, load: Load, turn: Arc<Turn>) -> Tally {
    let mut tally = Tally::default();
    while turn.take() {
        let status = match load.request() {
            Ok(request) => answer(&client, request).await,
            Err(_) => None,
        };
        tally.add(status);
    }
    tally
}

/// The status of an answer that came whole.
async fn answer(client: &Client<HttpConnector, Body>, request: Request<Body>) -> Option<u16> {
    let response = client.request(request).await.ok()?;
    let status = response.status().as_u16();
    response.into_body().collect().await.ok()?;
    Some(status)
}
