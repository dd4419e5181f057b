//! Real sockets on this machine: both versions of HTTP, limits, patience and stopping.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

struct Served {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<TcpListener>,
}

async fn serve(router: Router, limits: ConnectionLimits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counters = Arc::new(Counters::new());
    let (stop, stopped) = oneshot::channel();
    let stopped = async move {
        stopped.await.ok();
    };
    let task = tokio::spawn(serve_connections(listener, router, limits, Arc::clone(&counters), stopped));
    Served { address, counters, stop, task }
}

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
}

/// Sends text and reads until the server closes.
async fn talk(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    read_to_end(&mut stream).await
}

/// A server that closes at once may reset the connection instead.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn speaks_http_1_1_and_ends_when_asked() {
    let (fixture, _store) = Fixture::with_memory();
    let served = serve(http_router(fixture.ingest), limits()).await;
    let answer = talk(served.address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    served.stop.send(()).unwrap();
    let listener = served.task.await.unwrap();
    assert_eq!(listener.local_addr().unwrap(), served.address, "the listener is given back");
    assert_eq!(served.counters.connections_open.get(), 0);
}

#[tokio::test]
async fn takes_a_batch_by_grpc_over_http_2() {
    let (fixture, store) = Fixture::with_memory();
    let served = serve(grpc_router(fixture.ingest), limits()).await;
    let stream = TokioIo::new(TcpStream::connect(served.address).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let driver = tokio::spawn(connection);
    for _ in 0..3 {
        let message = grpc::request(grpc::framed(0, &batch(1..=100)), &[]);
        let response = sender.send_request(message).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap().get("grpc-status").unwrap(), "0");
    }
    assert_eq!(store.stats().spans_live, 300);
    assert_eq!(served.counters.connections_open.get(), 1);
    drop(sender);
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_connection_more_than_allowed_is_closed_and_counted() {
    let (fixture, _store) = Fixture::with_memory();
    let served =
        serve(http_router(fixture.ingest), ConnectionLimits { max_connections: 1, ..limits() }).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begin = [0; 12];
    first.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 404");
    assert_eq!(talk(served.address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await, "");
    assert_eq!(served.counters.connections_refused.get(), 1);
}

#[tokio::test]
async fn listeners_together_have_no_more_connections_than_there_are_files() {
    let (fixture, _store) = Fixture::with_memory();
    let served = serve(http_router(fixture.ingest), ConnectionLimits { max_in_all: 2, ..limits() }).await;
    served.counters.connections_open.inc();
    let mut own = TcpStream::connect(served.address).await.unwrap();
    own.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begin = [0; 12];
    own.read_exact(&mut begin).await.unwrap();
    let closed = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(talk(served.address, closed).await, "");
    assert_eq!(served.counters.connections_refused.get(), 1);
    served.counters.connections_open.dec();
    assert!(talk(served.address, closed).await.starts_with("HTTP/1.1 404"), "there is a place again");
}

#[tokio::test]
async fn a_client_that_dawdles_is_closed() {
    let (fixture, _store) = Fixture::with_memory();
    let impatient = ConnectionLimits { header_timeout: std::time::Duration::from_millis(20), ..limits() };
    let served = serve(http_router(fixture.ingest), impatient).await;
    for begin in ["", "PRI * HT", "GET / HTTP/1.1\r\nhost: "] {
        let answer = talk(served.address, begin).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_its_answer_is_closed() {
    // More than the buffers of two sockets hold.
    let answer = || async { vec![0; 64 * 1024 * 1024] };
    let router = Router::new().route("/", axum::routing::get(answer));
    let impatient = ConnectionLimits { write_timeout: std::time::Duration::from_millis(20), ..limits() };
    let served = serve(router, impatient).await;
    let mut deaf = TcpStream::connect(served.address).await.unwrap();
    deaf.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begin = [0; 12];
    deaf.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    let is_closed = async {
        while served.counters.connections_open.get() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), is_closed).await.expect("it is kept for ever");
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_process_from_stopping() {
    let (fixture, _store) = Fixture::with_memory();
    let served = serve(http_router(fixture.ingest), limits()).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begin = [0; 12];
    idle.read_exact(&mut begin).await.unwrap();
    served.stop.send(()).unwrap();
    served.task.await.unwrap();
    assert!(!read_to_end(&mut idle).await.contains("HTTP/1.1"), "nothing more is answered");
}

#[tokio::test]
async fn a_request_that_never_ends_is_broken_off_when_stopping() {
    let (fixture, _store) = Fixture::with_memory();
    let hasty = ConnectionLimits { stop_timeout: std::time::Duration::from_millis(20), ..limits() };
    let served = serve(http_router(fixture.ingest), hasty).await;
    let mut stuck = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 9\r\n\r\n";
    stuck.write_all(head.as_bytes()).await.unwrap();
    served.stop.send(()).unwrap();
    served.task.await.unwrap();
    assert_eq!(read_to_end(&mut stuck).await, "");
}

/// The server's end of a connection, found among the open files of this process.
#[allow(
    unsafe_code,
    reason = "a file is found by its number; it is copied at once, and one that was closed meanwhile fails that"
)]
fn server_end(client: SocketAddr) -> Option<std::net::TcpStream> {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_socket = |file: &std::fs::DirEntry| {
        std::fs::read_link(file.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    let mut numbers = files.filter(is_socket).filter_map(|file| file.file_name().to_str()?.parse().ok());
    numbers.find_map(|number| {
        // SAFETY: the number was open a moment ago, is not -1, and is borrowed for the copying only.
        let copy = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned().ok()?;
        let stream = std::net::TcpStream::from(copy);
        (stream.peer_addr().ok()? == client).then_some(stream)
    })
}

#[tokio::test]
async fn answers_do_not_wait_for_more() {
    let (fixture, _store) = Fixture::with_memory();
    let served = serve(http_router(fixture.ingest), limits()).await;
    let mut client = TcpStream::connect(served.address).await.unwrap();
    assert!(!client.nodelay().unwrap(), "as the system makes sockets");
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    client.read_u8().await.unwrap();
    let accepted = server_end(client.local_addr().unwrap()).expect("the connection is open");
    assert!(accepted.nodelay().unwrap(), "TCP_NODELAY is set on what was accepted");
}

#[tokio::test]
async fn http_2_begins_with_wide_windows() {
    let (fixture, _store) = Fixture::with_memory();
    let served = serve(http_router(fixture.ingest), limits()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let (preface, empty_settings) = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [0, 0, 0, 4, 0, 0, 0, 0, 0]);
    stream.write_all(&[preface.as_slice(), &empty_settings].concat()).await.unwrap();
    // What RFC 9113 has without a word: 64 KiB less one.
    let (mut settings, mut window) = (std::collections::BTreeMap::new(), 65_535);
    while settings.is_empty() || window == 65_535 {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        match (head[3], number(&head[5..])) {
            (4, 0) => settings.extend(payload.chunks(6).map(|entry| (entry[1], number(&entry[2..])))),
            (8, 0) => window += number(&payload),
            (kind, stream) => panic!("a frame of type {kind} for stream {stream}"),
        }
    }
    assert_eq!(window, 4 * 1024 * 1024, "of the connection");
    assert_eq!(settings.get(&4), Some(&(2 * 1024 * 1024)), "SETTINGS_INITIAL_WINDOW_SIZE");
    assert_eq!(settings.get(&5), Some(&(512 * 1024)), "SETTINGS_MAX_FRAME_SIZE");
}
