//! Windows as they are written, and what they become.

use super::{Minutes, read_minutes};

const NOW_UNIX_S: u64 = 1_000_030;

fn check(query: &str, expected: Result<(u64, u64), &str>) {
    let uri = format!("/api/v1/graph{query}").parse().unwrap();
    match (read_minutes(&uri, NOW_UNIX_S * 1_000_000_000), expected) {
        (Ok((Minutes { since_unix_s, until_unix_s }, _)), expected) => {
            assert_eq!(Ok((since_unix_s, until_unix_s)), expected, "{query}");
        }
        (Err(problem), Err(words)) => assert!(problem.detail.contains(words), "{query}: {}", problem.detail),
        (Err(problem), Ok(_)) => panic!("{query}: {}", problem.detail),
    }
}

#[test]
fn reads_whole_minutes() {
    check("", Ok((999_180, 1_000_080)));
    check("?since=5m", Ok((999_720, 1_000_080)));
    check("?since=1h&until=30m", Ok((996_420, 998_280)));
    check("?since=1970-01-12T13:00:00Z&until=1970-01-12T13:01:30Z", Ok((997_200, 997_320)));
}

#[test]
fn refuses_windows_without_a_minute() {
    check("?since=5m&until=10m", Err("`since` is later than `until`"));
    check("?from=5m", Err("unknown parameter"));
    check("?since=soon", Err("`since` is \"soon\""));
}

#[test]
fn reads_whose_calls_are_asked_for() {
    let uri = "/api/v1/graph?service=cart&since=5m".parse().unwrap();
    assert_eq!(read_minutes(&uri, NOW_UNIX_S * 1_000_000_000).unwrap().1.as_deref(), Some("cart"));
}

#[test]
fn knows_the_window_before() {
    assert_eq!(Minutes { since_unix_s: 600, until_unix_s: 900 }.before_unix_s(), 300);
    assert_eq!(Minutes { since_unix_s: 60, until_unix_s: 900 }.before_unix_s(), 0);
}
