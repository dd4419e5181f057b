//! Analyses as they are printed.

use std::collections::BTreeMap;

use super::*;
use crate::query::answer::Sample;
use crate::query::insight::completeness::{EdgeFigures, WorkloadFigures};
use crate::query::insight::groups::{Suspect, SuspectEdge};
use crate::query::insight::together::Fact;

fn frame(service: &str, self_ns: u64, total_ns: u64, children: Vec<Frame>) -> Frame {
    Frame {
        service: service.to_owned(),
        name: "GET".to_owned(),
        kind: "server".to_owned(),
        self_ns,
        total_ns,
        share: total_ns as f64 / 30e6,
        traces: 3,
        children,
    }
}

#[test]
fn a_flame_graph_is_a_tree_with_shares() {
    let below = vec![frame("cart", 21_000_000, 21_000_000, Vec::new()), frame("ads", 1000, 1000, Vec::new())];
    let frames = vec![frame("gateway", 8_999_000, 30_000_000, below)];
    let flame = FlameGraph { traces: 3, cut: true, total_ns: 30_000_000, frames };
    let expected = "\
3 traces (there may be more: --limit)
  share      total       self
100.0 %    30.0 ms    9.00 ms  gateway GET (server)
 70.0 %    21.0 ms    21.0 ms    cart GET (server)
1 frame below 0.5 % left out
";
    assert_eq!(draw_flame(&flame), expected);
}

#[test]
fn facts_stand_with_their_shares() {
    let fact = Fact {
        key: "tenant".to_owned(),
        value: "ac\u{1b}me".to_owned(),
        selected_share: 1.0,
        rest_share: 0.25,
        p_value: 0.000_012,
    };
    let (sample, rest_sample) = (Sample::default(), Sample { places: 1, cut: true, ..Sample::default() });
    let found = Explanations { selected: 15, rest: 44, cut: true, sample, rest_sample, facts: vec![fact] };
    let text = draw_facts(&found);
    // Only what was really cut is said to be.
    let head =
        "15 traces\nheld against 44 others of the same service and time (there may be more: --limit)\n";
    assert!(text.starts_with(head), "{text}");
    assert!(
        text.contains("100.0 % against  25.0 %  tenant = ") && text.contains("(by chance: 1.2e-5)"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "nothing from the network steers the terminal");
    let none = Explanations { selected: 0, facts: Vec::new(), ..found.clone() };
    assert_eq!(draw_facts(&none), "0 traces\n");
    let alone = draw_facts(&Explanations { rest: 0, facts: Vec::new(), ..found.clone() });
    assert!(alone.ends_with("there is nothing to compare them with\n"), "{alone}");
    let nothing = draw_facts(&Explanations { facts: Vec::new(), ..found });
    assert!(nothing.ends_with("nothing sets them apart beyond chance\n"), "{nothing}");
}

#[test]
fn suspects_come_with_their_reasons() {
    let (service, client, server) = ("cart".to_owned(), "front".to_owned(), "cart".to_owned());
    let found = Suspects {
        traces: 20,
        baseline_traces: 19,
        cut: false,
        sample: Sample { places: 1, unsettled: 2, ..Sample::default() },
        baseline_sample: Sample { places: 12, cut: true, ..Sample::default() },
        services: vec![Suspect { service, score: 3.25, reason: "own time of GET: 90 ms".to_owned() }],
        edges: vec![SuspectEdge { client, server, score: 1.5, reason: "network".to_owned() }],
    };
    let expected = "\
20 traces; 2 traces left out, of which spans may still be on their way
held against 19 traces of the baseline, a sample from 12 places of that time (more: --limit)
 1    3.25  cart: own time of GET: 90 ms
      1.50  front -> cart: network
";
    assert_eq!(draw_suspects(&found), expected);
}

#[test]
fn the_ledger_says_what_is_missing_and_why() {
    let figures = |arrived, missing: &[(&str, u64)], percent| Figures {
        arrived,
        missing: missing
            .iter()
            .map(|(cause, count)| ((*cause).to_owned(), *count))
            .collect::<BTreeMap<_, _>>(),
        percent,
    };
    let missing = [("late", 2), ("no-sidecar", 5)];
    let (client, server) = ("front".to_owned(), "db.example".to_owned());
    let book = Completeness {
        traces: 10,
        cut: false,
        all: figures(93, &missing, Some(93.0)),
        workloads: vec![WorkloadFigures {
            service: "front".to_owned(),
            figures: figures(20, &[], Some(100.0)),
        }],
        edges: vec![EdgeFigures { client, server, figures: figures(0, &[], None) }],
    };
    let expected = " 93.0 %  93 arrived, 7 missing (late 2, no-sidecar 5)  in all
100.0 %  20 arrived  front
      -  0 arrived  front -> db.example
";
    assert_eq!(draw_ledger(&book), format!("10 traces\n{expected}"));
}
