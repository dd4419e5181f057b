//! Lifecycles of small traces by hand, and of arbitrary ones by their properties.

use std::sync::Arc;

use proptest::prelude::*;
use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use super::{GapReason, Lifecycle, assemble};

use SpanKind::{Client, Internal, Server};

fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

/// A span with id `id` under `parent` (0 = none) that lasts from `start` to `end`.
pub(super) fn span(id: u64, parent: u64, kind: SpanKind, service: &str, (start, end): (u64, u64)) -> Span {
    Span {
        trace_id: TraceId::from_bytes(&[7; 16]).unwrap(),
        span_id: span_id(id),
        parent_span_id: (parent != 0).then(|| span_id(parent)),
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind,
        start_unix_ns: start,
        end_unix_ns: end,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![text(attribute::SERVICE_NAME, service)] }),
    }
}

pub(super) fn with(mut span: Span, key: &str, value: &str) -> Span {
    span.attributes.push(text(key, value));
    span
}

/// A client span as a proxy of the mesh makes it.
pub(super) fn mesh_client(id: u64, parent: u64, service: &str, times: (u64, u64)) -> Span {
    with(span(id, parent, Client, service, times), attribute::ROLE, "outbound")
}

pub(super) fn assembled(spans: &[Span]) -> Lifecycle {
    assemble(&spans.iter().cloned().map(Arc::new).collect::<Vec<_>>())
}

/// The tree as `level:span id`, in order.
fn tree(lifecycle: &Lifecycle) -> Vec<String> {
    let number = |id: SpanId| u64::from_be_bytes(*id.as_bytes());
    lifecycle.spans.iter().map(|placed| format!("{}:{}", placed.level, number(placed.span.span_id))).collect()
}

fn gap_reasons(spans: &[Span]) -> Vec<GapReason> {
    assembled(spans).gaps.iter().map(|gap| gap.reason).collect()
}

/// gateway -> frontend -> (cart, catalog), in an order in which children come first.
fn shop() -> Vec<Span> {
    vec![
        span(7, 6, Server, "catalog", (460, 490)),
        mesh_client(6, 3, "frontend", (450, 500)),
        span(5, 4, Server, "cart", (210, 290)),
        mesh_client(4, 3, "frontend", (200, 300)),
        span(3, 2, Server, "frontend", (100, 600)),
        mesh_client(2, 1, "gateway", (50, 700)),
        span(1, 0, Server, "gateway", (0, 1000)),
    ]
}

#[test]
fn puts_parents_before_children_and_children_by_start() {
    let lifecycle = assembled(&shop());
    assert_eq!(tree(&lifecycle), ["0:1", "1:2", "2:3", "3:4", "4:5", "3:6", "4:7"]);
    assert_eq!(
        lifecycle.spans.iter().map(|placed| placed.parent).collect::<Vec<_>>(),
        [None, Some(0), Some(1), Some(2), Some(3), Some(2), Some(5)]
    );
}

#[test]
fn measures_offsets_and_the_time_no_child_covers() {
    let lifecycle = assembled(&shop());
    assert_eq!((lifecycle.start_unix_ns, lifecycle.duration_ns), (0, 1000));
    let times: Vec<_> = lifecycle.spans.iter().map(|placed| (placed.offset_ns, placed.self_ns)).collect();
    assert_eq!(times, [(0, 350), (50, 150), (100, 350), (200, 20), (210, 80), (450, 20), (460, 30)]);
}

#[test]
fn counts_hops_depth_and_services_of_a_complete_trace() {
    let lifecycle = assembled(&shop());
    assert_eq!((lifecycle.hops, lifecycle.depth, lifecycle.errors), (4, 3, 0));
    assert_eq!(lifecycle.services(), ["gateway", "frontend", "cart", "catalog"]);
    assert_eq!(lifecycle.root().unwrap().service_name(), "gateway");
    assert!(lifecycle.is_complete());
}

#[test]
fn merges_overlapping_children_and_clips_them_to_their_parent() {
    let lifecycle = assembled(&[
        span(1, 0, Server, "a", (100, 200)),
        span(2, 1, Internal, "a", (50, 120)),
        span(3, 1, Internal, "a", (110, 150)),
        span(4, 1, Internal, "a", (130, 140)),
        span(5, 1, Internal, "a", (190, 900)),
        span(6, 1, Internal, "a", (180, 170)),
    ]);
    let root = lifecycle.spans.iter().find(|placed| placed.span.span_id == span_id(1)).unwrap();
    assert_eq!((root.offset_ns, root.self_ns), (50, 40));
    assert_eq!(lifecycle.duration_ns, 850);
}

#[test]
fn counts_one_hop_where_application_and_proxy_both_report_it() {
    let lifecycle = assembled(&[
        span(1, 0, Server, "a", (0, 100)),
        span(2, 1, Server, "a", (1, 99)),
        span(3, 2, Client, "a", (2, 98)),
        mesh_client(4, 3, "a", (3, 97)),
        span(5, 4, Server, "b", (4, 96)),
        span(6, 5, Server, "b", (5, 95)),
    ]);
    assert_eq!((lifecycle.hops, lifecycle.depth), (2, 2));
    assert!(lifecycle.is_complete());
}

#[test]
fn counts_a_server_span_that_no_client_span_announced() {
    let lifecycle = assembled(&[span(1, 0, Server, "a", (0, 9)), span(2, 1, Server, "b", (1, 8))]);
    assert_eq!((lifecycle.hops, lifecycle.depth), (2, 2));
}

#[test]
fn keeps_several_servers_under_one_client_as_one_hop() {
    let lifecycle = assembled(&[
        mesh_client(1, 0, "a", (0, 100)),
        span(2, 1, Server, "b", (10, 40)),
        span(3, 1, Server, "b", (50, 90)),
    ]);
    assert_eq!(tree(&lifecycle), ["0:1", "1:2", "1:3"]);
    assert_eq!((lifecycle.hops, lifecycle.depth), (1, 1));
    assert!(lifecycle.is_complete());
}

#[test]
fn takes_spans_of_one_id_and_kind_once() {
    let mut spans = shop();
    spans.extend(shop());
    assert_eq!(assembled(&spans), assembled(&shop()));
}

#[test]
fn hangs_a_shared_server_span_under_its_client_and_the_rest_under_the_server() {
    let lifecycle = assembled(&[
        span(1, 0, Server, "a", (0, 100)),
        span(2, 1, Client, "a", (10, 90)),
        span(2, 1, Server, "b", (20, 80)),
        span(3, 2, Internal, "b", (30, 70)),
    ]);
    assert_eq!(tree(&lifecycle), ["0:1", "1:2", "2:2", "3:3"]);
    assert_eq!(lifecycle.spans[2].span.kind, Server);
    assert!(lifecycle.is_complete());
}

#[test]
fn puts_orphans_after_the_root_and_names_their_missing_parent() {
    let mut spans = shop();
    spans.retain(|span| span.span_id != span_id(4));
    let lifecycle = assembled(&spans);
    assert_eq!(tree(&lifecycle), ["0:1", "1:2", "2:3", "3:6", "4:7", "0:5"]);
    assert!(lifecycle.spans[5].is_parent_missing);
    assert_eq!(lifecycle.gaps.len(), 1);
    assert_eq!((lifecycle.gaps[0].span_id, lifecycle.gaps[0].reason), (span_id(5), GapReason::MissingParent));
    assert!(lifecycle.gaps[0].detail.contains("0000000000000004"), "{}", lifecycle.gaps[0].detail);
    assert!(!lifecycle.is_complete());
}

#[test]
fn has_no_root_when_none_arrived() {
    let lifecycle = assembled(&[span(2, 1, Server, "a", (0, 9))]);
    assert_eq!((lifecycle.root(), lifecycle.is_complete()), (None, false));
}

#[test]
fn is_incomplete_with_two_roots() {
    assert!(!assembled(&[span(1, 0, Server, "a", (0, 9)), span(2, 0, Server, "a", (1, 8))]).is_complete());
}

#[test]
fn breaks_loops_of_bad_parents_and_keeps_every_span() {
    let lifecycle = assembled(&[
        span(1, 0, Server, "a", (0, 9)),
        span(2, 4, Internal, "a", (2, 8)),
        span(3, 2, Internal, "a", (1, 8)),
        span(4, 3, Internal, "a", (3, 8)),
        span(5, 4, Internal, "a", (4, 8)),
        span(6, 6, Internal, "a", (5, 8)),
    ]);
    assert_eq!(tree(&lifecycle), ["0:1", "0:3", "1:4", "2:2", "2:5", "0:6"]);
    assert_eq!(lifecycle.gaps.iter().map(|gap| gap.span_id).collect::<Vec<_>>(), [span_id(3), span_id(6)]);
}

#[test]
fn misses_the_server_span_of_a_proxy_that_sent_a_request() {
    assert_eq!(gap_reasons(&[mesh_client(1, 0, "a", (0, 9))]), [GapReason::NoServerSpan]);
    assert_eq!(gap_reasons(&[span(1, 0, Client, "a", (0, 9))]), [], "an application promises nothing");
}

#[test]
fn names_the_server_whose_span_is_missing() {
    let client = with(mesh_client(1, 0, "a", (0, 9)), attribute::SERVER_ADDRESS, "cart.shop");
    assert!(assembled(&[client]).gaps[0].detail.contains("cart.shop"));
}

#[test]
fn expects_no_server_span_of_a_request_that_was_never_sent() {
    for (key, value) in [
        (attribute::ENVOY_RESPONSE_FLAGS, "UF"),
        (attribute::ENVOY_RESPONSE_FLAGS, "UF,URX"),
        (attribute::ENVOY_RESPONSE_FLAGS, "NR"),
        (attribute::ERROR_TYPE, "UH"),
    ] {
        assert_eq!(gap_reasons(&[with(mesh_client(1, 0, "a", (0, 9)), key, value)]), [], "{key}={value}");
    }
    for (key, value) in [
        (attribute::ENVOY_RESPONSE_FLAGS, "UT"),
        (attribute::ENVOY_RESPONSE_FLAGS, "-"),
        (attribute::ERROR_TYPE, "503"),
    ] {
        let gaps = gap_reasons(&[with(mesh_client(1, 0, "a", (0, 9)), key, value)]);
        assert_eq!(gaps, [GapReason::NoServerSpan], "{key}={value}");
    }
}

#[test]
fn says_the_weakest_link_of_all_hops() {
    let linked = |kind: &str| with(span(2, 1, Internal, "a", (0, 9)), attribute::LINK_KIND, kind);
    let strongest = with(span(1, 0, Server, "a", (0, 9)), attribute::LINK_KIND, "propagated");
    assert_eq!(assembled(&shop()).weakest_link, None);
    assert_eq!(assembled(std::slice::from_ref(&strongest)).weakest_link, Some(LinkKind::Propagated));
    assert_eq!(assembled(&[strongest, linked("sole")]).weakest_link, Some(LinkKind::Sole));
}

#[test]
fn takes_a_call_of_uncertain_cause_as_the_beginning_of_a_complete_trace() {
    let began_here = with(mesh_client(1, 0, "a", (0, 9)), attribute::LINK_KIND, "none");
    let lifecycle = assembled(&[began_here, span(2, 1, Server, "b", (1, 8))]);
    assert_eq!((lifecycle.weakest_link, lifecycle.is_complete()), (Some(LinkKind::None), true));
}

#[test]
fn counts_spans_in_error() {
    let mut spans = shop();
    spans[0].status = StatusCode::Error;
    spans[1].status = StatusCode::Error;
    spans[2].status = StatusCode::Ok;
    assert_eq!(assembled(&spans).errors, 2);
}

#[test]
fn makes_an_empty_lifecycle_of_no_spans() {
    assert_eq!(assemble(&[]), Lifecycle::default());
    assert!(!assemble(&[]).is_complete());
}

#[test]
fn assembles_a_chain_of_a_hundred_thousand_spans() {
    let spans: Vec<Span> = (1..=100_000).map(|id| span(id, id - 1, Internal, "a", (id, id + 1))).collect();
    assert_eq!(assembled(&spans).spans.last().unwrap().level, 99_999);
}

#[test]
fn survives_extreme_times() {
    let lifecycle = assembled(&[
        span(1, 0, Server, "a", (u64::MAX, 0)),
        span(2, 1, Server, "a", (0, u64::MAX)),
        span(3, 2, Server, "a", (u64::MAX, u64::MAX)),
    ]);
    assert_eq!((lifecycle.start_unix_ns, lifecycle.duration_ns), (0, u64::MAX));
}

fn any_kind() -> impl Strategy<Value = SpanKind> {
    (0u64..6).prop_map(SpanKind::from_number)
}

/// Few ids and times, so that duplicates, orphans, loops and shared ids are common.
fn any_span() -> impl Strategy<Value = Span> {
    (1u64..12, 0u64..12, any_kind(), "[ab]", (0u64..20, 0u64..20), any::<bool>()).prop_map(
        |(id, parent, kind, service, times, is_error)| {
            let mut span = span(id, parent, kind, &service, times);
            span.status = if is_error { StatusCode::Error } else { StatusCode::Unset };
            span
        },
    )
}

proptest! {
    #[test]
    fn does_not_depend_on_the_order_of_arrival(
        (arrived, shuffled) in proptest::collection::vec(any_span(), 0..30)
            .prop_flat_map(|spans| (Just(spans.clone()), Just(spans).prop_shuffle()))
    ) {
        prop_assert_eq!(assembled(&arrived), assembled(&shuffled));
    }

    #[test]
    fn places_every_span_once_and_after_its_parent(spans in proptest::collection::vec(any_span(), 0..30)) {
        let lifecycle = assembled(&spans);
        let keys = |span: &Span| (span.span_id, span.kind);
        let mut placed: Vec<_> = lifecycle.spans.iter().map(|placed| keys(&placed.span)).collect();
        let mut sent: Vec<_> = spans.iter().map(keys).collect();
        placed.sort();
        sent.sort();
        sent.dedup();
        prop_assert_eq!(placed, sent);
        for (index, placed) in lifecycle.spans.iter().enumerate() {
            prop_assert!(placed.self_ns <= placed.span.duration_ns());
            prop_assert!(placed.parent.is_none_or(|parent| parent < index));
            let level = placed.parent.map_or(0, |parent| lifecycle.spans[parent].level + 1);
            prop_assert_eq!(placed.level, level);
        }
        prop_assert!(lifecycle.depth <= lifecycle.hops);
        prop_assert!(lifecycle.hops <= lifecycle.spans.len());
    }
}
