//! Parameters that are taken, and the words for those that are not.

use super::*;

const NOW: u64 = 1_790_000_000_000_000_000;

fn search(query: &str) -> Result<Search, Problem> {
    read_search(&format!("/api/v1/traces?{query}").parse().unwrap(), NOW)
}

fn check_refused(query: &str, expected_words: &str) {
    let detail = search(query).unwrap_err().detail;
    assert!(detail.contains(expected_words), "{query}: {detail}");
}

#[test]
fn takes_everything_by_default() {
    assert_eq!(search("").unwrap(), Search { filter: SpanFilter::default(), limit: 20 });
}

#[test]
fn reads_every_parameter() {
    let query = "service=cart%20two&operation=GET&min_duration_ms=0.5&max_duration_ms=250&errors=true&since=1h\
                 &until=2026-09-21T14:13:20Z&limit=1000";
    let filter = SpanFilter {
        service: Some("cart two".to_owned()),
        operation: Some("GET".to_owned()),
        min_duration_ns: Some(500_000),
        max_duration_ns: Some(250_000_000),
        errors_only: true,
        since_unix_ns: Some(NOW - 3_600_000_000_000),
        until_unix_ns: Some(NOW),
        conditions: Vec::new(),
    };
    assert_eq!(search(query).unwrap(), Search { filter, limit: 1000 });
}

#[test]
fn names_the_nearest_known_parameter() {
    check_refused("servcie=cart", "did you mean `service`");
    check_refused("min_duration=5", "did you mean `min_duration_ms`");
    check_refused("error=true", "did you mean `errors`");
}

#[test]
fn refuses_values_and_says_what_is_right() {
    check_refused("service=", "leave the parameter out");
    check_refused(&format!("operation={}", "x".repeat(1025)), "at most 1024");
    check_refused("min_duration_ms=-1", "\"-1\"");
    check_refused("min_duration_ms=1e9", "decimal number");
    check_refused("max_duration_ms=inf", "decimal number");
    check_refused("max_duration_ms=", "decimal number");
    check_refused("errors=yes", "`true` or `false`");
    check_refused("since=yesterday", "an age such as 15m");
    check_refused("limit=0", "from 1 to 1000");
    check_refused("limit=1001", "from 1 to 1000");
    check_refused("limit=5&limit=6", "more than once");
    check_refused("min_duration_ms=2&max_duration_ms=1", "above `max_duration_ms`");
    check_refused("since=1m&until=2m", "later than `until`");
}

#[test]
fn cuts_long_input_in_messages() {
    assert!(search(&format!("since={}", "9".repeat(5000))).unwrap_err().detail.len() < 300);
}

#[test]
fn refuses_parameters_where_none_are_known() {
    assert_eq!(expect_none(&"/x".parse().unwrap()), Ok(()));
    let detail = expect_none(&"/x?a=1".parse().unwrap()).unwrap_err().detail;
    assert!(detail.contains("takes none"), "{detail}");
}

#[test]
fn reads_trace_ids_of_either_case() {
    let lower = read_trace_id("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
    assert_eq!(read_trace_id("4BF92F3577B34DA6A3CE929D0E0E4736").unwrap(), lower);
    for text in ["", "4bf9", "00000000000000000000000000000000", "4bf92f3577b34da6a3ce929d0e0e473g", "é"] {
        let detail = read_trace_id(text).unwrap_err().detail;
        assert!(detail.contains("32 hexadecimal digits"), "{text}: {detail}");
    }
}
