//! Where the traces of a sample come from.

use throughline_model::span::SpanKind;

use super::{Budget, SpanFilter, Spread, search};
use crate::query::tests::{START, span};
use crate::store::MemoryStore;

const SECOND: u64 = 1_000_000_000;

/// A store with a trace that begins in each of these seconds.
fn store(seconds: impl Iterator<Item = u8>) -> MemoryStore {
    let store = MemoryStore::new();
    store.insert(seconds.map(|second| span(second, 1, 0, SpanKind::Server, "front")).collect());
    store
}

fn found(store: &MemoryStore, length_s: u64, limit: usize) -> (Spread, Vec<u8>) {
    let filter = SpanFilter {
        since_unix_ns: Some(START),
        until_unix_ns: Some(START + length_s * SECOND),
        ..SpanFilter::default()
    };
    let found = search(store, &filter, limit, START, &Budget::unlimited()).unwrap();
    let mut seconds: Vec<u8> = found.trace_ids.iter().map(|trace_id| trace_id.as_bytes()[0]).collect();
    seconds.sort_unstable();
    (found, seconds)
}

#[test]
fn takes_all_where_there_are_no_more_than_wanted() {
    let (found, seconds) = found(&store(1..=240), 241, 240);
    assert_eq!((found.is_cut, seconds), (false, (1..=240).collect()));
}

#[test]
fn takes_as_many_from_each_place_of_the_time() {
    let (found, seconds) = found(&store(1..=240), 240, 24);
    assert_eq!((found.is_cut, found.places, seconds.len()), (true, 12, 24));
    for place in 0..12 {
        let here = seconds.iter().filter(|second| **second / 20 == place).count();
        assert!((1..=3).contains(&here), "{seconds:?}");
    }
    // What is read until a budget is used up is from all over the time too.
    let first: std::collections::BTreeSet<u8> =
        found.trace_ids.iter().take(12).map(|trace_id| trace_id.as_bytes()[0] / 20).collect();
    assert!(first.len() >= 11, "{first:?}");
}

#[test]
fn takes_more_from_a_place_where_others_have_few() {
    let (found, seconds) = found(&store((1..=5).chain(100..=180)), 240, 60);
    assert_eq!((found.is_cut, seconds.len()), (true, 60));
    assert!(seconds.starts_with(&[1, 2, 3, 4, 5]), "{seconds:?}");
}

#[test]
fn looks_closer_where_all_traces_lie_in_a_small_part_of_the_time() {
    let year_s = 365 * 24 * 3_600;
    let (found, seconds) = found(&store(1..=240), year_s, 24);
    assert!(found.is_cut && found.places >= 6, "{found:?}");
    assert_eq!(seconds.len(), 24);
    assert!(seconds[0] < 60 && seconds[23] > 180, "{seconds:?}");
}

#[test]
fn spans_of_clocks_that_are_ahead_are_found_where_the_time_has_no_end() {
    let store = store(1..=240);
    let filter = SpanFilter { since_unix_ns: Some(START), ..SpanFilter::default() };
    let now = START + 10 * SECOND;
    assert_eq!(search(&store, &filter, 500, now, &Budget::unlimited()).unwrap().trace_ids.len(), 240);
    let late = SpanFilter { since_unix_ns: Some(START + 100 * SECOND), ..SpanFilter::default() };
    assert_eq!(search(&store, &late, 500, now, &Budget::unlimited()).unwrap().trace_ids.len(), 141);
}

#[test]
fn says_that_there_may_be_more_when_the_budget_is_used_up() {
    let budget = Budget::unlimited();
    budget.cancel();
    let filter = SpanFilter { since_unix_ns: Some(START), ..SpanFilter::default() };
    let found = search(&store(1..=240), &filter, 500, START + 240 * SECOND, &budget).unwrap();
    assert!(found.is_cut, "{found:?}");
}
