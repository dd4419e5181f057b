//! Both sides of a call are joined by its key, and a broken run is noticed.

use super::{Record, Truth, entry_key};

fn handled(key: &str, service: &str) -> Record {
    Record::Handled {
        key: key.into(),
        service: service.into(),
        path: "/".into(),
        status: 200,
        trace_id: None,
    }
}

fn called(key: &str, parent: &str, from: &str, to: &str) -> Record {
    let (key, parent, from, to) = (key.into(), parent.into(), from.into(), to.into());
    Record::Called { key, parent, from, to, path: "/".into(), status: 200 }
}

#[test]
fn joins_calls_to_the_request_that_caused_them() {
    let records = [called("a/0", "a", "frontend", "cart"), handled("a", "frontend"), handled("a/0", "cart")];
    let truth = Truth::from_records(&records, "gateway");
    assert_eq!(truth.faults, Vec::<String>::new());
    assert_eq!(truth.calls["a"].from, "gateway");
    assert_eq!(truth.calls["a"].parent, None);
    assert_eq!(truth.calls["a/0"].parent.as_deref(), Some("a"));
    assert_eq!(truth.calls["a/0"].to, "cart");
}

#[test]
fn notices_calls_nobody_handled_and_calls_handled_twice() {
    let records =
        [called("a/0", "a", "frontend", "cart"), handled("a", "frontend"), handled("a", "frontend")];
    let truth = Truth::from_records(&records, "gateway");
    assert_eq!(truth.faults.len(), 2, "{:?}", truth.faults);
}

#[test]
fn separates_runs_by_the_prefix_of_the_key() {
    let truth = Truth::from_records(&[handled("one-1", "frontend"), handled("two-1", "frontend")], "gateway");
    assert_eq!(truth.of_run("one-").into_keys().collect::<Vec<_>>(), ["one-1"]);
}

#[test]
fn an_entry_key_is_the_part_before_the_first_slash() {
    assert_eq!(entry_key("run-7/0/3"), "run-7");
    assert_eq!(entry_key("run-7"), "run-7");
}
