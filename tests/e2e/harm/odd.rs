//! Requests as bytes: what no well-behaved client sends, and what Envoy's limits usually keep from the filter.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::streams::Tally;
use harness::wait::{self, stop_if_interrupted};

use super::matrix::Before;
use super::{Door, Pair};

/// Names that the filter looks into, and one that it does not.
const NAMES: [&str; 14] = [
    "traceparent",
    "tracestate",
    "x-request-id",
    "b3",
    "x-b3-traceid",
    "baggage",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-datadog-trace-id",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "authorization",
    "cookie",
    "x-any",
];
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// How often each request is sent through each listener.
const TIMES: usize = 10;
const COUNT_QUIET: Duration = Duration::from_secs(1);
const COUNT_DEADLINE: Duration = Duration::from_secs(20);
const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A kind of request, and the requests of that kind.
struct Kind {
    name: &'static str,
    requests: Vec<Vec<u8>>,
}

pub(super) fn odd_requests(pair: &mut Pair) -> Result<()> {
    for kind in kinds() {
        let before = Before::of(&pair.filtered)?;
        let (mut with, mut without) = (Tally::default(), Tally::default());
        for (number, request) in kind.requests.iter().enumerate() {
            for door in Door::BOTH {
                let expected = exchange(door.of(&pair.plain), request)?;
                without.add(expected);
                for _ in 0..TIMES {
                    let got = exchange(door.of(&pair.filtered), request)?;
                    with.add(got);
                    let case = format!("{}, request {number} by the {door:?} listener", kind.name);
                    ensure!(got == expected, "{case}: {got:?}, and {expected:?} without the filter");
                }
            }
        }
        // Each was sent once without the filter and several times with it.
        let mut repeated = Tally::default();
        (0..TIMES).for_each(|_| repeated.merge(&without));
        pair.matrix.row(kind.name, &pair.filtered, &before, &with, &repeated)?;
    }
    is_alive(pair)
}

/// After all of that the filter still works: a trap would show as traffic without spans.
fn is_alive(pair: &Pair) -> Result<()> {
    pair.filtered.ensure_no_trap()?;
    let spans = || pair.filtered.stat_sum(&["throughline_spans", "wasmcustom"]);
    // Envoy is told with the next turn of the filter's timer.
    wait::until_quiet("the spans of what came before", COUNT_QUIET, COUNT_DEADLINE, spans)?;
    let before = spans()?;
    for _ in 0..TIMES {
        exchange(pair.filtered.outbound_port(), &request("GET / HTTP/1.1", &[b"host: shop"], b""))?;
    }
    let due = before + 2 * TIMES as u64;
    wait::until("the spans of requests: else the filter is dead", COUNT_DEADLINE, || {
        Ok((spans()? >= due).then_some(()))
    })
}

fn kinds() -> Vec<Kind> {
    let named = |value: &[u8]| -> Vec<Vec<u8>> {
        NAMES.iter().map(|name| with_lines(&[[name.as_bytes(), b": ", value].concat()])).collect()
    };
    let high: Vec<u8> = (0x80..=0xff).collect();
    let mut high_bytes = named(&high);
    high_bytes.push(with_lines(&[format!("traceparent: {}", VALID.replace('7', "\u{7f}")).into_bytes()]));
    high_bytes.push(request_line(&[b"GET /caf\xe9\xff?q=\x80 HTTP/1.1".as_slice()].concat()));
    let many: Vec<Vec<u8>> = (0..198).map(|at| format!("x-many-{at}: {at}").into_bytes()).collect();
    let states: Vec<Vec<u8>> = (0..198).map(|at| format!("tracestate: k{at}=v").into_bytes()).collect();
    let parents: Vec<Vec<u8>> = (0..198).map(|_| format!("traceparent: {VALID}").into_bytes()).collect();
    let long_path = format!("GET /{} HTTP/1.1", "p%ff/".repeat(1_700));
    let mut long = named(&[b'a'; 8 * 1024]);
    long.push(with_lines(&[format!("tracestate: {}", "k=v,".repeat(2_048)).into_bytes()]));
    long.push(request_line(long_path.as_bytes()));
    vec![
        Kind { name: "bytes 0x80 to 0xff in values", requests: high_bytes },
        Kind { name: "values of 8 KiB", requests: long },
        Kind { name: "values that are empty", requests: named(b"") },
        Kind {
            name: "200 headers",
            requests: vec![with_lines(&many), with_lines(&states), with_lines(&parents)],
        },
        Kind { name: "an empty host, no host, a strange one", requests: hosts() },
        Kind {
            name: "HTTP/1.0, with and without a host",
            requests: vec![
                request("GET / HTTP/1.0", &[], b""),
                request("GET / HTTP/1.0", &[b"host: shop"], b""),
                request("POST / HTTP/1.0", &[b"host: shop", b"content-length: 4"], b"body"),
            ],
        },
        Kind { name: "trailers, and bodies cut in pieces (HTTP/1.1)", requests: chunked() },
        Kind { name: "what Envoy refuses before or behind the filter", requests: refused() },
    ]
}

fn hosts() -> Vec<Vec<u8>> {
    let values: [&[u8]; 7] =
        [b"host: ", b"host:", b"host: :", b"host: [::1]:0", b"host: a:99999", b"host: \xff", b"host: a:b:c"];
    let mut all: Vec<_> = values.iter().map(|line| request("GET / HTTP/1.1", &[line], b"")).collect();
    all.push(request("GET / HTTP/1.1", &[], b""));
    all
}

fn chunked() -> Vec<Vec<u8>> {
    let lines: [&[u8]; 3] = [b"host: shop", b"transfer-encoding: chunked", b"trailer: x-sum, traceparent"];
    let valid = format!("1\r\na\r\n0\r\nx-sum: 7\r\ntraceparent: {VALID}\r\n\r\n");
    vec![
        request("POST /trailers HTTP/1.1", &lines, valid.as_bytes()),
        request("POST /trailers HTTP/1.1", &lines, b"4\r\nbody\r\n0\r\nx-sum: \xff\x80\r\n\r\n"),
        request("POST /trailers HTTP/1.1", &lines, b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
    ]
}

fn refused() -> Vec<Vec<u8>> {
    let host: &[u8] = b"host: shop";
    vec![
        request("GET / HTTP/9.9", &[host], b""),
        request("GET", &[host], b""),
        request("BREW / HTTP/1.1", &[host], b""),
        request("CONNECT shop:80 HTTP/1.1", &[host], b""),
        request("OPTIONS * HTTP/1.1", &[host], b""),
        request("GET / HTTP/1.1", &[host, b"caf\xe9: 1"], b""),
        request("GET / HTTP/1.1", &[host, b"x: a\0b"], b""),
        request("POST / HTTP/1.1", &[host, b"content-length: -1"], b""),
        with_lines(&(0..500).map(|at| format!("x-{at}: {at}").into_bytes()).collect::<Vec<_>>()),
        request("GET / HTTP/1.1", &[host, b"connection: upgrade", b"upgrade: websocket"], b""),
    ]
}

fn with_lines(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut all: Vec<&[u8]> = vec![b"host: shop"];
    all.extend(lines.iter().map(Vec::as_slice));
    request("GET / HTTP/1.1", &all, b"")
}

fn request_line(line: &[u8]) -> Vec<u8> {
    [line, b"\r\nhost: shop\r\nconnection: close\r\n\r\n"].concat()
}

fn request(line: &str, headers: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line}\r\nconnection: close\r\n").into_bytes();
    for header in headers {
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Sends the bytes and reads the status line; `None` when none came.
fn exchange(port: u16, request: &[u8]) -> Result<Option<u16>> {
    stop_if_interrupted()?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("connect")?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.write_all(request)?;
    let mut line = Vec::new();
    // What waits for more, such as an upgraded connection, has answered all the same; what Envoy resets has ended.
    let _ = BufReader::new(stream).read_until(b'\n', &mut line);
    let digits = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    Ok(digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()))
}
