//! On whose clock a trace is told.

use axum::http::Uri;

use super::{read_pairs, wrong};
use crate::assemble::Clock;
use crate::query::problem::Problem;

/// Reads `clock`, the only parameter.
pub(in crate::query) fn read(uri: &Uri) -> Result<Clock, Problem> {
    let pair = read_pairs(uri, &["clock"])?.into_iter().next();
    match pair.as_ref().map(|(_, value)| value.as_str()) {
        None | Some("corrected") => Ok(Clock::Corrected),
        Some("raw") => Ok(Clock::Raw),
        Some(other) => Err(wrong("clock", other, "`corrected` or `raw`")),
    }
}
