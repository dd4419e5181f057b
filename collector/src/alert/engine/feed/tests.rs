//! Traces on their way from the store to the watch.

use std::time::{Duration, Instant};

use throughline_model::attribute;
use throughline_model::id::SpanId;
use throughline_model::span::{Attribute, Span, Value};

use super::*;
use crate::alert::rules::Rules;
use crate::alert::watch::Watch;
use crate::store::MemoryStore;
use crate::store::contract::span;

const DEADLINE: Duration = Duration::from_secs(60);

/// The only span that arrived of a trace, which says how deep it is; a trace with a hole is always read from the store.
fn lonely(trace: u64, depth: i64) -> Span {
    let mut span = span(trace, 1, "cart", 1_790_000_000_000_000_000);
    span.parent_span_id = SpanId::from_bytes(&[9; 8]);
    span.attributes = vec![
        Attribute { key: attribute::DEPTH.to_owned(), value: Value::Int(depth) },
        Attribute { key: attribute::PATH.to_owned(), value: Value::Text("gateway>..>cart".to_owned()) },
    ];
    span
}

#[test]
fn depth_told_in_band_raises_an_alert_for_traces_of_which_one_span_arrived() {
    let store = Arc::new(MemoryStore::new());
    let mut feed = Feed::new(Arc::clone(&store) as Arc<dyn Store>);
    store.insert((1..=5).map(|trace| lonely(trace, 40)).collect());
    assert!(store.whole_traces(&[lonely(1, 40).trace_id]).iter().all(Option::is_none), "none is whole");
    let (mut shapes, began) = (Vec::new(), Instant::now());
    while shapes.len() < 5 {
        shapes.extend(feed.finished_traces());
        assert!(began.elapsed() < DEADLINE, "only {} traces reached the watch", shapes.len());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(shapes.iter().all(|shape| shape.depth == 40), "{shapes:?}");
    let (mut watch, rules, now) = (Watch::default(), Rules::default(), 1_790_000_000);
    shapes.into_iter().for_each(|shape| watch.observe_shape(now, shape));
    let signals = watch.signals(now, now, &rules);
    let kinds: Vec<_> = signals.iter().map(|signal| signal.kind).collect();
    assert_eq!(kinds, ["trace_depth"]);
    assert!(signals[0].summary.contains("40 hops deep"), "{}", signals[0].summary);
}
