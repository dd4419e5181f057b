//! The root of a verified trace, and where it goes.

use std::time::Duration;

use super::super::probe::Mark;
use super::*;
use crate::assemble::assemble;
use crate::query::terminal::tests::{http, server};
use crate::query::tests::span;

fn sent() -> Sent {
    Sent { mark: Mark::new(), status: 200, start_unix_ns: 1_000, took: Duration::from_nanos(500) }
}

#[test]
fn the_root_completes_the_trace() {
    let sent = sent();
    let root = root_span(&sent).unwrap();
    assert_eq!((root.start_unix_ns, root.end_unix_ns, root.service_name()), (1_000, 1_500, SERVICE));
    let mut entry = span(1, 7, 0, SpanKind::Server, "gateway");
    (entry.trace_id, entry.parent_span_id) = (root.trace_id, Some(root.span_id));
    assert!(!assemble(&[Arc::new(entry.clone())]).is_complete());
    assert!(assemble(&[Arc::new(entry), Arc::new(root)]).is_complete());
}

#[test]
fn spans_go_to_the_same_host_unless_another_address_is_named() {
    for (address, expected) in [
        ("http://127.0.0.1:16686", "http://127.0.0.1:7"),
        ("http://collector.example/", "http://collector.example:7"),
        ("http://[::1]:16686/traces", "http://[::1]:7"),
        ("http://[::1]", "http://[::1]:7"),
    ] {
        assert_eq!(beside(address, 7), expected);
    }
}

#[test]
fn nothing_is_begun_where_spans_cannot_be_sent() {
    let (url, answering) = server(http("200 OK", "{}"));
    Recorder::connect(Some(&url), "http://127.0.0.1:1", None).unwrap();
    assert_eq!(answering.join().unwrap(), "POST /v1/traces HTTP/1.1");
    let told = |address: &str| Recorder::connect(Some(address), "http://a", None).unwrap_err().to_string();
    assert!(told("http://127.0.0.1:1").contains("--otlp URL"));
    assert!(told("nonsense").contains("the OTLP address \"nonsense\" is not usable"));
    let (url, _answering) = server(http("404 Not Found", "{}"));
    assert!(told(&url).contains("it answered with status 404"));
}
