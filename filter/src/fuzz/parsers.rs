//! Each parser on any bytes: it returns, and what it has taken can be written and read again.

use throughline_model::context::{
    self, Carried, Extracted, Format, MAX_PATH_CHARS, Outgoing, PathSoFar, Rewrite, TraceContext, TraceFlags,
    TraceState,
};
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp;

use super::input::Input;
use crate::config;
use crate::headers::{Headers, Known};
use crate::host::Host;
use crate::host::fake::FakeHost;
use crate::inflight::{self, Cause, RequestId};
use crate::links::Habits;

/// Names of headers of every format, and an unknown one.
pub(super) const FOREIGN_NAMES: [&str; 17] = [
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "ot-tracer-traceid",
    "ot-tracer-spanid",
    "ot-tracer-sampled",
];

/// A `traceparent`: what is accepted is written as version 00 and means the same when read again.
pub fn trace_parent(bytes: &[u8]) {
    if let Extracted::Found(found) = context::extract([bytes].into_iter(), [].into_iter()) {
        let written = found.to_traceparent();
        let again = context::extract([written.as_bytes()].into_iter(), [].into_iter());
        assert_eq!(again, Extracted::Found(found), "{written}");
        assert_eq!(written.len(), 55, "{written}");
    }
}

/// The lines of a `tracestate`, divided by line feeds: what is sent on is one list that reads as itself.
pub fn trace_state(bytes: &[u8]) {
    let state = TraceState::parse(bytes.split(|byte| *byte == b'\n'));
    if let Some(written) = state.to_header() {
        let again = TraceState::parse([written.as_bytes()].into_iter());
        assert_eq!(again.to_header().as_ref(), Some(&written), "{}", bytes.escape_ascii());
        assert!(written.split(',').count() <= 32, "{written}");
    }
    let mut decided = state;
    let member = decided.sampling();
    decided.set_sampling(&member);
    let written = decided.to_header().unwrap_or_default();
    assert_eq!(TraceState::parse([written.as_bytes()].into_iter()).to_header().unwrap_or_default(), written);
}

/// Our own member, and the path after some more workloads: never longer than the grammar allows.
pub fn path_member(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut path = PathSoFar::from_member_value(&text).unwrap_or_else(|| PathSoFar::begin(&text));
    for _ in 0..12 {
        path = path.then(&text);
        let mut value = String::new();
        path.push_member_value(&mut value);
        assert!(value.len() <= MAX_PATH_CHARS, "{value}");
        assert_eq!(PathSoFar::from_member_value(&value).as_ref(), Some(&path), "{value}");
    }
}

/// Headers of other formats: what is written back is printable and reads as the same format.
pub fn foreign_formats(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut lines = Vec::new();
    while !input.is_used_up() && lines.len() < 100 {
        lines.push((input.one_of(&FOREIGN_NAMES), input.bytes()));
    }
    let formats = Format::ALL.map(|(_, format)| format);
    let mut carried = Carried::default();
    lines.iter().for_each(|(name, value)| carried.offer(&formats, name.as_bytes(), value));
    let context = own_context();
    for foreign in formats.into_iter().filter_map(|format| carried.read(format)) {
        for rewrite in
            foreign.rewrite(&Outgoing { context: &context, is_debug: bytes.len().is_multiple_of(2) })
        {
            if let Rewrite::Set(name, value) = rewrite {
                assert!(value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)), "{name}: {value:?}");
            }
        }
    }
}

/// A header map as a host hands it over: never more than it holds.
pub fn serialized_headers(bytes: &[u8]) {
    let headers = Headers::from_serialized(bytes.to_vec());
    let taken: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(taken <= bytes.len());
    assert_eq!(headers.all(":path").next(), headers.get(Known::Path));
    assert!(headers.all("accept").eq(headers.values(Known::Accept)));
    let _ = headers.get_text(Known::Path);
}

/// The operator's configuration: something is always in force, and the faults are few.
pub fn configuration(bytes: &[u8]) {
    let resolved = config::resolve(bytes);
    assert!(resolved.faults.len() <= 64, "{} faults", resolved.faults.len());
}

/// Values of the store that all workers share, as another module may have left them.
pub fn shared_values(bytes: &[u8]) {
    let _ = Habits::decode(bytes);
    let mut host = FakeHost::sidecar("cart");
    let id = RequestId::from_header(b"8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0001").expect("this is a request id");
    let context = own_context();
    let entered = inflight::enter(&mut host, &id, &context, "", 1);
    assert!(entered.is_ok(), "an empty table takes an entry");
    let keys: Vec<String> = host.shared.keys().cloned().collect();
    keys.iter().for_each(|key| host.put_shared_value(key, bytes));
    let _ = inflight::find_cause(&mut host, &id, 2);
    let _ = inflight::leave(&mut host, &id, &context);
    let entered = inflight::enter(&mut host, &id, &context, "", 3);
    assert!(entered.is_ok(), "a spoilt table takes an entry");
    assert_ne!(inflight::find_cause(&mut host, &id, 4), Cause::Unknown, "what was entered is found");
}

fn own_context() -> TraceContext {
    TraceContext {
        trace_id: TraceId::ONE,
        span_id: SpanId::ONE,
        flags: TraceFlags::new_sampled_trace(),
        state: TraceState::default(),
    }
}

/// An OTLP request: what is taken in is taken in again after it was written.
pub fn otlp_message(bytes: &[u8]) {
    let _ = otlp::decode_rejected_spans(bytes);
    if let Ok(decoded) = otlp::decode_export_request(bytes) {
        assert!(decoded.spans.len() as u64 + decoded.tally.rejected <= bytes.len() as u64);
        let written = otlp::encode_export_request(&decoded.spans);
        let again = otlp::decode_export_request(&written).expect("what we wrote is whole");
        assert_eq!(again.spans.len(), decoded.spans.len());
    }
}
