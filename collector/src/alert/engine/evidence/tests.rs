//! Which traces are taken as a sample: a shop whose front has two entries, of which one asks the checkout.

use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::SpanId;
use throughline_model::span::{Attribute, Span, SpanKind, StatusCode, Value};

use super::*;
use crate::alert::book::{Book, Signal};
use crate::alert::engine::Config;
use crate::alert::error_rate::Severity;
use crate::alert::evidence::Evidence;
use crate::alert::subject::Subject;
use crate::store::MemoryStore;
use crate::store::contract::span;

/// Where the alerts of these tests begin.
const SINCE: u64 = 1_790_000_040;
const NOW: u64 = SINCE + 60;
const MS: u64 = 1_000_000;

fn name(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

/// What the requests of one entry do.
#[derive(Clone, Copy)]
enum Request {
    /// `GET /home` asks the catalog.
    Home,
    /// `POST /checkout` asks the checkout for `/orders`, which takes so long.
    Checkout { ms: u64, status: StatusCode },
    /// `POST /checkout` asks nobody.
    Idle,
    /// `POST /checkout` finds nobody at the checkout's address.
    Refused,
    /// `GET /cart` asks the checkout for `/total`.
    Total,
    /// The back office asks the checkout for `/orders`.
    Office,
}

const WELL: Request = Request::Checkout { ms: 5, status: StatusCode::Unset };
const FAILS: Request = Request::Checkout { ms: 5, status: StatusCode::Error };

/// Entry, caller's span and callee's span.
fn trace(number: u64, at_unix_s: u64, request: Request) -> Vec<Span> {
    let (entry, service, callee, route) = match request {
        Request::Home => ("GET /home", "front", "catalog", "/items"),
        Request::Checkout { .. } => ("POST /checkout", "front", "checkout", "/orders"),
        Request::Idle | Request::Refused => ("POST /checkout", "front", "", ""),
        Request::Total => ("GET /cart", "front", "checkout", "/total"),
        Request::Office => ("GET /office", "office", "checkout", "/orders"),
    };
    let (ms, status) = match request {
        Request::Checkout { ms, status } => (ms, status),
        _ => (5, StatusCode::Unset),
    };
    let make = |id: u64, kind: SpanKind, service: &str, operation: &str| {
        let begin = at_unix_s * 1000 * MS + id * MS;
        let mut span = span(number, id, service, begin);
        span.parent_span_id = (id > 1).then(|| SpanId::from_bytes(&(id - 1).to_be_bytes()).unwrap());
        (span.kind, span.name, span.status) = (kind, operation.to_owned(), status);
        // Whoever calls does so until the slowest of all has answered.
        span.end_unix_ns = begin + (ms + 2 * (4 - id)) * MS;
        span
    };
    let mut spans = vec![make(1, SpanKind::Server, service, entry)];
    if !callee.is_empty() {
        spans.push(make(2, SpanKind::Client, service, "POST"));
        let mut answer = make(3, SpanKind::Server, callee, &format!("POST {route}"));
        answer.attributes.push(text(attribute::HTTP_ROUTE, route));
        spans.push(answer);
    } else if matches!(request, Request::Refused) {
        let mut refused = make(2, SpanKind::Client, service, "POST");
        refused.attributes.push(text(attribute::SERVER_ADDRESS, "checkout.svc:80"));
        spans.push(refused);
    }
    spans
}

/// A store with so many traces of each sort in every ten seconds, before the alert and since.
fn store(before: &[(Request, u64)], since: &[(Request, u64)]) -> Feed {
    let store = Arc::new(MemoryStore::new());
    let mut number = 0;
    for at in (SINCE - 900..NOW).step_by(10) {
        for (request, count) in if at < SINCE { before } else { since } {
            for _ in 0..*count {
                number += 1;
                store.insert(trace(number, at, *request));
            }
        }
    }
    Feed::new(store)
}

fn signal(kind: &'static str, subject: Subject, evidence: Evidence) -> Signal {
    Signal {
        rule: kind.to_owned(),
        kind,
        subject,
        severity: Severity::Warning,
        since_unix_s: SINCE,
        for_s: 0,
        keep_firing_for_s: 0,
        summary: String::new(),
        evidence,
    }
}

fn alert(kind: &'static str, subject: Subject, evidence: Evidence) -> Alert {
    let mut book = Book::default();
    book.update(NOW, &[signal(kind, subject, evidence)], &Calls::new());
    book.alerts()[0].clone()
}

fn route() -> Subject {
    Subject::Route(name("front"), name("checkout"), name("/orders"))
}

fn edge() -> Subject {
    Subject::Edge(name("front"), name("checkout"))
}

/// The entries of a sample, each once.
fn entries(traces: &[Lifecycle]) -> Vec<String> {
    let mut entries: Vec<String> = traces
        .iter()
        .map(|trace| format!("{} {}", trace.spans[0].span.service_name(), trace.spans[0].span.name))
        .collect();
    entries.sort();
    entries.dedup();
    entries
}

/// What an alert of this kind about this subject names as affected entries, and with whose spans time is spent.
fn affected(feed: &Feed, kind: &'static str, subject: Subject) -> (Vec<String>, Vec<String>) {
    let alert = alert(kind, subject, Evidence::default());
    let mut evidence = alert.evidence.clone();
    inquire(feed, &alert, NOW).fill(&mut evidence, kind, &alert.service, &Calls::new());
    let mut on_path: Vec<String> = evidence.critical_path.into_iter().map(|part| part.service).collect();
    on_path.sort();
    on_path.dedup();
    (evidence.entry_routes, on_path)
}

#[test]
fn an_alert_on_a_route_names_no_entry_that_never_takes_it() {
    let usual = [(Request::Home, 4), (WELL, 2), (Request::Total, 1), (Request::Office, 1)];
    let failing = [(Request::Home, 4), (FAILS, 2), (Request::Total, 1), (Request::Office, 1)];
    let feed = store(&usual, &failing);
    for kind in ["error_rate", "burn_rate", "latency"] {
        let (named, on_path) = affected(&feed, kind, route());
        assert_eq!(named, ["front POST /checkout"], "{kind}");
        assert_eq!(on_path, ["checkout", "front"], "{kind}");
    }
    let (named, on_path) = affected(&feed, "error_rate", edge());
    assert_eq!(named, ["front GET /cart", "front POST /checkout"], "both routes are of this edge");
    assert_eq!(on_path, ["checkout", "front"]);
}

#[test]
fn what_is_usual_is_taken_from_the_same_route() {
    let usual = [(Request::Home, 4), (WELL, 2), (Request::Office, 1)];
    let feed = store(&usual, &[(Request::Home, 4), (FAILS, 2)]);
    let inquiry = inquire(&feed, &alert("error_rate", route(), Evidence::default()), NOW);
    assert_eq!(entries(&inquiry.before), ["front POST /checkout"]);
    assert!(inquiry.before.len() >= 50, "{} traces", inquiry.before.len());
}

#[test]
fn an_edge_that_is_rarely_taken_is_found_among_many_calls_of_others() {
    let usual = [(Request::Office, 3), (WELL, 1)];
    let feed = store(&usual, &[(Request::Office, 60), (FAILS, 2)]);
    let inquiry = inquire(&feed, &alert("error_rate", edge(), Evidence::default()), NOW);
    assert_eq!(entries(&inquiry.since), ["front POST /checkout"]);
    assert!(inquiry.since.len() >= 6, "{} of 12", inquiry.since.len());
}

#[test]
fn nobody_takes_a_silent_edge_and_those_who_did_are_affected() {
    let usual = [(Request::Home, 4), (WELL, 2)];
    let feed = store(&usual, &[(Request::Home, 4), (Request::Idle, 2)]);
    let (named, on_path) = affected(&feed, "silent_edge", edge());
    assert_eq!(named, ["front POST /checkout"]);
    assert_eq!(on_path, ["front"], "and the catalog has nothing to do with it");
}

#[test]
fn an_edge_that_nobody_took_before_is_held_against_the_same_entries() {
    let usual = [(Request::Home, 4), (WELL, 2)];
    let feed = store(&usual, &[(Request::Home, 4), (Request::Refused, 2)]);
    let address = Subject::Edge(name("front"), name("checkout.svc:80"));
    let inquiry = inquire(&feed, &alert("error_rate", address, Evidence::default()), NOW);
    assert_eq!(entries(&inquiry.since), ["front POST /checkout"]);
    assert_eq!(entries(&inquiry.before), ["front POST /checkout"]);
}

#[test]
fn the_slowest_of_an_edge_are_those_whose_calls_on_it_took_longest() {
    let slow = Request::Checkout { ms: 500, status: StatusCode::Unset };
    let feed = store(&[(WELL, 2)], &[(WELL, 2), (slow, 1), (Request::Total, 1)]);
    let evidence = Evidence { observed: 1.0, requests: 4.0, ..Evidence::default() };
    let inquiry = inquire(&feed, &alert("latency", edge(), evidence), NOW);
    let shortest = inquiry.since.iter().map(|trace| trace.duration_ns).min();
    assert!(shortest >= Some(500 * MS), "{shortest:?} of {} traces", inquiry.since.len());
}

#[test]
fn an_alert_on_an_entry_is_about_the_traces_that_begin_there() {
    let usual = [(Request::Home, 4), (WELL, 2)];
    let feed = store(&usual, &usual);
    let (named, on_path) = affected(&feed, "trace_depth", Subject::Entry(name("front"), name("GET /home")));
    assert_eq!(named, ["front GET /home"]);
    assert_eq!(on_path, ["catalog", "front"]);
}

#[test]
fn an_exemplar_is_part_of_the_sample_whatever_its_spans_tell() {
    let feed = store(&[(WELL, 2)], &[(Request::Home, 1), (FAILS, 1)]);
    let known = trace(181, SINCE, Request::Home).remove(0).trace_id;
    let evidence = Evidence { exemplars: vec![known.to_string()], ..Evidence::default() };
    let inquiry = inquire(&feed, &alert("error_rate", edge(), evidence), NOW);
    assert_eq!(entries(&inquiry.since), ["front GET /home", "front POST /checkout"]);
}

/// At first nobody but the cart takes the edge; ten minutes later every checkout does, and fails.
#[test]
fn a_risen_alert_is_looked_into_anew_with_traces_of_the_rise() {
    const RISE: u64 = SINCE + 600;
    let store = Arc::new(MemoryStore::new());
    let mut number = 0;
    for at in (SINCE - 900..RISE).step_by(10) {
        let requests = match at {
            ..SINCE => [WELL, Request::Total],
            _ if at < RISE - 80 => [Request::Idle, Request::Total],
            _ => [FAILS, FAILS],
        };
        for request in requests {
            number += 1;
            store.insert(trace(number, at, request));
        }
    }
    let feed = Feed::new(store);
    let folder = tempfile::tempdir().unwrap();
    let config = Config { book_file: folder.path().join("alerts.json"), ..Config::default() };
    let shared = Shared::open(&config).unwrap();
    let round = |severity: Severity, now: u64| {
        let held = Signal { severity, ..signal("error_rate", edge(), Evidence::default()) };
        shared.book().update(now, &[held], &Calls::new());
        complete(&shared, &feed, &Calls::new(), (now, now - 12));
        shared.book().alerts()[0].evidence.clone()
    };
    assert_eq!(round(Severity::Warning, NOW).entry_routes, ["front GET /cart"]);
    assert_eq!(round(Severity::Warning, RISE - 2).entry_routes, ["front GET /cart"], "of the begin");
    let risen = round(Severity::Critical, RISE);
    assert_eq!(risen.entry_routes, ["front POST /checkout"]);
    assert_eq!(risen.first_bad_hop.as_deref(), Some("front -> checkout POST /orders"));
}
