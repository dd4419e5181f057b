//! Who is suspected, and where time went, in a shop of three services.

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, StatusCode, Value};

use super::*;
use crate::assemble::assemble;

const MS: u64 = 1_000_000;

/// How long the two that the front asks work by themselves, and whether the first of them fails.
#[derive(Clone, Copy)]
struct Shop {
    pay_ms: u64,
    find_ms: u64,
    does_pay_fail: bool,
    does_find_fail: bool,
}

const WELL: Shop = Shop { pay_ms: 2, find_ms: 2, does_pay_fail: false, does_find_fail: false };

fn trace(number: u64, shop: Shop) -> Lifecycle {
    let jitter = number % 7 * MS / 10;
    let (pay, find) = (shop.pay_ms * MS + jitter, shop.find_ms * MS + jitter);
    let status = |does_fail: bool| if does_fail { StatusCode::Error } else { StatusCode::Unset };
    let (pay_failed, find_failed) = (status(shop.does_pay_fail), status(shop.does_find_fail));
    let failed = status(shop.does_pay_fail || shop.does_find_fail);
    let whole = 3 * MS + pay + find;
    let spans = [
        span(1, 0, SpanKind::Server, "gateway", (0, whole), failed),
        span(2, 1, SpanKind::Server, "front", (0, whole), failed),
        span(3, 2, SpanKind::Client, "front", (MS, MS + pay), pay_failed),
        span(4, 3, SpanKind::Server, "pay", (MS, MS + pay), pay_failed),
        span(5, 2, SpanKind::Client, "front", (2 * MS + pay, 2 * MS + pay + find), find_failed),
        span(6, 5, SpanKind::Server, "search", (2 * MS + pay, 2 * MS + pay + find), find_failed),
    ];
    assemble(&spans.map(Arc::new))
}

fn span(id: u64, parent: u64, kind: SpanKind, service: &str, at: (u64, u64), status: StatusCode) -> Span {
    let key = attribute::SERVICE_NAME.to_owned();
    let id_of = |number: u64| SpanId::from_bytes(&number.to_be_bytes());
    Span {
        trace_id: TraceId::from_bytes(&[7; 16]).unwrap(),
        span_id: id_of(id).unwrap(),
        parent_span_id: id_of(parent),
        trace_state: String::new(),
        flags: 1,
        name: format!("GET /{service}"),
        kind,
        start_unix_ns: at.0,
        end_unix_ns: at.1,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status,
        status_message: String::new(),
        resource: Arc::new(Resource {
            attributes: vec![Attribute { key, value: Value::Text(service.to_owned()) }],
        }),
    }
}

fn calls() -> Calls {
    let name = |text: &str| Arc::<str>::from(text);
    [(name("gateway"), [name("front")].into()), (name("front"), [name("pay"), name("search")].into())].into()
}

/// What is found out about an alert of this kind on this service.
fn examine(kind: &str, service: &str, harmed: Shop) -> Evidence {
    let inquiry = Inquiry {
        before: (0..60).map(|number| trace(number, WELL)).collect(),
        since: (0..60).map(|number| trace(number, if number % 2 == 0 { harmed } else { WELL })).collect(),
    };
    let mut evidence = Evidence::default();
    inquiry.fill(&mut evidence, kind, service, &calls());
    evidence
}

#[test]
fn the_first_suspect_is_the_service_in_which_errors_begin() {
    let failing = Shop { does_pay_fail: true, ..WELL };
    for service in ["gateway", "front", "pay"] {
        let evidence = examine("error_rate", service, failing);
        assert_eq!(evidence.suspects[0].service, "pay", "{service}: {:?}", evidence.suspects);
        assert!(!evidence.suspects[0].reason.is_empty());
        assert_eq!(evidence.first_bad_hop.as_deref(), Some("front -> pay GET /pay"));
    }
}

#[test]
fn errors_elsewhere_in_the_same_traces_are_not_the_first_bad_hop() {
    let often = Shop { does_pay_fail: true, ..WELL };
    let both = Shop { does_pay_fail: true, does_find_fail: true, ..WELL };
    for service in ["gateway", "front", "search"] {
        let before =
            (0..60).map(|number| trace(number, if number % 3 == 0 { often } else { WELL })).collect();
        let since = (0..60).map(|number| trace(number, if number % 3 == 0 { both } else { WELL })).collect();
        let mut evidence = Evidence::default();
        Inquiry { before, since }.fill(&mut evidence, "error_rate", service, &calls());
        assert_eq!(evidence.first_bad_hop.as_deref(), Some("front -> search GET /search"), "{service}");
    }
}

#[test]
fn the_first_suspect_is_the_service_that_takes_longer_by_itself() {
    let slow = Shop { find_ms: 202, ..WELL };
    let evidence = examine("latency", "gateway", slow);
    assert_eq!(evidence.suspects[0].service, "search", "{:?}", evidence.suspects);
    assert_eq!(evidence.first_bad_hop.as_deref(), Some("front -> search GET /search"));
    assert_eq!(evidence.entry_routes, ["gateway GET /gateway"]);
}

#[test]
fn errors_elsewhere_explain_no_slowness() {
    let both = Shop { find_ms: 202, does_pay_fail: true, ..WELL };
    assert_eq!(examine("latency", "front", both).suspects[0].service, "search");
}

#[test]
fn a_service_that_only_calls_what_alerts_is_no_suspect() {
    let evidence = examine("latency", "search", Shop { pay_ms: 300, find_ms: 50, ..WELL });
    let suspects: Vec<&str> = evidence.suspects.iter().map(|suspect| suspect.service.as_str()).collect();
    assert_eq!(suspects, ["search"]);
}

#[test]
fn the_tree_has_the_shares_of_all_critical_paths() {
    let evidence = examine("latency", "gateway", Shop { find_ms: 202, ..WELL });
    let first = &evidence.critical_path[0];
    assert_eq!((first.service.as_str(), first.depth, first.share), ("gateway", 0, 1.0));
    let own: f64 = evidence.critical_path.iter().map(|part| part.self_share).sum();
    assert!((own - 1.0).abs() < 0.05, "{own}");
    let search = evidence.critical_path.iter().find(|part| part.service == "search").unwrap();
    assert!(search.self_share > 0.8, "{search:?}");
}

#[test]
fn without_a_time_before_nobody_is_suspected() {
    let inquiry = Inquiry { before: Vec::new(), since: vec![trace(0, WELL)] };
    let mut evidence = Evidence::default();
    inquiry.fill(&mut evidence, "latency", "front", &calls());
    assert_eq!(evidence.suspects, []);
    assert!(!evidence.critical_path.is_empty());
}
