//! What every store must do, as one suite that every store passes.

mod conditions;
mod rollups;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use super::{Batch, Budget, MAX_TRACE_SPANS, RollupFilter, SpanFilter, Store, StoreError};

/// A trace id for a number that is not zero.
pub(crate) fn trace_id(number: u64) -> TraceId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    TraceId::from_bytes(&bytes).unwrap()
}

/// A server span of a service: 10 ns long, without attributes.
pub(crate) fn span(trace: u64, id: u64, service: &str, start_unix_ns: u64) -> Span {
    let name = Attribute { key: "service.name".to_owned(), value: Value::Text(service.to_owned()) };
    Span {
        trace_id: trace_id(trace),
        span_id: SpanId::from_bytes(&id.to_be_bytes()).unwrap(),
        parent_span_id: None,
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind: SpanKind::Server,
        start_unix_ns,
        end_unix_ns: start_unix_ns + 10,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![name] }),
    }
}

/// Keeps spans as the receivers do.
pub(crate) async fn keep(store: &dyn Store, spans: Vec<Span>) {
    store.append(Batch::of_spans(&spans).unwrap().0).await.unwrap();
}

/// Runs the whole suite, each check on a new store. A store may keep spans in any way, so `make` can be called for one that
/// writes a block for each batch as well as for one that never does.
pub(crate) async fn check_all<S: Store>(make: impl Fn() -> Arc<S>) {
    run(&make, finds_a_span_as_soon_as_it_is_kept).await;
    run(&make, returns_no_span_twice).await;
    run(&make, keeps_client_and_server_spans_that_share_an_id).await;
    run(&make, an_unknown_trace_has_no_spans).await;
    run(&make, a_trace_of_too_many_spans_is_read_in_part).await;
    run(&make, several_traces_come_in_the_order_asked_for).await;
    run(&make, searches_by_every_condition).await;
    run(&make, one_span_must_satisfy_all_conditions).await;
    run(&make, newest_traces_come_first_and_are_limited).await;
    run(&make, lists_services_sorted_and_once).await;
    run(&make, tells_subscribers_about_new_spans).await;
    run(&make, counts_what_it_keeps).await;
    run(&make, a_used_up_budget_is_told).await;
    conditions::check_all(&make).await;
    rollups::check_all(&make).await;
}

async fn run<S: Store, F: Future<Output = ()>>(
    make: &impl Fn() -> Arc<S>,
    check: impl Fn(Arc<dyn Store>) -> F,
) {
    check(make()).await;
}

async fn finds_a_span_as_soon_as_it_is_kept(store: Arc<dyn Store>) {
    for number in 1..=20 {
        let sent = span(number, 1, "cart", 100 + number);
        keep(&*store, vec![sent.clone()]).await;
        let found = store.trace(trace_id(number)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(*found[0], sent);
        assert_eq!(store.search(&SpanFilter::default(), 1).unwrap(), [trace_id(number)]);
    }
    assert_eq!(store.search(&SpanFilter::default(), 100).unwrap().len(), 20);
}

async fn returns_no_span_twice(store: Arc<dyn Store>) {
    let first = span(1, 1, "cart", 100);
    let again = Span { name: "copy".to_owned(), ..first.clone() };
    keep(&*store, vec![first.clone(), again.clone()]).await;
    keep(&*store, vec![again]).await;
    let found = store.trace(trace_id(1)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(*found[0], first, "the first copy wins");
    assert_eq!(store.search(&SpanFilter::default(), 10).unwrap(), [trace_id(1)]);
}

async fn keeps_client_and_server_spans_that_share_an_id(store: Arc<dyn Store>) {
    let server = span(1, 1, "cart", 100);
    let client = Span { kind: SpanKind::Client, ..server.clone() };
    keep(&*store, vec![server, client]).await;
    assert_eq!(store.trace(trace_id(1)).unwrap().len(), 2);
}

async fn an_unknown_trace_has_no_spans(store: Arc<dyn Store>) {
    keep(&*store, vec![span(1, 1, "cart", 100), span(3, 1, "cart", 100)]).await;
    assert!(store.trace(trace_id(2)).unwrap().is_empty());
}

async fn a_trace_of_too_many_spans_is_read_in_part(store: Arc<dyn Store>) {
    let ids: Vec<u64> = (1..=MAX_TRACE_SPANS as u64 + 1).collect();
    for ids in ids.chunks(MAX_TRACE_SPANS / 4) {
        let spans: Vec<Span> = ids.iter().map(|id| span(1, *id, "cart", 100)).collect();
        while let Err(error) = store.append(Batch::of_spans(&spans).unwrap().0).await {
            assert!(matches!(error, StoreError::Busy(_)), "{error}");
            tokio::task::yield_now().await;
        }
    }
    keep(&*store, vec![span(2, 1, "cart", 100)]).await;
    let found = [1, 2].map(|number| store.trace(trace_id(number)).unwrap());
    let lengths = found.map(|spans| spans.len());
    assert_eq!(lengths, [MAX_TRACE_SPANS, 1], "a trace too large harms no other");
    assert_eq!(store.search(&SpanFilter::default(), 10).unwrap().len(), 2);
}

async fn several_traces_come_in_the_order_asked_for(store: Arc<dyn Store>) {
    for (trace, id) in [(1, 1), (3, 1), (2, 1), (3, 2)] {
        keep(&*store, vec![span(trace, id, "cart", 100)]).await;
    }
    let found = store.traces_within(&[3, 9, 1].map(trace_id), &Budget::unlimited()).unwrap();
    assert!(found.is_complete);
    let ids: Vec<Vec<TraceId>> =
        found.items.iter().map(|spans| spans.iter().map(|span| span.trace_id).collect()).collect();
    assert_eq!(ids, [vec![trace_id(3); 2], vec![], vec![trace_id(1)]]);
}

async fn searches_by_every_condition(store: Arc<dyn Store>) {
    let slow = Span { end_unix_ns: 1_100, name: "POST".to_owned(), ..span(1, 1, "cart", 100) };
    let failed = Span { status: StatusCode::Error, ..span(2, 1, "payment", 200) };
    let backwards = Span { end_unix_ns: 1, ..span(3, 1, "cart", 300) };
    for sent in [slow, failed, backwards] {
        keep(&*store, vec![sent]).await;
    }
    let any = SpanFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let cases: [(SpanFilter, &[u64]); 12] = [
        (any(), &[3, 2, 1]),
        (SpanFilter { service: text("cart"), ..any() }, &[3, 1]),
        (SpanFilter { service: text("car"), ..any() }, &[]),
        (SpanFilter { operation: text("POST"), ..any() }, &[1]),
        (SpanFilter { errors_only: true, ..any() }, &[2]),
        (SpanFilter { min_duration_ns: Some(10), ..any() }, &[2, 1]),
        (SpanFilter { min_duration_ns: Some(11), ..any() }, &[1]),
        (SpanFilter { max_duration_ns: Some(10), ..any() }, &[3, 2]),
        (SpanFilter { max_duration_ns: Some(0), ..any() }, &[3]),
        (SpanFilter { since_unix_ns: Some(200), ..any() }, &[3, 2]),
        (SpanFilter { until_unix_ns: Some(200), ..any() }, &[2, 1]),
        (SpanFilter { since_unix_ns: Some(201), until_unix_ns: Some(299), ..any() }, &[]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<TraceId> = expected.iter().map(|number| trace_id(*number)).collect();
        assert_eq!(store.search(&filter, 10).unwrap(), expected, "{filter:?}");
    }
}

async fn one_span_must_satisfy_all_conditions(store: Arc<dyn Store>) {
    let failed = Span { status: StatusCode::Error, ..span(1, 1, "payment", 100) };
    keep(&*store, vec![failed, span(1, 2, "cart", 100)]).await;
    let filter = SpanFilter { errors_only: true, service: Some("cart".to_owned()), ..SpanFilter::default() };
    assert!(store.search(&filter, 10).unwrap().is_empty());
}

async fn newest_traces_come_first_and_are_limited(store: Arc<dyn Store>) {
    for (trace, id, start) in [(1, 1, 100), (2, 1, 300), (3, 1, 200), (1, 2, 400), (4, 1, 50)] {
        keep(&*store, vec![span(trace, id, "cart", start)]).await;
    }
    let all: Vec<TraceId> = [1, 2, 3, 4].map(trace_id).to_vec();
    for limit in 0..=5 {
        let expected = &all[..limit.min(4)];
        assert_eq!(store.search(&SpanFilter::default(), limit).unwrap(), expected);
    }
    let early = SpanFilter { until_unix_ns: Some(350), ..SpanFilter::default() };
    assert_eq!(store.search(&early, 2).unwrap(), [trace_id(2), trace_id(3)], "only matching spans count");
}

async fn lists_services_sorted_and_once(store: Arc<dyn Store>) {
    assert!(store.services().unwrap().is_empty());
    for (number, service) in ["shipping", "cart", "zürich \"x\"", "cart"].into_iter().enumerate() {
        keep(&*store, vec![span(1, number as u64 + 1, service, 100)]).await;
    }
    assert_eq!(store.services().unwrap(), ["cart", "shipping", "zürich \"x\""]);
}

async fn tells_subscribers_about_new_spans(store: Arc<dyn Store>) {
    let mut feed = store.subscribe();
    keep(&*store, vec![span(1, 1, "cart", 100), span(2, 1, "cart", 100), span(1, 2, "cart", 100)]).await;
    let mut told = feed.recv().await.unwrap().to_vec();
    told.sort();
    assert_eq!(told, [trace_id(1), trace_id(2)]);
    keep(&*store, vec![span(3, 1, "cart", 100)]).await;
    assert_eq!(*feed.recv().await.unwrap(), [trace_id(3)]);
}

async fn a_used_up_budget_is_told(store: Arc<dyn Store>) {
    keep(&*store, vec![span(1, 1, "cart", 100)]).await;
    let whole = store.search_within(&SpanFilter::default(), 10, &Budget::unlimited()).unwrap();
    assert_eq!((whole.items.len(), whole.is_complete), (1, true));
    let cancelled = Budget::unlimited();
    cancelled.cancel();
    let cut = store.search_within(&SpanFilter::default(), 10, &cancelled).unwrap();
    assert!(!cut.is_complete, "{cut:?}");
    let cut = store.traces_within(&[trace_id(1)], &cancelled).unwrap();
    assert!(cut.items.is_empty() && !cut.is_complete, "{cut:?}");
    let few = Budget::new(Duration::from_secs(3_600), 10);
    assert_eq!(store.traces_within(&[trace_id(1)], &few).unwrap().items.len(), 1, "one is always read");
    assert!(store.traces_within(&[trace_id(1)], &few).unwrap().items.is_empty(), "nothing is left");
    assert!(!store.rollups_within(&RollupFilter::default(), &cancelled).unwrap().is_complete);
    assert!(store.rollups_within(&RollupFilter::default(), &Budget::unlimited()).unwrap().is_complete);
}

async fn counts_what_it_keeps(store: Arc<dyn Store>) {
    assert_eq!(store.stats().spans_live, 0);
    assert_eq!(store.stats().blocks, 0);
    keep(&*store, vec![span(1, 1, "cart", 100), span(1, 2, "cart", 100)]).await;
    let stats = store.stats();
    assert!(stats.spans_live == 2 || stats.blocks == 1, "{stats:?}");
}
