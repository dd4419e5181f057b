//! Requests are found by their id, and the table stays bounded whatever is written into it.

use throughline_model::context::{PathSoFar, TraceFlags, TraceState};
use throughline_model::id::{SpanId, TraceId};

use super::slot::MAX_ENTRIES;
use super::*;
use crate::host::SharedValue;
use crate::host::fake::FakeHost;

const HOUR_NS: u64 = 3_600_000_000_000;

fn context(number: u8) -> TraceContext {
    let mut state = TraceState::parse([&b"a=1"[..]].into_iter());
    state.path = Some(PathSoFar::begin("gateway"));
    TraceContext {
        trace_id: TraceId::from_bytes(&[number; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[number; 8]).unwrap(),
        flags: TraceFlags::new_sampled_trace(),
        state,
    }
}

fn enter(
    host: &mut FakeHost,
    id: &RequestId,
    context: &TraceContext,
    now_unix_ns: u64,
) -> Result<(), Refused> {
    super::enter(host, id, context, &context.state.to_header().unwrap_or_default(), now_unix_ns)
}

fn id(text: &str) -> RequestId {
    RequestId::from_header(text.as_bytes()).unwrap()
}

#[test]
fn gives_back_the_whole_context() {
    let mut host = FakeHost::default();
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Unknown);
    enter(&mut host, &id("a"), &context(1), 0).unwrap();
    assert_eq!(find_cause(&mut host, &id("a"), 1), Cause::Certain(context(1)));
    assert_eq!(find_cause(&mut host, &id("b"), 1), Cause::Unknown);
}

/// Another request of the trace of `context(1)`.
fn sibling(number: u8) -> TraceContext {
    TraceContext { span_id: SpanId::from_bytes(&[number; 8]).unwrap(), ..context(1) }
}

#[test]
fn an_answered_request_is_found_until_another_of_its_trace_is_in_flight() {
    let mut host = FakeHost::default();
    enter(&mut host, &id("a"), &context(1), 0).unwrap();
    leave(&mut host, &id("a"), &context(1)).unwrap();
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Certain(context(1)));
    enter(&mut host, &id("a"), &sibling(2), 0).unwrap();
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Certain(sibling(2)));
    leave(&mut host, &id("a"), &sibling(2)).unwrap();
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Ambiguous(2));
}

#[test]
fn an_id_that_several_traces_carried_is_no_evidence() {
    let mut host = FakeHost::default();
    enter(&mut host, &id("a"), &context(1), 0).unwrap();
    leave(&mut host, &id("a"), &context(1)).unwrap();
    enter(&mut host, &id("a"), &context(2), 0).unwrap();
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Ambiguous(2));
}

#[test]
fn an_id_is_not_trusted_once_one_of_its_requests_was_pushed_out() {
    let mut host = FakeHost::default();
    for number in 1..=MAX_ENTRIES as u8 + 1 {
        enter(&mut host, &id("a"), &sibling(number), 0).unwrap();
    }
    for number in 3..=MAX_ENTRIES as u8 + 1 {
        leave(&mut host, &id("a"), &sibling(number)).unwrap();
    }
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Ambiguous(MAX_ENTRIES));
}

#[test]
fn the_first_write_to_a_slot_can_lose_a_race_too() {
    let mut host = FakeHost::default();
    let unset = host.shared_value("throughline.inflight.0").version;
    host.set_shared_value("throughline.inflight.0", b"x", unset).unwrap();
    assert_eq!(host.set_shared_value("throughline.inflight.0", b"y", unset), Err(Refused));
}

#[test]
fn entries_of_workers_that_died_expire() {
    let mut host = FakeHost::default();
    enter(&mut host, &id("a"), &context(1), 0).unwrap();
    assert_eq!(find_cause(&mut host, &id("a"), HOUR_NS), Cause::Unknown);
}

#[test]
fn a_full_slot_pushes_out_answered_requests_first() {
    let mut host = FakeHost::default();
    for number in 1..=MAX_ENTRIES as u8 {
        enter(&mut host, &id("a"), &sibling(number), 0).unwrap();
    }
    leave(&mut host, &id("a"), &sibling(3)).unwrap();
    enter(&mut host, &id("a"), &sibling(100), 0).unwrap();
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Ambiguous(MAX_ENTRIES));
    for number in [1, 2, 4, 5, 6, 7, 8] {
        leave(&mut host, &id("a"), &sibling(number)).unwrap();
    }
    assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Certain(sibling(100)));
}

#[test]
fn a_lost_race_is_tried_again_and_gives_up_in_the_end() {
    let mut host = FakeHost { lost_races: MAX_TRIES - 1, ..FakeHost::default() };
    assert_eq!(enter(&mut host, &id("a"), &context(1), 0), Ok(()));
    host.lost_races = MAX_TRIES;
    assert_eq!(enter(&mut host, &id("a"), &context(1), 0), Err(Refused));
}

#[test]
fn the_store_never_grows_beyond_its_slots() {
    let mut host = FakeHost::default();
    for number in 0..20_000 {
        enter(&mut host, &id(&format!("request-{number}")), &context(1), 0).unwrap();
    }
    assert!(host.shared.len() <= SLOTS);
    assert!(host.shared.values().all(|value| value.bytes.len() < 4_096));
}

#[test]
fn damaged_or_foreign_bytes_are_an_empty_slot() {
    let mut host = FakeHost::default();
    enter(&mut host, &id("a"), &context(1), 0).unwrap();
    let (key, value) = host.shared.iter().next().map(|(key, value)| (key.clone(), value.clone())).unwrap();
    for length in 0..value.bytes.len() {
        host.shared.insert(key.clone(), SharedValue { bytes: value.bytes[..length].to_vec(), version: 1 });
        assert_eq!(find_cause(&mut host, &id("a"), 0), Cause::Unknown);
    }
}

#[test]
fn only_ids_of_sane_length_are_kept_and_the_changing_digit_is_masked() {
    assert_eq!(RequestId::from_header(b""), None);
    assert_eq!(RequestId::from_header(&[b'x'; 129]), None);
    assert_eq!(id("8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0001"), id("8e0c2d5c-0a4f-9f6e-9a30-5f6b7f9d0001"));
    assert_ne!(id("8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0001"), id("8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0002"));
    assert_ne!(id("no-uuid-just-36-characters-long-0001"), id("no-uuid-just-3X-characters-long-0001"));
}
