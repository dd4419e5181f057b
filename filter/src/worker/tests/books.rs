//! Books are closed for a workload that needs none, and open again from the first call that does.

use super::super::books::SETTLED_REQUESTS;
use super::*;

const HOUR_NS: u64 = 3_600 * SECOND_NS;

/// Lets both workers serve until the workload has shown what calls it makes.
fn settle(proxy: &mut Proxy) {
    for number in 0..2 * SETTLED_REQUESTS as usize {
        proxy.spans = 0;
        let (_, ticket) = proxy.receive(1 + number % 2, &[]);
        proxy.answer(1 + number % 2, ticket);
    }
    // The others get notice first.
    proxy.pass(2 * SECOND_NS, &[0, 1, 2]);
}

/// Serves a request by one worker. Whether the others were told.
fn is_told(proxy: &mut Proxy, worker: usize) -> bool {
    let before = proxy.host.shared.clone();
    let (_, ticket) = proxy.receive(worker, &[]);
    let is_told = proxy.host.shared != before;
    proxy.answer(worker, ticket);
    assert_eq!(is_told, proxy.workers[worker].books.are_kept());
    is_told
}

#[test]
fn the_others_are_told_nothing_until_a_call_comes_without_context() {
    let mut proxy = Proxy::with_workers(2);
    assert!(is_told(&mut proxy, 1) && is_told(&mut proxy, 2), "nothing is known of the workload yet");
    settle(&mut proxy);
    assert!(!is_told(&mut proxy, 1) && !is_told(&mut proxy, 2));
    assert!(!proxy.workers[1].has_all_ids() && !proxy.workers[2].has_all_ids());

    let (span, ticket) = proxy.receive(1, &[]);
    let found = proxy.call(2, &[]);
    assert_eq!((found.kind, found.cause, found.named.len()), (LinkKind::None, None, 0), "nobody knows");
    assert!(is_told(&mut proxy, 2) && !is_told(&mut proxy, 1), "the news travels with the timer");
    proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    let named: Vec<SpanId> = proxy.call(2, &[]).named.into_iter().map(|(_, span)| span).collect();
    assert_eq!(named, [span], "what came in before is known too");
    assert!(!proxy.workers[2].has_all_ids(), "but not by its id, which nobody wrote down");
    proxy.answer(1, ticket);
    assert!(is_told(&mut proxy, 1) && is_told(&mut proxy, 2));
    proxy.pass(30 * SECOND_NS, &[0, 1, 2]);
    assert!(!proxy.workers[2].has_all_ids(), "the workload may still be at it");
    proxy.pass(10 * SECOND_NS, &[0, 1, 2]);
    assert!(proxy.workers[1].has_all_ids() && proxy.workers[2].has_all_ids());

    proxy.pass(HOUR_NS + 2 * SECOND_NS, &[0, 1, 2]);
    assert!(!is_told(&mut proxy, 1) && !is_told(&mut proxy, 2), "an hour without such a call");
}

#[test]
fn closed_books_make_no_wrong_link() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    settle(&mut proxy);
    assert!(is_told(&mut proxy, 1), "calls without context were seen within the hour");
    proxy.pass(HOUR_NS + 2 * SECOND_NS, &[0, 1, 2]);
    let (_, elsewhere) = proxy.receive(1, &[]);
    let (_, here) = proxy.receive(2, &[]);
    assert_eq!(proxy.linked(2), None, "the other worker has one in flight and had not said so");
    proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    assert_eq!(proxy.call(2, &[]).candidates, 2);
    proxy.answer(1, elsewhere);
    assert_eq!(
        proxy.linked(2),
        None,
        "the first call may have been one in the background: it has to prove itself anew"
    );
    proxy.answer(2, here);
    proxy.pass(2 * SECOND_NS, &[0, 1, 2]);
    let (here, _) = proxy.receive(2, &[]);
    assert_eq!(proxy.linked(2), Some(here));
}

#[test]
fn a_worker_that_is_stuck_with_closed_books_is_not_taken_for_idle() {
    let mut proxy = Proxy::with_workers(2);
    proxy.prove(&[0, 1, 2]);
    settle(&mut proxy);
    proxy.pass(HOUR_NS + 2 * SECOND_NS, &[0, 1, 2]);
    let _ = proxy.receive(1, &[]);
    proxy.pass(6 * SECOND_NS, &[0, 2]);
    let _ = proxy.receive(2, &[]);
    (0..3).for_each(|_| assert_eq!(proxy.linked(2), None, "its last word was that it has nothing"));
    assert!(!proxy.workers[2].has_all_ids());
}

#[test]
fn without_a_key_books_are_never_closed() {
    let mut proxy = Proxy::with_workers(MAX_WORKERS);
    for _ in 0..=SETTLED_REQUESTS {
        proxy.spans = 0;
        let (_, ticket) = proxy.receive(MAX_WORKERS, &[]);
        proxy.answer(MAX_WORKERS, ticket);
    }
    proxy.pass(3 * SECOND_NS, &[MAX_WORKERS]);
    assert!(proxy.workers[MAX_WORKERS].books.are_whole(), "nobody could be told");
}

#[test]
fn a_stream_is_written_down_whatever_the_books_are() {
    let mut proxy = Proxy::with_workers(2);
    settle(&mut proxy);
    let stream = [("upgrade", "websocket")];
    assert!(
        proxy.workers[1].keeps_id_of(&to_headers(&stream)) && !proxy.workers[1].keeps_id_of(&to_headers(&[]))
    );
    let (_, _open_for_days) = proxy.receive(1, &stream);
    assert_eq!(proxy.linked(1), None);
    proxy.pass(40 * SECOND_NS, &[0, 1, 2]);
    assert!(proxy.workers[1].has_all_ids() && proxy.workers[2].has_all_ids());
}

#[test]
fn a_workload_that_forwards_the_request_id_alone_needs_books() {
    let mut proxy = Proxy::with_workers(2);
    let now = proxy.host.now_ns;
    proxy.workers[1].saw_request_id(&mut proxy.host, now);
    proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    settle(&mut proxy);
    assert!(is_told(&mut proxy, 1) && is_told(&mut proxy, 2));
}

#[test]
fn a_workload_that_forwards_the_context_needs_none() {
    let mut proxy = Proxy::with_workers(2);
    let now = proxy.host.now_ns;
    proxy.workers[1].saw_forwarding(now);
    proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    settle(&mut proxy);
    assert!(!is_told(&mut proxy, 1) && !is_told(&mut proxy, 2));
}

#[test]
fn the_others_hear_that_books_will_be_closed_before_they_are() {
    let mut proxy = Proxy::with_workers(2);
    for _ in 0..SETTLED_REQUESTS {
        proxy.spans = 0;
        let (_, ticket) = proxy.receive(1, &[]);
        proxy.answer(1, ticket);
    }
    let (_, ticket) = proxy.receive(2, &[]);
    proxy.answer(2, ticket);
    assert!(proxy.workers[1].books.are_kept() && proxy.workers[2].has_all_ids());
    proxy.pass(500 * MILLISECOND_NS, &[0, 1, 2]);
    assert!(proxy.workers[1].books.are_kept(), "everything is still written down");
    assert!(!proxy.workers[2].has_all_ids(), "and nobody relies on it any more");
    proxy.pass(SECOND_NS, &[0, 1, 2]);
    assert!(!proxy.workers[1].books.are_kept() && proxy.workers[2].books.are_kept());
}
