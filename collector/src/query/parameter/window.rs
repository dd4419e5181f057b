//! A window of whole minutes, given by `since` and `until`.

use axum::http::Uri;

use super::{read_moment, read_pairs, read_text};
use crate::query::problem::Problem;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const DEFAULT_LENGTH_S: u64 = 15 * 60;

/// Whole minutes; seconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query) struct Minutes {
    /// A multiple of 60.
    pub(in crate::query) since_unix_s: u64,
    /// Exclusive, a multiple of 60 too.
    pub(in crate::query) until_unix_s: u64,
}

impl Minutes {
    /// The begin of the window of the same length before.
    pub(in crate::query) fn before_unix_s(self) -> u64 {
        self.since_unix_s.saturating_sub(self.until_unix_s.saturating_sub(self.since_unix_s))
    }
}

/// Reads the window, and by `service` whose calls are asked for. Without `since` the window is the last fifteen minutes, without
/// `until` it ends with this minute.
pub(in crate::query) fn read_minutes(
    uri: &Uri,
    now_unix_ns: u64,
) -> Result<(Minutes, Option<String>), Problem> {
    let (mut since, mut until, mut service) = (None, None, None);
    for (name, value) in read_pairs(uri, &["service", "since", "until"])? {
        match name.as_str() {
            "service" => service = Some(read_text(&name, value)?),
            "since" => since = Some(read_moment(&name, &value, now_unix_ns)?),
            _ => until = Some(read_moment(&name, &value, now_unix_ns)?),
        }
    }
    let minute = |ns: u64| ns / NANOSECONDS_PER_SECOND / 60 * 60;
    let until_unix_s = minute(until.unwrap_or(now_unix_ns)) + 60;
    let since_unix_s = since.map_or(until_unix_s.saturating_sub(DEFAULT_LENGTH_S), minute);
    if since_unix_s >= until_unix_s {
        return Err(Problem::bad_request("`since` is later than `until`: no call can be in between"));
    }
    Ok((Minutes { since_unix_s, until_unix_s }, service))
}

#[cfg(test)]
mod tests;
