//! Groups as they are printed.

use super::words;
use crate::query::answer::{Covered, Sample};

const NOON: u64 = 1_769_860_800_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

fn of_an_hour() -> Sample {
    let covered = Some(Covered { first_unix_ns: NOON - HOUR, last_unix_ns: NOON + 999_999_999 });
    Sample { covered, places: 1, cut: false, unsettled: 0 }
}

#[test]
fn says_what_time_it_covers() {
    assert_eq!(words("1 trace", &of_an_hour()), "1 trace, 2026-01-31 11:00:00 to 12:00:00 UTC");
    let mut over_night = of_an_hour();
    over_night.covered.as_mut().unwrap().last_unix_ns = NOON + 13 * HOUR;
    assert_eq!(words("2 traces", &over_night), "2 traces, 2026-01-31 11:00:00 to 2026-02-01 01:00:00 UTC");
    assert_eq!(words("0 traces of the baseline", &Sample::default()), "0 traces of the baseline");
}

#[test]
fn says_what_it_leaves_out() {
    let sample = Sample { places: 12, cut: true, unsettled: 3, ..of_an_hour() };
    assert!(
        words("500 traces", &sample).ends_with(
            " UTC, a sample from 12 places of that time (more: --limit); 3 traces left out, of which spans may still be on their way"
        ),
        "{}",
        words("500 traces", &sample)
    );
    let newest = Sample { cut: true, ..of_an_hour() };
    assert!(words("500 traces", &newest).ends_with(" UTC (there may be more: --limit)"));
}
