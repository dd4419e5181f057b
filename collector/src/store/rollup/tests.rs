//! Which spans are one call, and what is counted when an end is missing.

use throughline_model::attribute;
use throughline_model::link::LinkKind;
use throughline_model::span::{Attribute, Span, SpanKind, StatusCode, Value};

use super::*;
use crate::store::Budget;
use crate::store::batch::Batch;
use crate::store::contract::span;
use crate::store::window::{Payload, Window};

/// `(id, parent, kind, service)`; the id is also the start, and a hundred times the duration.
type Sketch = (u64, u64, SpanKind, &'static str);

const CLIENT: SpanKind = SpanKind::Client;
const SERVER: SpanKind = SpanKind::Server;

fn drawn(&(id, parent, kind, service): &Sketch) -> Span {
    Span {
        kind,
        parent_span_id: SpanId::from_bytes(&parent.to_be_bytes()),
        end_unix_ns: id + id * 100,
        ..span(1, id, service, id)
    }
}

fn count(fold: &mut Fold, spans: &[Span], now: Duration) {
    let batch = Batch::of_spans(spans).unwrap().0;
    let mut window = Window::default();
    window.push(batch.heads, &batch.payload, Payload::Memory(batch.payload.clone()));
    fold.count(0, &window.batches()[0], now).unwrap();
}

/// `client>server calls/errors/one-sided`, after everybody's patience has ended.
fn edges(spans: &[Span]) -> Vec<String> {
    let mut fold = Fold::default();
    for (second, one) in (0..).zip(spans) {
        count(&mut fold, std::slice::from_ref(one), Duration::from_millis(second));
    }
    fold.expire(0, Duration::from_secs(60));
    let filter = RollupFilter {
        series: SeriesFilter::Edges { client: None, server: None },
        ..RollupFilter::default()
    };
    let written = fold.read(&filter, &Budget::unlimited()).unwrap().items.into_iter().map(|rollup| {
        let Series::Edge { client, server, .. } = rollup.series else {
            panic!("an operation among edges");
        };
        let Figures { calls, errors, one_sided, .. } = rollup.figures;
        format!("{client}>{server} {calls}/{errors}/{one_sided}")
    });
    written.collect()
}

fn check(sketch: &[Sketch], expected: &[&str]) {
    // Every rotation, forwards and backwards: the order in which spans come must not matter.
    for start in 0..sketch.len() {
        let mut spans: Vec<Span> = sketch.iter().map(drawn).collect();
        spans.rotate_left(start);
        assert_eq!(edges(&spans), expected, "from {start}");
        spans.reverse();
        assert_eq!(edges(&spans), expected, "backwards from {start}");
    }
}

#[test]
fn a_client_and_a_server_span_are_one_call() {
    check(&[(1, 0, SERVER, "a"), (2, 1, CLIENT, "a"), (3, 2, SERVER, "b")], &[">a 1/0/0", "a>b 1/0/0"]);
}

#[test]
fn both_ends_may_share_an_id_as_in_zipkin() {
    check(&[(2, 1, CLIENT, "a"), (2, 1, SERVER, "b"), (1, 0, SERVER, "a")], &[">a 1/0/0", "a>b 1/0/0"]);
}

#[test]
fn an_application_and_its_proxy_are_one_end() {
    let proxies_and_applications = [
        (1, 0, SERVER, "a"),
        (2, 1, SERVER, "a"),
        (3, 2, CLIENT, "a"),
        (4, 3, CLIENT, "a"),
        (5, 4, SERVER, "b"),
        (6, 5, SERVER, "b"),
    ];
    check(&proxies_and_applications, &[">a 1/0/0", "a>b 1/0/0"]);
}

#[test]
fn each_attempt_that_reached_a_server_is_a_call() {
    check(&[(1, 0, CLIENT, "a"), (2, 1, SERVER, "b"), (3, 1, SERVER, "b")], &["a>b 2/0/0"]);
}

#[test]
fn a_server_below_another_service_was_called_by_it() {
    check(&[(1, 0, SERVER, "a"), (2, 1, SERVER, "b")], &[">a 1/0/0", "a>b 1/0/1"]);
}

#[test]
fn a_missing_end_is_counted_as_such() {
    check(&[(2, 1, SERVER, "b")], &[">b 1/0/1"]);
    check(&[(2, 1, CLIENT, "a")], &["a> 1/0/1"]);
}

#[test]
fn what_a_span_says_of_the_other_end_is_used_when_no_span_does() {
    let text = |key: &str, text: &str| Attribute { key: key.to_owned(), value: Value::Text(text.to_owned()) };
    let called = Span { attributes: vec![text(attribute::PATH, "edge>a>b")], ..drawn(&(2, 1, SERVER, "b")) };
    assert_eq!(edges(&[called]), ["a>b 1/0/1"]);
    let calling = Span {
        attributes: vec![text(attribute::SERVER_ADDRESS, "bank.example")],
        ..drawn(&(2, 1, CLIENT, "a"))
    };
    assert_eq!(edges(&[calling]), ["a>bank.example 1/0/1"]);
}

#[test]
fn a_call_is_counted_by_what_its_caller_says_of_its_cause() {
    let linked = |span: Span, kind: &str| Span {
        attributes: vec![Attribute {
            key: attribute::LINK_KIND.to_owned(),
            value: Value::Text(kind.to_owned()),
        }],
        ..span
    };
    let spans = [
        linked(drawn(&(1, 0, CLIENT, "a")), "sole"),
        linked(drawn(&(2, 1, SERVER, "b")), "propagated"),
        linked(drawn(&(3, 0, CLIENT, "a")), "none"),
        linked(drawn(&(4, 0, CLIENT, "a")), "never heard of"),
    ];
    let mut fold = Fold::default();
    count(&mut fold, &spans, Duration::ZERO);
    fold.expire(0, Duration::from_secs(60));
    let mut links = Links::default();
    fold.totals().iter().for_each(|(_, figures)| links.add(&figures.links));
    assert_eq!(links.iter().collect::<Vec<_>>(), [(LinkKind::Sole, 1), (LinkKind::None, 1)]);
}

#[test]
fn a_call_failed_when_either_end_says_so() {
    let spans = [drawn(&(1, 0, CLIENT, "a")), drawn(&(2, 1, SERVER, "b"))];
    for failed in 0..2 {
        let mut spans = spans.clone();
        spans[failed].status = StatusCode::Error;
        assert_eq!(edges(&spans), ["a>b 1/1/0"]);
    }
}

#[test]
fn a_failed_call_counts_for_the_route_of_the_others() {
    let text = |key: &str, text: &str| Attribute { key: key.to_owned(), value: Value::Text(text.to_owned()) };
    // The filter asks Envoy for the name of its route only where a call failed.
    let failed = Span {
        status: StatusCode::Error,
        attributes: vec![text(attribute::ENVOY_ROUTE_NAME, "default")],
        ..drawn(&(2, 0, SERVER, "b"))
    };
    let mut fold = Fold::default();
    count(&mut fold, &[drawn(&(1, 0, SERVER, "b")), failed], Duration::ZERO);
    let series = SeriesFilter::Edges { client: None, server: None };
    let rollups =
        fold.read(&RollupFilter { series, ..RollupFilter::default() }, &Budget::unlimited()).unwrap().items;
    let figures: Vec<_> = rollups.iter().map(|one| (one.figures.calls, one.figures.errors)).collect();
    assert_eq!(figures, [(2, 1)], "one route with both calls: {rollups:?}");
}

#[test]
fn a_span_that_is_sent_again_is_counted_once() {
    let mut fold = Fold::default();
    let sent = [drawn(&(1, 0, SERVER, "a"))];
    (0..2).for_each(|_| count(&mut fold, &sent, Duration::ZERO));
    let calls: Vec<u64> = fold
        .read(&RollupFilter::default(), &Budget::unlimited())
        .unwrap()
        .items
        .iter()
        .map(|rollup| rollup.figures.calls)
        .collect();
    assert_eq!(calls, [1, 1], "one operation and one edge");
}

#[test]
fn too_many_names_are_counted_together() {
    let mut fold = Fold::default();
    let spans: Vec<Span> =
        (1..=30_000).map(|id| Span { name: format!("GET /{id}"), ..drawn(&(id, 0, SERVER, "a")) }).collect();
    count(&mut fold, &spans, Duration::ZERO);
    let found = fold.read(&RollupFilter::default(), &Budget::unlimited()).unwrap().items;
    assert!(found.len() < 21_000, "{}", found.len());
    assert_eq!(found.iter().map(|rollup| rollup.figures.calls).sum::<u64>(), 60_000);
    let other = |rollup: &&Rollup| matches!(&rollup.series, Series::Operation { service, .. } if &**service == "(other)");
    assert!(found.iter().find(other).is_some_and(|rollup| rollup.figures.calls > 1_000));
    let is_called =
        |rollup: &Rollup| matches!(&rollup.series, Series::Edge { client, .. } if **client != *UNKNOWN);
    assert!(
        !found.iter().any(is_called),
        "requests from outside have no caller, whatever they are counted as"
    );
}

#[test]
fn names_may_be_forgotten_while_ends_wait() {
    let mut fold = Fold::default();
    count(&mut fold, &[drawn(&(1, 0, SERVER, "a")), drawn(&(2, 1, CLIENT, "a"))], Duration::ZERO);
    for ids in (10..60_010).collect::<Vec<u64>>().chunks(20_000) {
        let calling = |id: &u64| {
            let address = Value::Text(format!("pod-{id}"));
            let address = Attribute { key: attribute::SERVER_ADDRESS.to_owned(), value: address };
            Span { attributes: vec![address], ..drawn(&(*id, 0, CLIENT, "b")) }
        };
        count(&mut fold, &ids.iter().map(calling).collect::<Vec<_>>(), Duration::ZERO);
    }
    count(&mut fold, &[drawn(&(3, 2, SERVER, "c"))], Duration::ZERO);
    let filter = RollupFilter {
        series: SeriesFilter::Edges { client: Some("a".to_owned()), server: Some("c".to_owned()) },
        ..RollupFilter::default()
    };
    assert_eq!(fold.read(&filter, &Budget::unlimited()).unwrap().items.len(), 1);
}
