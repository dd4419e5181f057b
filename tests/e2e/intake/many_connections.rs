//! Ten thousand sidecars, each with a connection of its own; and a collector that has no file for another one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::collector::{Collector, Ports};
use harness::generator::{Generator, Shape, now_unix_ns};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use throughline_model::otlp::{HTTP_CONTENT_TYPE, HTTP_PATH};

use super::Alone;

const CONNECTIONS: u64 = 10_000;
const THREADS: u64 = 8;
/// Ten thousand answers may take long on a busy machine.
const DEADLINE: Duration = Duration::from_secs(180);
/// The default `memory_limit`.
const MOST_RESIDENT_BYTES: u64 = 704 * 1024 * 1024;
const FEW_FILES: u32 = 320;

pub(super) fn start_with_few_files() -> Result<Alone> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let collector = Collector::start_with_open_files(ports, &run, FEW_FILES)?;
    Ok(Alone { run, collector, ports })
}

/// A sidecar: one connection that is kept.
struct Sidecar {
    stream: BufReader<TcpStream>,
}

impl Sidecar {
    fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Self { stream: BufReader::with_capacity(512, stream) })
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        let length = message.len();
        let head = format!(
            "POST {HTTP_PATH} HTTP/1.1\r\nhost: c\r\ncontent-type: {HTTP_CONTENT_TYPE}\r\ncontent-length: {length}\r\n\r\n"
        );
        Ok(self.stream.get_mut().write_all(&[head.as_bytes(), message].concat())?)
    }

    /// The status of the next answer.
    fn status(&mut self) -> Result<u16> {
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
        status.context("an answer without status")
    }
}

/// The messages of sidecars, one for each number.
struct Messages(Generator);

impl Messages {
    fn new() -> Result<Self> {
        Ok(Self(Generator::new(Shape::BySender(1), now_unix_ns())?))
    }

    fn message(&self, number: u64) -> Result<(Vec<u8>, u64)> {
        let senders = self.0.senders() as u64;
        let (set, sender) = (number / senders, usize::try_from(number % senders)?);
        let template = self.0.template(set, sender).context("a template")?;
        let mut message = template.bytes.clone();
        template.patch(&mut message, self.0.salt(set), now_unix_ns());
        Ok((message, template.spans as u64))
    }
}

pub(super) fn ten_thousand(alone: &mut Alone) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    ensure!(
        limit.maximum.is_none_or(|files| files > CONNECTIONS + 2_000),
        "this system allows {:?} open files; raise it with `ulimit -Hn`",
        limit.maximum
    );
    let (messages, counts, port) = (Messages::new()?, Counts::default(), alone.ports.otlp_http);
    let (client, metrics) = (Client::new(), format!("{}/metrics", alone.collector.url()));
    let open = std::thread::scope(|scope| {
        let share = CONNECTIONS / THREADS;
        let group = |number| (number * share..(number + 1) * share, &messages, &counts);
        let groups: Vec<_> = (0..THREADS)
            .map(|number| {
                let (numbers, messages, counts) = group(number);
                scope.spawn(move || keep_sending(numbers, port, messages, counts))
            })
            .collect();
        let open = wait::until("ten thousand open connections", DEADLINE, || {
            let open = metric(&client.get(&metrics)?.text()?, "throughline_connections_open")?;
            let all_served = counts.served.load(Ordering::Relaxed) >= CONNECTIONS;
            Ok((open >= CONNECTIONS && all_served).then_some(open))
        });
        counts.is_over.store(true, Ordering::Relaxed);
        for group in groups {
            group.join().expect("a group of sidecars does not panic")?;
        }
        open
    })?;
    let acknowledged = counts.spans.load(Ordering::Relaxed);
    let received = alone.collector.api().status()?.spans_received;
    ensure!(received >= acknowledged, "{received} spans were received and {acknowledged} acknowledged");
    let resident = alone.collector.process_mut().context("it runs")?.resident_bytes()?;
    ensure!(resident <= MOST_RESIDENT_BYTES, "{resident} bytes are resident");
    println!(
        "  {open} connections open at once, each served; {acknowledged} spans acknowledged, {} batches told to wait; {} MiB resident",
        counts.told_to_wait.load(Ordering::Relaxed),
        resident >> 20
    );
    Ok(())
}

/// What all sidecars together have seen.
#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    /// Sidecars whose first batch was acknowledged.
    served: AtomicU64,
    spans: AtomicU64,
    told_to_wait: AtomicU64,
}

/// Some sidecars that send again and again: all of them a message, then all of them wait for the answer. One whose
/// connection was idle for too long on a busy machine connects anew, as sidecars do.
fn keep_sending(numbers: Range<u64>, port: u16, messages: &Messages, counts: &Counts) -> Result<()> {
    let mut sidecars: Vec<Option<Sidecar>> = numbers.clone().map(|_| None).collect();
    let mut was_served = vec![false; sidecars.len()];
    for round in 0.. {
        for (number, place) in numbers.clone().zip(&mut sidecars) {
            let mut sidecar = place.take().map_or_else(|| Sidecar::connect(port), Ok)?;
            let (message, _) = messages.message(round * CONNECTIONS + number)?;
            *place = sidecar.send(&message).is_ok().then_some(sidecar);
        }
        for ((number, place), was_served) in numbers.clone().zip(&mut sidecars).zip(&mut was_served) {
            match place.as_mut().map(Sidecar::status) {
                Some(Ok(200)) => {
                    let (_, spans) = messages.message(round * CONNECTIONS + number)?;
                    counts.spans.fetch_add(spans, Ordering::Relaxed);
                    counts
                        .served
                        .fetch_add(u64::from(!std::mem::replace(was_served, true)), Ordering::Relaxed);
                }
                Some(Ok(429)) => {
                    counts.told_to_wait.fetch_add(1, Ordering::Relaxed);
                }
                Some(Ok(other)) => bail!("sidecar {number} got {other}"),
                Some(Err(_)) | None => *place = None,
            }
        }
        if counts.is_over.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
    Ok(())
}

/// Those that have a place are served, the others are closed and counted, the log says why, questions are answered, and
/// there is place again once some have gone.
pub(super) fn more_than_files(alone: &mut Alone) -> Result<()> {
    let (messages, port) = (Messages::new()?, alone.ports.otlp_http);
    let mut sidecars =
        (0..u64::from(FEW_FILES)).map(|_| Sidecar::connect(port)).collect::<Result<Vec<_>>>()?;
    let mut served = 0;
    for (number, sidecar) in (0..).zip(&mut sidecars) {
        let (message, _) = messages.message(number)?;
        // A connection that was closed may fail at the write or at the read.
        if sidecar.send(&message).and_then(|()| sidecar.status()).is_ok_and(|status| status == 200) {
            served += 1;
        }
    }
    ensure!((100..u64::from(FEW_FILES)).contains(&served), "{served} connections were served");
    let metrics = Client::new().get(&format!("{}/metrics", alone.collector.url()))?.text()?;
    let refused = metric(&metrics, "throughline_connections_refused_total")?;
    ensure!(
        refused + served == u64::from(FEW_FILES),
        "{served} were served and {refused} counted as refused"
    );
    let log = alone.collector.logged()?;
    ensure!(log.contains("as many connections are open as may be"), "the log does not say why: {log}");
    ensure!(log.contains("the system allows few open files"), "the log does not warn at the start: {log}");
    drop(sidecars);
    let (message, _) = messages.message(u64::from(FEW_FILES))?;
    wait::until("a place for another connection", DEADLINE, || {
        let mut sidecar = Sidecar::connect(port)?;
        let status = sidecar.send(&message).and_then(|()| sidecar.status());
        Ok(status.is_ok_and(|status| status == 200).then_some(()))
    })?;
    println!(
        "  {FEW_FILES} open files: {served} connections served, {refused} closed and counted; then there was place again"
    );
    Ok(())
}

fn metric(metrics: &str, name: &str) -> Result<u64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.with_context(|| format!("no {name}"))?.trim().parse()?)
}
