//! Moments in and out.

use proptest::prelude::*;

use super::{format_utc, parse};

const NOW: u64 = 1_790_000_000_000_000_000;

fn check(text: &str, expected: Option<u64>) {
    assert_eq!(parse(text, NOW), expected, "{text}");
}

#[test]
fn reads_rfc_3339() {
    check("1970-01-01T00:00:00Z", Some(0));
    check("2026-09-21T14:13:20Z", Some(NOW));
    check("2026-09-21t14:13:20.000000001z", Some(NOW + 1));
    check("2026-09-21T16:43:20.5+02:30", Some(NOW + 500_000_000));
    check("2026-09-21T16:13:20 02:00", Some(NOW));
    check("2026-09-21T04:13:20-10:00", Some(NOW));
    check("2024-02-29T23:59:60Z", Some(1_709_251_200_000_000_000));
    check("1969-12-31T23:59:59Z", Some(0));
    check("2026-09-21T14:13:20.0000000019Z", Some(NOW + 1));
}

#[test]
fn reads_ages() {
    check("0s", Some(NOW));
    check("15m", Some(NOW - 900_000_000_000));
    check("1h30m", Some(NOW - 5_400_000_000_000));
    check("7d", Some(NOW - 604_800_000_000_000));
    check("500w", Some(NOW - 302_400_000_000_000_000));
    check("10000w", Some(0));
}

#[test]
fn refuses_everything_else() {
    for text in [
        "",
        "now",
        "15",
        "m",
        "2026-09-21",
        "2026-09-21T14:13Z",
        "2026-09-21T14:13:20",
        "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-09-21T24:00:00Z",
        "2026-09-21T14:13:20.Z",
        "2026-09-21T14:13:20+0200",
        "2026-9-21T14:13:20Z",
        "+026-09-21T14:13:20Z",
        "9999-12-31T00:00:00Z",
        "2026-09-21T14:13:20é00:00-",
        "-",
        "T",
        "2026-09-21-01T14:13:20Z",
    ] {
        check(text, None);
    }
}

#[test]
fn writes_utc_with_milliseconds() {
    assert_eq!(format_utc(0), "1970-01-01 00:00:00.000");
    assert_eq!(format_utc(NOW + 123_999_999), "2026-09-21 14:13:20.123");
    assert_eq!(format_utc(1_709_251_199_000_000_000), "2024-02-29 23:59:59.000");
    assert_eq!(format_utc(u64::MAX), "2554-07-21 23:34:33.709");
}

proptest! {
    #[test]
    fn reads_what_it_writes(milliseconds in 0u64..18_000_000_000_000) {
        let unix_ns = milliseconds * 1_000_000;
        let text = format!("{}Z", format_utc(unix_ns).replace(' ', "T"));
        prop_assert_eq!(parse(&text, NOW), Some(unix_ns));
    }

    #[test]
    fn survives_any_text(text in ".*") {
        let _answer = parse(&text, NOW);
    }
}
