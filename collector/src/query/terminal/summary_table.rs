//! Traces as aligned lines of at most 100 columns.

use super::paint::{Paint, clean_name, duration, fit};
use crate::query::answer::Summary;
use crate::query::timestamp;

const ROOT_WIDTH: usize = 24;

pub(super) fn heading(paint: Paint) -> String {
    let columns = format!(
        "{:<32} {:<14} {:>8} {:>4} {:>5}  {:<ROOT_WIDTH$} FOUND",
        "TRACE", "START (UTC)", "DURATION", "HOPS", "DEPTH", "ROOT"
    );
    paint.faint(&columns)
}

pub(super) fn row(summary: &Summary, paint: Paint) -> String {
    let moment = timestamp::format_utc(summary.start_unix_ns);
    // `09-21 14:13:20`: the year goes without saying, and milliseconds do not help to find a trace.
    let start: String = moment.chars().skip(5).take(14).collect();
    let root = match &summary.root {
        Some(root) => format!("{} {}", clean_name(&root.service), clean_name(&root.name)),
        None => "(not arrived)".to_owned(),
    };
    let numbers =
        format!("{start} {:>8} {:>4} {:>5}", duration(summary.duration_ns), summary.hops, summary.depth);
    format!(
        "{} {numbers}  {} {}",
        paint.strong(&fit(&clean_name(&summary.trace_id), 32)),
        fit(&root, ROOT_WIDTH),
        findings(summary, paint)
    )
}

/// `✗2` spans in error, `⚠1` gaps, or that all is well.
fn findings(summary: &Summary, paint: Paint) -> String {
    let errors = (summary.errors > 0).then(|| paint.error(&format!("✗{}", summary.errors)));
    let gaps = (!summary.complete).then(|| paint.warning(&format!("⚠{}", summary.gaps)));
    let findings: Vec<String> = errors.into_iter().chain(gaps).collect();
    if findings.is_empty() { paint.success("✓") } else { findings.join(" ") }
}
