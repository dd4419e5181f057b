//! Spans of a mesh by the million: whole messages are encoded once, and before each sending only ids and times are written
//! anew, in place.

mod mesh_traces;
mod template;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use throughline_model::id::TraceId;

pub use mesh_traces::SPANS_PER_TRACE;
pub use template::Template;

/// Sets of traces that differ in paths, durations and errors; sent in turn, each time with ids of their own.
const VARIANTS: u64 = 16;

/// How the spans of a set of traces are divided into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All in one message, as a gateway collector sends them: this many traces.
    Together(usize),
    /// A message for each proxy, as sidecars send them: this many traces.
    BySender(usize),
}

/// Messages to be sent, by variant and by sender.
#[derive(Debug)]
pub struct Generator {
    variants: Vec<Vec<Template>>,
    seed: u64,
}

impl Generator {
    /// Encodes all variants. Runs with different seeds never share an id.
    pub fn new(shape: Shape, seed: u64) -> Result<Self> {
        let variants = (0..VARIANTS).map(|variant| {
            let (traces, by_sender) = match shape {
                Shape::Together(traces) => (traces, false),
                Shape::BySender(traces) => (traces, true),
            };
            let spans = mesh_traces::spans(variant, traces);
            let messages = if by_sender { spans } else { vec![spans.into_iter().flatten().collect()] };
            messages.iter().map(|spans| Template::new(spans)).collect::<Result<Vec<_>>>()
        });
        Ok(Self { variants: variants.collect::<Result<_>>()?, seed })
    }

    /// How many messages a set of traces is divided into.
    #[must_use]
    pub fn senders(&self) -> usize {
        self.variants.first().map_or(0, Vec::len)
    }

    /// The message of one sender of a set, to be patched by [`Template::patch`].
    #[must_use]
    pub fn template(&self, set: u64, sender: usize) -> Option<&Template> {
        let variant = usize::try_from(set % VARIANTS).ok()?;
        self.variants.get(variant)?.get(sender)
    }

    /// What makes the ids of a set its own.
    #[must_use]
    pub fn salt(&self, set: u64) -> u64 {
        mix(self.seed ^ mix(set))
    }

    /// The ids that the traces of a set have.
    #[must_use]
    pub fn trace_ids(&self, set: u64) -> Vec<TraceId> {
        let templates = self.variants.get((set % VARIANTS) as usize).map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<TraceId> =
            templates.iter().flat_map(|template| template.trace_ids(self.salt(set))).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// Now, in nanoseconds since 1970-01-01 UTC.
#[must_use]
pub fn now_unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Spreads a number over all 64 bits (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
