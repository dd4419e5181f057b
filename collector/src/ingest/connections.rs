//! Accepts connections and serves HTTP/1.1 and HTTP/2 on each, as the client begins it: bounded in number and patience.

mod impatient;
mod room;

use std::future::Future;
use std::io::{self, Cursor};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::seldom::Seldom;
use crate::telemetry::Counters;
use impatient::ImpatientWriter;
use room::{Place, Room};

/// What a client that speaks HTTP/2 sends first (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HTTP2_STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const HTTP2_STREAMS: u32 = 128;
/// A batch arrives in one frame, and is never put together from several, where the sender cares to make them large.
const HTTP2_FRAME_BYTES: u32 = 512 * 1024;
const MAX_HEADER_BYTES: u32 = 32 * 1024;
const HTTP1_BUFFER_BYTES: usize = 64 * 1024;
/// How long to wait before accepting again when the system has no room for another connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Limits of the connections of one listener.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionLimits {
    /// Connections that are open at the same time; one more is closed at once. The last sixteenth is for senders that have less
    /// than a quarter.
    pub max_connections: usize,
    /// The same for all listeners together: each connection is an open file, and the store needs some as well.
    pub max_in_all: usize,
    /// How long a client may take for the headers of a request, and how long an idle HTTP/1.1 connection is kept.
    pub header_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub write_timeout: Duration,
    /// An HTTP/2 connection that is silent for this long is asked for a sign of life, and closed without one.
    pub keep_alive: Duration,
    /// How long requests may still run when the process is asked to stop.
    pub stop_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            max_in_all: usize::MAX,
            header_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(20),
            stop_timeout: Duration::from_secs(2),
        }
    }
}

/// Who sends: by address, because one pod may have many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

impl Peer {
    /// Who sent a request; the same unknown one for every request that did not come by a connection.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}

/// Serves every connection until `stop` completes, lets requests end, and gives the listener back.
pub async fn serve_connections(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    counters: Arc<Counters>,
    stop: impl Future<Output = ()>,
) -> TcpListener {
    let mut stop = pin!(stop);
    let room = Arc::new(Room::new(&limits, Arc::clone(&counters)));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let (failures, full) = (Seldom::default(), Seldom::default());
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match room.enter(Peer::from(peer.ip())) {
                    Some(place) => {
                        let served = serve(stream, peer, router.clone(), limits.clone(), graceful.watcher());
                        connections.spawn(async move { log_end(served.await, peer, &place) });
                    }
                    None => tell_refused(&counters, &full),
                },
                Err(error) => {
                    tell_not_accepted(&error, &failures);
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
    if tokio::time::timeout(limits.stop_timeout, graceful.shutdown()).await.is_err() {
        tracing::debug!("requests still run and are broken off");
    }
    connections.shutdown().await;
    listener
}

/// Counts a connection that was closed at once.
fn tell_refused(counters: &Counters, full: &Seldom) {
    counters.connections_refused.inc();
    if full.is_due() {
        let (open, refused) = (counters.connections_open.get(), counters.connections_refused.get());
        tracing::warn!(
            open,
            refused,
            "as many connections are open as may be, more are closed at once; senders that share connections, \
             or a higher limit of open files (ulimit -n), would help"
        );
    }
}

/// Connections that cannot be accepted wait in the system's queue until it can be done.
fn tell_not_accepted(error: &io::Error, failures: &Seldom) {
    if failures.is_due() {
        tracing::warn!(%error, "cannot accept a connection, trying again");
    }
}

fn log_end(outcome: Result<(), BrokenConnection>, peer: SocketAddr, _place: &Place) {
    if let Err(error) = outcome {
        tracing::debug!(%error, %peer, "connection broke off");
    }
}

#[derive(Debug, thiserror::Error)]
enum BrokenConnection {
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("nothing was sent in time")]
    Silent,
}

async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ConnectionLimits,
    watcher: Watcher,
) -> Result<(), BrokenConnection> {
    // Answers are small and must not wait for more.
    stream.set_nodelay(true)?;
    let begin = tokio::time::timeout(limits.header_timeout, read_begin(&mut stream)).await;
    let begin = begin.map_err(|_| BrokenConnection::Silent)??;
    let is_http2 = begin == HTTP2_PREFACE;
    let (read, write) = stream.into_split();
    let write = ImpatientWriter::new(write, limits.write_timeout);
    let stream = TokioIo::new(tokio::io::join(Cursor::new(begin).chain(read), write));
    let routes = TowerToHyperService::new(router);
    let peer = Peer::from(peer.ip());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        routes.call(request.map(Body::new))
    });
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .max_frame_size(HTTP2_FRAME_BYTES)
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_header_list_size(MAX_HEADER_BYTES)
            .keep_alive_interval(limits.keep_alive)
            .keep_alive_timeout(limits.keep_alive);
        watcher.watch(builder.serve_connection(stream, service)).await?;
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(HTTP1_BUFFER_BYTES);
        watcher.watch(builder.serve_connection(stream, service)).await?;
    }
    Ok(())
}

/// Reads until it is clear which version of HTTP the client speaks.
async fn read_begin(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut begin = Vec::with_capacity(HTTP2_PREFACE.len());
    while begin.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&begin) {
        let missing = HTTP2_PREFACE.len() - begin.len();
        if stream.take(missing as u64).read_buf(&mut begin).await? == 0 {
            break;
        }
    }
    Ok(begin)
}
