//! Clients that mean harm, all at once, while a well-behaved one goes on: it is served, and memory stays bounded.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use harness::generator::{Generator, SPANS_PER_TRACE, Shape, now_unix_ns};
use harness::http::Client;
use throughline_model::otlp::{HTTP_CONTENT_TYPE, METHOD, SERVICE};

use super::Alone;

/// How long the attack goes on, and how many traces must get through meanwhile at least.
const ATTACK: Duration = Duration::from_secs(5);
const LEAST_TRACES: u64 = 10;
/// The default `memory_limit`, and as much again for the process itself and its queries.
const MOST_RESIDENT_BYTES: u64 = 1024 * 1024 * 1024;
const READ_TIMEOUT: Duration = Duration::from_millis(500);

type Attack = fn(u16) -> Result<()>;

pub(super) fn nobody_else_is_harmed(alone: &mut Alone) -> Result<()> {
    let (http, grpc, zipkin) = (alone.ports.otlp_http, alone.ports.otlp_grpc, alone.ports.zipkin);
    let attacks: [(&str, Attack, u16); 9] = [
        ("slow headers", slow_headers, http),
        ("a body that never ends", endless_body, http),
        ("a body that never comes", absent_body, http),
        ("a gzip bomb", gzip_bomb, http),
        ("a length of 2^31 in gRPC", huge_grpc_length, grpc),
        ("a length of 2^31 in a field", huge_field_length, http),
        ("JSON a hundred thousand deep", deep_json, zipkin),
        ("bytes that are no text", not_text, http),
        ("HTTP/2 frames of nonsense", http2_nonsense, grpc),
    ];
    let (is_over, attempts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let traces = std::thread::scope(|scope| {
        for (_, attack, port) in attacks {
            let (is_over, attempts) = (&is_over, &attempts);
            for _ in 0..4 {
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        // Being thrown out is what an attacker has to expect.
                        let _thrown_out = attack(port);
                        attempts.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
        let outcome = behave_well(alone);
        is_over.store(true, Ordering::Relaxed);
        outcome
    })?;
    ensure!(traces >= LEAST_TRACES, "only {traces} traces got through");
    let resident = alone.collector.process_mut().context("it runs")?.resident_bytes()?;
    ensure!(resident <= MOST_RESIDENT_BYTES, "{resident} bytes are resident");
    let names: Vec<&str> = attacks.iter().map(|(name, ..)| *name).collect();
    println!(
        "  {} attempts ({}); {traces} traces were taken and found meanwhile; {} MiB resident",
        attempts.load(Ordering::Relaxed),
        names.join(", "),
        resident >> 20
    );
    Ok(())
}

/// Sends one trace after another and looks each up.
fn behave_well(alone: &Alone) -> Result<u64> {
    let generator = Generator::new(Shape::Together(1), now_unix_ns())?;
    let (client, api, begin) = (Client::new(), alone.collector.api(), Instant::now());
    let mut traces = 0;
    while begin.elapsed() < ATTACK || traces < LEAST_TRACES {
        let template = generator.template(traces, 0).context("one sender")?;
        let mut message = template.bytes.clone();
        template.patch(&mut message, generator.salt(traces), now_unix_ns());
        let headers = [("content-type", HTTP_CONTENT_TYPE)];
        let answer = client.request("POST", &alone.collector.otlp_http_url(), &headers, &message)?;
        // All share one address here, so the attackers may have used up its share; then the answer is to wait.
        if answer.status == 429 {
            ensure!(answer.headers.contains_key("retry-after"), "no word of when to try again");
            std::thread::yield_now();
            continue;
        }
        ensure!(answer.status == 200, "a good batch got {}: {}", answer.status, answer.text()?);
        let trace_id = generator.trace_ids(traces)[0].to_hex();
        let found = api.lifecycle(&trace_id)?.map_or(0, |lifecycle| lifecycle.spans.len());
        ensure!(found == SPANS_PER_TRACE, "{found} of {SPANS_PER_TRACE} spans are found");
        traces += 1;
    }
    Ok(traces)
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    Ok(stream)
}

fn head(port: u16, path: &str, content_type: &str, more: &str) -> Result<TcpStream> {
    let mut stream = connect(port)?;
    write!(stream, "POST {path} HTTP/1.1\r\nhost: c\r\ncontent-type: {content_type}\r\n{more}\r\n")?;
    Ok(stream)
}

fn read_some(stream: &mut TcpStream) -> Result<()> {
    let mut answer = [0; 512];
    let _length = stream.read(&mut answer)?;
    Ok(())
}

fn post(port: u16, path: &str, content_type: &str, more: &str, body: &[u8]) -> Result<()> {
    let mut stream = head(port, path, content_type, &format!("content-length: {}\r\n{more}", body.len()))?;
    stream.write_all(body)?;
    read_some(&mut stream)
}

fn slow_headers(port: u16) -> Result<()> {
    let mut stream = connect(port)?;
    for byte in b"POST /v1/traces HTTP/1.1\r\nx-slow: 1" {
        stream.write_all(&[*byte])?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn endless_body(port: u16) -> Result<()> {
    let mut stream = head(port, "/v1/traces", HTTP_CONTENT_TYPE, "transfer-encoding: chunked\r\n")?;
    let chunk = vec![0x0a; 64 * 1024];
    for _ in 0..1_000 {
        write!(stream, "{:x}\r\n", chunk.len())?;
        stream.write_all(&chunk)?;
        stream.write_all(b"\r\n")?;
    }
    read_some(&mut stream)
}

fn absent_body(port: u16) -> Result<()> {
    let mut stream = head(port, "/v1/traces", HTTP_CONTENT_TYPE, "content-length: 16000000\r\n")?;
    read_some(&mut stream)
}

fn gzip_bomb(port: u16) -> Result<()> {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    let bomb = BOMB.get_or_init(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&vec![0; 200_000_000]).and_then(|()| encoder.finish());
        written.unwrap_or_default()
    });
    post(port, "/v1/traces", HTTP_CONTENT_TYPE, "content-encoding: gzip\r\n", bomb)
}

fn huge_grpc_length(port: u16) -> Result<()> {
    let path = format!("/{SERVICE}/{METHOD}");
    post(port, &path, "application/grpc", "te: trailers\r\n", &[0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3])
}

fn huge_field_length(port: u16) -> Result<()> {
    let body = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x12, 0xff, 0xff, 0xff, 0xff, 0x07];
    post(port, "/v1/traces", HTTP_CONTENT_TYPE, "", &body)
}

fn deep_json(port: u16) -> Result<()> {
    post(port, "/api/v2/spans", "application/json", "", "[{\"a\":".repeat(100_000).as_bytes())
}

fn not_text(port: u16) -> Result<()> {
    let body: Vec<u8> =
        (0..4_096u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    post(port, "/v1/traces", HTTP_CONTENT_TYPE, "", &body)?;
    post(port, "/v1/traces", "application/json", "", &body)
}

fn http2_nonsense(port: u16) -> Result<()> {
    let mut stream = connect(port)?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
    // An empty SETTINGS frame, then the beginnings of streams without end.
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
    for stream_id in (1u32..20_001).step_by(2) {
        let mut frame = vec![0, 0, 1, 1, 4];
        frame.extend(stream_id.to_be_bytes());
        frame.push(0x83);
        stream.write_all(&frame)?;
    }
    read_some(&mut stream)
}
