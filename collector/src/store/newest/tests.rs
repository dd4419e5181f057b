//! The newest are kept, however many are offered in whatever order.

use super::*;
use crate::store::contract::trace_id;

#[test]
fn keeps_the_newest_of_more_than_it_holds() {
    // A prime modulus: each number from 1 to it comes once, in an order that neither rises nor falls.
    const OFFERED: u64 = 12_289;
    let mut newest = NewestTraces::new(3);
    for number in (1..OFFERED).map(|step| step * 7_919 % OFFERED) {
        newest.offer(trace_id(number), number);
        assert!(newest.latest.len() <= 3 + SLACK);
    }
    assert_eq!(newest.into_traces(), [OFFERED - 1, OFFERED - 2, OFFERED - 3].map(trace_id));
}

#[test]
fn the_latest_start_of_a_trace_counts() {
    let mut newest = NewestTraces::new(2);
    for (trace, start) in [(1, 10), (2, 20), (3, 30), (1, 40), (1, 5)] {
        newest.offer(trace_id(trace), start);
    }
    assert_eq!(newest.floor_unix_ns(), 30);
    newest.offer(trace_id(4), 29);
    newest.offer(trace_id(5), 35);
    assert_eq!(newest.into_traces(), [1, 5].map(trace_id));
}

#[test]
fn nothing_is_held_when_nothing_is_asked_for() {
    let mut newest = NewestTraces::new(0);
    (1..=10_000).for_each(|number| newest.offer(trace_id(number), number));
    assert!(newest.latest.is_empty());
    assert!(newest.into_traces().is_empty());
}
