//! Comparisons as they are printed.

use super::draw;
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
        regression: true,
        new_edges: vec![Ends { client: None, server: "admin".to_owned() }],
        lost_edges: vec![ends("old")],
        shifts: vec![shift("errors", 0.05, 0.4, true), shift("duration", 1e6, 9e5, false)],
    }
}

#[test]
fn tells_edges_and_changes() {
    let expected = "\
80 traces against 90 of the baseline (there may be more: --limit)
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
        regression: false,
        new_edges: Vec::new(),
        lost_edges: Vec::new(),
        shifts: Vec::new(),
        ..comparison()
    };
    assert_eq!(draw(&nothing), "80 traces against 90 of the baseline\nnothing changed beyond chance\n");
}
