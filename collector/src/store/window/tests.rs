//! What is counted is what is held: entries of the index and empty room in vectors too.

use super::*;
use crate::store::contract::span;

fn batch(spans: Vec<Span>) -> Arc<[Arc<Span>]> {
    spans.into_iter().map(Arc::new).collect()
}

#[test]
fn a_trace_of_its_own_for_each_span_costs_an_entry_each() {
    let (mut one_trace, mut many_traces) = (Window::default(), Window::default());
    let one = one_trace.push(batch((1..=1_000).map(|id| span(1, id, "cart", 100)).collect()));
    let many = many_traces.push(batch((1..=1_000).map(|trace| span(trace, 1, "cart", 100)).collect()));
    let entry = size_of::<TraceId>() + size_of::<Vec<Arc<Span>>>() + 4 * size_of::<Arc<Span>>();
    assert!(many >= one + 998 * (entry - 2 * size_of::<Arc<Span>>()), "{many} and {one} bytes");
    assert_eq!((one_trace.bytes(), many_traces.bytes()), (one, many));
}

#[test]
fn a_known_trace_costs_no_second_entry() {
    let mut window = Window::default();
    let first = window.push(batch(vec![span(1, 1, "cart", 100)]));
    let second = window.push(batch(vec![span(1, 2, "cart", 100)]));
    assert!(second < first, "{second} bytes after {first}");
}

#[test]
fn room_in_vectors_counts_however_little_is_in_it() {
    let mut roomy = span(1, 1, "cart", 100);
    let plain = batch_bytes(&batch(vec![roomy.clone()]));
    roomy.attributes = Vec::with_capacity(1_000);
    roomy.events = Vec::with_capacity(1_000);
    roomy.name = String::with_capacity(1_000);
    let expected = 1_000 * (size_of::<Attribute>() + size_of::<throughline_model::span::SpanEvent>() + 1);
    let found = batch_bytes(&batch(vec![roomy]));
    assert!(found >= plain + expected - 1_000, "{found} bytes instead of {plain}");
}

#[test]
fn no_batch_takes_more_than_was_reserved_for_it() {
    for traces in [1, 3, 500, 1_000] {
        let spans = batch((0..1_000).map(|id| span(1 + id % traces, 1 + id, "cart", 100)).collect());
        let reserved = estimated_bytes(&spans);
        let taken = Window::default().push(spans);
        assert!(taken <= reserved, "{taken} of {reserved} bytes, {traces} traces");
    }
}
