//! Says why something is missing from a lifecycle, from what else is known of the mesh.

use std::collections::{HashMap, HashSet};

use throughline_model::attribute;
use throughline_model::span::{Span, Value};

use super::{Gap, Lifecycle};

/// Spans may be under way for so long: proxies and applications keep them for a while, and try again.
pub const LATE_NS: u64 = 15 * 1_000_000_000;

/// Why something is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapCause {
    /// It may still be under way: the trace has only just ended.
    Late,
    /// The trace is not recorded; what is there was kept because it failed or was slow.
    NotSampled,
    /// Who should have sent it had to drop spans about then, by its own count.
    Dropped,
    /// What was called has never sent a span.
    NoSidecar,
    /// Nothing says.
    #[default]
    Unknown,
}

impl GapCause {
    /// The name in the API, on the page and in the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::NotSampled => "not-sampled",
            Self::Dropped => "dropped",
            Self::NoSidecar => "no-sidecar",
            Self::Unknown => "unknown",
        }
    }
}

/// Clocks, and the time between a span's end and its being written, differ by no more as a rule.
const DROP_SLACK_NS: u64 = 5 * 1_000_000_000;

/// Spans that were dropped where they were made, as their proxies counted them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    by_service: HashMap<String, Vec<DroppedSpans>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DroppedSpans {
    from_unix_ns: u64,
    until_unix_ns: u64,
    spans: u64,
}

impl Drops {
    /// Takes what a proxy told; other spans say nothing.
    pub fn add(&mut self, span: &Span) {
        let told = span.attribute(attribute::DROPPED_SPANS).and_then(Value::as_int);
        let Some(spans) = told.and_then(|spans| u64::try_from(spans).ok()) else { return };
        let (from_unix_ns, until_unix_ns) = (span.start_unix_ns, span.end_unix_ns);
        let of_service = self.by_service.entry(span.service_name().to_owned()).or_default();
        of_service.push(DroppedSpans { from_unix_ns, until_unix_ns, spans });
    }

    /// How many spans were dropped by one of these senders about a time.
    fn about(&self, senders: &[String], (from_unix_ns, until_unix_ns): (u64, u64)) -> u64 {
        let services: HashSet<&str> = senders.iter().flat_map(|sender| names_of(sender)).collect();
        let dropped = services.into_iter().filter_map(|service| self.by_service.get(service)).flatten();
        let is_about = |dropped: &&DroppedSpans| {
            dropped.from_unix_ns <= until_unix_ns.saturating_add(DROP_SLACK_NS)
                && dropped.until_unix_ns.saturating_add(DROP_SLACK_NS) >= from_unix_ns
        };
        dropped.filter(is_about).map(|dropped| dropped.spans).sum()
    }
}

/// What is known beside the trace.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Services that have sent spans.
    pub traced_services: &'a HashSet<String>,
    /// What they had to drop.
    pub drops: &'a Drops,
    /// The time of asking, in nanoseconds since 1970-01-01 UTC.
    pub now_unix_ns: u64,
}

impl Lifecycle {
    /// Names the cause of each gap.
    pub fn name_causes(&mut self, circumstances: &Circumstances) {
        let end_unix_ns = self.start_unix_ns.saturating_add(self.duration_ns);
        let is_fresh = end_unix_ns.saturating_add(LATE_NS) > circumstances.now_unix_ns;
        let is_unrecorded = self.spans.iter().any(|placed| was_kept_unrecorded(&placed.span));
        for gap in &mut self.gaps {
            gap.dropped_spans = 0;
            let dropped_spans = circumstances.drops.about(&gap.senders, gap.times_unix_ns);
            gap.cause = if is_fresh {
                GapCause::Late
            } else if is_unrecorded {
                GapCause::NotSampled
            } else if dropped_spans > 0 {
                gap.dropped_spans = dropped_spans;
                GapCause::Dropped
            } else if is_untraced(gap, circumstances.traced_services) {
                GapCause::NoSidecar
            } else {
                GapCause::Unknown
            };
        }
    }
}

fn was_kept_unrecorded(span: &Span) -> bool {
    span.attribute(attribute::SAMPLED_REASON).is_some()
        || span.attribute(attribute::STUB) == Some(&Value::Bool(true))
}

fn is_untraced(gap: &Gap, traced: &HashSet<String>) -> bool {
    // The gateway's hosts are no services; its clusters are.
    gap.target.is_some()
        && !gap.senders.iter().flat_map(|sender| names_of(sender)).any(|name| traced.contains(name))
}

/// The names that a service may go by: `cart.shop.svc.cluster.local`, `cart.shop` and `cart`; of Envoy's cluster
/// `outbound|8080||cart.shop` the part at the end.
fn names_of(target: &str) -> impl Iterator<Item = &str> {
    let host = target.rsplit('|').next().unwrap_or(target);
    let host = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    let ends = host.match_indices('.').map(|(place, _)| place).chain([host.len()]);
    ends.filter_map(move |end| host.get(..end))
}

#[cfg(test)]
mod tests;
