//! Whose clocks were corrected: what is drawn is then not what these services sent.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::query::answer::Span;
use crate::query::terminal::paint::{Paint, clean_name, count, cut, duration};

/// Corrections below this change no picture.
const TOLD_NS: u64 = 1_000_000;
/// Services that are named; of the others the number is told.
const MAX_NAMED: usize = 4;
const NAME_WIDTH: usize = 24;

/// One line, or nothing where no clock was far from the others.
pub(super) fn tell(spans: &[Span], paint: Paint) -> String {
    let mut corrections: BTreeMap<&str, i64> = BTreeMap::new();
    for span in spans.iter().filter(|span| span.clock_correction_ns.unsigned_abs() >= TOLD_NS) {
        let greatest = corrections.entry(&span.service).or_default();
        if span.clock_correction_ns.unsigned_abs() > greatest.unsigned_abs() {
            *greatest = span.clock_correction_ns;
        }
    }
    if corrections.is_empty() {
        return String::new();
    }
    let named = corrections.iter().take(MAX_NAMED).map(|(service, correction)| {
        let direction = if *correction < 0 { "ahead" } else { "behind" };
        let service = cut(&clean_name(service), NAME_WIDTH);
        format!("{service} {} {direction}", duration(correction.unsigned_abs()))
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    let others = corrections.len().saturating_sub(MAX_NAMED);
    if others > 0 {
        // Writing to a text cannot fail.
        write!(text, " and {} more", count(others, "service")).ok();
    }
    format!("{} their times are shown corrected\n  {text}\n", paint.warning("⚠ clocks apart:"))
}
