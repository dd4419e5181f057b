//! Whole requests and calls of a workload that forwards nothing, or only a request id, on one worker and on two.

use std::cell::RefCell;
use std::rc::Rc;

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, Value};

use super::super::{HeaderMap, Request};
use super::*;
use crate::host::fake::FakeHost;
use crate::worker::Worker;

const INBOUND: i64 = 1;
const OUTBOUND: i64 = 2;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ID: &[u8] = b"8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0001";
const QUARTER_SECOND_NS: u64 = 250_000_000;

/// One proxy: a host, and an engine in each worker.
struct Proxy {
    host: FakeHost,
    engines: Vec<(Engine, Rc<RefCell<Worker>>)>,
}

impl Proxy {
    fn with_workers(count: usize, configuration: &str) -> Self {
        let mut host = FakeHost::sidecar("cart");
        host.configuration = configuration.as_bytes().to_vec();
        let mut proxy = Self { host, engines: Vec::new() };
        (0..count).for_each(|_| proxy.add_worker());
        proxy
    }

    fn add_worker(&mut self) {
        self.host.worker = Rc::default();
        let engine = Engine::start(&mut self.host);
        self.engines.push((engine, Rc::clone(&self.host.worker)));
    }

    fn begin(&mut self, worker: usize, direction: i64, headers: &[(&str, &[u8])]) -> Request {
        self.host.receive(direction, headers);
        let mut request = Request::default();
        request.on_headers(&mut self.engines[worker].0, &mut self.host);
        request
    }

    fn end(&mut self, worker: usize, mut request: Request) {
        request.on_end(&mut self.engines[worker].0, &mut self.host);
    }

    /// A call from its begin to its end; whether it continues the one trace of these tests.
    fn call(&mut self, worker: usize, headers: &[(&str, &[u8])]) -> bool {
        let call = self.begin(worker, OUTBOUND, headers);
        let is_continued = self.host.sent_on("traceparent")[0].contains(TRACE);
        self.end(worker, call);
        is_continued
    }

    fn tick(&mut self, turns: usize) {
        for _ in 0..turns {
            self.host.now_ns += QUARTER_SECOND_NS;
            self.engines.iter_mut().for_each(|(engine, _)| engine.on_tick(&mut self.host));
        }
    }

    fn client_spans(&mut self) -> Vec<Span> {
        self.engines.iter_mut().for_each(|(engine, _)| _ = engine.on_done(&mut self.host));
        self.host.exported().into_iter().filter(|span| span.kind == SpanKind::Client).collect()
    }
}

fn kind(span: &Span) -> &str {
    span.attribute(attribute::LINK_KIND).and_then(Value::as_text).unwrap_or_default()
}

#[test]
fn a_workload_that_proved_to_forward_nothing_is_linked_to_its_only_request() {
    let configuration = r#"{"links": {"sole_after_calls": 2, "sole_after_idle_ms": 250}}"#;
    let mut proxy = Proxy::with_workers(1, configuration);
    let first = proxy.begin(0, INBOUND, &[("traceparent", PARENT)]);
    proxy.tick(1);
    assert!(!proxy.call(0, &[]) && !proxy.call(0, &[]), "nothing is proven yet");
    proxy.end(0, first);
    proxy.tick(4);
    let second = proxy.begin(0, INBOUND, &[("traceparent", PARENT)]);
    assert!(proxy.call(0, &[]));
    let third = proxy.begin(0, INBOUND, &[("traceparent", PARENT)]);
    assert!(!proxy.call(0, &[]), "two are in flight");
    proxy.end(0, third);
    proxy.end(0, second);
    proxy.engines[0].0.stats.tell(&mut proxy.host);
    assert_eq!(proxy.host.counter("throughline_links_sole"), 1);
    assert_eq!(proxy.host.counter("throughline_links_none"), 3);
    let spans = proxy.client_spans();
    assert_eq!(spans.iter().map(kind).collect::<Vec<_>>(), ["none", "none", "sole", "none"]);
    assert!(spans[2].parent_span_id.is_some() && spans[2].attribute(attribute::LINK_CANDIDATES).is_none());
    assert_eq!(spans[3].attribute(attribute::LINK_CANDIDATES).unwrap().as_int(), Some(2));
    let Some(Value::List(named)) = spans[3].attribute(attribute::LINK_CANDIDATE_IDS) else { panic!() };
    assert_eq!(named.len(), 2);
    let one = format!("{TRACE}-{}", spans[2].parent_span_id.unwrap());
    assert!(named.contains(&Value::Text(one)), "{named:?}");
}

#[test]
fn a_workload_that_forwards_makes_calls_without_context_in_the_background_only() {
    let configuration = r#"{"links": {"sole_after_calls": 1, "sole_after_idle_ms": 250}}"#;
    for forwarded in [[("traceparent", PARENT)], [("x-request-id", ID)]] {
        let mut proxy = Proxy::with_workers(1, configuration);
        let inbound = [("traceparent", PARENT), ("x-request-id", ID)];
        let first = proxy.begin(0, INBOUND, &inbound);
        proxy.tick(1);
        assert!(!proxy.call(0, &[]));
        assert!(proxy.call(0, &forwarded), "{forwarded:?}");
        proxy.end(0, first);
        proxy.tick(8);
        let _second = proxy.begin(0, INBOUND, &inbound);
        assert!(!proxy.call(0, &[]), "after {forwarded:?}");
    }
}

#[test]
fn a_request_id_is_found_by_a_worker_alone_by_two_and_across_the_change() {
    let mut proxy = Proxy::with_workers(1, "");
    let inbound = [("traceparent", PARENT), ("x-request-id", ID)];
    let forwarded = [("x-request-id", ID)];
    let before = proxy.host.shared.len();
    let request = proxy.begin(0, INBOUND, &inbound);
    assert!(proxy.call(0, &forwarded));
    assert_eq!(proxy.host.shared.len(), before, "a worker alone keeps the id to itself");
    proxy.add_worker();
    proxy.add_worker();
    proxy.tick(1);
    assert!(proxy.call(0, &forwarded) && proxy.call(1, &forwarded) && proxy.call(2, &forwarded));
    proxy.end(0, request);
    let request = proxy.begin(1, INBOUND, &inbound);
    assert!(proxy.call(0, &forwarded) && proxy.call(2, &forwarded));
    proxy.end(1, request);
    proxy.engines.truncate(1);
    proxy.tick(4 * 70);
    let request = proxy.begin(0, INBOUND, &inbound);
    let before = proxy.host.shared.clone();
    assert!(proxy.call(0, &forwarded));
    proxy.end(0, request);
    assert_eq!(proxy.host.shared, before, "alone again");
}

#[test]
fn a_request_id_is_no_evidence_while_another_request_may_have_the_same() {
    let mut proxy = Proxy::with_workers(1, "");
    let inbound = [("traceparent", PARENT), ("x-request-id", ID)];
    let forwarded = [("x-request-id", ID)];
    for _ in 0..10_001 {
        let request = proxy.begin(0, INBOUND, &inbound);
        proxy.end(0, request);
    }
    proxy.tick(8);
    let unwritten = proxy.begin(0, INBOUND, &inbound);
    assert!(!proxy.call(0, &forwarded), "of a workload that made no call so far nothing is written down");
    let written = proxy.begin(0, INBOUND, &inbound);
    assert!(!proxy.call(0, &forwarded), "it looks like the only one");
    proxy.end(0, unwritten);
    proxy.tick(1);
    assert!(!proxy.call(0, &forwarded), "the workload may still be at the other one");
    proxy.tick(4 * 40);
    assert!(proxy.call(0, &forwarded), "it is");
    proxy.end(0, written);
}

#[test]
fn each_rung_has_its_switch() {
    let configuration = r#"{"links": {"request_id": false, "token": false, "sole": false}}"#;
    let mut proxy = Proxy::with_workers(1, configuration);
    let _request = proxy.begin(0, INBOUND, &[("traceparent", PARENT), ("x-request-id", ID)]);
    assert!(!proxy.call(0, &[("x-request-id", ID)]));
    assert!(proxy.call(0, &[("traceparent", PARENT)]), "what the application forwards is always continued");
}

#[test]
fn a_request_that_nobody_answered_stays_a_candidate() {
    let mut proxy = Proxy::with_workers(1, "");
    let request = proxy.begin(0, INBOUND, &[("traceparent", PARENT)]);
    proxy.host.response.clear();
    assert!(proxy.host.headers(HeaderMap::Response).is_empty());
    proxy.end(0, request);
    assert!(!proxy.call(0, &[]));
    let spans = proxy.client_spans();
    assert_eq!(spans[0].attribute(attribute::LINK_CANDIDATES).unwrap().as_int(), Some(1));
}
