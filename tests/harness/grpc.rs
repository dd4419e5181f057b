//! A small client of OTLP/gRPC: one connection, one call at a time.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use throughline_model::otlp::{METHOD, SERVICE};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// Nothing on the loopback address takes longer, however busy the machine is.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A connection that exports spans.
#[derive(Debug)]
pub struct Exporter {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub struct Exported {
    /// The code of gRPC; 0 is success.
    pub status: u16,
    /// The message, an `ExportTraceServiceResponse`, with its prefix.
    pub body: Bytes,
}

impl Exporter {
    /// Connects to a port of this machine.
    pub fn connect(port: u16) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let sender = runtime.block_on(async {
            let stream = TokioIo::new(TcpStream::connect(("127.0.0.1", port)).await?);
            let (sender, connection) = handshake(TokioExecutor::new(), stream).await?;
            tokio::spawn(connection);
            anyhow::Ok(sender)
        })?;
        Ok(Self { runtime, sender })
    }

    /// Sends an `ExportTraceServiceRequest`.
    pub fn export(&mut self, message: &[u8]) -> Result<Exported> {
        let length = u32::try_from(message.len())?.to_be_bytes();
        let request = Request::post(format!("http://127.0.0.1/{SERVICE}/{METHOD}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from([&[0][..], &length, message].concat())))?;
        let sent = self.sender.send_request(request);
        self.runtime.block_on(async {
            let exchange = async {
                let (head, body) = sent.await?.into_parts();
                let collected = body.collect().await?;
                // An error that comes at once has no trailers.
                let trailers = collected.trailers().unwrap_or(&head.headers);
                let status = trailers.get("grpc-status").context("an answer without grpc-status")?;
                Ok(Exported { status: status.to_str()?.parse()?, body: collected.to_bytes() })
            };
            tokio::time::timeout(TIMEOUT, exchange).await?
        })
    }
}
