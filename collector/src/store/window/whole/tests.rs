//! What is called whole is whole for whoever reads it.

use throughline_model::span::Span;

use super::*;
use crate::store::batch::Batch;
use crate::store::contract::span;

/// `id parent kind` for each span; parent 0 is none.
fn is_whole(spans: &[(u64, u64, SpanKind)]) -> bool {
    let span = |(id, parent, kind): &(u64, u64, SpanKind)| Span {
        parent_span_id: SpanId::from_bytes(&parent.to_be_bytes()),
        kind: *kind,
        ..span(1, *id, "cart", 100)
    };
    let spans: Vec<Span> = spans.iter().map(span).collect();
    let heads = Batch::of_spans(&spans).unwrap().0.heads.spans;
    tree(&heads).is_some()
}

#[test]
fn only_one_tree_of_calls_seen_from_both_ends_is_whole() {
    use SpanKind::{Client, Internal, Server};
    assert!(!is_whole(&[]), "nothing");
    assert!(is_whole(&[(1, 0, Server)]), "an entry");
    assert!(is_whole(&[(1, 0, Server), (2, 1, Client), (3, 2, Server)]), "a call");
    assert!(is_whole(&[(3, 2, Server), (2, 1, Client), (1, 0, Server)]), "in any order");
    assert!(is_whole(&[(1, 0, Client), (2, 1, Server), (3, 2, Internal)]), "a call of uncertain cause");
    assert!(!is_whole(&[(1, 0, Server), (2, 1, Client)]), "no server span");
    assert!(!is_whole(&[(1, 0, Server), (2, 1, Client), (3, 2, Internal)]), "something else under the call");
    assert!(!is_whole(&[(1, 0, Server), (3, 2, Server)]), "a parent is missing");
    assert!(!is_whole(&[(1, 0, Server), (2, 0, Server)]), "two roots");
    assert!(!is_whole(&[(1, 0, Server), (2, 3, Server), (3, 2, Server)]), "a loop");
    assert!(!is_whole(&[(1, 1, Server)]), "its own parent");
    assert!(!is_whole(&[(1, 0, Server), (1, 0, Server)]), "a span came twice");
    assert!(!is_whole(&[(1, 0, Server), (2, 1, Client), (2, 1, Server)]), "a shared id");
}

#[test]
fn parents_stand_before_their_children() {
    let sketch = [(3, 2), (4, 1), (2, 1), (1, 0)];
    let span = |&(id, parent): &(u64, u64)| Span {
        parent_span_id: SpanId::from_bytes(&u64::to_be_bytes(parent)),
        kind: SpanKind::Server,
        ..span(1, id, "cart", 100)
    };
    let spans: Vec<Span> = sketch.iter().map(span).collect();
    let heads = Batch::of_spans(&spans).unwrap().0.heads.spans;
    assert_eq!(tree(&heads).unwrap(), [(3, None), (1, Some(0)), (2, Some(0)), (0, Some(2))]);
}
