//! Which evidence is enough for a link, and what takes it away.

use throughline_model::context::{PathSoFar, TraceContext, TraceFlags, TraceState};
use throughline_model::id::{SpanId, TraceId};

use super::*;
use crate::headers::Headers;

mod echoes;

const SECOND_NS: u64 = 1_000_000_000;
const NOW: u64 = 1_000_000 * SECOND_NS;
const PROBATION: Probation = Probation { calls: 3, idle_ns: 10 * SECOND_NS };
const KEY: HashKey = HashKey::new(1, 2);

fn candidate(number: u8, stay: Stay) -> Candidate {
    let mut state = TraceState::default();
    state.path = Some(PathSoFar::begin("cart"));
    let context = TraceContext {
        trace_id: TraceId::from_bytes(&[number; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[number; 8]).unwrap(),
        flags: TraceFlags::new_sampled_trace(),
        state,
    };
    Candidate::new(&context, &context.state.to_header().unwrap_or_default(), stay, NOW)
}

fn carrying(number: u8, tokens: &[(u64, Standing)]) -> Candidate {
    let tokens = tokens.iter().map(|(hash, standing)| Token { hash: *hash, standing: *standing }).collect();
    Candidate { tokens: Some(tokens), ..candidate(number, Stay::Short) }
}

fn census(candidates: &[Candidate]) -> Census<'_> {
    Census { candidates: candidates.iter().collect(), others: 0, is_whole: true }
}

#[test]
fn only_who_knows_of_all_requests_says_that_nothing_is_in_flight() {
    let nobody = census(&[]);
    assert_eq!(nobody.count(), 0);
    assert_eq!(Census { is_whole: false, ..nobody.clone() }.count(), 1);
    assert_eq!(Census { is_whole: false, others: 3, ..nobody }.count(), 3);
}

/// The published vectors of SipHash-2-4: key 00..0f, input 00, 01, and so on.
#[test]
fn the_keyed_hash_is_siphash() {
    let key = HashKey::new(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
    let input: Vec<u8> = (0..16).collect();
    for (length, expected) in [
        (0, 0x726f_db47_dd0e_0e31),
        (7, 0xab02_00f5_8b01_d137),
        (8, 0x93f5_f579_9a93_2462),
        (15, 0xa129_ca61_49be_45e5),
    ] {
        assert_eq!(key.hash(&input[..length]), expected, "{length} bytes");
    }
}

/// A message's path and headers, how many tokens they hold, and why.
#[test]
fn tokens_are_values_that_hardly_repeat_by_chance() {
    let names = ["authorization".to_owned(), "x-user-id".to_owned()];
    type Pairs = &'static [(&'static str, &'static str)];
    let cases: &[(&str, Pairs, usize, &str)] = &[
        ("/", &[], 0, "nothing there"),
        ("/orders/2024/items/7?page=1234567", &[], 0, "short numbers are years, counts and pages"),
        ("/orders/12345678", &[], 1, "eight digits"),
        ("/o/8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d0001?x=1", &[], 1, "a UUID"),
        ("/o/8e0c2d5c-0a4f-4f6e-9a30-5f6b7f9d000", &[], 0, "a digit is missing"),
        ("/blob/da39a3ee5e6b4b0d", &[], 1, "16 hexadecimal digits"),
        ("/deadbeefcafe", &[], 0, "a word in hexadecimal letters"),
        ("/s/eyJhbGciOiJIUzI1NiJ9_x-Q", &[], 1, "base64 of a URL"),
        ("/a-very-long-name-of-a-page-in-lower-case", &[], 0, "a name"),
        ("/12345678/12345678", &[], 1, "each token counts once"),
        ("/10000001/10000002/10000003/10000004/10000005", &[], 4, "a path leaves room for headers"),
        ("/", &[("authorization", "Bearer x"), ("x-other", "12345678")], 1, "listed headers only"),
        ("/12345678", &[("x-user-id", "12345678")], 1, "the same value in path and header is one token"),
        ("/", &[("x-user-id", "7"), ("authorization", "7")], 2, "a plain value counts with its name"),
        ("/", &[("x-user-id", "")], 0, "an empty value says nothing"),
    ];
    for (path, headers, expected, reason) in cases {
        let pairs = [(":path", *path)].into_iter().chain(headers.iter().copied());
        let headers = Headers::from_pairs(pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        assert_eq!(tokens_of(&headers, &names, KEY).len(), *expected, "{path}: {reason}");
    }
}

#[test]
fn a_secret_changes_every_hash_and_no_bytes_are_too_many() {
    let names = ["cookie".to_owned()];
    let long = vec![b'\xff'; 10_000];
    let headers = Headers::from_pairs([(&b":path"[..], &b"/12345678"[..]), (b"cookie", &long)]);
    assert_eq!(tokens_of(&headers, &names, KEY).len(), 1);
    assert_ne!(
        tokens_of(&headers, &names, key_from_secret("")),
        tokens_of(&headers, &names, key_from_secret("mesh"))
    );
}

fn standing(recurrence: &mut Recurrence, token: u64) -> Standing {
    recurrence.saw_request(NOW);
    recurrence.saw_token(token)
}

#[test]
fn a_token_is_evidence_until_it_recurs() {
    let mut recurrence = Recurrence::default();
    (0..40).for_each(|number| {
        assert_eq!(standing(&mut recurrence, 5000 + number) == Standing::Evidence, number >= 31)
    });
    assert_eq!(standing(&mut recurrence, 7), Standing::Evidence);
    assert!(!recurrence.is_recurring(7));
    assert_eq!(
        standing(&mut recurrence, 7),
        Standing::Recurring,
        "the first may have been answered, and go on"
    );
    assert!(recurrence.is_recurring(7));
}

#[test]
fn a_token_that_the_application_adds_by_itself_is_no_evidence() {
    let mut recurrence = Recurrence::default();
    (0..40).for_each(|number| _ = standing(&mut recurrence, number));
    recurrence.saw_own_token(500);
    assert!(recurrence.is_recurring(500));
    assert_eq!(standing(&mut recurrence, 500), Standing::Recurring);
}

#[test]
fn the_rung_of_tokens_links_only_what_is_not_in_doubt() {
    use Standing::{Evidence, Recurring};
    let seen = Recurrence::default();
    let one = carrying(1, &[(10, Evidence), (11, Evidence)]);
    let check = |others: &[Candidate], tokens: &[u64], expected: Option<u8>, reason: &str| {
        let mut all = vec![one.clone()];
        all.extend_from_slice(others);
        let found = census(&all).only_one_with(tokens, &seen).map(|found| found.span_id);
        assert_eq!(found, expected.map(|number| SpanId::from_bytes(&[number; 8]).unwrap()), "{reason}");
    };
    check(&[], &[], None, "the call carries nothing");
    check(&[], &[99], None, "nobody carries it");
    check(&[carrying(2, &[(20, Evidence)])], &[10], Some(1), "only one carries it");
    check(&[carrying(2, &[(10, Evidence)])], &[10], None, "two carry it");
    check(&[carrying(2, &[(10, Recurring)])], &[10], None, "another carries it as well");
    check(&[carrying(2, &[(10, Evidence)])], &[10, 11], Some(1), "one of its tokens is its own");
    check(&[carrying(2, &[(20, Evidence)])], &[10, 20], None, "two tokens contradict each other");
    check(&[carrying(2, &[(30, Recurring)])], &[30], None, "a token that recurs");
    check(&[candidate(2, Stay::Short)], &[10], None, "nobody looked at the tokens of another");
    let alone = [one.clone()];
    let unknown = Census { others: 1, ..census(&alone) };
    assert_eq!(unknown.only_one_with(&[10], &seen), None, "a request is not known");
    let partial = Census { is_whole: false, ..census(&alone) };
    assert_eq!(partial.only_one_with(&[10], &seen), None, "a worker is not known");
}

#[test]
fn only_one_ordinary_request_with_nothing_beside_it_is_the_only_one() {
    let old = Candidate { since_unix_ns: NOW - 61 * SECOND_NS, ..candidate(2, Stay::Short) };
    let cases: &[(&[Candidate], bool, &str)] = &[
        (&[], false, "none"),
        (&[candidate(1, Stay::Short)], true, "one"),
        (&[candidate(1, Stay::Short), candidate(2, Stay::Short)], false, "two"),
        (&[candidate(1, Stay::Lasting)], false, "a stream alone"),
        (
            &[candidate(1, Stay::Short), candidate(2, Stay::Lasting)],
            false,
            "a stream beside it may call any time",
        ),
        (
            &[candidate(1, Stay::Short), candidate(2, Stay::Abandoned)],
            false,
            "the workload may still be at it",
        ),
        (std::slice::from_ref(&old), false, "after a minute it counts as a stream"),
    ];
    for (candidates, expected, reason) in cases {
        assert_eq!(census(candidates).only_one(NOW).is_some(), *expected, "{reason}");
        let unknown = Census { others: 1, ..census(candidates) };
        assert_eq!(unknown.only_one(NOW), None, "{reason}, and one more");
        let partial = Census { is_whole: false, ..census(candidates) };
        assert_eq!(partial.only_one(NOW), None, "{reason}, and a worker not known");
    }
}

#[test]
fn streams_are_known_by_their_headers() {
    let cases: &[(&[(&str, &str)], Stay)] = &[
        (&[(":method", "GET"), ("accept", "*/*")], Stay::Short),
        (&[(":method", "GET"), ("upgrade", "websocket")], Stay::Lasting),
        (&[(":method", "CONNECT")], Stay::Lasting),
        (&[(":method", "GET"), (":protocol", "websocket")], Stay::Lasting),
        (&[(":method", "GET"), ("accept", "text/event-stream")], Stay::Lasting),
        (&[(":method", "POST"), ("content-type", "text/event-stream;charset=utf-8")], Stay::Lasting),
    ];
    for (headers, expected) in cases {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        assert_eq!(Stay::of_request(&Headers::from_pairs(pairs)), *expected, "{headers:?}");
    }
}

fn proven() -> Habits {
    let mut habits = Habits::default();
    (0..3).for_each(|_| habits.saw_call(1, Company::Requests, NOW));
    habits.saw_idle(10 * SECOND_NS);
    habits
}

#[test]
fn a_destination_has_to_prove_itself_by_calls_and_by_silence() {
    let mut habits = Habits::default();
    habits.saw_idle(60 * SECOND_NS);
    (0..2).for_each(|_| habits.saw_call(1, Company::Requests, NOW));
    assert!(!habits.allow_sole(1, PROBATION, NOW), "too few calls, and the silence was before the first");
    habits.saw_idle(10 * SECOND_NS);
    assert!(!habits.allow_sole(1, PROBATION, NOW), "too few calls");
    habits.saw_call(1, Company::Unknown, NOW);
    assert!(!habits.allow_sole(1, PROBATION, NOW), "calls in unknown company prove nothing");
    habits.saw_call(1, Company::Requests, NOW);
    assert!(habits.allow_sole(1, PROBATION, NOW));
    assert!(!habits.allow_sole(2, PROBATION, NOW), "another destination proves nothing");
}

#[test]
fn a_workload_that_forwards_is_never_linked_by_number_alone() {
    let mut habits = proven();
    assert!(habits.allow_sole(1, PROBATION, NOW));
    habits.saw_forwarding(NOW);
    assert!(!habits.allow_sole(1, PROBATION, NOW));
    assert!(!habits.allow_sole(1, PROBATION, NOW + 3_599 * SECOND_NS));
    assert!(habits.allow_sole(1, PROBATION, NOW + 3_600 * SECOND_NS), "after an hour without any");
}

#[test]
fn a_background_call_starts_the_probation_of_its_destination_again() {
    let mut habits = proven();
    habits.saw_call(1, Company::Nobody, NOW);
    let later = NOW + 3_600 * SECOND_NS;
    assert!(!habits.allow_sole(1, PROBATION, NOW + SECOND_NS));
    assert!(!habits.allow_sole(1, PROBATION, later));
    (0..3).for_each(|_| habits.saw_call(1, Company::Requests, later));
    assert!(!habits.allow_sole(1, PROBATION, later));
    habits.saw_idle(10 * SECOND_NS);
    assert!(habits.allow_sole(1, PROBATION, later));
}

#[test]
fn what_one_worker_saw_against_a_link_holds_for_all() {
    let mut background = Habits::default();
    background.saw_call(1, Company::Nobody, NOW);
    let mut forwarding = Habits::default();
    forwarding.saw_forwarding(NOW);
    for against in [background, forwarding] {
        let mut merged = proven();
        merged.merge(&against);
        assert!(!merged.allow_sole(1, PROBATION, NOW));
        let mut other_way = against.clone();
        other_way.merge(&proven());
        assert!(!other_way.allow_sole(1, PROBATION, NOW));
        assert_eq!(Habits::decode(&merged.encode()), Some(merged));
    }
    let mut fresh = Habits::default();
    fresh.merge(&proven());
    assert!(fresh.allow_sole(1, PROBATION, NOW), "what was proven need not be proven again");
}

#[test]
fn destinations_are_bounded_and_one_too_many_is_never_linked() {
    let mut habits = Habits::default();
    for name in 0..1_000 {
        (0..3).for_each(|_| habits.saw_call(name, Company::Requests, NOW));
    }
    habits.saw_idle(10 * SECOND_NS);
    assert!(habits.allow_sole(63, PROBATION, NOW) && !habits.allow_sole(64, PROBATION, NOW));
    assert!(habits.encode().len() < 4_096);
}

#[test]
fn damaged_observations_are_none_and_never_harm() {
    let whole = proven().encode();
    for length in 0..33 {
        assert_eq!(Habits::decode(&whole[..length]), None);
    }
    assert!((33..whole.len()).all(|length| Habits::decode(&whole[..length]).is_some()));
    assert_eq!(Habits::decode(&[9; 100]), None);
}
