//! The timeline of a request: its hops by start, with depth, calls beside each, own time and time spent waiting.

use super::paint::{Paint, clean_name, count, duration, fit};
use crate::query::insight::one_trace::{Hop, Hops};

const ENDS_WIDTH: usize = 34;
const LINK_WIDTH: usize = 10;

/// Draws a line for each hop.
pub(super) fn draw(hops: &Hops, paint: Paint) -> String {
    let heading = format!(
        "{:>8} {:>8} {:>5} {:>6} {:>8} {:>8} {:<LINK_WIDTH$} CALLER > CALLED",
        "AT", "TOOK", "DEPTH", "BESIDE", "SELF", "WAIT", "LINK"
    );
    let mut drawing = format!("{}\n", paint.faint(&heading));
    for hop in &hops.hops {
        drawing.push_str(&row(hop));
    }
    let depth = hops.hops.iter().map(|hop| hop.depth).max().unwrap_or(0);
    let rest = match hops.omitted_hops {
        0 => String::new(),
        omitted => format!(" · {} that begin later left out", count(omitted, "hop")),
    };
    drawing.push_str(&format!("\n{} · depth {depth}{rest}\n", count(hops.hops.len(), "hop")));
    drawing
}

fn row(hop: &Hop) -> String {
    let name = |name: &Option<String>| name.as_deref().map_or("(outside)".to_owned(), clean_name);
    let server = hop.server.as_deref().map_or("?".to_owned(), clean_name);
    let ends = fit(&format!("{} > {server}", name(&hop.client)), ENDS_WIDTH);
    format!(
        "{:>8} {:>8} {:>5} {:>6} {:>8} {:>8} {} {}\n",
        duration(hop.offset_ns),
        duration(hop.duration_ns),
        hop.depth,
        hop.concurrency.saturating_sub(1),
        duration(hop.self_ns),
        duration(hop.wait_ns),
        fit(&hop.link.as_deref().map_or("-".to_owned(), clean_name), LINK_WIDTH),
        ends.trim_end()
    )
}

#[cfg(test)]
mod tests;
