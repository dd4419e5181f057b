//! Parameters that are taken, and the words for those that are not.

use super::*;
use crate::query::find::{SpanConditions, TraceConditions};
use crate::store::SpanFilter;

const NOW: u64 = 1_790_000_000_000_000_000;

fn search(query: &str) -> Result<Question, Problem> {
    read_search(&format!("/api/v1/traces?{query}").parse().unwrap(), NOW)
}

fn check_refused(query: &str, expected_words: &str) {
    let detail = search(query).unwrap_err().detail;
    assert!(detail.contains(expected_words), "{query}: {detail}");
}

#[test]
fn takes_everything_by_default() {
    let question = search("").unwrap();
    assert_eq!((question.filter, question.limit), (SpanFilter::default(), 20));
    assert_eq!((question.span, question.trace), (SpanConditions::default(), TraceConditions::default()));
    assert!(question.query.is_none() && question.after.is_none());
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
    let question = search(query).unwrap();
    assert_eq!((question.filter, question.limit), (filter, 1000));
    let query = "attribute=a%3Db%3Dc&attribute=d%3D&kind=client&link=sole&min_depth=2&max_depth=3\
                 &after=000000000000000a4bf92f3577b34da6a3ce929d0e0e4736&q=%7B%20status%20%3D%20error%20%7D";
    let question = search(query).unwrap();
    let attributes = vec![("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())];
    let span = SpanConditions { attributes, kind: Some(SpanKind::Client), link: Some(LinkKind::Sole) };
    assert_eq!(question.span, span);
    let trace = TraceConditions { min_depth: Some(2), max_depth: Some(3), ..TraceConditions::default() };
    assert_eq!(question.trace, trace);
    assert_eq!(question.after.unwrap().start_unix_ns, 10);
    assert!(question.query.is_some());
    assert!(!question.filter.errors_only, "another span than the one with the attributes may be in error");
    assert!(search("q=%7B%20status%20%3D%20error%20%7D").unwrap().filter.errors_only);
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
    check_refused("attribute=a", "KEY=VALUE");
    check_refused("attribute=%3Da", "KEY=VALUE");
    check_refused(&"attribute=a%3Db&".repeat(17), "more than 16 times");
    check_refused("kind=sender", "server, client");
    check_refused("link=strong", "propagated, request-id");
    check_refused("min_depth=-1", "whole number of hops");
    check_refused("min_depth=3&max_depth=2", "above `max_depth`");
    check_refused("after=7", "the `next` of an earlier answer");
    check_refused("q=%7B%20stauts%20%7D", "`q` is not usable: column 3: unknown name `stauts`: did you mean");
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
