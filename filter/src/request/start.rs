//! When a request began, by both clocks.

use crate::engine::Engine;
use crate::host::Host;

/// When a request is first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// As its headers come.
    Now,
    /// At its end: it was refused, or given up, before it reached the filter.
    Past,
}

/// The begin of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) moment: Moment,
    /// Nanoseconds since 1970-01-01 UTC.
    pub(super) unix_ns: u64,
    pub(super) monotonic_ns: u64,
}

impl Start {
    /// Of a request whose headers have just come.
    pub(super) fn now(engine: &Engine, host: &mut impl Host) -> Self {
        let monotonic_ns = host.monotonic_ns();
        Self { moment: Moment::Now, unix_ns: engine.to_unix_ns(monotonic_ns), monotonic_ns }
    }

    /// Of a request that is over: the proxy knows since when it had it.
    pub(super) fn of_the_past(engine: &Engine, host: &mut impl Host) -> Self {
        let now = Self::now(engine, host);
        let told: Option<[u8; 8]> = host.property("request\0time").and_then(|bytes| bytes.try_into().ok());
        let told_unix_ns = told.map(u64::from_le_bytes).filter(|time_ns| *time_ns <= now.unix_ns);
        let unix_ns = told_unix_ns.unwrap_or(now.unix_ns);
        let passed_ns = now.unix_ns.saturating_sub(unix_ns);
        Self { moment: Moment::Past, unix_ns, monotonic_ns: now.monotonic_ns.saturating_sub(passed_ns) }
    }
}
