//! Why an alert is no noise, and where to look first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What comes with every alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Why this is no noise, in words.
    pub why: String,
    /// Length of the window that was explained least, in minutes.
    pub window_minutes: u64,
    /// Requests in that window.
    pub requests: f64,
    /// Errors in it, or slow calls.
    pub observed: f64,
    /// How many the baseline expected.
    pub expected: f64,
    /// Variance of the count under the baseline.
    pub variance: f64,
    /// Minus the decimal logarithm of the probability of so many.
    pub score: f64,
    /// What it was held against: `learned`, `fast-forward`, `plain rule` or `limit`.
    pub baseline: String,
    /// The last hour.
    #[serde(default)]
    pub chart: Vec<Point>,
    /// Traces that show it.
    pub exemplars: Vec<String>,
    /// The deepest hop in those traces that failed by itself, or took longest.
    pub first_bad_hop: Option<String>,
    /// Entries of those traces.
    pub entry_routes: Vec<String>,
    /// Where those traces spent their time: share of the self time of all their spans, largest first.
    #[serde(default)]
    pub self_time: Vec<SelfTime>,
}

/// One minute of a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Start of the minute.
    pub unix_s: u64,
    /// Requests that ended.
    pub requests: f64,
    /// Share that failed, or was slow.
    pub share: f64,
    /// Share that the baseline expected.
    pub expected: f64,
    /// Upper edge of the band: three deviations of the count above the expected share.
    pub high: f64,
}

/// A part of the time that traces took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTime {
    /// The service.
    pub service: String,
    /// The name of its spans.
    pub operation: String,
    /// Its share of all, 0 to 1.
    pub share: f64,
}

impl Evidence {
    /// Takes newer numbers; what was gathered from traces stays, and the strongest window stays.
    pub(super) fn renew(&mut self, newer: &Self) {
        self.chart.clone_from(&newer.chart);
        if newer.score > self.score {
            let (hop, routes, time) = (
                self.first_bad_hop.take(),
                std::mem::take(&mut self.entry_routes),
                std::mem::take(&mut self.self_time),
            );
            let exemplars = std::mem::take(&mut self.exemplars);
            *self = newer.clone();
            (self.first_bad_hop, self.entry_routes, self.self_time) = (hop, routes, time);
            if !exemplars.is_empty() {
                self.exemplars = exemplars;
            }
        }
        if self.exemplars.is_empty() {
            self.exemplars.clone_from(&newer.exemplars);
        }
    }
}
