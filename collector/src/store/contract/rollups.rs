//! The part of the contract about rollups.

use std::sync::Arc;

use throughline_model::id::SpanId;
use throughline_model::span::{Span, SpanKind, StatusCode};

use super::{Store, keep, run, span, trace_id};
use crate::store::{Rollup, RollupFilter, Series, SeriesFilter};

const MINUTE_NS: u64 = 60_000_000_000;

pub(super) async fn check_all<S: Store>(make: &impl Fn() -> Arc<S>) {
    run(make, counts_operations_by_minute).await;
    run(make, counts_a_call_once_over_batches).await;
    run(make, gives_what_is_asked_for).await;
}

async fn counts_operations_by_minute(store: Arc<dyn Store>) {
    let failed = Span { status: StatusCode::Error, end_unix_ns: 1_100, ..span(1, 2, "cart", 100) };
    keep(&*store, vec![span(1, 1, "cart", 100), failed]).await;
    keep(&*store, vec![span(2, 3, "cart", MINUTE_NS)]).await;
    let operations = SeriesFilter::Operations { service: None };
    let found = store.rollups(&RollupFilter { series: operations, ..RollupFilter::default() }).unwrap();
    let series =
        Series::Operation { service: "cart".into(), kind: SpanKind::Server, operation: "GET".into() };
    assert!(found.iter().all(|rollup| rollup.series == series), "{found:?}");
    let counts: Vec<_> = found
        .iter()
        .map(|Rollup { minute_unix_s, figures, .. }| (*minute_unix_s, figures.calls, figures.errors))
        .collect();
    assert_eq!(counts, [(0, 2, 1), (60, 1, 0)]);
    let first = &found[0].figures;
    assert_eq!((first.durations.count(), first.durations.sum_ns()), (2, 1_010));
    for exemplar in [first.slowest, first.slowest_error] {
        let exemplar = exemplar.unwrap();
        assert_eq!((exemplar.trace_id, exemplar.duration_ns), (trace_id(1), 1_000));
    }
    assert_eq!(found[1].figures.slowest_error, None);
}

fn client(trace: u64, id: u64, service: &str, start_unix_ns: u64) -> Span {
    Span { kind: SpanKind::Client, ..span(trace, id, service, start_unix_ns) }
}

fn below(parent: u64, child: Span) -> Span {
    Span { parent_span_id: SpanId::from_bytes(&parent.to_be_bytes()), ..child }
}

async fn counts_a_call_once_over_batches(store: Arc<dyn Store>) {
    // The callee's span comes first, as it ends first.
    keep(&*store, vec![below(2, span(1, 3, "cart", 110))]).await;
    keep(&*store, vec![span(1, 1, "gateway", 100), below(1, client(1, 2, "gateway", 105))]).await;
    keep(&*store, vec![below(2, span(1, 3, "cart", 110))]).await;
    let edges = SeriesFilter::Edges { client: None, server: None };
    let found = store.rollups(&RollupFilter { series: edges, ..RollupFilter::default() }).unwrap();
    let edge = |client: &str, server: &str| Series::Edge {
        client: client.into(),
        server: server.into(),
        route: "GET".into(),
    };
    let series: Vec<_> = found.iter().map(|rollup| rollup.series.clone()).collect();
    assert_eq!(series, [edge("", "gateway"), edge("gateway", "cart")]);
    for (rollup, callers) in found.iter().zip([0, 1]) {
        let figures = &rollup.figures;
        assert_eq!((figures.calls, figures.errors, figures.one_sided), (1, 0, 0), "{rollup:?}");
        assert_eq!((figures.durations.count(), figures.client_durations.count()), (1, callers));
    }
}

async fn gives_what_is_asked_for(store: Arc<dyn Store>) {
    for (number, service) in (0..).zip(["cart", "payment", "cart"]) {
        keep(&*store, vec![span(number + 1, 1, service, number * MINUTE_NS)]).await;
    }
    let count = |since_unix_s, until_unix_s, series| {
        store.rollups(&RollupFilter { since_unix_s, until_unix_s, series }).unwrap().len()
    };
    let of = |service: &str| SeriesFilter::Operations { service: Some(service.to_owned()) };
    let to = |server: &str| SeriesFilter::Edges { client: None, server: Some(server.to_owned()) };
    assert_eq!(count(None, None, SeriesFilter::All), 6);
    assert_eq!(count(None, None, of("cart")), 2);
    assert_eq!(count(None, None, of("car")), 0);
    assert_eq!(count(None, None, to("payment")), 1);
    assert_eq!(count(Some(60), None, of("cart")), 1);
    assert_eq!(count(Some(119), Some(120), SeriesFilter::All), 2);
    assert_eq!(count(None, Some(60), SeriesFilter::All), 2);
}
