//! A group of traces in words: how many there are, what time they stand for, and what was left out.

use super::paint::count;
use crate::query::answer::Sample;
use crate::query::timestamp;

/// What is added to the number of traces where not all were looked at.
pub(super) const MORE: &str = " (there may be more: --limit)";

/// Such as `500 traces, 2026-01-31 11:00:02 to 12:00:01 UTC, a sample from 12 places of that time (more: --limit)`.
pub(super) fn words(traces: &str, sample: &Sample) -> String {
    let mut text = traces.to_owned();
    if let Some(covered) = sample.covered {
        let [first, last] = [covered.first_unix_ns, covered.last_unix_ns].map(second);
        let last =
            last.split_once(' ').filter(|(day, _)| first.starts_with(day)).map_or(&*last, |(_, time)| time);
        text += &format!(", {first} to {last} UTC");
    }
    if sample.cut && sample.places > 1 {
        text += &format!(", a sample from {} places of that time (more: --limit)", sample.places);
    } else if sample.cut {
        text += MORE;
    }
    if sample.unsettled > 0 {
        text += &format!(
            "; {} left out, of which spans may still be on their way",
            count(sample.unsettled, "trace")
        );
    }
    text
}

fn second(unix_ns: u64) -> String {
    let text = timestamp::format_utc(unix_ns);
    text.split_once('.').map_or(text.clone(), |(second, _)| second.to_owned())
}

#[cfg(test)]
mod tests;
