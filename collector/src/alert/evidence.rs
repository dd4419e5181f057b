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
    /// The hop at which errors begin, whose own time grew most, or that closes a circle.
    pub first_bad_hop: Option<String>,
    /// Entries of those traces.
    pub entry_routes: Vec<String>,
    /// The critical paths of those traces added up: a tree, callers before those they called.
    #[serde(default)]
    pub critical_path: Vec<PathPart>,
    /// Who explains the change, the strongest first; empty where traces do not tell.
    #[serde(default)]
    pub suspects: Vec<Suspected>,
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

/// The same work at the same place in many traces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PathPart {
    /// The service.
    pub service: String,
    /// The name of its spans.
    pub operation: String,
    /// `server`, `client` and so on.
    pub kind: String,
    /// How deep it stands in the tree; 0 for entries.
    pub depth: usize,
    /// Its share of all time with everything below, 0 to 1.
    pub share: f64,
    /// The share in which nothing below was waited for.
    pub self_share: f64,
}

/// A service, and how much of the change it explains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspected {
    /// The service.
    pub service: String,
    /// Compares within one alert only; higher explains more.
    pub score: f64,
    /// The strongest finding against it, in words.
    pub reason: String,
}

impl Evidence {
    /// Takes the numbers of the newest signal, which are those that its summary tells; what was gathered from traces stays.
    /// Which of its windows is the strongest, a detector knows by itself.
    pub(super) fn renew(&mut self, newer: &Self) {
        let gathered = std::mem::replace(self, newer.clone());
        self.critical_path = gathered.critical_path;
        self.first_bad_hop = gathered.first_bad_hop.or(self.first_bad_hop.take());
        keep(&mut self.suspects, gathered.suspects);
        keep(&mut self.entry_routes, gathered.entry_routes);
        keep(&mut self.exemplars, gathered.exemplars);
    }
}

/// What is there already goes before what is newer.
fn keep<T>(newer: &mut Vec<T>, held: Vec<T>) {
    if !held.is_empty() {
        *newer = held;
    }
}

#[cfg(test)]
mod tests;
