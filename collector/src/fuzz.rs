//! What the fuzzers call: every reader of bytes that others wrote, on any bytes at all.
//!
//! Built for tests and for the feature `fuzz` only. Each function returns for every input, or breaks one of the promises that it
//! asserts; `collector/fuzz` hands these same functions to `cargo fuzz`.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a broken promise must end the fuzzer, and nothing of this room ships"
)]

use throughline_model::otlp::{
    SpanHead, SpanPlace, decode_export_request, decode_span, encode_export_request, read_plain_attribute,
    read_plain_span, read_span, read_span_outline, scan_export_request,
};
use throughline_model::span::Span;

use crate::config;
use crate::ingest::{json, zipkin};
use crate::query;
use crate::store::{self, Batch};

/// A function for a fuzzer.
pub type Target = fn(&[u8]);

/// Every target with its name and an input to begin with, which is the fuzzer's first one as well.
pub const TARGETS: [(&str, Target, &[u8]); 6] = [
    ("otlp_protobuf", otlp_protobuf, include_bytes!("../fuzz/seeds/otlp_protobuf")),
    ("otlp_json", otlp_json, include_bytes!("../fuzz/seeds/otlp_json")),
    ("zipkin_json", zipkin_json, include_bytes!("../fuzz/seeds/zipkin_json")),
    ("log_records", log_records, include_bytes!("../fuzz/seeds/log_records")),
    ("traceql", traceql, include_bytes!("../fuzz/seeds/traceql")),
    ("configuration", configuration, include_bytes!("../fuzz/seeds/configuration")),
];

/// Whatever a scan takes, decoding takes too, with the same result, be it all at once or span by span; and it survives being
/// written again.
pub fn otlp_protobuf(bytes: &[u8]) {
    let mut heads = Vec::new();
    let scanned = scan_export_request(bytes, |head| heads.push(head));
    let decoded = decode_export_request(bytes);
    match (scanned, decoded) {
        (Ok(tally), Ok(decoded)) => {
            assert_eq!((tally, heads.len()), (decoded.tally, decoded.spans.len()));
            heads.iter().zip(&decoded.spans).for_each(|(head, span)| is_head_of(head, span, bytes));
            survives(&decoded.spans);
        }
        (Err(error), Err(other)) => assert_eq!(error, other),
        (scanned, decoded) => panic!("a scan gives {scanned:?} and decoding {decoded:?}"),
    }
}

/// What the scan said of a span is what decoding found, and the span is found again where the scan saw it.
fn is_head_of(head: &SpanHead<'_>, span: &Span, message: &[u8]) {
    let told = (head.trace_id, head.span_id, head.parent_span_id, head.kind, head.status);
    assert_eq!(told, (span.trace_id, span.span_id, span.parent_span_id, span.kind, span.status));
    assert_eq!((head.start_unix_ns, head.end_unix_ns), (span.start_unix_ns, span.end_unix_ns));
    assert_eq!(String::from_utf8_lossy(head.name), span.name);
    assert_eq!(
        head.service_name.map_or("unknown_service".into(), String::from_utf8_lossy),
        span.service_name()
    );
    let (begin, end) = head.place.span();
    let own = message.get(begin..end).expect("the place lies in the message");
    let alone = decode_span(own, head.place, &span.resource).expect("the scan took it");
    // Bytes, since a number that is none equals nothing.
    assert_eq!(encode_export_request(&[alone]), encode_export_request(std::slice::from_ref(span)));
    is_read_in_short_as_whole(own, head.place);
    assert_eq!(read_span_outline(own).expect("the scan took it").name, head.name);
}

/// The short way to read a span finds what the long one does. Compared as text, since a number that is none equals nothing.
fn is_read_in_short_as_whole(own: &[u8], place: SpanPlace) {
    let whole = read_span(own, place).expect("the scan took it");
    let Some(plain) = read_plain_span(own, place).expect("the scan took it") else { return };
    let told = (plain.trace_state, plain.flags, plain.name, plain.status_message);
    assert_eq!(told, (whole.trace_state, whole.flags, whole.name, whole.status_message));
    let attributes =
        plain.attributes.iter().filter_map(|raw| read_plain_attribute(raw).expect("the scan took it"));
    assert_eq!(format!("{:?}", attributes.collect::<Vec<_>>()), format!("{:?}", whole.attributes));
    assert!(whole.events.is_empty() && whole.links.is_empty());
}

/// Spans that are written and read are the same spans.
fn survives(spans: &[Span]) {
    let written = encode_export_request(spans);
    let again = decode_export_request(&written).expect("what we write can be read");
    assert_eq!(again.spans.len(), spans.len());
    assert_eq!((again.tally.rejected, again.tally.cut), (0, 0), "what was taken once is taken again");
    assert_eq!(encode_export_request(&again.spans), written);
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

/// Values may nest deeper than is kept; then the whole message is refused. What is kept whole comes back as it was.
fn keep(converted: &json::Converted) {
    let Ok((batch, tally)) = Batch::of_spans(&converted.spans) else { return };
    assert_eq!(batch.len() as u64 + tally.rejected, converted.spans.len() as u64);
    if (tally.rejected, tally.cut) == (0, 0) {
        survives(&converted.spans);
    }
}

/// No record is made of bytes that none was written with, and damage costs the record that it is in.
pub fn log_records(bytes: &[u8]) {
    assert!(store::intact_payload_bytes(bytes) <= bytes.len());
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (first_record, second_record) = (store::framed_record(first), store::framed_record(second));
    let whole = [&first_record[..], &second_record].concat();
    assert_eq!(store::intact_payload_bytes(&whole), bytes.len());
    let mixed =
        bytes.iter().fold(0usize, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let place = mixed % first_record.len();
    let mut damaged = whole.clone();
    if let Some(byte) = damaged.get_mut(place) {
        *byte ^= 0x10;
    }
    assert_eq!(store::intact_payload_bytes(&damaged), second.len(), "byte {place} of {whole:?}");
    let torn = whole.get(..first_record.len() + place.min(second_record.len() - 1)).unwrap_or_default();
    assert_eq!(store::intact_payload_bytes(torn), first.len(), "{} of {whole:?}", torn.len());
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

/// Any text is settings or faults, and settings are printed as a file that means the same.
pub fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match config::resolve_text(&text) {
        Err(error) => assert!(!error.faults.is_empty(), "a refusal without a reason"),
        // Secrets are left out of what is printed.
        Ok((config, printed)) if config.store.object_store.is_none() => {
            let again = config::resolve_text(&printed).map(|(config, _)| config);
            assert_eq!(again.expect("what we print can be read"), config, "{printed}");
        }
        Ok(_) => {}
    }
}

#[cfg(test)]
mod tests;
