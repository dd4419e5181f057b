//! One pod sends as much as it can, over many connections: it is told to wait, and the other pods are served.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::generator::{Generator, SPANS_PER_TRACE, Shape, now_unix_ns};
use harness::run_directory::RunDirectory;
use throughline_model::otlp::{HTTP_CONTENT_TYPE, HTTP_PATH};
use tokio::net::TcpSocket;

use super::Alone;

const LOUD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const QUIET: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 0, 3), Ipv4Addr::new(127, 0, 0, 4), Ipv4Addr::new(127, 0, 0, 5)];
const LOUD_CONNECTIONS: u64 = 32;
/// About a megabyte.
const TRACES_OF_A_LOUD_BATCH: usize = 80;
const QUIET_BATCHES: u64 = 40;
/// How often a quiet pod may be told to wait with one batch: SDKs try for longer.
const MOST_TRIES: u64 = 20;
const PAUSE: Duration = Duration::from_millis(200);
const DEADLINE: Duration = Duration::from_secs(120);

pub(super) fn start() -> Result<Alone> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let settings = run.join("little-memory.yaml");
    std::fs::write(&settings, "memory_limit: 256MiB\n")?;
    let collector = Collector::start_with(ports, &run, Some(settings))?;
    Ok(Alone { run, collector, ports })
}

/// A connection from an address of its own.
struct Pod {
    stream: BufReader<TcpStream>,
}

impl Pod {
    fn connect(from: Ipv4Addr, port: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((from, 0)))?;
            socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a message; the status and the body of the answer.
    fn send(&mut self, message: &[u8]) -> Result<(u16, Vec<u8>)> {
        let head = format!(
            "POST {HTTP_PATH} HTTP/1.1\r\nhost: c\r\ncontent-type: {HTTP_CONTENT_TYPE}\r\ncontent-length: {}\r\n\r\n",
            message.len()
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        // What is refused before all of it was read is answered, and the connection closed.
        let _is_taken = self.stream.get_mut().write_all(message).is_ok();
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the connection was closed");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            status = status.or(line.split(' ').nth(1).and_then(|code| code.parse().ok()));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status.context("an answer without status")?, body))
    }
}

#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    taken: AtomicU64,
    /// Told that it waits for as many bytes as one sender may.
    over_its_share: AtomicU64,
    told_to_wait: AtomicU64,
}

impl Counts {
    fn count(&self, status: u16, body: &[u8]) {
        let is_over_its_share = String::from_utf8_lossy(body).contains("this sender waits for the answers");
        self.taken.fetch_add(u64::from(status == 200), Ordering::Relaxed);
        self.told_to_wait.fetch_add(u64::from(status == 429), Ordering::Relaxed);
        self.over_its_share.fetch_add(u64::from(is_over_its_share), Ordering::Relaxed);
    }
}

fn message(generator: &Generator, set: u64) -> Result<Vec<u8>> {
    let template = generator.template(set, 0).context("one sender")?;
    let mut message = template.bytes.clone();
    template.patch(&mut message, generator.salt(set), now_unix_ns());
    Ok(message)
}

/// Never pauses, whatever it is told.
fn be_loud(port: u16, connection: u64, generator: &Generator, counts: &Counts) -> Result<()> {
    let mut pod = None;
    for round in 0.. {
        if counts.is_over.load(Ordering::Relaxed) {
            break;
        }
        let message = message(generator, round * LOUD_CONNECTIONS + connection)?;
        let mut connected = pod.take().map_or_else(|| Pod::connect(LOUD, port), Ok)?;
        if let Ok((status, body)) = connected.send(&message) {
            counts.count(status, &body);
            pod = Some(connected);
        }
    }
    Ok(())
}

/// Sends one batch after another, each until it is taken; the ids of the traces.
fn be_quiet(port: u16, from: Ipv4Addr, counts: &Counts) -> Result<Vec<String>> {
    let generator = Generator::new(Shape::Together(1), now_unix_ns() ^ u64::from(u32::from(from)))?;
    let (mut pod, mut ids) = (Pod::connect(from, port)?, Vec::new());
    for set in 0..QUIET_BATCHES {
        let message = message(&generator, set)?;
        for tries in 1.. {
            let (status, body) = pod.send(&message)?;
            counts.count(status, &body);
            if status == 200 {
                break;
            }
            ensure!(status == 429, "a quiet pod got {status}: {}", String::from_utf8_lossy(&body));
            ensure!(tries < MOST_TRIES, "a quiet pod was told to wait {tries} times with one batch");
            std::thread::sleep(PAUSE);
        }
        ids.extend(generator.trace_ids(set).iter().map(|trace_id| trace_id.to_hex()));
    }
    Ok(ids)
}

pub(super) fn others_are_served(alone: &mut Alone) -> Result<()> {
    let port = alone.ports.otlp_http;
    let loud_generator = Generator::new(Shape::Together(TRACES_OF_A_LOUD_BATCH), now_unix_ns())?;
    let (loud, quiet) = (Counts::default(), Counts::default());
    let ids = std::thread::scope(|scope| {
        let (loud, quiet, generator) = (&loud, &quiet, &loud_generator);
        let louds: Vec<_> = (0..LOUD_CONNECTIONS)
            .map(|connection| scope.spawn(move || be_loud(port, connection, generator, loud)))
            .collect();
        let quiets = QUIET.map(|from| scope.spawn(move || be_quiet(port, from, quiet)));
        let ids: Result<Vec<_>> =
            quiets.into_iter().map(|pod| pod.join().expect("a quiet pod does not panic")).collect();
        loud.is_over.store(true, Ordering::Relaxed);
        for connection in louds {
            connection.join().expect("the loud pod does not panic")?;
        }
        ids
    })?;
    let ids = ids.concat();
    let api = alone.collector.api();
    for trace_id in &ids {
        let found = api.lifecycle(trace_id)?.map_or(0, |lifecycle| lifecycle.spans.len());
        ensure!(found == SPANS_PER_TRACE, "{found} of {SPANS_PER_TRACE} spans of a quiet pod are found");
    }
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (taken, told, over) = (read(&loud.taken), read(&loud.told_to_wait), read(&loud.over_its_share));
    ensure!(over > 0, "the loud pod never had as many bytes under way as one sender may: {taken} taken");
    ensure!(taken > 0, "the loud pod was not served at all");
    let quiet_told = read(&quiet.told_to_wait);
    ensure!(read(&quiet.over_its_share) == 0, "a quiet pod was taken for a loud one");
    // Shares, not times: who is quiet is told to wait less often than who is loud.
    let (quiet_tries, loud_tries) = (quiet_told + read(&quiet.taken), told + taken);
    ensure!(
        quiet_told * loud_tries < told * quiet_tries,
        "quiet pods were told to wait {quiet_told} of {quiet_tries} times, the loud one {told} of {loud_tries}"
    );
    println!(
        "  the loud pod: {taken} batches of {TRACES_OF_A_LOUD_BATCH} traces taken, {told} told to wait, {over} of them over its share; \
         quiet pods: {} batches taken and found, {quiet_told} told to wait",
        ids.len()
    );
    Ok(())
}
