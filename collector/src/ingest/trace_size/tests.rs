//! No trace is full too early, and a long one is found among many others.

use super::*;

fn trace(number: u64) -> TraceId {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let mut bytes = [1; 16];
    bytes[..8].copy_from_slice(&spread);
    TraceId::from_bytes(&bytes).unwrap()
}

#[test]
fn a_trace_is_full_at_the_bound_and_not_before() {
    let sizes = TraceSizes::new(3);
    assert_eq!(sizes.count([trace(1), trace(1)].into_iter()), None);
    assert!(sizes.full_of([trace(1)].into_iter()).is_empty());
    assert_eq!(sizes.count([trace(1)].into_iter()), Some(trace(1)));
    assert_eq!(sizes.full_of([trace(1), trace(2), trace(1)].into_iter()), [trace(1)]);
    assert_eq!(sizes.count([trace(1)].into_iter()), None, "it is told once");
}

#[test]
fn another_bound_is_one_from_now_on() {
    let sizes = TraceSizes::new(1);
    sizes.count([trace(1)].into_iter());
    sizes.set_max_spans(1);
    assert_eq!(sizes.full_of([trace(1)].into_iter()), [trace(1)], "nothing has changed");
    sizes.set_max_spans(5);
    assert!(sizes.full_of([trace(1)].into_iter()).is_empty());
    assert_eq!(sizes.count(std::iter::repeat_n(trace(1), 4)), Some(trace(1)));
}

#[test]
fn a_long_trace_is_found_among_a_million_others_and_none_of_those_is_full() {
    let sizes = TraceSizes::new(1_000);
    let long = trace(u64::MAX);
    let mut filled = Vec::new();
    for number in 0..1_000_000 {
        filled.extend(sizes.count([trace(number)].into_iter()));
        if number % 400 == 0 {
            filled.extend(sizes.count([long].into_iter()));
        }
    }
    assert_eq!(filled, [long]);
}

#[test]
fn full_traces_are_known_up_to_a_number() {
    let sizes = TraceSizes::new(1);
    for number in 0..=MAX_FULL as u64 {
        sizes.count([trace(number)].into_iter());
    }
    let known = sizes.full_of((0..=MAX_FULL as u64).map(trace)).len();
    assert!((MAX_FULL - 32..=MAX_FULL).contains(&known), "{known} are known");
}
