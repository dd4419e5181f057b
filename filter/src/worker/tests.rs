//! Several workers of one proxy: none is overlooked, none that died is believed, and a call finds its cause from any.

use std::cell::RefCell;
use std::rc::Rc;

use throughline_model::context::{TraceFlags, TraceState};

use super::sign::{CROWDED_KEY, MAX_WORKERS, key};
use super::*;
use crate::config;
use crate::host::SharedValue;
use crate::host::fake::FakeHost;

mod books;
mod echoes;

const MILLISECOND_NS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// A proxy with its workers; the first one is its main thread, which never serves.
struct Proxy {
    host: FakeHost,
    workers: Vec<Worker>,
    config: LinksConfig,
    spans: u8,
}

impl Proxy {
    fn with_workers(count: usize) -> Self {
        let mut host = FakeHost::sidecar("cart");
        let written = br#"{"links": {"sole_after_calls": 2, "sole_after_idle_ms": 1000}}"#;
        let config = config::resolve(written).config.links;
        let mut workers: Vec<Worker> = (0..=count).map(|_| Worker::default()).collect();
        workers.iter_mut().for_each(|worker| worker.join(&mut host));
        Self { host, workers, config, spans: 0 }
    }

    fn receive(&mut self, worker: usize, headers: &[(&str, &str)]) -> (SpanId, Ticket) {
        self.spans += 1;
        let context = TraceContext {
            trace_id: TraceId::from_bytes(&[self.spans; 16]).unwrap(),
            span_id: SpanId::from_bytes(&[self.spans; 8]).unwrap(),
            flags: TraceFlags::new_sampled_trace(),
            state: TraceState::default(),
        };
        let headers = to_headers(headers);
        let now = self.host.now_ns;
        let ticket = self.workers[worker].enter(&mut self.host, &context, "", &headers, &self.config, now);
        (context.span_id, ticket)
    }

    fn answer(&mut self, worker: usize, ticket: Ticket) {
        self.end(worker, ticket, Ending::Answered);
    }

    fn end(&mut self, worker: usize, ticket: Ticket, ending: Ending) {
        let now = self.host.now_ns;
        self.workers[worker].leave(&mut self.host, ticket, ending, now);
    }

    fn call(&mut self, worker: usize, headers: &[(&str, &str)]) -> Found {
        let headers = to_headers(headers);
        let now = self.host.now_ns;
        self.workers[worker].find_cause(&mut self.host, &headers, &self.config, now)
    }

    fn linked(&mut self, worker: usize) -> Option<SpanId> {
        self.call(worker, &[]).cause.map(|context| context.span_id)
    }

    /// Lets time pass, every living worker's timer with it.
    fn pass(&mut self, time_ns: u64, living: &[usize]) {
        for _ in 0..time_ns / (250 * MILLISECOND_NS) {
            self.host.now_ns += 250 * MILLISECOND_NS;
            living.iter().for_each(|worker| self.workers[*worker].on_tick(&mut self.host));
        }
    }

    /// Makes the workload prove that it forwards nothing and rests when it has nothing to do.
    fn prove(&mut self, living: &[usize]) {
        for worker in &living[1..] {
            let (_, ticket) = self.receive(*worker, &[]);
            self.answer(*worker, ticket);
        }
        let first = *living.last().unwrap();
        let (_, ticket) = self.receive(first, &[]);
        self.pass(500 * MILLISECOND_NS, living);
        (0..3).for_each(|_| assert_eq!(self.linked(first), None, "nothing is proven yet"));
        self.answer(first, ticket);
        self.pass(2 * SECOND_NS, living);
    }
}

fn to_headers(headers: &[(&str, &str)]) -> Headers {
    let all = headers.iter().chain(&[(":authority", "catalog:8080"), (":path", "/")]);
    Headers::from_pairs(all.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

#[test]
fn the_only_request_is_found_from_every_worker() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    for (serving, calling) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        let (span, ticket) = proxy.receive(serving, &[]);
        assert_eq!(proxy.linked(calling), Some(span), "in by {serving}, out by {calling}");
        let (_, second) = proxy.receive(calling, &[]);
        assert_eq!(proxy.linked(serving), None, "two are in flight");
        proxy.answer(calling, second);
        assert_eq!(proxy.linked(calling), Some(span));
        proxy.answer(serving, ticket);
        // It is known at once, so that a call made now is one in the background.
    }
    assert_eq!(proxy.call(1, &[]).candidates, 0);
}

#[test]
fn candidates_are_counted_and_named_when_there_is_no_link() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    let tickets: Vec<_> = (0..16).map(|number| proxy.receive(1 + number % 2, &[])).collect();
    let found = proxy.call(1, &[]);
    assert_eq!((found.kind, found.candidates, found.named.len()), (LinkKind::None, 16, 16));
    assert!(tickets.iter().all(|(span, _)| found.named.iter().any(|(_, named)| named == span)));
    (0..100).for_each(|number| _ = proxy.receive(1 + number % 2, &[]));
    let found = proxy.call(2, &[]);
    assert_eq!((found.candidates, found.named.len()), (116, 0), "more than 16 are only counted");
    assert!(proxy.host.shared.values().all(|value| value.bytes.len() < 8_192), "and the table stays small");
}

#[test]
fn a_worker_alone_writes_nothing_until_another_one_serves() {
    let mut proxy = Proxy::with_workers(1);
    proxy.prove(&[0, 1]);
    let before = proxy.host.shared.clone();
    let (span, ticket) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), Some(span));
    proxy.answer(1, ticket);
    assert_eq!(proxy.host.shared, before);
}

#[test]
fn a_second_worker_that_begins_to_serve_is_noticed_before_the_next_link() {
    let mut proxy = Proxy::with_workers(1);
    proxy.prove(&[0, 1]);
    let (first, _) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), Some(first));
    let mut late = Worker::default();
    late.join(&mut proxy.host);
    proxy.workers.push(late);
    let (_, ticket) = proxy.receive(2, &[]);
    assert_eq!(proxy.linked(1), None, "the first one has not looked yet, but knows that something changed");
    assert_eq!(proxy.linked(2), None, "the first one has not written down what it has");
    proxy.pass(250 * MILLISECOND_NS, &[0, 1, 2]);
    assert_eq!(proxy.call(2, &[]).candidates, 2);
    proxy.answer(2, ticket);
    assert_eq!((proxy.linked(1), proxy.linked(2)), (Some(first), Some(first)));
}

#[test]
fn what_a_dead_worker_had_in_flight_is_doubted_and_then_forgotten() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    let (dead, _) = proxy.receive(2, &[]);
    assert_eq!(proxy.linked(1), Some(dead));
    proxy.pass(6 * SECOND_NS, &[0, 1]);
    assert_eq!(proxy.linked(1), None, "it may be stuck, or dead");
    let (alive, _) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), None);
    proxy.pass(55 * SECOND_NS, &[0, 1]);
    assert_eq!(proxy.linked(1), Some(alive), "nobody waits for the dead for ever");
    let free = proxy.host.shared.get(&key(2)).unwrap();
    assert!(free.bytes.is_empty(), "its key is free for another worker");
}

#[test]
fn a_worker_taken_for_dead_takes_another_key_and_is_believed_again() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    proxy.pass(10 * SECOND_NS, &[0, 1]);
    proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    let (span, _) = proxy.receive(2, &[]);
    assert_eq!(proxy.linked(1), Some(span));
}

#[test]
fn with_more_workers_than_keys_nothing_is_linked_by_number() {
    let mut proxy = Proxy::with_workers(MAX_WORKERS);
    assert!(proxy.host.shared.contains_key(CROWDED_KEY));
    proxy.prove(&[0, 1, 2, MAX_WORKERS]);
    let _ = proxy.receive(1, &[]);
    assert_eq!((proxy.linked(1), proxy.linked(MAX_WORKERS)), (None, None));
}

#[test]
fn bytes_of_an_unknown_module_stop_links_until_it_is_gone() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    proxy.host.shared.insert(key(40), SharedValue { bytes: vec![9; 40], version: 7 });
    proxy.pass(250 * MILLISECOND_NS, &[0, 1, 2]);
    for seconds in [0, 30, 29] {
        proxy.pass(seconds * SECOND_NS, &[0, 1, 2]);
        let (_, ticket) = proxy.receive(1, &[]);
        assert_eq!(proxy.linked(1), None, "after {seconds} s more");
        proxy.answer(1, ticket);
    }
    proxy.pass(2 * SECOND_NS, &[0, 1, 2]);
    let (span, _) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), Some(span));
}

#[test]
fn a_background_caller_is_never_joined_to_a_request() {
    let mut proxy = Proxy::with_workers(2);
    // It calls once a second; requests come and go in between, on both workers.
    for second in 0..30 {
        assert_eq!(proxy.linked(1 + second % 2), None, "second {second}, in the background");
        proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
        let (_, ticket) = proxy.receive(1 + second % 2, &[]);
        assert_eq!(proxy.linked(1), None, "second {second}, by a request");
        proxy.answer(1 + second % 2, ticket);
        proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    }
}

#[test]
fn a_workload_seen_to_forward_on_one_worker_gets_no_link_by_number_on_another() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    let now = proxy.host.now_ns;
    proxy.workers[1].saw_forwarding(now);
    proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    let _ = proxy.receive(2, &[]);
    assert_eq!((proxy.linked(1), proxy.linked(2)), (None, None));
}

#[test]
fn an_abandoned_request_is_a_candidate_for_half_a_minute() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    let (_, gone) = proxy.receive(2, &[]);
    proxy.end(2, gone, Ending::Abandoned);
    let (span, _) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), None, "the workload may still work on the other one");
    proxy.pass(30 * SECOND_NS, &[0, 1, 2]);
    assert_eq!(proxy.linked(1), Some(span));
}

#[test]
fn a_stream_beside_a_request_leaves_no_link_and_proves_no_background() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    let (_, stream) = proxy.receive(2, &[("upgrade", "websocket")]);
    assert_eq!(proxy.linked(1), None, "a stream is never the one");
    let (span, _) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), None, "and leaves no other");
    proxy.answer(2, stream);
    assert_eq!(proxy.linked(1), Some(span), "its calls counted for nothing");
}

#[test]
fn an_echoed_value_links_beside_other_requests() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    for number in 0..80 {
        let user = format!("user-{number}");
        let (_, ticket) = proxy.receive(1 + number % 2, &[("x-user-id", &user)]);
        proxy.answer(1 + number % 2, ticket);
    }
    let (ann, _) = proxy.receive(1, &[("x-user-id", "ann"), ("authorization", "Bearer mesh")]);
    let (bob, _) = proxy.receive(2, &[("x-user-id", "bob"), ("authorization", "Bearer mesh")]);
    for (worker, user, expected) in
        [(1, "ann", Some(ann)), (2, "ann", Some(ann)), (1, "bob", Some(bob)), (1, "cleo", None)]
    {
        let found = proxy.call(worker, &[("x-user-id", user), ("authorization", "Bearer mesh")]);
        assert_eq!(found.cause.map(|cause| cause.span_id), expected, "{user} by {worker}");
        assert_eq!(found.kind == LinkKind::Token, expected.is_some());
    }
    proxy.config.uses_tokens = false;
    assert_eq!(proxy.call(1, &[("x-user-id", "ann")]).kind, LinkKind::None);
}

#[test]
fn a_switch_turns_the_rung_off() {
    let mut proxy = Proxy::with_workers(1);
    proxy.prove(&[0, 1]);
    let (span, _) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), Some(span));
    proxy.config.uses_sole = false;
    assert_eq!(proxy.linked(1), None);
}

#[test]
fn thousands_of_requests_in_flight_are_counted_in_bounded_room() {
    let mut proxy = Proxy::with_workers(1);
    proxy.prove(&[0, 1]);
    let tickets: Vec<Ticket> = (0..3_000)
        .map(|_| {
            proxy.spans = 0;
            proxy.receive(1, &[]).1
        })
        .collect();
    assert_eq!(proxy.call(1, &[]).candidates, 3_000);
    tickets.into_iter().for_each(|ticket| proxy.answer(1, ticket));
    let (span, _) = proxy.receive(1, &[]);
    assert_eq!(proxy.linked(1), Some(span));
}

#[test]
fn plugins_of_one_worker_share_their_state() {
    let mut host = FakeHost::sidecar("cart");
    let first = host.worker();
    let second: Rc<RefCell<Worker>> = host.worker();
    assert!(Rc::ptr_eq(&first, &second));
}
