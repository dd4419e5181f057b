//! What each hostile client does: each function is one attempt, and fails when it is thrown out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use throughline_model::otlp::{HTTP_CONTENT_TYPE, METHOD, SERVICE};

const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// One attempt on a port.
type Attack = fn(u16) -> Result<()>;

/// Every attack with its name and its port.
pub(super) fn all(http: u16, grpc: u16, zipkin: u16) -> [(&'static str, Attack, u16); 16] {
    [
        ("slow headers", slow_headers, http),
        ("a body that never ends", endless_body, http),
        ("a body that never comes", absent_body, http),
        ("a length of 2^31 that never comes", huge_content_length, http),
        ("a gzip bomb", gzip_bomb, http),
        ("a zstd bomb", zstd_bomb, http),
        ("a zstd window of 2 GiB", zstd_window, http),
        ("a length of 2^31 in gRPC", huge_grpc_length, grpc),
        ("a length of 2^31 in a field", huge_field_length, http),
        ("gRPC streams that stay half sent", half_sent_streams, grpc),
        ("Zipkin's JSON a hundred thousand deep", deep_zipkin_json, zipkin),
        ("OTLP's JSON a hundred thousand deep", deep_otlp_json, http),
        ("bytes that are no message", noise, http),
        ("spans whose texts are no UTF-8", not_utf8, http),
        ("JSON that is no UTF-8", json_not_utf8, zipkin),
        ("HTTP/2 frames of nonsense", http2_nonsense, grpc),
    ]
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

fn huge_content_length(port: u16) -> Result<()> {
    let mut stream = head(port, "/v1/traces", HTTP_CONTENT_TYPE, "content-length: 2147483648\r\n")?;
    stream.write_all(&[0x0a; 4096])?;
    read_some(&mut stream)
}

/// Blocks that say of one byte how often it comes (RFC 8878, section 3.1.1.2): 200 MB in 6 KB.
fn zstd_bomb(port: u16) -> Result<()> {
    const BLOCK_BYTES: u32 = 128 * 1024;
    // The magic number, no flags, a window of 8 MiB.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    for number in 0..1_600u32 {
        let header = BLOCK_BYTES << 3 | 1 << 1 | u32::from(number == 1_599);
        bomb.extend(&header.to_le_bytes()[..3]);
        bomb.push(0x0a);
    }
    post(port, "/v1/traces", HTTP_CONTENT_TYPE, "content-encoding: zstd\r\n", &bomb)
}

fn zstd_window(port: u16) -> Result<()> {
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 0x03, 0x00, 0x10, 0x0a];
    post(port, "/v1/traces", HTTP_CONTENT_TYPE, "content-encoding: zstd\r\n", &frame)
}

fn deep_zipkin_json(port: u16) -> Result<()> {
    post(port, "/api/v2/spans", "application/json", "", "[{\"a\":".repeat(100_000).as_bytes())
}

fn deep_otlp_json(port: u16) -> Result<()> {
    let value = "{\"arrayValue\":{\"values\":[".repeat(100_000);
    let body =
        format!("{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"a\",\"value\":{value}");
    post(port, "/v1/traces", "application/json", "", body.as_bytes())
}

fn noise(port: u16) -> Result<()> {
    let body: Vec<u8> =
        (0..4_096u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    post(port, "/v1/traces", HTTP_CONTENT_TYPE, "", &body)?;
    post(port, "/v1/traces", "application/json", "", &body)
}

/// A field of protocol buffers with fewer than 128 bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

fn not_utf8(port: u16) -> Result<()> {
    let attribute = field(9, &[field(1, b"\xff\xfe"), field(2, &field(1, b"\xc3\x28"))].concat());
    let span = [field(1, &[7; 16]), field(2, &[7; 8]), field(5, b"caf\xe9 \xff"), attribute].concat();
    post(port, "/v1/traces", HTTP_CONTENT_TYPE, "", &field(1, &field(2, &field(2, &span))))
}

fn json_not_utf8(port: u16) -> Result<()> {
    let body = b"[{\"traceId\":\"1\",\"id\":\"1\",\"name\":\"caf\xe9 \xff\xfe\"}]";
    post(port, "/api/v2/spans", "application/json", "", body)
}

fn frame(kind: u8, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream_id.to_be_bytes()[..], payload].concat()
}

/// Requests that say they bring 15 MiB, send a part of it, and stay.
fn half_sent_streams(port: u16) -> Result<()> {
    let path = format!("/{SERVICE}/{METHOD}");
    let text = |head: &[u8], text: &str| [head, &[text.len() as u8], text.as_bytes()].concat();
    // HPACK (RFC 7541): POST and http from its table, the others as they are.
    let headers = [
        vec![0x83, 0x86],
        text(&[0x04], &path),
        text(&[0x01], "c"),
        text(&[0x0f, 0x10], "application/grpc"),
        text(&[0x00, 2, b't', b'e'], "trailers"),
    ];
    let mut stream = connect(port)?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
    stream.write_all(&frame(4, 0, 0, &[]))?;
    for stream_id in (1..=7).step_by(2) {
        stream.write_all(&frame(1, 4, stream_id, &headers.concat()))?;
        stream.write_all(&frame(0, 0, stream_id, &[0, 0, 0xf0, 0, 0]))?;
        // As much as the windows of streams and connections allow before the server says more.
        for _ in 0..48 {
            stream.write_all(&frame(0, 0, stream_id, &[0x0a; 16 * 1024]))?;
        }
    }
    std::thread::sleep(READ_TIMEOUT);
    read_some(&mut stream)
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
