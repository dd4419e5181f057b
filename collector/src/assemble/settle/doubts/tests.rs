//! When a finding is believed, and when it is forgotten.

use super::*;

fn trace(number: u8) -> TraceId {
    TraceId::from_bytes(&[number; 16]).unwrap()
}

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn believes_a_finding_two_seconds_after_the_trace_was_found_quiet() {
    let mut doubts = Doubts::with_capacity(10);
    assert_eq!(doubts.keep_back(trace(1), "lacks", at(100)), None);
    assert_eq!(doubts.take_believed(at(2099)), []);
    assert_eq!(doubts.take_believed(at(2100)), [(trace(1), "lacks")]);
    assert_eq!(doubts.take_believed(at(9000)), []);
}

#[test]
fn forgets_what_was_found_before_more_spans_came() {
    let mut doubts = Doubts::with_capacity(10);
    assert_eq!(doubts.keep_back(trace(1), "lacks much", at(0)), None);
    assert_eq!(doubts.keep_back(trace(2), "lacks", at(0)), None);
    doubts.withdraw(&[trace(1), trace(3)]);
    assert_eq!(doubts.keep_back(trace(1), "lacks little", at(1000)), None);
    assert_eq!(doubts.take_believed(at(2000)), [(trace(2), "lacks")]);
    assert_eq!(doubts.take_believed(at(3000)), [(trace(1), "lacks little")]);
}

#[test]
fn gives_back_what_there_is_no_room_for_however_much_is_withdrawn() {
    let mut doubts = Doubts::with_capacity(2);
    for number in 1..=2 {
        assert_eq!(doubts.keep_back(trace(number), number, at(0)), None);
        doubts.withdraw(&[trace(number)]);
    }
    assert_eq!(doubts.keep_back(trace(3), 3, at(0)), Some(3));
    assert_eq!(doubts.take_believed(at(2000)), []);
    assert_eq!(doubts.keep_back(trace(3), 3, at(2000)), None);
}
