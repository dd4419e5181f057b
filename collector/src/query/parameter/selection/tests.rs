//! Groups of traces as they are written, and what they become.

use super::{Selection, read_one, read_two};

const MINUTE: u64 = 60_000_000_000;
const NOW: u64 = 1_000 * MINUTE;

fn two(query: &str) -> (Selection, Selection) {
    read_two(&format!("/{query}").parse().unwrap(), NOW).unwrap()
}

/// Begin and end in minutes.
fn times(selection: &Selection) -> (Option<u64>, Option<u64>) {
    let minutes = |time: Option<u64>| time.map(|time| time / MINUTE);
    (minutes(selection.filter.since_unix_ns), minutes(selection.filter.until_unix_ns))
}

fn refusal(query: &str) -> String {
    read_two(&format!("/{query}").parse().unwrap(), NOW).unwrap_err().detail
}

#[test]
fn compares_five_minutes_with_the_hour_before() {
    let (selected, baseline) = two("?service=cart");
    assert_eq!((times(&selected), times(&baseline)), ((Some(995), None), (Some(935), Some(995))));
    assert_eq!(baseline.filter.service.as_deref(), Some("cart"));
}

#[test]
fn compares_versions_in_the_same_time() {
    let (selected, baseline) = two("?version=v2&baseline_version=v1&since=30m&until=10m&limit=7");
    assert_eq!((times(&selected), times(&baseline)), ((Some(970), Some(990)), (Some(970), Some(990))));
    assert_eq!((selected.version.as_deref(), baseline.version.as_deref()), (Some("v2"), Some("v1")));
    assert_eq!((selected.limit, baseline.limit), (7, 7));
}

#[test]
fn takes_times_of_the_baseline() {
    let (_, baseline) = two("?baseline_since=3h&baseline_until=2h");
    assert_eq!(times(&baseline), (Some(820), Some(880)));
}

#[test]
fn reads_one_group_with_conditions() {
    let one = read_one(&"/?errors=true&version=v2".parse().unwrap(), NOW).unwrap();
    assert!(one.filter.errors_only && one.version.as_deref() == Some("v2") && one.limit == 500);
    assert_eq!(times(&one), (Some(995), None));
}

#[test]
fn refuses_what_makes_no_sense() {
    assert!(refusal("?limit=0").contains("a whole number from 1 to 2000"));
    assert!(refusal("?baseline_since=1h&baseline_until=2h").contains("no span can match"));
    assert!(refusal("?errors=true").contains("unknown parameter"));
}
