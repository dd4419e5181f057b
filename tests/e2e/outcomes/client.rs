//! Clients that behave well, and some that do not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

const TIMEOUT: Duration = Duration::from_secs(20);

/// One request over HTTP/1.1 that ends with this status.
pub(crate) fn get(port: u16, host: &str, path: &str, traceparent: &str, status: u16) -> Result<()> {
    raw(port, head(host, path, traceparent, "connection: close\r\n").as_bytes(), status)
}

/// Any bytes; the answer has this status, and is read to its end, however it ends.
pub(crate) fn raw(port: u16, bytes: &[u8], status: u16) -> Result<()> {
    let mut stream = connect(port)?;
    stream.write_all(bytes)?;
    let answered = read_status(&mut stream)?;
    ensure!(answered == status, "the answer is {answered}, should be {status}");
    // A body that breaks off is one of the ends.
    let _ = stream.read_to_end(&mut Vec::new());
    Ok(())
}

/// Sends a request and waits for nothing.
pub(crate) fn begin(port: u16, host: &str, path: &str, traceparent: &str) -> Result<TcpStream> {
    let mut stream = connect(port)?;
    stream.write_all(head(host, path, traceparent, "").as_bytes())?;
    Ok(stream)
}

/// A WebSocket that is closed as soon as it is open.
pub(crate) fn open_and_close_socket(port: u16, host: &str, path: &str, traceparent: &str) -> Result<()> {
    let more = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut stream = connect(port)?;
    stream.write_all(head(host, path, traceparent, more).as_bytes())?;
    let status = read_status(&mut stream)?;
    ensure!(status == 101, "the answer is {status}, should be 101");
    Ok(())
}

/// One gRPC call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) port: u16,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) traceparent: &'a str,
}

impl Call<'_> {
    /// With an empty message.
    fn to_request(self) -> Result<http::Request<Full<Bytes>>> {
        let Self { port, host, path, content_type, traceparent } = self;
        let builder = http::Request::builder()
            .method("POST")
            .uri(format!("http://127.0.0.1:{port}{path}"))
            .header("host", host)
            .header("content-type", content_type)
            .header("te", "trailers")
            .header("traceparent", traceparent);
        Ok(builder.body(Full::new(Bytes::from_static(&[0; 5])))?)
    }
}

/// Makes a call and cancels it once `has_arrived` says so. A ping on the same connection, a call of its own, comes back
/// after the proxy has the word.
pub(crate) fn cancel(call: Call<'_>, ping: Call<'_>, has_arrived: impl Fn() -> bool) -> Result<()> {
    let (request, ping) = (call.to_request()?, ping.to_request()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let arrival = async {
            while !has_arrived() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            response = client.request(request) => bail!("answered: {:?}", response?.status()),
            arrived = tokio::time::timeout(TIMEOUT, arrival) => arrived.context("it never arrived")?,
        }
        tokio::time::timeout(TIMEOUT, client.request(ping)).await.context("timeout")??;
        Ok(())
    })
}

/// Makes a call; whatever comes back is read to its end.
pub(crate) fn grpc(call: Call<'_>) -> Result<()> {
    let request = call.to_request()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let response = tokio::time::timeout(TIMEOUT, client.request(request)).await.context("timeout")??;
        ensure!(response.status() == 200, "the answer is {}", response.status());
        response.into_body().collect().await?;
        Ok(())
    })
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn head(host: &str, path: &str, traceparent: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ntraceparent: {traceparent}\r\n{more}\r\n")
}

/// The status of an answer, read byte by byte to the end of its headers.
fn read_status(stream: &mut TcpStream) -> Result<u16> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).context("the answer ended within its headers")?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head);
    text.split_whitespace().nth(1).and_then(|status| status.parse().ok()).context("no status")
}
