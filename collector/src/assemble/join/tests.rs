//! Lifecycles of several traces by hand, and of arbitrary ones by their properties.

use proptest::prelude::*;
use throughline_model::attribute;
use throughline_model::link::LinkKind;
use throughline_model::span::{Attribute, SpanKind, SpanLink, Value};

use super::super::tests::{mesh_client, span, with};
use super::*;
use crate::assemble::GapReason;

use SpanKind::Server;

fn trace_id(number: u8) -> TraceId {
    TraceId::from_bytes(&[number; 16]).unwrap()
}

fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

fn of_trace(number: u8, mut span: Span) -> Span {
    span.trace_id = trace_id(number);
    span
}

/// A link to a span for a reason.
fn linked(mut span: Span, (trace, id): (u8, u64), key: &str, value: &str) -> Span {
    let attributes = vec![Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }];
    span.links.push(SpanLink { trace_id: trace_id(trace), span_id: span_id(id), attributes });
    span
}

/// The root of a trace of its own that one of these requests may have caused.
fn call_of(trace: u8, candidates: &[(u8, u64)], times: (u64, u64)) -> Span {
    let call = with(of_trace(trace, mesh_client(1, 0, "front", times)), attribute::LINK_KIND, "none");
    let mut call = with(call, attribute::SERVER_ADDRESS, "cart");
    let id = |(trace, id): &(u8, u64)| Value::Text(format!("{}-{}", trace_id(*trace), span_id(*id)));
    let ids = Value::List(candidates.iter().map(id).collect());
    call.attributes.push(Attribute { key: attribute::LINK_CANDIDATE_IDS.to_owned(), value: ids });
    let count = Value::Int(candidates.len() as i64);
    call.attributes.push(Attribute { key: attribute::LINK_CANDIDATES.to_owned(), value: count });
    call
}

/// gateway -> front, which works from `from` to `until`.
fn entry(trace: u8, (from, until): (u64, u64)) -> Vec<Span> {
    vec![
        of_trace(trace, mesh_client(1, 0, "gateway", (from.saturating_sub(5), until + 5))),
        of_trace(trace, span(2, 1, Server, "front", (from, until))),
    ]
}

fn joined_of(spans: &[Span], trace: u8, habits: &Habits) -> Lifecycle {
    let spans: Vec<_> = spans.iter().cloned().map(Arc::new).collect();
    assemble_joined(&spans, trace_id(trace), habits, Clock::Corrected)
}

/// Of each span its level, trace and id.
fn check(spans: &[Span], trace: u8, expected: &[(usize, u8, u64)]) -> Lifecycle {
    let lifecycle = joined_of(spans, trace, &Habits::default());
    let tree: Vec<_> = lifecycle
        .spans
        .iter()
        .map(|placed| {
            let id = u64::from_be_bytes(*placed.span.span_id.as_bytes());
            (placed.level, placed.span.trace_id.as_bytes()[0], id)
        })
        .collect();
    assert_eq!(tree, expected);
    lifecycle
}

fn cart(trace: u8, times: (u64, u64)) -> Span {
    of_trace(trace, span(2, 1, Server, "cart", times))
}

#[test]
fn a_call_within_the_time_of_one_candidate_hangs_under_it() {
    let mut spans = entry(1, (100, 200));
    spans.extend(entry(2, (110, 140)));
    spans.extend([call_of(3, &[(1, 2), (2, 2)], (120, 150)), cart(3, (125, 145))]);
    let whole = [(0, 1, 1), (1, 1, 2), (2, 3, 1), (3, 3, 2)];
    for asked in [1, 3] {
        let lifecycle = check(&spans, asked, &whole);
        assert!(lifecycle.is_complete());
        assert_eq!((lifecycle.hops, lifecycle.depth), (2, 2));
        let [seam] = lifecycle.seams.as_slice() else { panic!("{:?}", lifecycle.seams) };
        assert_eq!((seam.kind, seam.cause), (SeamKind::Contained, Some((trace_id(1), span_id(2)))));
        assert_eq!((seam.confidence, seam.is_joined), (0.966, true));
        assert!((lifecycle.confidence() - 0.966).abs() < 1e-9);
    }
    check(&spans, 2, &[(0, 2, 1), (1, 2, 2)]);
}

#[test]
fn a_call_that_two_requests_could_have_made_is_left_open() {
    let mut spans = entry(1, (100, 200));
    spans.extend(entry(2, (110, 190)));
    spans.extend([call_of(3, &[(1, 2), (2, 2)], (120, 150)), cart(3, (125, 145))]);
    let lifecycle = check(&spans, 3, &[(0, 3, 1), (1, 3, 2)]);
    let [seam] = lifecycle.seams.as_slice() else { panic!("{:?}", lifecycle.seams) };
    assert_eq!((seam.kind, seam.candidates, seam.confidence), (SeamKind::Open, 2, 0.5));
    assert!(!seam.is_joined && seam.cause.is_none());
    assert_eq!(lifecycle.confidence(), 1.0, "what is open claims nothing");
}

#[test]
fn a_candidate_that_never_arrived_may_be_the_cause() {
    let mut spans = entry(1, (100, 200));
    spans.push(call_of(3, &[(1, 2), (2, 2)], (120, 150)));
    let lifecycle = check(&spans, 3, &[(0, 3, 1)]);
    assert_eq!((lifecycle.seams[0].kind, lifecycle.seams[0].candidates), (SeamKind::Open, 2));
}

#[test]
fn what_is_called_in_the_background_is_joined_to_nothing() {
    let mut spans = entry(1, (100, 200));
    spans.push(call_of(3, &[(1, 2)], (120, 150)));
    let mut forwards = Habits::default();
    forwards.saw_forwarding("front");
    let mut background = Habits::default();
    background.saw_background_calls("front", "cart");
    let mut elsewhere = Habits::default();
    elsewhere.saw_background_calls("front", "orders");
    for (habits, traces) in [(forwards, 1), (background, 1), (elsewhere, 2)] {
        let lifecycle = joined_of(&spans, 3, &habits);
        let all: BTreeSet<_> = lifecycle.spans.iter().map(|placed| placed.span.trace_id).collect();
        assert_eq!(all.len(), traces, "{habits:?}");
    }
}

#[test]
fn a_trace_begun_anew_at_an_edge_hangs_under_its_caller() {
    let caller = of_trace(1, mesh_client(1, 0, "shop", (0, 100)));
    let edge = of_trace(2, span(1, 0, Server, "edge", (10, 90)));
    let spans = [caller, linked(edge, (1, 1), attribute::LINKED_REASON, "restart")];
    for asked in [1, 2] {
        let lifecycle = check(&spans, asked, &[(0, 1, 1), (1, 2, 1)]);
        assert!(lifecycle.is_complete(), "the call has its server now: {:?}", lifecycle.gaps);
        assert_eq!((lifecycle.seams[0].kind, lifecycle.seams[0].confidence), (SeamKind::Restart, 1.0));
    }
}

#[test]
fn a_link_with_evidence_joins_with_its_confidence() {
    for (kind, confidence) in [("request-id", 1.0), ("token", 0.999), ("sole", 0.999), ("propagated", 1.0)] {
        let mut spans = entry(1, (0, 100));
        let call = of_trace(2, mesh_client(1, 0, "front", (10, 20)));
        spans.push(linked(call, (1, 2), attribute::LINK_KIND, kind));
        let lifecycle = check(&spans, 2, &[(0, 1, 1), (1, 1, 2), (2, 2, 1)]);
        let expected = SeamKind::Linked(LinkKind::from_name(kind).unwrap());
        assert_eq!((lifecycle.seams[0].kind, lifecycle.seams[0].confidence), (expected, confidence));
    }
    let other = linked(of_trace(2, mesh_client(1, 0, "a", (0, 9))), (1, 1), "throughline.linked.reason", "x");
    assert!(check(&[other], 2, &[(0, 2, 1)]).seams.is_empty(), "another reason is no seam");
}

#[test]
fn a_cause_that_never_arrived_is_remembered() {
    let edge = linked(
        of_trace(2, span(1, 0, Server, "edge", (10, 90))),
        (1, 1),
        "throughline.linked.reason",
        "restart",
    );
    let lifecycle = check(&[edge], 2, &[(0, 2, 1)]);
    assert_eq!(lifecycle.seams[0].cause, Some((trace_id(1), span_id(1))));
    assert!(!lifecycle.seams[0].is_joined && lifecycle.is_complete());
}

#[test]
fn traces_that_name_each_other_are_joined_once() {
    let one = of_trace(1, span(1, 0, Server, "a", (0, 90)));
    let other = of_trace(2, span(1, 0, Server, "b", (10, 80)));
    let spans = [
        linked(one, (2, 1), attribute::LINKED_REASON, "restart"),
        linked(other, (1, 1), attribute::LINKED_REASON, "restart"),
    ];
    let lifecycle = check(&spans, 1, &[(0, 2, 1), (1, 1, 1)]);
    assert_eq!(lifecycle.seams.iter().filter(|seam| seam.is_joined).count(), 1);
    assert!(lifecycle.gaps.iter().all(|gap| gap.reason != GapReason::MissingParent));
}

#[test]
fn a_chain_of_traces_is_joined_as_far_as_the_bounds() {
    let chain = |number: u8| {
        let span = of_trace(number, span(1, 0, Server, "a", (u64::from(number), 200 - u64::from(number))));
        if number == 1 { span } else { linked(span, (number - 1, 1), attribute::LINKED_REASON, "restart") }
    };
    let spans: Vec<Span> = (1..=30).map(chain).collect();
    let lifecycle = joined_of(&spans, 15, &Habits::default());
    assert_eq!(lifecycle.spans.len(), 2 * MAX_SEAMS_AWAY + 1);
    let fan: Vec<Span> = std::iter::once(chain(1))
        .chain((2..200).map(|number| {
            linked(
                of_trace(number, span(1, 0, Server, "b", (5, 9))),
                (1, 1),
                attribute::LINKED_REASON,
                "restart",
            )
        }))
        .collect();
    assert_eq!(joined_of(&fan, 1, &Habits::default()).spans.len(), MAX_JOINED_TRACES);
}

/// Few traces, ids and times, so that causes that miss, contradict each other or form loops are common.
fn any_span() -> impl Strategy<Value = Span> {
    let kind = (0u64..6).prop_map(SpanKind::from_number);
    let claim = (0u8..4, proptest::collection::vec((1u8..5, 1u64..5), 1..3));
    ((1u8..5, 1u64..5, 0u64..5), kind, "[ab]", (0u64..20, 0u64..20), claim).prop_map(
        |((trace, id, parent), kind, service, times, (what, causes))| {
            let own = of_trace(trace, span(id, parent, kind, &service, times));
            match what {
                0 => own,
                1 => linked(own, causes[0], attribute::LINKED_REASON, "restart"),
                2 => linked(own, causes[0], attribute::LINK_KIND, "sole"),
                _ => {
                    let call = call_of(trace, &causes, times);
                    Span {
                        span_id: own.span_id,
                        parent_span_id: own.parent_span_id,
                        resource: own.resource,
                        ..call
                    }
                }
            }
        },
    )
}

proptest! {
    #[test]
    fn does_not_depend_on_the_order_of_arrival(
        (arrived, shuffled) in proptest::collection::vec(any_span(), 0..30)
            .prop_flat_map(|spans| (Just(spans.clone()), Just(spans).prop_shuffle())),
        asked in 1u8..5,
    ) {
        let habits = Habits::default();
        prop_assert_eq!(joined_of(&arrived, asked, &habits), joined_of(&shuffled, asked, &habits));
    }

    #[test]
    fn is_the_same_whichever_of_its_traces_is_asked_for(spans in proptest::collection::vec(any_span(), 1..30)) {
        let habits = Habits::default();
        let asked = spans[0].trace_id.as_bytes()[0];
        let lifecycle = joined_of(&spans, asked, &habits);
        for placed in &lifecycle.spans {
            let member = placed.span.trace_id.as_bytes()[0];
            prop_assert_eq!(&joined_of(&spans, member, &habits), &lifecycle);
        }
    }

    #[test]
    fn places_every_span_of_its_traces_once_and_after_its_parent(
        spans in proptest::collection::vec(any_span(), 1..30)
    ) {
        let lifecycle = joined_of(&spans, 1, &Habits::default());
        let members: BTreeSet<_> = lifecycle.spans.iter().map(|placed| placed.span.trace_id).collect();
        let key = |span: &Span| (span.trace_id, span.span_id, span.kind);
        let mut sent: Vec<_> = spans.iter().filter(|span| members.contains(&span.trace_id)).map(key).collect();
        let mut placed: Vec<_> = lifecycle.spans.iter().map(|placed| key(&placed.span)).collect();
        sent.sort();
        sent.dedup();
        placed.sort();
        prop_assert_eq!(placed, sent);
        for (index, placed) in lifecycle.spans.iter().enumerate() {
            prop_assert!(placed.parent.is_none_or(|parent| parent < index));
        }
        prop_assert!((0.0..=1.0).contains(&lifecycle.confidence()));
        for seam in &lifecycle.seams {
            prop_assert!((0.0..=1.0).contains(&seam.confidence));
        }
    }
}
