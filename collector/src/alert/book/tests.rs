//! Lives of alerts.

use std::sync::Arc;

use super::group::{Message, Status, Telling};
use super::*;

const NOW: u64 = 1_800_000_000;

fn name(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn signal(subject: Subject) -> Signal {
    Signal {
        rule: "error-rate".to_owned(),
        kind: "error_rate",
        subject,
        severity: Severity::Warning,
        since_unix_s: NOW,
        for_s: 0,
        keep_firing_for_s: 0,
        summary: "errors".to_owned(),
        evidence: Evidence::default(),
    }
}

fn service(service: &str) -> Signal {
    signal(Subject::Service(name(service)))
}

fn states(book: &Book) -> Vec<State> {
    book.alerts().iter().map(|alert| alert.state).collect()
}

/// What a receiver is told until nothing is left, as (status, suspect, how many alerts).
fn tell_all(book: &mut Book, receiver: &str, telling: Telling, now: u64) -> Vec<(Status, String, usize)> {
    let mut told = Vec::new();
    while let Some(message) = book.next_message(receiver, telling, now) {
        if telling == Telling::SingleAlerts || !book.is_known(receiver, &message, now) {
            told.push((message.status, message.suspect.clone(), message.alerts.len()));
        }
        book.told(receiver, &message, now);
    }
    told
}

#[test]
fn it_is_pending_then_fires_then_is_resolved() {
    let mut book = Book::default();
    let held = Signal { for_s: 30, keep_firing_for_s: 60, ..service("pay") };
    let calls = Calls::new();
    book.update(NOW, std::slice::from_ref(&held), &calls);
    assert_eq!(states(&book), [State::Pending]);
    book.update(NOW + 30, std::slice::from_ref(&held), &calls);
    assert_eq!(states(&book), [State::Firing]);
    book.update(NOW + 60, &[], &calls);
    assert_eq!(states(&book), [State::Firing], "it goes on for a minute after it last held");
    book.update(NOW + 90, &[], &calls);
    assert_eq!(states(&book), [State::Resolved]);
    assert_eq!(book.alerts()[0].resolved_unix_s, Some(NOW + 90));
}

#[test]
fn what_never_fired_leaves_no_trace() {
    let mut book = Book::default();
    book.update(NOW, &[Signal { for_s: 30, ..service("pay") }], &Calls::new());
    book.update(NOW + 5, &[], &Calls::new());
    assert_eq!(states(&book), []);
}

#[test]
fn a_failing_service_and_its_callers_are_one_message_with_one_suspect() {
    let edge = |from: &str, to: &str| signal(Subject::Edge(name(from), name(to)));
    let calls: Calls = [("gateway", "web"), ("web", "cart"), ("cart", "pay"), ("web", "search")]
        .into_iter()
        .fold(Calls::new(), |mut calls, (from, to)| {
            calls.entry(name(from)).or_default().insert(name(to));
            calls
        });
    let signals = [
        service("gateway"),
        service("web"),
        service("cart"),
        edge("web", "cart"),
        edge("cart", "pay"),
        service("pay"),
    ];
    let mut book = Book::default();
    book.update(NOW, &signals[..3], &calls);
    book.update(NOW + 4, &signals, &calls);
    assert_eq!(book.next_message("hook", Telling::Groups, NOW + 5), None, "neighbours get a moment to join");
    book.update(NOW + 12, &signals, &calls);
    assert_eq!(
        tell_all(&mut book, "hook", Telling::Groups, NOW + 12),
        [(Status::Firing, "pay".to_owned(), 6)]
    );
    book.update(NOW + 20, &signals[..2], &calls);
    assert_eq!(tell_all(&mut book, "hook", Telling::Groups, NOW + 20), [], "it is not over as a whole");
    book.update(NOW + 30, &[], &calls);
    assert_eq!(
        tell_all(&mut book, "hook", Telling::Groups, NOW + 30),
        [(Status::Resolved, "pay".to_owned(), 2)]
    );
}

#[test]
fn calls_in_a_circle_do_not_hang() {
    let calls: Calls = [(name("a"), [name("b")].into()), (name("b"), [name("a")].into())].into();
    let mut book = Book::default();
    book.update(NOW, &[service("a"), service("b")], &calls);
    assert_eq!(book.alerts().len(), 2);
}

#[test]
fn alertmanager_hears_of_each_alert_again_every_minute() {
    let mut book = Book::default();
    let signals = [service("pay"), service("cart")];
    book.update(NOW, &signals, &Calls::new());
    assert_eq!(tell_all(&mut book, "am", Telling::SingleAlerts, NOW + 10).len(), 2);
    assert_eq!(tell_all(&mut book, "am", Telling::SingleAlerts, NOW + 40), []);
    assert_eq!(tell_all(&mut book, "am", Telling::SingleAlerts, NOW + 70).len(), 2);
}

#[test]
fn what_is_over_before_a_receiver_could_be_told_is_told_in_both_steps() {
    let mut book = Book::default();
    book.update(NOW, &[service("pay")], &Calls::new());
    book.update(NOW + 60, &[], &Calls::new());
    let told: Vec<Status> =
        tell_all(&mut book, "hook", Telling::Groups, NOW + 600).into_iter().map(|told| told.0).collect();
    assert_eq!(told, [Status::Firing, Status::Resolved]);
}

#[test]
fn a_second_fault_of_the_same_suspect_is_another_group() {
    let mut book = Book::default();
    let group = |book: &mut Book, now: u64| {
        book.update(now, &[Signal { since_unix_s: now, ..service("pay") }], &Calls::new());
        let Message { group, .. } = book.next_message("hook", Telling::Groups, now + 10).unwrap();
        tell_all(book, "hook", Telling::Groups, now + 10);
        book.update(now + 20, &[], &Calls::new());
        tell_all(book, "hook", Telling::Groups, now + 20);
        group
    };
    let (first, second) = (group(&mut book, NOW), group(&mut book, NOW + 3600));
    assert_ne!(first, second);
}

#[test]
fn a_silence_keeps_it_quiet_until_it_ends() {
    let mut book = Book::default();
    let silence = Silence {
        service: Some("pay".to_owned()),
        until_unix_s: NOW + 100,
        comment: "known".to_owned(),
        ..Silence::default()
    };
    book.silence(NOW, silence.clone()).unwrap();
    book.update(NOW, &[service("pay"), service("cart")], &Calls::new());
    assert_eq!(
        tell_all(&mut book, "hook", Telling::Groups, NOW + 10),
        [(Status::Firing, "cart".to_owned(), 1)]
    );
    book.update(NOW + 101, &[service("pay"), service("cart")], &Calls::new());
    assert_eq!(
        tell_all(&mut book, "hook", Telling::Groups, NOW + 101),
        [(Status::Firing, "pay".to_owned(), 1)]
    );
    assert!(
        book.silence(NOW, Silence { until_unix_s: NOW, ..silence.clone() }).unwrap_err().contains("past")
    );
    assert!(book.silence(NOW, Silence { service: None, ..silence }).unwrap_err().contains("needs rule"));
}

#[test]
fn a_restart_forgets_nothing() {
    let mut book = Book::default();
    book.update(NOW, &[service("pay")], &Calls::new());
    tell_all(&mut book, "hook", Telling::Groups, NOW + 10);
    let mut after: Book = serde_json::from_slice(&serde_json::to_vec(&book).unwrap()).unwrap();
    assert_eq!(after, book);
    after.update(NOW + 20, &[service("pay")], &Calls::new());
    assert_eq!(tell_all(&mut after, "hook", Telling::Groups, NOW + 30), [], "nobody is told twice");
}

#[test]
fn only_so_many_resolved_alerts_are_kept() {
    let mut book = Book::default();
    for round in 0..1_050 {
        let now = NOW + round * 10;
        book.update(now, &[Signal { since_unix_s: now, ..service("pay") }], &Calls::new());
        book.update(now + 5, &[], &Calls::new());
    }
    assert_eq!(book.alerts().len(), MAX_RESOLVED);
}

#[test]
fn a_circle_is_blamed_on_who_closes_it_and_so_is_the_slowness_around_it() {
    let calls: Calls = [("gateway", "front"), ("front", "cart"), ("cart", "front"), ("front", "pay")]
        .into_iter()
        .fold(Calls::new(), |mut calls, (from, to)| {
            calls.entry(name(from)).or_default().insert(name(to));
            calls
        });
    let circle = Signal { kind: "loop", ..signal(Subject::Entry(name("cart"), name("-> front GET /"))) };
    let slow = |at: &str| Signal { rule: "latency".to_owned(), kind: "latency", ..service(at) };
    let mut book = Book::default();
    book.update(NOW, &[circle, slow("front"), slow("gateway"), service("pay")], &calls);
    let suspect = |of: &str| {
        book.alerts().into_iter().find(|alert| alert.service == of).map(|alert| alert.suspect.clone())
    };
    assert_eq!(suspect("cart").as_deref(), Some("cart"), "and not the front, though that alerts as well");
    assert_eq!(suspect("front").as_deref(), Some("cart"));
    assert_eq!(suspect("gateway").as_deref(), Some("cart"));
    assert_eq!(
        suspect("pay").as_deref(),
        Some("pay"),
        "who is not part of the circle has a reason of its own"
    );
}

#[test]
fn the_first_suspect_that_traces_name_is_the_suspect() {
    let mut book = Book::default();
    book.update(NOW, &[service("front")], &Calls::new());
    let id = book.alerts()[0].id.clone();
    let suspect = crate::alert::evidence::Suspected { service: "pay".to_owned(), ..Default::default() };
    book.complete(&id, |evidence| evidence.suspects.push(suspect));
    book.choose_suspects(&Calls::new());
    assert_eq!(book.alerts()[0].suspect, "pay");
}
