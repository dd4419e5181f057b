//! When traces settle, in which order, and what is remembered of them.

use std::time::Duration;

use throughline_model::id::TraceId;

use super::{FINAL_AFTER, Settler, Verdict};

fn trace(number: u8) -> TraceId {
    TraceId::from_bytes(&[number; 16]).unwrap()
}

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn settles_a_trace_after_a_second_of_quiet() {
    let mut settler = Settler::default();
    settler.touch(&[trace(1)], at(0));
    assert_eq!(settler.take_settled(at(999), 10), []);
    assert_eq!(settler.take_settled(at(1000), 10), [trace(1)]);
    assert_eq!(settler.take_settled(at(5000), 10), []);
}

#[test]
fn waits_anew_after_every_touch() {
    let mut settler = Settler::default();
    settler.touch(&[trace(1), trace(2), trace(1)], at(0));
    settler.touch(&[trace(1)], at(600));
    assert_eq!(settler.take_settled(at(1200), 10), [trace(2)]);
    assert_eq!(settler.take_settled(at(1600), 10), [trace(1)]);
}

#[test]
fn judges_a_trace_that_goes_on_when_its_patience_ends() {
    let mut settler = Settler::with_patience(at(5000));
    for now in (0..9000).step_by(500) {
        settler.touch(&[trace(1)], at(now));
        let settled = settler.take_settled(at(now), 10);
        // The last touch that counted came before the patience ended.
        assert_eq!(settled.len(), usize::from(now == 5500), "at {now} ms");
    }
    assert_eq!(settler.take_settled(at(9400), 10), []);
    assert_eq!(settler.take_settled(at(9500), 10), [trace(1)]);
}

#[test]
fn gives_the_quietest_first_and_no_more_than_asked() {
    let mut settler = Settler::default();
    settler.touch(&[trace(3)], at(0));
    settler.touch(&[trace(1)], at(1));
    settler.touch(&[trace(2)], at(2));
    assert_eq!(settler.take_settled(at(2000), 2), [trace(3), trace(1)]);
    assert_eq!(settler.take_settled(at(2000), 2), [trace(2)]);
}

#[test]
fn settles_the_quietest_early_when_too_many_wait() {
    let mut settler = Settler::with_capacity(2);
    settler.touch(&[trace(1), trace(2), trace(3)], at(0));
    assert_eq!(settler.take_settled(at(0), 10), [trace(1)]);
    assert_eq!(settler.skipped(), 0);
}

#[test]
fn counts_what_it_cannot_keep() {
    let mut settler = Settler::with_capacity(2);
    settler.touch(&(1..=7).map(trace).collect::<Vec<_>>(), at(0));
    assert_eq!(settler.skipped(), 3);
    assert_eq!(settler.take_settled(at(2000), 10), [trace(1), trace(2), trace(6), trace(7)]);
}

#[test]
fn settles_again_after_late_spans_and_tells_the_earlier_verdict() {
    let mut settler = Settler::default();
    settler.touch(&[trace(1)], at(0));
    assert_eq!(settler.take_settled(at(1000), 10), [trace(1)]);
    assert_eq!(settler.judge(trace(1), Verdict::Incomplete, at(5000)), None);
    settler.touch(&[trace(1)], at(3000));
    assert_eq!(settler.take_settled(at(4000), 10), [trace(1)]);
    assert_eq!(settler.judge(trace(1), Verdict::Complete, at(5000)), Some(Verdict::Incomplete));
    assert_eq!(settler.judge(trace(1), Verdict::Complete, at(5000)), Some(Verdict::Complete));
}

#[test]
fn forgets_the_oldest_verdict_beyond_its_limit() {
    let mut settler = Settler::with_capacity(2);
    for number in 1..=3 {
        assert_eq!(settler.judge(trace(number), Verdict::Complete, at(5000)), None);
    }
    assert_eq!(settler.judge(trace(3), Verdict::Complete, at(5000)), Some(Verdict::Complete));
    assert_eq!(settler.judge(trace(1), Verdict::Complete, at(5000)), None);
}

#[test]
fn a_verdict_is_final_once_and_as_late_spans_left_it() {
    let mut settler = Settler::default();
    settler.judge(trace(1), Verdict::Incomplete, at(0));
    settler.judge(trace(2), Verdict::Incomplete, at(10));
    settler.judge(trace(1), Verdict::Complete, at(9000));
    assert_eq!(settler.take_final(FINAL_AFTER - at(1)), []);
    assert_eq!(settler.take_final(FINAL_AFTER), [Verdict::Complete]);
    // What comes after that changes what the trace is, and is not counted a second time.
    settler.judge(trace(1), Verdict::Incomplete, FINAL_AFTER + at(1));
    assert_eq!(settler.take_final(3 * FINAL_AFTER), [Verdict::Incomplete], "that of the second trace");
    assert_eq!(settler.take_final(9 * FINAL_AFTER), []);
}

#[test]
fn a_verdict_that_is_forgotten_early_was_final() {
    let mut settler = Settler::with_capacity(2);
    for (number, verdict) in [(1, Verdict::Incomplete), (2, Verdict::Complete), (3, Verdict::Complete)] {
        settler.judge(trace(number), verdict, at(0));
    }
    assert_eq!(settler.take_final(at(1)), [Verdict::Incomplete]);
    assert_eq!(settler.take_final(FINAL_AFTER), [Verdict::Complete; 2]);
}
