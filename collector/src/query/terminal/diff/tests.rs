//! Comparisons as they are printed.

use super::{check_comparable, draw};
use crate::query::answer::Sample;
use crate::query::insight::groups::{Comparison, Ends, Shift};

fn ends(server: &str) -> Ends {
    Ends { client: Some("front".to_owned()), server: server.to_owned() }
}

fn comparison() -> Comparison {
    let shift = |measure: &str, before, after, regression| Shift {
        ends: ends("cart"),
        operation: "GET /cart".to_owned(),
        measure: measure.to_owned(),
        before,
        after,
        calls_before: 90,
        calls_after: 80,
        p_value: 0.000_012,
        regression,
    };
    Comparison {
        traces: 80,
        baseline_traces: 90,
        cut: true,
        sample: Sample { places: 1, cut: true, ..Sample::default() },
        baseline_sample: Sample::default(),
        regression: true,
        new_edges: vec![Ends { client: None, server: "admin".to_owned() }],
        lost_edges: vec![ends("old")],
        shifts: vec![shift("errors", 0.05, 0.4, true), shift("duration", 1e6, 9e5, false)],
    }
}

#[test]
fn tells_edges_and_changes() {
    let expected = "\
80 traces (there may be more: --limit)
against 90 traces of the baseline
new    (outside) -> admin
lost   front -> old
WORSE  front -> cart GET /cart: errors 5.0% -> 40.0% (by chance: 1.2e-5)
change front -> cart GET /cart: p50 1.00ms -> 0.90ms (by chance: 1.2e-5)
";
    assert_eq!(draw(&comparison()), expected);
}

#[test]
fn says_when_nothing_changed() {
    let nothing = Comparison {
        cut: false,
        sample: Sample::default(),
        regression: false,
        new_edges: Vec::new(),
        lost_edges: Vec::new(),
        shifts: Vec::new(),
        ..comparison()
    };
    let expected = "80 traces\nagainst 90 traces of the baseline\nnothing changed beyond chance\n";
    assert_eq!(draw(&nothing), expected);
}

#[test]
fn gives_no_all_clear_where_there_is_nothing_to_compare() {
    let nothing = Comparison {
        baseline_traces: 0,
        new_edges: Vec::new(),
        lost_edges: Vec::new(),
        shifts: Vec::new(),
        ..comparison()
    };
    assert!(!draw(&nothing).contains("nothing changed"), "{}", draw(&nothing));
    let words = |traces, baseline| check_comparable(traces, baseline).unwrap_err().to_string();
    let told = words(500, 0);
    assert!(
        told.contains("500 traces, and 0 in the baseline") && told.contains("--baseline-since"),
        "{told}"
    );
    assert!(words(0, 500).contains("0 traces, and 500 in the baseline; name another time with --since"));
    assert!(check_comparable(1, 1).is_ok());
}
