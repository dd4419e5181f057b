//! Counters are exposed under their full names, and levels are read by name.

use super::*;

#[test]
fn exposes_counters_with_prefix_unit_and_reason() {
    let counters = Counters::new();
    counters.spans_received.inc_by(3);
    counters.spans_rejected.add("invalid-id", 2);
    counters.spans_live.set(7);
    let text = counters.encode().unwrap();
    for line in [
        "throughline_spans_received_total 3",
        "throughline_spans_rejected_total{reason=\"invalid-id\"} 2",
        "throughline_spans_live 7",
        "throughline_log_syncs_total 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
    }
}

#[test]
fn sums_all_reasons() {
    let counter = CounterByReason::default();
    counter.add("busy", 2);
    counter.add("malformed", 1);
    counter.add("malformed", 0);
    assert_eq!(counter.sum(), 3);
}

#[test]
fn is_ready_only_between_start_and_stop() {
    let counters = Counters::new();
    assert!(!counters.is_ready());
    counters.set_ready();
    assert!(counters.is_ready());
    counters.set_stopping();
    assert!(!counters.is_ready());
}

#[test]
fn reads_levels_by_name_and_names_the_valid_ones() {
    assert_eq!("WARN".parse(), Ok(Level::Warn));
    let message = "loud".parse::<Level>().unwrap_err().to_string();
    assert!(message.contains("loud") && message.contains("debug"), "{message}");
}
