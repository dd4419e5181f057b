//! Spans come out as they went in, from memory and from a file, and what is counted is what is held.

use std::io::Write as _;
use std::ops::ControlFlow;

use super::*;
use crate::store::batch::Batch;
use crate::store::contract::{span, trace_id};
use crate::store::newest::NewestTraces;
use crate::store::{Budget, SpanFilter};

fn batch(spans: &[Span]) -> Batch {
    Batch::of_spans(spans).unwrap().0
}

fn push(window: &mut Window, spans: &[Span]) -> usize {
    let batch = batch(spans);
    let payload = Payload::Memory(batch.payload.clone());
    window.push(batch.heads, &batch.payload, payload)
}

fn search(window: &Window, filter: &SpanFilter) -> Vec<TraceId> {
    let mut newest = NewestTraces::new(100);
    let offer = |trace, start| newest.offer(trace, start);
    assert!(window.select(filter).each_trace(filter, &Budget::unlimited(), offer).unwrap());
    newest.into_traces()
}

#[test]
fn spans_come_out_as_they_went_in_from_memory_and_from_a_file() {
    let spans = vec![span(1, 1, "cart", 100), span(2, 1, "payment", 200), span(1, 2, "cart", 300)];
    let batch = batch(&spans);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"something before").unwrap();
    file.write_all(&batch.payload).unwrap();
    let bytes = batch.payload.len() as u32;
    let from_file = Payload::Log { file: Arc::new(file), offset: 16, bytes };
    for payload in [Payload::Memory(batch.payload.clone()), from_file] {
        let mut window = Window::default();
        window.push(Heads::scan(&batch.payload).unwrap().0, &batch.payload, payload);
        let found = |trace| {
            let mut found = Vec::new();
            let take = &mut |span: Arc<Span>| {
                found.push(Span::clone(&span));
                ControlFlow::Continue(())
            };
            window.trace(trace_id(trace)).decode(take).unwrap();
            found
        };
        assert_eq!(found(1), [spans[0].clone(), spans[2].clone()]);
        let all: Vec<Span> = window.batches()[0]
            .decode(&window.batches()[0].heads.iter().collect::<Vec<_>>())
            .unwrap()
            .iter()
            .map(|span| Span::clone(span))
            .collect();
        assert_eq!(all, spans);
        assert!(found(3).is_empty());
    }
}

#[test]
fn names_beyond_the_list_are_found_by_reading_the_spans() {
    let mut window = Window::default();
    let mut long = span(1, 1, "cart", 100);
    long.name = "n".repeat(300);
    push(&mut window, &[long, span(2, 1, "cart", 100)]);
    for service in 0..MAX_SERVICES {
        push(&mut window, &[span(3, 1, &format!("service-{service}"), 100)]);
    }
    push(&mut window, &[span(4, 1, "one-too-many", 100)]);
    let by_name = SpanFilter { operation: Some("n".repeat(300)), ..SpanFilter::default() };
    assert_eq!(search(&window, &by_name), [trace_id(1)]);
    let by_service = SpanFilter { service: Some("one-too-many".to_owned()), ..SpanFilter::default() };
    assert_eq!(search(&window, &by_service), [trace_id(4)]);
    assert!(window.services().has_more());
    let unknown = SpanFilter { service: Some("nobody".to_owned()), ..SpanFilter::default() };
    assert!(search(&window, &unknown).is_empty());
}

#[test]
fn a_block_gets_the_spans_by_trace_and_start_and_each_once() {
    let mut window = Window::default();
    push(&mut window, &[span(2, 1, "cart", 300), span(1, 2, "cart", 200)]);
    let mut copy = span(2, 1, "cart", 300);
    copy.name = "a later copy".to_owned();
    push(&mut window, &[copy, span(1, 1, "cart", 100), span(2, 2, "cart", 250)]);
    let sorted = window.sorted();
    assert_eq!((sorted.traces(), sorted.starts_unix_ns()), (2, (100, 300)));
    let heads: Vec<&Head> = sorted.places().iter().map(|place| sorted.head(*place).unwrap()).collect();
    let order: Vec<_> = heads.iter().map(|head| (head.trace_id, head.start_unix_ns)).collect();
    let expected = [(1, 100), (1, 200), (2, 250), (2, 300)].map(|(trace, start)| (trace_id(trace), start));
    assert_eq!(order, expected);
    let names = heads.iter().map(|head| &**window.names_of(head).unwrap().1);
    assert!(names.into_iter().all(|name| name == "GET"), "the first of two copies is kept");
}

#[test]
fn no_batch_takes_more_than_was_reserved_for_it() {
    for traces in [1, 3, 500, 1_000] {
        let spans: Vec<Span> = (0..1_000).map(|id| span(1 + id % traces, 1 + id, "cart", 100)).collect();
        let reserved = estimated_bytes(1_000) + batch(&spans).payload.len();
        let taken = push(&mut Window::default(), &spans);
        assert!(taken <= reserved, "{taken} of {reserved} bytes, {traces} traces");
    }
}

#[test]
fn a_trace_of_its_own_for_each_span_costs_an_entry_each() {
    let (mut one_trace, mut many_traces) = (Window::default(), Window::default());
    let one = push(&mut one_trace, &(1..=1_000).map(|id| span(1, id, "cart", 100)).collect::<Vec<_>>());
    let many =
        push(&mut many_traces, &(1..=1_000).map(|trace| span(trace, 1, "cart", 100)).collect::<Vec<_>>());
    assert!(many >= one + 999 * size_of::<(TraceId, u32)>(), "{many} and {one} bytes");
    assert_eq!((one_trace.bytes(), many_traces.bytes()), (one, many));
}
