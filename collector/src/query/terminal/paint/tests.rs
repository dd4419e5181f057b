//! Widths, units, and what never reaches the terminal.

use super::*;

#[test]
fn writes_durations_with_three_digits_in_at_most_eight_columns() {
    for (nanoseconds, expected) in [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (12_345, "12.3 µs"),
        (999_499, "999 µs"),
        (999_999, "1.00 ms"),
        (48_200_000, "48.2 ms"),
        (999_400_000, "999 ms"),
        (999_999_999, "1.00 s"),
        (1_234_000_000, "1.23 s"),
        (90_000_000_000, "90.0 s"),
        (7_200_000_000_000, "120 min"),
        (36_000_000_000_000, "10.0 h"),
        (u64::MAX, "213504 d"),
    ] {
        assert_eq!(duration(nanoseconds), expected);
        assert!(duration(nanoseconds).chars().count() <= 8);
    }
}

#[test]
fn lets_nothing_from_the_network_steer_the_terminal() {
    assert_eq!(clean_name("a\u{1b}[31mb\nc\u{202e}d\u{7}"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}");
    assert_eq!(clean("two\nlines\t"), "two\nlines\u{fffd}");
}

#[test]
fn cuts_and_fills_by_characters() {
    assert_eq!(fit("größe", 7), "größe  ");
    assert_eq!(fit("größenordnung", 7), "größen…");
    assert_eq!(fit("ab", 0), "");
}

#[test]
fn paints_only_where_colours_are_taken() {
    assert_eq!(Paint::Plain.error("no"), "no");
    assert_eq!(Paint::Coloured.error("no"), "\u{1b}[31mno\u{1b}[0m");
    assert_eq!(Paint::Coloured.error(""), "");
}

#[test]
fn counts_in_the_singular_and_the_plural() {
    assert_eq!([count(0, "gap"), count(1, "gap"), count(2, "gap")], ["0 gaps", "1 gap", "2 gaps"]);
}
