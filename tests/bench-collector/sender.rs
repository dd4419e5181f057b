//! Connections that send messages of the generator as fast as they are acknowledged, on one thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use harness::generator::{Generator, Template, now_unix_ns};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use throughline_model::otlp::{HTTP_CONTENT_TYPE, HTTP_PATH, METHOD, SERVICE};
use tokio::net::TcpStream;

/// What the connections speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

/// How much is to be sent, and by how many.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) generator: Arc<Generator>,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) connections: usize,
    pub(crate) spans: u64,
}

/// What was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
    /// How often the collector asked to send a message again later.
    pub(crate) put_off: u64,
}

/// What stands before a message of gRPC.
const GRPC_PREFIX_BYTES: usize = 5;

/// How long to wait when the collector asks for it.
const PAUSE: Duration = Duration::from_millis(50);

/// What the collector said.
enum Answer {
    Acknowledged,
    Later,
}

/// Sends until enough spans are acknowledged; every message must be.
pub(crate) fn send(load: &Load) -> Result<Sent> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (next, messages) = (Arc::new(AtomicU64::new(0)), Arc::new(Messages::default()));
        // Every set has as many spans as the first.
        let senders = 0..load.generator.senders();
        let spans_per_set: usize = senders
            .filter_map(|sender| load.generator.template(0, sender))
            .map(|template| template.spans)
            .sum();
        let sets = load.spans.div_ceil(spans_per_set.max(1) as u64);
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..load.connections {
            let (load, next, messages) = (load.clone(), Arc::clone(&next), Arc::clone(&messages));
            connections.spawn(async move {
                let next = Next { number: &next, sets };
                Connection::open(&load).await?.send_all(&load, &next, &messages).await
            });
        }
        let mut sum = Sent::default();
        while let Some(sent) = connections.join_next().await {
            let Sent { spans, bytes, messages, put_off } = sent??;
            sum.spans += spans;
            sum.put_off += put_off;
            sum.bytes += bytes;
            sum.messages += messages;
        }
        Ok(sum)
    })
}

/// Which message is sent next, by all connections together.
struct Next<'a> {
    number: &'a AtomicU64,
    /// How many sets of messages there are to be.
    sets: u64,
}

/// Messages that were sent and are patched anew instead of being copied from their template again, by template.
#[derive(Debug, Default)]
struct Messages {
    free: Mutex<HashMap<usize, Vec<BytesMut>>>,
}

impl Messages {
    /// A message of a template, with the prefix of gRPC where that is spoken.
    fn take(&self, template: &Template, protocol: Protocol) -> Result<BytesMut> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(message) = free.get_mut(&key(template)).and_then(Vec::pop) {
            return Ok(message);
        }
        let mut message = BytesMut::with_capacity(GRPC_PREFIX_BYTES + template.bytes.len());
        if protocol == Protocol::Grpc {
            message.put_u8(0);
            message.put_u32(u32::try_from(template.bytes.len())?);
        }
        message.extend_from_slice(&template.bytes);
        Ok(message)
    }

    /// Takes a message back, unless somebody still has a part of it.
    fn give_back(&self, template: &Template, message: Bytes) {
        if let Ok(message) = message.try_into_mut() {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.entry(key(template)).or_default().push(message);
        }
    }
}

/// Templates stay where they are for as long as the generator lives.
fn key(template: &Template) -> usize {
    std::ptr::from_ref(template).addr()
}

enum Connection {
    Grpc(http2::SendRequest<Full<Bytes>>),
    Http(http1::SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn open(load: &Load) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", load.port)).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        Ok(match load.protocol {
            Protocol::Grpc => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.max_frame_size(1024 * 1024);
                let (sender, connection) = builder.handshake(stream).await?;
                tokio::spawn(connection);
                Self::Grpc(sender)
            }
            Protocol::Http => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http(sender)
            }
        })
    }

    async fn send_all(&mut self, load: &Load, next: &Next<'_>, messages: &Messages) -> Result<Sent> {
        let mut sent = Sent::default();
        let senders = load.generator.senders() as u64;
        loop {
            let number = next.number.fetch_add(1, Ordering::Relaxed);
            let (set, sender) = (number / senders, number % senders);
            if set >= next.sets {
                return Ok(sent);
            }
            let template = load.generator.template(set, usize::try_from(sender)?).context("no template")?;
            let mut message = messages.take(template, load.protocol)?;
            let begin = message.len() - template.bytes.len();
            let patched = message.get_mut(begin..).unwrap_or_default();
            template.patch(patched, load.generator.salt(set), now_unix_ns());
            let body = message.freeze();
            while matches!(self.exchange(body.clone()).await?, Answer::Later) {
                sent.put_off += 1;
                tokio::time::sleep(PAUSE).await;
            }
            messages.give_back(template, body);
            sent.spans += template.spans as u64;
            sent.bytes += template.bytes.len() as u64;
            sent.messages += 1;
        }
    }

    /// Sends one message and waits for the answer.
    async fn exchange(&mut self, body: Bytes) -> Result<Answer> {
        let body = Full::new(body);
        match self {
            Self::Grpc(sender) => {
                let request = Request::post(format!("http://collector/{SERVICE}/{METHOD}"))
                    .header("content-type", "application/grpc")
                    .header("te", "trailers")
                    .body(body)?;
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let early = response.headers().get("grpc-status").cloned();
                let whole = response.into_body().collect().await?;
                let late = whole.trailers().and_then(|trailers| trailers.get("grpc-status").cloned());
                let status = early.or(late).context("no grpc-status")?;
                // RESOURCE_EXHAUSTED: the collector is behind and says so.
                if status == "8" {
                    return Ok(Answer::Later);
                }
                ensure!(status == "0", "grpc-status {status:?}");
            }
            Self::Http(sender) => {
                let request = Request::post(HTTP_PATH)
                    .header("host", "collector")
                    .header("content-type", HTTP_CONTENT_TYPE)
                    .body(body)?;
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let status = response.status();
                drain(response.into_body()).await?;
                if status == 429 {
                    return Ok(Answer::Later);
                }
                ensure!(status == 200, "HTTP status {status}");
            }
        }
        Ok(Answer::Acknowledged)
    }
}

async fn drain(body: Incoming) -> Result<()> {
    body.collect().await.map(drop).map_err(|error| anyhow::anyhow!("{error}"))
}
