//! One line for each case: what was sent, what the filter added to the failures and to the memory, what it dropped.

use anyhow::{Result, ensure};
use harness::single_proxy::SingleProxy;
use harness::streams::Tally;

/// Prints the table as it grows.
pub(super) struct Matrix;

/// What a proxy was like before a case.
pub(super) struct Before {
    resident_bytes: u64,
    dropped: u64,
}

/// The filter's counters of spans that did not arrive.
const DROPS: &str = "throughline_spans_dropped";

impl Before {
    pub(super) fn of(proxy: &SingleProxy) -> Result<Self> {
        Ok(Self { resident_bytes: proxy.resident_bytes()?, dropped: proxy.stat_sum(&[DROPS])? })
    }
}

/// What a case amounted to.
pub(super) struct Row {
    pub(super) dropped: u64,
    pub(super) growth_percent: f64,
}

impl Matrix {
    pub(super) fn new() -> Self {
        println!(
            "  {:<52} | {:>8} | {:>9} | {:>10} | {:>13}",
            "case", "requests", "added 5xx", "memory", "spans dropped"
        );
        Self
    }

    /// Prints the row of a case, and fails when the filter has added a failure.
    pub(super) fn row(
        &self,
        case: &str,
        proxy: &SingleProxy,
        before: &Before,
        with_filter: &Tally,
        without_filter: &Tally,
    ) -> Result<Row> {
        let after = Before::of(proxy)?;
        let dropped = after.dropped - before.dropped;
        let growth = after.resident_bytes as f64 - before.resident_bytes as f64;
        let growth_percent = growth * 100.0 / before.resident_bytes as f64;
        let added = with_filter.failures().saturating_sub(without_filter.failures());
        println!(
            "  {case:<52} | {:>8} | {added:>9} | {growth_percent:>+8.1} % | {dropped:>13}",
            with_filter.requests()
        );
        ensure!(
            added == 0,
            "{case}: the filter added {added} failures: {with_filter:?}, and without it {without_filter:?}"
        );
        Ok(Row { dropped, growth_percent })
    }
}
