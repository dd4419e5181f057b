//! What the fuzzers call: every reader of bytes that others wrote, on any bytes at all.
//!
//! Built for tests and for the feature `fuzz` only. Each function returns for every input, or breaks one of the promises that it
//! asserts; `collector/fuzz` hands these same functions to `cargo fuzz`.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a broken promise must end the fuzzer, and nothing of this room ships"
)]

use throughline_model::otlp::{decode_export_request, encode_export_request, scan_export_request};

use crate::config;
use crate::ingest::{json, zipkin};
use crate::query;
use crate::store::{self, Batch};

/// A function for a fuzzer.
pub type Target = fn(&[u8]);

/// Every target with its name and an input to begin with.
pub const TARGETS: [(&str, Target, &[u8]); 6] = [
    (
        "otlp_protobuf",
        otlp_protobuf,
        b"\x0a>\x0a\x18\x0a\x16\x0a\x0cservice.name\x12\x06\x0a\x04cart\x12\x22\x12\x20\x0a\x10abcdefghijklmnop\x12\x08abcdefgh*\x02ab",
    ),
    (
        "otlp_json",
        otlp_json,
        br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","kind":2,"startTimeUnixNano":"1","attributes":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"7"}]}}}]}]}]}]}"#,
    ),
    (
        "zipkin_json",
        zipkin_json,
        br#"[{"traceId":"80f1da5e10147517","id":"90394f6bcffb5d13","kind":"CLIENT","timestamp":1,"duration":2,"localEndpoint":{"serviceName":"a"},"tags":{"error":"x"}}]"#,
    ),
    ("log_records", log_records, b"TLR1\x03\0\0\0abc"),
    (
        "traceql",
        traceql,
        b"{ resource.service.name = \"cart\" && duration > 5ns } >> { status = error } | count() > 0\0\
          \0\x01\x04\x11\x50\x07\x0f\x01\x02\x02\x04\x13\x50\x07\x0f\x02\x03\x03\x04\x11\x50\x07\x0f\x05",
    ),
    ("configuration", configuration, b"receivers: {zipkin: {endpoint: '127.0.0.1:0'}}\nstorage: {retention: 7d}\n"),
];

/// Whatever a scan takes, decoding takes too, with the same result; and it survives being written again.
pub fn otlp_protobuf(bytes: &[u8]) {
    let mut heads = 0u64;
    let scanned = scan_export_request(bytes, |_| heads += 1);
    let decoded = decode_export_request(bytes);
    match (scanned, decoded) {
        (Ok(tally), Ok(decoded)) => {
            assert_eq!((tally, heads), (decoded.tally, decoded.spans.len() as u64));
            let written = encode_export_request(&decoded.spans);
            let again = decode_export_request(&written).expect("what we write can be read");
            assert_eq!(again.spans.len(), decoded.spans.len());
        }
        (Err(error), Err(other)) => assert_eq!(error, other),
        (scanned, decoded) => panic!("a scan gives {scanned:?} and decoding {decoded:?}"),
    }
}

/// What is read can be kept.
pub fn otlp_json(bytes: &[u8]) {
    if let Ok(converted) = json::read(bytes) {
        keep(&converted);
    }
}

/// What is read can be kept.
pub fn zipkin_json(bytes: &[u8]) {
    if let Ok(converted) = zipkin::read(bytes) {
        keep(&converted);
    }
}

fn keep(converted: &json::Converted) {
    // Values may nest deeper than is kept; then the whole message is refused.
    if let Ok((batch, tally)) = Batch::of_spans(&converted.spans) {
        assert_eq!(batch.len() as u64 + tally.rejected, converted.spans.len() as u64);
    }
}

/// No record is made of bytes that none was written with.
pub fn log_records(bytes: &[u8]) {
    assert!(store::intact_payload_bytes(bytes) <= bytes.len());
    assert_eq!(store::intact_payload_bytes(&store::framed_record(bytes)), bytes.len());
}

/// Any text is a query or a mistake at one of its columns; a query runs on spans made of the bytes behind the first zero.
pub fn traceql(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, spans) = bytes.split_at(end);
    let text = String::from_utf8_lossy(text);
    if let Err(column) = query::try_traceql(&text, spans) {
        assert!((1..=text.chars().count() + 1).contains(&column), "column {column} of {text:?}");
    }
}

/// Any text is settings or faults.
pub fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = config::resolve_text(&text) {
        assert!(!error.faults.is_empty(), "a refusal without a reason");
    }
}

#[cfg(test)]
mod tests;
