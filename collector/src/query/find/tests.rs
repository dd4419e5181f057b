//! Pages, cursors and budgets, over a store in memory.

mod counting;

use std::time::Duration;

use throughline_model::id::SpanId;
use throughline_model::span::{Resource, StatusCode};

use super::*;
use crate::store::MemoryStore;

const PLENTY: Limits = Limits { time: Duration::from_secs(3600), bytes: u64::MAX };

fn trace_id(number: u32) -> TraceId {
    TraceId::from_bytes(&u128::from(number + 1).to_be_bytes()).unwrap()
}

fn span(trace: u32, id: u64, start_unix_ns: u64) -> Span {
    Span {
        trace_id: trace_id(trace),
        span_id: SpanId::from_bytes(&id.to_be_bytes()).unwrap(),
        parent_span_id: None,
        trace_state: String::new(),
        flags: 1,
        name: format!("n{}", trace % 2),
        kind: SpanKind::Server,
        start_unix_ns,
        end_unix_ns: start_unix_ns + 1,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource::default()),
    }
}

/// Traces of two spans far apart, several of which begin at one moment, so that pages meet every trace twice.
fn store(traces: u32) -> MemoryStore {
    let store = MemoryStore::new();
    let spans = (0..traces).flat_map(|trace| {
        let start = 1_000_000 + u64::from(trace / 3) * 10;
        [span(trace, 1, start), span(trace, 2, start - 500_000)]
    });
    store.insert(spans.collect());
    store
}

fn find(store: &MemoryStore, question: &Question, limits: Limits) -> (Vec<TraceId>, Outcome) {
    let mut found = Vec::new();
    let mut cancel = Cancel::default();
    let outcome = walk(store, question, &mut cancel.budget(limits), &mut |hit| {
        found.push(hit.trace_id);
        ControlFlow::Continue(())
    });
    (found, outcome.unwrap())
}

fn expected(traces: u32) -> Vec<TraceId> {
    let mut all: Vec<u32> = (0..traces).collect();
    all.sort_by_key(|trace| (std::cmp::Reverse(trace / 3), *trace));
    all.into_iter().map(trace_id).collect()
}

fn query(text: &str) -> Option<Query> {
    Some(Query::parse(text).unwrap())
}

#[test]
fn walks_over_every_trace_once_in_order() {
    for traces in [0, 1, 33, 400] {
        let question = Question { limit: 1_000, query: query("{}"), ..Question::default() };
        let (found, outcome) = find(&store(traces), &question, PLENTY);
        assert_eq!(found, expected(traces));
        assert_eq!((outcome.stopped, outcome.next), (None, None));
        assert_eq!(outcome.inspected.spans, u64::from(traces) * 2);
    }
}

#[test]
fn cursors_lead_through_all_pages() {
    let store = store(200);
    for limit in [1, 7, 64] {
        let mut question = Question { limit, ..Question::default() };
        let mut all = Vec::new();
        loop {
            let (found, outcome) = find(&store, &question, PLENTY);
            all.extend(found);
            let Some(next) = outcome.next else { break };
            question.after = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(all, expected(200), "{limit}");
    }
}

#[test]
fn rare_matches_are_found_behind_many_pages() {
    let store = store(1_000);
    let question = Question {
        limit: 1,
        query: query("{ name = \"n1\" && span:level = 0 } | count() > 1"),
        ..Question::default()
    };
    let (found, _) = find(&store, &question, PLENTY);
    assert_eq!(found.len(), 1);
    let rare = Question {
        limit: 1,
        query: query(&format!("{{ trace:id = \"{}\" }}", trace_id(0))),
        ..Question::default()
    };
    let (found, outcome) = find(&store, &rare, PLENTY);
    assert_eq!((found, outcome.inspected.traces), (vec![trace_id(0)], 998));
}

#[test]
fn budgets_end_a_search_and_say_where_to_go_on() {
    let store = store(300);
    let mut question = Question { limit: 1_000, query: query("{}"), ..Question::default() };
    let (first, outcome) = find(&store, &question, Limits { bytes: 1_000, ..PLENTY });
    assert_eq!(outcome.stopped, Some(Stop::Bytes));
    assert!(first.len() < 300);
    question.after = outcome.next;
    let (rest, _) = find(&store, &question, PLENTY);
    assert_eq!([first, rest].concat(), expected(300));
    let (found, outcome) = find(&store, &question, Limits { time: Duration::ZERO, ..PLENTY });
    assert_eq!((found.len(), outcome.stopped), (0, Some(Stop::Time)));
}

#[test]
fn a_withdrawn_question_ends() {
    let (store, mut cancel) = (store(300), Cancel::default());
    let mut budget = cancel.budget(PLENTY);
    let question = Question { limit: 1_000, ..Question::default() };
    let mut cancel = Some(cancel);
    let mut told = 0;
    let outcome = walk(&store, &question, &mut budget, &mut |_| {
        told += 1;
        cancel = None;
        ControlFlow::Continue(())
    });
    assert_eq!((told, outcome.unwrap().stopped), (1, Some(Stop::Cancelled)));
}

#[test]
fn cursors_that_are_none_are_refused() {
    for text in [
        "",
        "x",
        "00000000000000010000000000000000000000000000000",
        "é000000000000000000000000000000000000000000000000",
    ] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
}
