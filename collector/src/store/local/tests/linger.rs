//! What is known of the spans of a block while they linger in memory, and for how long.

use std::cell::RefCell;

use throughline_model::id::SpanId;
use throughline_model::span::{Span, SpanKind};

use super::*;
use crate::store::contract::{keep, span, trace_id};

/// An entry and a call that it makes, seen from both ends.
fn whole(trace: u64) -> Vec<Span> {
    let sketch =
        [(1, 0, SpanKind::Server, "a"), (2, 1, SpanKind::Client, "a"), (3, 2, SpanKind::Server, "b")];
    let spans = sketch.map(|(id, parent, kind, service)| Span {
        kind,
        parent_span_id: SpanId::from_bytes(&u64::to_be_bytes(parent)),
        ..span(trace, id, service, 100)
    });
    spans.to_vec()
}

#[tokio::test]
async fn a_trace_is_known_to_be_whole_while_its_window_lingers() {
    let folder = tempfile::tempdir().unwrap();
    let lingering = Config { block_max_spans: 1, linger: LONG, ..config(folder.path()) };
    let (_, store) = open(lingering);
    keep(&store, whole(1)).await;
    keep(&store, whole(2)[..2].to_vec()).await;
    wait_until("both are in blocks", || store.stats().blocks == 2);
    let asked = [trace_id(1), trace_id(2), trace_id(3)];
    assert_eq!(store.are_surely_whole(&asked), [true, false, false]);
    let known = store.whole_traces(&asked).remove(0).unwrap();
    let services: Vec<&str> = known.spans.iter().map(|span| &*span.service).collect();
    assert_eq!(services, ["a", "a", "b"]);
    assert_eq!(known.spans.iter().map(|span| span.parent).collect::<Vec<_>>(), [None, Some(0), Some(1)]);
    assert_eq!(store.trace(trace_id(1)).unwrap().len(), 3, "no span is in two places");
    // The third window pushes the first one out.
    keep(&store, whole(3)).await;
    wait_until("the third is in a block", || store.stats().blocks == 3);
    wait_until("what it was is remembered", || store.are_surely_whole(&asked) == [true, false, true]);
    assert!(store.whole_traces(&asked).remove(0).is_none(), "its spans are in the block only");
    assert_eq!(store.trace(trace_id(1)).unwrap().len(), 3, "it is read from its block");
    keep(&store, vec![span(1, 9, "c", 200)]).await;
    assert_eq!(store.are_surely_whole(&asked), [false, false, true], "a late span may have no parent");
    wait_until("the late span is in a block", || store.stats().blocks == 4);
    assert!(!store.are_surely_whole(&asked)[0], "wherever the late span is");
}

#[tokio::test]
async fn windows_do_not_linger_when_memory_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let lingering =
        Config { block_max_spans: 1, memory_bytes: 100_000, linger: LONG, ..config(folder.path()) };
    let (_, store) = open(lingering);
    keep(&store, whole(1)).await;
    wait_until("it is in a block", || store.stats().blocks == 1);
    assert_eq!(store.are_surely_whole(&[trace_id(1)]), [true]);
    // The thread that wrote the block may hold the window for a moment longer.
    let room = RefCell::new(None);
    wait_until("there is room", || {
        room.replace(store.shared.reserve(10, 99_900).ok());
        room.borrow().is_some()
    });
    assert!(store.whole_traces(&[trace_id(1)])[0].is_none(), "its window is gone");
    assert_eq!(store.are_surely_whole(&[trace_id(1)]), [true], "that it was whole is remembered");
    assert!(store.shared.reserve(10, 200).is_err(), "there is nothing left to let go of");
    drop(room);
}

#[tokio::test]
async fn windows_linger_for_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let brief = Config { block_max_spans: 1, linger: Duration::from_millis(1), ..config(folder.path()) };
    let (_, store) = open(brief);
    keep(&store, whole(1)).await;
    wait_until("it is in a block", || store.stats().blocks == 1);
    wait_until("it is let go", || store.are_surely_whole(&[trace_id(1)]) == [false]);
    assert_eq!(store.trace(trace_id(1)).unwrap().len(), 3);
}
