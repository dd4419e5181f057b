//! Marks are found once by their request, and the store stays bounded.

use super::*;
use crate::host::SharedValue;
use crate::host::fake::FakeHost;

fn span(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

#[test]
fn a_mark_is_found_once_and_only_by_its_request() {
    let mut host = FakeHost::default();
    assert!(!take(&mut host, span(1)));
    mark(&mut host, span(1)).unwrap();
    mark(&mut host, span(1)).unwrap();
    assert!(!take(&mut host, span(2)), "another slot");
    assert!(!take(&mut host, span(1 + SLOTS)), "the same slot");
    assert!(take(&mut host, span(1)));
    assert!(!take(&mut host, span(1)));
}

#[test]
fn a_request_that_is_not_marked_writes_nothing() {
    let mut host = FakeHost::default();
    take(&mut host, span(1));
    assert!(host.shared.is_empty());
}

#[test]
fn a_full_slot_pushes_out_its_oldest_mark() {
    let mut host = FakeHost::default();
    let same_slot = |number: usize| span(7 + SLOTS * number as u64);
    for number in 0..=MAX_ENTRIES {
        mark(&mut host, same_slot(number)).unwrap();
    }
    assert!(!take(&mut host, same_slot(0)));
    assert!((1..=MAX_ENTRIES).all(|number| take(&mut host, same_slot(number))));
}

#[test]
fn the_store_never_grows_beyond_its_slots() {
    let mut host = FakeHost::default();
    for number in 1..=20_000_u64 {
        mark(&mut host, span(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).unwrap();
    }
    assert!(host.shared.len() <= SLOTS as usize);
    assert!(host.shared.values().all(|value| value.bytes.len() <= MAX_ENTRIES * ENTRY_BYTES));
}

#[test]
fn a_lost_race_is_tried_again_and_gives_up_in_the_end() {
    let mut host = FakeHost { lost_races: MAX_TRIES - 1, ..FakeHost::default() };
    assert_eq!(mark(&mut host, span(1)), Ok(()));
    host.lost_races = MAX_TRIES;
    assert_eq!(mark(&mut host, span(2)), Err(Refused));
    host.lost_races = MAX_TRIES;
    assert!(take(&mut host, span(1)), "the mark was seen, whether it could be taken away or not");
}

#[test]
fn damaged_or_foreign_bytes_mark_nobody() {
    let mut host = FakeHost::default();
    mark(&mut host, span(1)).unwrap();
    let key = host.shared.keys().next().unwrap().clone();
    for length in 0..ENTRY_BYTES {
        host.shared.insert(key.clone(), SharedValue { bytes: vec![0; length], version: 1 });
        assert!(!take(&mut host, span(1)), "{length} bytes");
    }
}
