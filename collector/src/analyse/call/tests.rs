//! Calls out of lifecycles: who counts as called, as caller, and where errors began.

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, StatusCode};

use super::{Call, Outcome, calls_of};
use crate::analyse::fixture::{assembled, span, with};

use SpanKind::{Client, Internal, Server};

fn failed(mut span: Span) -> Span {
    span.status = StatusCode::Error;
    span
}

/// Each call as `service<parent`, with its waiting time where that is known.
fn told(spans: Vec<Span>) -> Vec<String> {
    let calls = calls_of(&assembled(spans));
    let one = |call: &Call| {
        let parent = call.parent.map_or_else(String::new, |parent| format!("<{parent}"));
        let wait = call.client.map_or_else(String::new, |client| format!(" {}", client.length_ns()));
        format!("{}{parent}{wait}", call.service)
    };
    calls.iter().map(one).collect()
}

#[test]
fn takes_a_client_and_its_server_as_one_call() {
    let spans = vec![
        span(1, 0, Server, "a", (0, 100)),
        span(2, 1, Internal, "a", (5, 95)),
        span(3, 2, Client, "a", (10, 90)),
        span(4, 3, Server, "b", (20, 80)),
    ];
    assert_eq!(told(spans), ["a", "b<0 80"]);
}

#[test]
fn names_the_caller_though_its_request_is_not_in_the_trace() {
    let caller = |spans: Vec<Span>| calls_of(&assembled(spans))[0].caller.as_deref().map(str::to_owned);
    let below_client = vec![span(3, 0, Client, "a", (10, 90)), span(4, 3, Server, "b", (20, 80))];
    assert_eq!(caller(below_client).as_deref(), Some("a"));
    assert_eq!(caller(vec![span(3, 0, Client, "a", (10, 90))]).as_deref(), Some("a"));
    let parent_missing = with(span(4, 3, Server, "b", (20, 80)), attribute::PATH, "gateway>a>b");
    assert_eq!(caller(vec![parent_missing]).as_deref(), Some("a"));
    let entry = with(span(1, 0, Server, "gateway", (0, 100)), attribute::PATH, "gateway");
    assert_eq!(caller(vec![entry]), None);
    assert_eq!(caller(vec![span(1, 0, Server, "a", (0, 100))]), None);
}

#[test]
fn takes_every_attempt_under_one_client_as_a_call() {
    let spans = vec![
        span(1, 0, Client, "a", (0, 100)),
        span(2, 1, Server, "b", (10, 40)),
        span(3, 1, Server, "b", (50, 90)),
    ];
    assert_eq!(told(spans), ["b 100", "b 100"]);
}

#[test]
fn takes_application_and_proxy_of_one_service_as_one_call() {
    let spans = vec![
        span(1, 0, Server, "a", (0, 100)),
        span(2, 1, Server, "a", (1, 99)),
        span(3, 2, Client, "a", (2, 98)),
        span(4, 3, Client, "a", (3, 97)),
        span(5, 4, Server, "b", (4, 96)),
    ];
    assert_eq!(told(spans), ["a", "b<0 94"]);
}

#[test]
fn takes_a_call_that_nobody_answered_under_the_host_it_went_to() {
    let call = with(span(2, 1, Client, "a", (10, 90)), attribute::SERVER_ADDRESS, "db.example");
    assert_eq!(told(vec![span(1, 0, Server, "a", (0, 100)), call]), ["a", "db.example<0"]);
}

#[test]
fn says_where_an_error_began() {
    let spans = vec![
        failed(span(1, 0, Server, "a", (0, 100))),
        failed(span(2, 1, Client, "a", (10, 90))),
        failed(span(3, 2, Server, "b", (20, 80))),
        span(4, 3, Client, "b", (30, 70)),
        span(5, 4, Server, "c", (40, 60)),
    ];
    let outcomes: Vec<Outcome> = calls_of(&assembled(spans)).iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Outcome::ErrorCarried, Outcome::ErrorBegan, Outcome::Well]);
}
