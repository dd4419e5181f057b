//! Reads calls from a file, whatever form it has: CSV, OTLP protobuf, OTLP JSON, each also compressed with gzip.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use throughline_model::id::TraceId;
use throughline_model::otlp::decode_export_request;
use throughline_model::span::Span;

use super::{otlp_json, table};
use crate::analyse::call::{Call, calls_of};
use crate::assemble::assemble;

/// What one file may hold once it is decompressed.
const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What was read from one file.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) traces: Vec<Vec<Call>>,
    /// Rows or parts of spans that could not be used.
    pub(super) faults: u64,
    pub(super) first_fault: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
    Protobuf,
}

/// Reads a file; the error says what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Content, String> {
    let bytes = read_bytes(path)?;
    match form_of(path, &bytes) {
        Form::Csv => table::read(&bytes),
        Form::Json => read_json(&bytes),
        Form::Protobuf => read_protobuf(&bytes),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut bytes = Vec::new();
    File::open(path).map_err(told)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.starts_with(&GZIP_MAGIC) {
        let mut plain = Vec::new();
        MultiGzDecoder::new(bytes.as_slice())
            .take(MAX_BYTES + 1)
            .read_to_end(&mut plain)
            .map_err(|error| format!("it begins as gzip, but {error}"))?;
        bytes = plain;
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it holds more than {MAX_BYTES} bytes"));
    }
    Ok(bytes)
}

/// By the ending of the name, and by the content where the ending says nothing.
fn form_of(path: &Path, bytes: &[u8]) -> Form {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let ending = name.strip_suffix(".gz").unwrap_or(&name).rsplit('.').next().unwrap_or_default();
    match ending {
        "csv" => Form::Csv,
        "json" | "jsonl" | "ndjson" => Form::Json,
        "pb" | "bin" | "binpb" | "proto" | "otlp" => Form::Protobuf,
        _ => match bytes.trim_ascii_start().first() {
            Some(b'{' | b'[') => Form::Json,
            _ if table::has_heading(bytes) => Form::Csv,
            _ => Form::Protobuf,
        },
    }
}

/// One OTLP message, or several, each after its length in four bytes, as the OpenTelemetry Collector writes files.
fn read_protobuf(bytes: &[u8]) -> Result<Content, String> {
    let messages = match split_by_length(bytes) {
        Some(messages) => messages,
        None => vec![bytes],
    };
    let mut content = Content::default();
    let mut spans = Vec::new();
    for message in messages {
        let decoded =
            decode_export_request(message).map_err(|error| format!("it is no OTLP message: {error}"))?;
        let left_out = decoded.tally.rejected + decoded.tally.cut;
        if left_out > 0 {
            content.faults += left_out;
            content.first_fault.get_or_insert_with(|| "beyond the limits of an OTLP message".to_owned());
        }
        spans.extend(decoded.spans);
    }
    content.traces = traces_of(spans);
    Ok(content)
}

fn read_json(bytes: &[u8]) -> Result<Content, String> {
    let otlp_json::Read { spans, faults, first_fault } = otlp_json::read(bytes)?;
    Ok(Content { traces: traces_of(spans), faults, first_fault })
}

fn split_by_length(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (message, next) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        messages.push(message);
        rest = next;
    }
    Some(messages)
}

/// Spans of any number of traces in any order.
pub(super) fn traces_of(spans: Vec<Span>) -> Vec<Vec<Call>> {
    let mut by_trace: BTreeMap<TraceId, Vec<Arc<Span>>> = BTreeMap::new();
    for span in spans {
        by_trace.entry(span.trace_id).or_default().push(Arc::new(span));
    }
    by_trace.values().map(|spans| calls_of(&assemble(spans))).collect()
}
