//! Connections that send messages of the generator as fast as they are acknowledged, on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use harness::generator::{Generator, now_unix_ns};
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
        let next = Arc::new(AtomicU64::new(0));
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..load.connections {
            let (load, next) = (load.clone(), Arc::clone(&next));
            connections.spawn(async move { Connection::open(&load).await?.send_all(&load, &next).await });
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

    async fn send_all(&mut self, load: &Load, next: &AtomicU64) -> Result<Sent> {
        let mut sent = Sent::default();
        let mut buffer = BytesMut::new();
        let senders = load.generator.senders() as u64;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (set, sender) = (number / senders, number % senders);
            let template = load.generator.template(set, usize::try_from(sender)?).context("no template")?;
            // Every set has as many spans as the first.
            let per_set: usize = (0..load.generator.senders())
                .filter_map(|sender| load.generator.template(0, sender))
                .map(|template| template.spans)
                .sum();
            if set * per_set as u64 >= load.spans {
                return Ok(sent);
            }
            if load.protocol == Protocol::Grpc {
                buffer.put_u8(0);
                buffer.put_u32(u32::try_from(template.bytes.len())?);
            }
            let begin = buffer.len();
            buffer.extend_from_slice(&template.bytes);
            let message = buffer.get_mut(begin..).unwrap_or_default();
            template.patch(message, load.generator.salt(set), now_unix_ns());
            // The buffer takes its room back once the message was sent.
            let body = buffer.split().freeze();
            while matches!(self.exchange(body.clone()).await?, Answer::Later) {
                sent.put_off += 1;
                tokio::time::sleep(PAUSE).await;
            }
            drop(body);
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
