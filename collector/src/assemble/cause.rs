//! Says why something is missing from a lifecycle, from what else is known of the mesh.

use std::collections::HashSet;

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
            Self::NoSidecar => "no-sidecar",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known beside the trace.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Services that have sent spans.
    pub traced_services: &'a HashSet<String>,
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
            gap.cause = if is_fresh {
                GapCause::Late
            } else if is_unrecorded {
                GapCause::NotSampled
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
    gap.target.as_deref().is_some_and(|target| !names_of(target).any(|name| traced.contains(name)))
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
