//! Batches on their way: the order they go in, the bound on them, and what a failure costs.

use super::*;

const SECOND_NS: u64 = 1_000_000_000;

fn batch(bytes: usize, spans: usize) -> ClosedBatch {
    let worth = Losses { spans, from_ns: spans as u64 * 10, until_ns: spans as u64 * 10 + 5 };
    ClosedBatch { message: vec![0; bytes], spans, worth }
}

/// Sends what may be sent now, numbering tokens from `first`; gives how many went out.
fn send(outbox: &mut Outbox, first: u32, now_ns: u64) -> u32 {
    let mut token = first;
    while let Some(batch) = outbox.next_to_send(now_ns) {
        outbox.sent(CallToken(token), batch);
        token += 1;
    }
    token - first
}

#[test]
fn the_oldest_waiting_batches_make_room() {
    let mut outbox = Outbox::new(100);
    assert_eq!(outbox.push(batch(40, 1), 0), 0);
    assert_eq!(outbox.push(batch(40, 2), 0), 0);
    assert_eq!(outbox.push(batch(40, 4), 0), 1);
    assert_eq!(outbox.push(batch(10, 8), 30), 2);
    assert_eq!(outbox.next_to_send(0), Some(batch(40, 4)));
}

#[test]
fn a_batch_larger_than_the_bound_is_dropped_at_once() {
    let mut outbox = Outbox::new(100);
    assert_eq!(outbox.push(batch(101, 7), 0), 7);
    assert!(outbox.is_empty());
}

#[test]
fn losses_are_told_once_the_collector_takes_batches_again() {
    let mut outbox = Outbox::new(100);
    assert_eq!((1..=4).map(|spans| outbox.push(batch(40, spans), 0)).sum::<usize>(), 1 + 2);
    assert_eq!(outbox.take_losses(), None, "nobody listens yet");
    assert_eq!(send(&mut outbox, 1, 0), 2);
    outbox.ended(CallToken(1), Verdict::TryAgain, 0, 0);
    assert_eq!(outbox.take_losses(), None);
    assert_eq!(send(&mut outbox, 3, 60 * SECOND_NS), 0, "one call is under way still");
    outbox.ended(CallToken(2), Verdict::Taken, 0, 0);
    assert_eq!(outbox.take_losses(), None, "what waits goes first");
    assert_eq!(send(&mut outbox, 3, 60 * SECOND_NS), 1);
    outbox.ended(CallToken(3), Verdict::Refused, 0, 0);
    assert_eq!(outbox.take_losses(), None, "a collector that refuses is told nothing more");
    outbox.push(batch(40, 5), 0);
    assert_eq!(send(&mut outbox, 4, 0), 1);
    outbox.ended(CallToken(4), Verdict::Taken, 0, 0);
    let all = Losses { spans: 1 + 2 + 3, from_ns: 10, until_ns: 35 };
    assert_eq!(outbox.take_losses(), Some(all));
    assert_eq!(outbox.take_losses(), None);
    // A report that is dropped itself is told again.
    let report = ClosedBatch { message: vec![0; 101], spans: 0, worth: all };
    assert_eq!(outbox.push(report, 0), 0);
    assert_eq!(outbox.take_losses(), Some(all));
}

#[test]
fn calls_under_way_count_and_are_never_dropped() {
    let mut outbox = Outbox::new(100);
    outbox.push(batch(60, 1), 0);
    assert_eq!(send(&mut outbox, 1, 0), 1);
    assert_eq!(outbox.push(batch(60, 2), 0), 2);
    assert_eq!(outbox.ended(CallToken(1), Verdict::Taken, 0, 0), Outcome::Taken);
    assert_eq!(outbox.push(batch(60, 2), 0), 0);
}

#[test]
fn only_so_many_calls_are_under_way() {
    let mut outbox = Outbox::new(1_000);
    (0..10).for_each(|_| assert_eq!(outbox.push(batch(1, 1), 0), 0));
    assert_eq!(send(&mut outbox, 1, 0), MAX_CALLS as u32);
    assert_eq!(outbox.ended(CallToken(2), Verdict::Taken, 0, 0), Outcome::Taken);
    assert_eq!(send(&mut outbox, 10, 0), 1);
}

#[test]
fn a_failure_is_waited_out_longer_each_time_and_forgotten_after_success() {
    let mut outbox = Outbox::new(1_000);
    outbox.push(batch(1, 1), 0);
    let mut now_ns = 0;
    let mut pauses = Vec::new();
    for token in 1..=10 {
        assert_eq!(send(&mut outbox, token, now_ns), 1);
        assert_eq!(outbox.ended(CallToken(token), Verdict::TryAgain, now_ns, u64::MAX), Outcome::WillRetry);
        assert_eq!(outbox.next_to_send(now_ns), None);
        pauses.push(outbox.paused_until_ns - now_ns);
        now_ns = outbox.paused_until_ns;
    }
    assert!(pauses.iter().all(|pause| (FIRST_PAUSE_NS / 2..=MAX_PAUSE_NS).contains(pause)), "{pauses:?}");
    assert!(pauses[9] > 10 * pauses[0], "{pauses:?}");
    assert_eq!(send(&mut outbox, 20, now_ns), 1);
    assert_eq!(outbox.ended(CallToken(20), Verdict::Taken, now_ns, 0), Outcome::Taken);
    outbox.push(batch(1, 1), 0);
    assert_eq!(send(&mut outbox, 21, now_ns), 1);
    assert_eq!(outbox.ended(CallToken(21), Verdict::TryAgain, now_ns, 0), Outcome::WillRetry);
    assert!(outbox.paused_until_ns - now_ns <= SECOND_NS);
}

#[test]
fn what_the_collector_refuses_for_good_is_lost_and_said_so() {
    let mut outbox = Outbox::new(1_000);
    outbox.push(batch(1, 5), 0);
    send(&mut outbox, 1, 0);
    assert_eq!(outbox.ended(CallToken(1), Verdict::Refused, 0, 0), Outcome::Lost(5));
    assert_eq!(outbox.ended(CallToken(1), Verdict::Taken, 0, 0), Outcome::Unknown);
    assert!(outbox.is_empty());
}

#[test]
fn a_call_the_host_refuses_waits_at_the_front() {
    let mut outbox = Outbox::new(1_000);
    outbox.push(batch(1, 1), 0);
    outbox.push(batch(2, 2), 0);
    let first = outbox.next_to_send(0).unwrap();
    outbox.not_sent(first, 0, 0);
    assert_eq!(outbox.next_to_send(0), None);
    assert_eq!(outbox.next_to_send(SECOND_NS), Some(batch(1, 1)));
}

#[test]
fn answers_are_judged_as_otlp_says() {
    let (taken, again, refused) = (Verdict::Taken, Verdict::TryAgain, Verdict::Refused);
    let grpc = [
        (0, taken, "OK"),
        (1, again, "CANCELLED"),
        (2, refused, "UNKNOWN"),
        (3, refused, "INVALID_ARGUMENT"),
        (4, again, "DEADLINE_EXCEEDED"),
        (7, refused, "PERMISSION_DENIED"),
        (8, again, "RESOURCE_EXHAUSTED, OTLP/gRPC throttling"),
        (10, again, "ABORTED"),
        (11, again, "OUT_OF_RANGE"),
        (12, refused, "UNIMPLEMENTED"),
        (13, refused, "INTERNAL"),
        (14, again, "UNAVAILABLE"),
        (15, again, "DATA_LOSS"),
        (16, refused, "UNAUTHENTICATED"),
    ];
    for (status, verdict, reason) in grpc {
        assert_eq!(Verdict::of_grpc(status), verdict, "gRPC {status}: OTLP 1.9, Failures, {reason}");
    }
    let http = [
        (Some(200), taken, "Success"),
        (Some(204), taken, "another success"),
        (Some(301), refused, "nobody follows a redirect"),
        (Some(400), refused, "Bad Data"),
        (Some(401), refused, "a token that is wrong stays wrong"),
        (Some(429), again, "Retryable Response Codes"),
        (Some(500), refused, "not among the retryable codes"),
        (Some(502), again, "Retryable Response Codes"),
        (Some(503), again, "Retryable Response Codes, and what the proxy answers when nobody listens"),
        (Some(504), again, "Retryable Response Codes, and what the proxy answers after a timeout"),
        (None, again, "no answer at all"),
    ];
    for (status, verdict, reason) in http {
        assert_eq!(Verdict::of_http(status), verdict, "HTTP {status:?}: OTLP 1.9, {reason}");
    }
}
