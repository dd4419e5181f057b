//! Large traces are read in parts, and a budget ends a reading.

use std::time::Duration;

use super::*;
use crate::store::contract::{span, trace_id};

const MEBIBYTE: usize = 1024 * 1024;

/// Each trace has one span with so many bytes of text.
fn check(text_bytes: &[usize], budget: &Budget, lengths: &[usize], readings: usize) {
    let ids: Vec<TraceId> = (1..=text_bytes.len() as u64).map(trace_id).collect();
    let mut read = 0;
    let gathered = gather(&ids, budget, |together, gathering| {
        read += 1;
        for (number, bytes) in (1..).zip(text_bytes).take(together.len()) {
            let value = Value::Text("x".repeat(*bytes));
            let attributes = vec![Attribute { key: "text".to_owned(), value }];
            if gathering.push(Arc::new(Span { attributes, ..span(number, 1, "cart", 100) })).is_break() {
                break;
            }
        }
        Ok(())
    });
    let found = gathered.unwrap().found;
    assert_eq!(found.items.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
    assert_eq!((found.is_complete, read), (lengths.len() == ids.len(), readings));
}

#[test]
fn what_does_not_fit_is_read_in_parts() {
    let unlimited = Budget::unlimited();
    check(&[], &unlimited, &[], 1);
    check(&[10, 10, 10], &unlimited, &[1, 1, 1], 1);
    check(&[10, 10, 70 * MEBIBYTE, 10], &unlimited, &[1, 1], 2);
    check(&[10, 70 * MEBIBYTE, 10, 10], &unlimited, &[1], 3);
    check(&[70 * MEBIBYTE], &unlimited, &[1], 1);
}

#[test]
fn the_budget_is_spent_by_what_is_given_and_one_trace_is_always_read_unless_it_is_huge() {
    let budget = |bytes| Budget::new(Duration::from_secs(3_600), bytes);
    let small = budget(3_000);
    check(&[1_000, 10_000], &small, &[1], 2);
    check(&[10_000], &small, &[1], 1);
    check(&[10], &small, &[], 0);
    check(&[70 * MEBIBYTE], &budget(69 << 20), &[], 1);
    check(&[70 * MEBIBYTE], &budget(71 << 20), &[1], 1);
    let withdrawn = budget(1 << 30);
    withdrawn.cancel();
    check(&[10], &withdrawn, &[], 0);
}
