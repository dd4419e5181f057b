//! How a trace is told: on whose clock, and whether with the traces that were joined to it.

use axum::http::Uri;

use super::{read_pairs, read_truth, wrong};
use crate::assemble::Clock;
use crate::query::problem::Problem;

/// How a trace is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::query) struct View {
    /// On whose clock.
    pub(in crate::query) clock: Clock,
    /// How much of it.
    pub(in crate::query) extent: Extent,
}

/// How much belongs to a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::query) enum Extent {
    /// All traces of its lifecycle.
    #[default]
    Joined,
    /// Its own spans.
    Alone,
}

/// Reads `clock` and `joined`, the only parameters.
pub(in crate::query) fn read(uri: &Uri) -> Result<View, Problem> {
    let mut view = View::default();
    for (name, value) in read_pairs(uri, &["clock", "joined"])? {
        match (name.as_str(), value.as_str()) {
            ("clock", "corrected") => view.clock = Clock::Corrected,
            ("clock", "raw") => view.clock = Clock::Raw,
            ("clock", other) => return Err(wrong("clock", other, "`corrected` or `raw`")),
            (name, value) => {
                let is_joined = read_truth(name, value)?;
                view.extent = if is_joined { Extent::Joined } else { Extent::Alone };
            }
        }
    }
    Ok(view)
}
