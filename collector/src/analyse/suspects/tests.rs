//! Who is blamed for faults of known origin, in a small shop whose traces are made by rule.

use std::sync::Arc;

use super::{Suspects, rank, rank_by_duration};
use crate::analyse::call::{Call, Outcome, Stretch, Window, mark_carriers};

const MS: u64 = 1_000_000;

/// What is wrong in a window.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    SlowWork(&'static str),
    SlowNetwork(&'static str),
    Error(&'static str),
    StopsCalling(&'static str),
}

use Fault::{Error, Nothing, SlowNetwork, SlowWork, StopsCalling};

/// Who calls whom, in this order.
fn callees(service: &str) -> &'static [&'static str] {
    match service {
        "gateway" => &["frontend"],
        "frontend" => &["cart", "catalog", "checkout"],
        "checkout" => &["cart", "payment", "email"],
        "catalog" => &["prices"],
        _ => &[],
    }
}

/// Numbers that look random and are the same each time.
struct Noise(u64);

impl Noise {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

struct Shop {
    fault: Fault,
    noise: Noise,
    calls: Vec<Call>,
}

impl Shop {
    /// Adds a call and everything below it; returns when it ended and whether it failed.
    fn call(
        &mut self,
        service: &'static str,
        caller: Option<(usize, &'static str)>,
        now: u64,
    ) -> (u64, bool) {
        let is_slow_between = self.fault == SlowNetwork(service)
            || caller.is_some_and(|(_, name)| self.fault == SlowNetwork(name));
        let between = MS / 2 + self.noise.up_to(MS / 2) + if is_slow_between { 20 * MS } else { 0 };
        let start = now + between;
        let index = self.calls.len();
        self.calls.push(Call {
            parent: caller.map(|(parent, _)| parent),
            caller: None,
            service: Arc::from(service),
            operation: Arc::from("GET"),
            server: Stretch::default(),
            client: None,
            outcome: Outcome::Well,
        });
        let slow = if self.fault == SlowWork(service) { 15 * MS } else { 0 };
        let mut at = start + 2 * MS + self.noise.up_to(2 * MS) + slow;
        let mut failed = self.fault == Error(service);
        if self.fault != StopsCalling(service) && !failed {
            for callee in callees(service) {
                let (end, is_failed) = self.call(callee, Some((index, service)), at);
                at = end + MS / 4;
                failed |= is_failed;
                if is_failed {
                    break;
                }
            }
        }
        let call = &mut self.calls[index];
        call.server = Stretch { from_ns: start, until_ns: at };
        call.client = caller.map(|_| Stretch { from_ns: now, until_ns: at + between });
        call.outcome = if failed { Outcome::ErrorBegan } else { Outcome::Well };
        (at + between, failed)
    }
}

fn window(fault: Fault, traces: usize, seed: u64) -> Window {
    let traces = (0..traces as u64).map(|number| {
        let mut shop = Shop { fault, noise: Noise(seed * 1000 + number), calls: Vec::new() };
        shop.call("gateway", None, 0);
        mark_carriers(&mut shop.calls);
        shop.calls
    });
    Window { traces: traces.collect() }
}

fn suspects(fault: Fault, traces: usize) -> Suspects {
    rank(&window(Nothing, traces, 1), &window(fault, traces, 2))
}

fn first(fault: Fault) -> (String, String) {
    let suspects = suspects(fault, 30);
    let first = &suspects.services[0];
    assert!(first.score > suspects.services[1].score, "{suspects:#?}");
    (first.service.to_string(), first.reason.clone())
}

#[test]
fn blames_slow_work_on_the_service_that_does_it() {
    for service in ["gateway", "frontend", "cart", "catalog", "checkout", "payment", "email", "prices"] {
        let (blamed, reason) = first(SlowWork(service));
        assert_eq!(blamed, service);
        assert!(reason.starts_with("own time of GET: 1"), "{reason}");
    }
}

#[test]
fn blames_a_slow_network_on_the_end_whose_edges_all_are_slow() {
    for service in ["frontend", "cart", "checkout"] {
        assert_eq!(first(SlowNetwork(service)).0, service);
    }
    let (_, reason) = first(SlowNetwork("checkout"));
    assert!(reason.starts_with("between ") && reason.contains("checkout"), "{reason}");
}

#[test]
fn blames_errors_on_where_they_began() {
    for service in ["cart", "payment", "prices"] {
        let (blamed, reason) = first(Error(service));
        assert_eq!(blamed, service, "{reason}");
        assert_eq!(reason, "errors began in 100.0 % of GET, 0.0 % before");
    }
}

#[test]
fn blames_missing_calls_on_who_stopped_calling() {
    for service in ["frontend", "checkout", "catalog"] {
        assert_eq!(first(StopsCalling(service)).0, service);
    }
}

#[test]
fn blames_errors_without_a_status_on_what_was_called_last() {
    let mut abnormal = window(Error("catalog"), 30, 2);
    abnormal.traces.iter_mut().flatten().for_each(|call| call.outcome = Outcome::Well);
    let suspects = rank(&window(Nothing, 30, 1), &abnormal);
    assert_eq!(&*suspects.services[0].service, "catalog", "{suspects:#?}");
}

#[test]
fn blames_nobody_much_where_nothing_changed() {
    let all: Vec<f64> = suspects(Nothing, 30).services.iter().map(|suspect| suspect.score).collect();
    let slow = suspects(SlowWork("cart"), 30).services[0].score;
    assert!(all[0] < slow / 4.0, "{all:?} {slow}");
}

#[test]
fn trusts_few_calls_less_than_many() {
    let few = suspects(SlowWork("cart"), 1).services[0].score;
    let many = suspects(SlowWork("cart"), 100).services[0].score;
    assert!(few < many * 0.7, "{few} {many}");
}

#[test]
fn does_not_depend_on_the_order_of_traces() {
    let (normal, abnormal) = (window(Nothing, 20, 1), window(SlowWork("cart"), 20, 2));
    let mut turned = abnormal.clone();
    turned.traces.reverse();
    let (one, other) = (rank(&normal, &abnormal), rank(&normal, &turned));
    let names = |suspects: &Suspects| -> Vec<Arc<str>> {
        suspects.services.iter().map(|suspect| Arc::clone(&suspect.service)).collect()
    };
    assert_eq!(names(&one), names(&other));
}

#[test]
fn names_edges_that_changed() {
    let edges = suspects(SlowNetwork("cart"), 30).edges;
    let names: Vec<_> = edges[..2].iter().map(|edge| (&*edge.caller, &*edge.callee)).collect();
    assert!(names.contains(&("frontend", "cart")) && names.contains(&("checkout", "cart")), "{edges:#?}");
}

#[test]
fn ranks_nothing_of_empty_windows() {
    assert_eq!(rank(&Window::default(), &Window::default()), Suspects::default());
    let one = window(Nothing, 3, 1);
    assert_eq!(rank(&Window::default(), &one).services.len(), 8);
    assert_eq!(rank(&one, &Window::default()).services.len(), 8);
}

#[test]
fn plain_rule_blames_whoever_waits_as_well() {
    let ranked = rank_by_duration(&window(Nothing, 30, 1), &window(SlowWork("prices"), 30, 2));
    assert_eq!(&*ranked[0].service, "prices");
    assert_eq!(&*ranked[1].service, "catalog");
}
