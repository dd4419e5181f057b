//! One trace as a tree of hops: who called whom, what came of it, and how long either side took.

mod clocks;
mod line;

use super::paint::{self, Paint, clean_name, count, cut, duration, fit};
use crate::query::answer::{MissingPart, Seam, Trace};
use crate::query::timestamp;
use line::Line;

const LABEL_WIDTH: usize = 44;
const STATUS_WIDTH: usize = 12;
const LINK_WIDTH: usize = 10;
const DURATION_WIDTH: usize = 8;
const TIMELINE_WIDTH: usize = 13;

/// Deeper levels are drawn at this one, with a sign that some were left out.
const MAX_DRAWN_LEVELS: usize = 10;

/// Draws the tree, ending in a line that sums it up.
pub(super) fn draw(trace: &Trace, paint: Paint) -> String {
    let lines = line::fold(trace);
    let summary = &trace.summary;
    let mut drawing = format!(
        "trace {}  {}\n\n{}\n",
        paint.strong(&clean_name(&summary.trace_id)),
        paint.faint(&format!("{} UTC", timestamp::format_utc(summary.start_unix_ns))),
        paint.faint(&heading())
    );
    for (line, branch) in lines.iter().zip(branches(&lines)) {
        if let Some(words) = &line.no_parent {
            drawing.push_str(&paint.warning(&format!("┄ {words}\n")));
        }
        drawing.push_str(&row(line, &branch, summary.duration_ns, paint));
        drawing.push('\n');
    }
    drawing.push_str(&conclusion(trace, paint));
    drawing
}

fn heading() -> String {
    format!(
        "{:<LABEL_WIDTH$} {:<STATUS_WIDTH$} {:<LINK_WIDTH$} {:>DURATION_WIDTH$} {:>DURATION_WIDTH$} TIMELINE",
        "SERVICE  OPERATION", "STATUS", "LINK", "CALLER", "SERVER"
    )
}

fn row(line: &Line, branch: &str, trace_ns: u64, paint: Paint) -> String {
    let label_width = LABEL_WIDTH.saturating_sub(branch.chars().count());
    let who = cut(&line.who, label_width);
    let operation_width = label_width.saturating_sub(who.chars().count());
    let operation = fit(&format!("  {}", line.operation), operation_width);
    let time = |nanoseconds: Option<u64>| {
        format!("{:>DURATION_WIDTH$}", nanoseconds.map_or("-".to_owned(), duration))
    };
    let timeline = timeline(line, trace_ns);
    format!(
        "{}{}{} {} {} {} {} {}",
        paint.faint(branch),
        paint.strong(&who),
        paint.faint(&operation),
        status(line, paint),
        fit(line.link.as_deref().unwrap_or("-"), LINK_WIDTH),
        time(line.caller_ns),
        time(line.server_ns),
        if line.is_error { paint.error(&timeline) } else { paint.bar(&timeline) }
    )
}

/// The status, then `✗` for an error and `⚠` for a gap.
fn status(line: &Line, paint: Paint) -> String {
    let error = if line.is_error { " ✗" } else { "" };
    let gap = if line.has_gap { " ⚠" } else { "" };
    let marks_width = error.chars().count() + gap.chars().count();
    let words = cut(&line.status, STATUS_WIDTH.saturating_sub(marks_width));
    let filling = " ".repeat(STATUS_WIDTH.saturating_sub(words.chars().count() + marks_width));
    let words = if line.is_error { paint.error(&words) } else { words };
    format!("{words}{}{}{filling}", paint.error(error), paint.warning(gap))
}

/// A bar from start to end within the trace, at least one mark long.
fn timeline(line: &Line, trace_ns: u64) -> String {
    let marks = |nanoseconds: u64| {
        let scaled = u128::from(nanoseconds) * TIMELINE_WIDTH as u128 / u128::from(trace_ns.max(1));
        usize::try_from(scaled).unwrap_or(TIMELINE_WIDTH).min(TIMELINE_WIDTH)
    };
    let begin = marks(line.offset_ns).min(TIMELINE_WIDTH - 1);
    let end = marks(line.offset_ns.saturating_add(line.longest_ns())).max(begin + 1);
    format!("{}{}", " ".repeat(begin), "━".repeat(end - begin))
}

/// The branch that leads to each line: `│ ├ `. Built from the bottom, where it is known whether a sibling follows.
fn branches(lines: &[Line]) -> Vec<String> {
    let mut has_sibling_below: Vec<bool> = Vec::new();
    let mut branches: Vec<String> = Vec::with_capacity(lines.len());
    for line in lines.iter().rev() {
        has_sibling_below.resize(line.level, false);
        let has_more = has_sibling_below.last_mut().map(|flag| std::mem::replace(flag, true));
        let joint = has_more.map(|has_more| if has_more { "├ " } else { "└ " });
        branches.push(joint.map_or(String::new(), |joint| branch(&has_sibling_below, joint)));
    }
    branches.reverse();
    branches
}

fn branch(open_levels: &[bool], joint: &str) -> String {
    let above = open_levels.len() - 1;
    let hidden = open_levels.len().saturating_sub(MAX_DRAWN_LEVELS);
    let sign = if hidden > 0 { "… " } else { "" };
    let stems = open_levels.iter().take(above).skip(hidden).map(|is_open| if *is_open { "│ " } else { "  " });
    std::iter::once(sign).chain(stems).chain([joint]).collect()
}

fn conclusion(trace: &Trace, paint: Paint) -> String {
    let summary = &trace.summary;
    let mut text = String::from("\n");
    for seam in &trace.seams {
        text.push_str(&tell_seam(seam, paint));
    }
    if trace.seams_cut {
        text.push_str(&paint.warning("⚠ more traces may belong to it than were looked at\n"));
    }
    for gap in &trace.gaps {
        text.push_str(&explain(gap, paint));
    }
    text.push_str(&clocks::tell(&trace.spans, paint));
    if summary.truncated {
        text.push_str(
            &paint.warning("⚠ the trace has more spans than are read: what is said here is of the first\n"),
        );
    }
    if trace.omitted_spans > 0 {
        let note = format!("⚠ {} beyond the first are not shown\n", count(trace.omitted_spans, "span"));
        text.push_str(&paint.warning(&note));
    }
    let facts = [
        count(summary.hops, "hop"),
        format!("depth {}", summary.depth),
        count(summary.spans, "span"),
        count(summary.services.len(), "service"),
        duration(summary.duration_ns),
    ];
    text.push_str(&facts.join(" · "));
    if summary.errors > 0 {
        text.push_str(" · ");
        text.push_str(&paint.error(&count(summary.errors, "error")));
    }
    if summary.confidence < 1.0 {
        text.push_str(&format!(" · links {:.1} % certain", 100.0 * summary.confidence));
    }
    text.push_str(" · ");
    text.push_str(&completeness(trace, paint));
    text.push('\n');
    text
}

fn completeness(trace: &Trace, paint: Paint) -> String {
    let summary = &trace.summary;
    if summary.complete {
        return paint.success("complete");
    }
    let why = match (summary.gaps, &summary.root) {
        // What is not read may hold the root, and says nothing of others.
        (0, _) if summary.truncated => format!("only the first {} are read", count(summary.spans, "span")),
        (0, None) => "no root".to_owned(),
        (0, Some(_)) => "several roots".to_owned(),
        (gaps, _) => match summary.percent_complete {
            Some(percent) => format!("{}, {percent:.1} % arrived", count(gaps, "gap")),
            None => count(gaps, "gap"),
        },
    };
    paint.warning(&format!("incomplete: {why}"))
}

/// Where a trace was sewn to another one, or could not be.
fn tell_seam(seam: &Seam, paint: Paint) -> String {
    let (service, trace_id) = (cut(&clean_name(&seam.service), 24), clean_name(&seam.trace_id));
    let percent = 100.0 * seam.confidence;
    let what = match (seam.joined, &seam.cause_trace_id) {
        (true, _) => format!("joined here by {}, {percent:.1} % certain", clean_name(&seam.kind)),
        (false, Some(cause)) => {
            format!("its cause ({}) in trace {} is not here", clean_name(&seam.kind), clean_name(cause))
        }
        (false, None) if seam.candidates == 0 => "no request that is known can have caused it".to_owned(),
        (false, None) => {
            let requests = count(seam.candidates, "request");
            format!("not joined: {requests} could have caused it, each {percent:.1} % likely")
        }
    };
    format!("{} {service} {}\n  {what}\n", paint.strong("≈ seam"), paint.faint(&format!("trace {trace_id}")))
}

fn explain(gap: &MissingPart, paint: Paint) -> String {
    let (service, reason) = (clean_name(&gap.service), clean_name(&gap.reason));
    format!(
        "{} {service} {}\n  {}\n",
        paint.warning(&format!("⚠ {reason} ({})", clean_name(&gap.cause))),
        paint.faint(&format!("span {}", clean_name(&gap.span_id))),
        paint::clean_name(&gap.detail)
    )
}

#[cfg(test)]
mod tests;
