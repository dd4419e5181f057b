//! W3C Trace Context Level 2: what travels with a request, read from headers and written back.
//!
//! Bytes that break the specification never become a context: they are an outcome of their own, and the request
//! they came with starts a new trace.

mod format;
mod path;
mod sampling;
mod traceparent;
mod tracestate;

use crate::id::{SpanId, TraceId};

pub use format::{Carried, Decision, Foreign, ForeignContext, ForeignReading, Format, Outgoing, Rewrite};
pub use path::{MAX_PATH_CHARS, PathSoFar};
pub use sampling::{Randomness, SamplingMember, Threshold};
pub use tracestate::TraceState;

/// The header that carries ids and flags.
pub const TRACEPARENT: &str = "traceparent";
/// The header that carries what vendors add.
pub const TRACESTATE: &str = "tracestate";
/// What the JSON encoding of OTLP calls the latter.
pub const TRACESTATE_IN_JSON: &str = "traceState";

/// The `trace-flags` field: only the two bits that Level 2 defines are ever kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// Bit 0: the caller may have recorded the trace.
    const SAMPLED: u8 = 0x01;
    /// Bit 1: at least the right-most seven bytes of the trace id are random.
    const RANDOM: u8 = 0x02;

    /// Keeps the bits that Level 2 defines; the others must be zero on output (section 3.2.2.5.3).
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & (Self::SAMPLED | Self::RANDOM))
    }

    /// The flags of a trace that begins here with random ids, and is recorded.
    pub fn new_sampled_trace() -> Self {
        Self(Self::SAMPLED | Self::RANDOM)
    }

    /// The same, recorded.
    pub fn sampled(self) -> Self {
        Self(self.0 | Self::SAMPLED)
    }

    /// The same, not recorded.
    pub fn not_sampled(self) -> Self {
        Self(self.0 & !Self::SAMPLED)
    }

    /// The bits as they go into the header.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether the trace is to be recorded.
    pub fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }
}

/// A valid context: the span that caused this request, and what travels along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span of the caller, `parent-id` in the specification.
    pub span_id: SpanId,
    /// Sampled and random bits.
    pub flags: TraceFlags,
    /// The members of `tracestate`, ours apart from the rest.
    pub state: TraceState,
}

/// What the headers of a request held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extracted {
    /// A valid context.
    Found(TraceContext),
    /// No `traceparent`.
    Absent,
    /// A `traceparent` that has to be ignored, and why.
    Malformed(&'static str),
}

/// Reads a context from every `traceparent` and `tracestate` line of one request, in the order received.
///
/// More than one `traceparent` is malformed. A `tracestate` that breaks its grammar is dropped whole, and the
/// `traceparent` still counts (section 3.3).
pub fn extract<'a>(
    traceparents: impl Iterator<Item = &'a [u8]>,
    tracestates: impl Iterator<Item = &'a [u8]>,
) -> Extracted {
    let mut lines = traceparents;
    let Some(line) = lines.next() else {
        return Extracted::Absent;
    };
    if lines.next().is_some() {
        return Extracted::Malformed("more than one traceparent");
    }
    match traceparent::parse(line) {
        Ok((trace_id, span_id, flags)) => {
            Extracted::Found(TraceContext { trace_id, span_id, flags, state: TraceState::parse(tracestates) })
        }
        Err(reason) => Extracted::Malformed(reason),
    }
}

impl TraceContext {
    /// The value of `traceparent`: always version 00, 55 characters.
    pub fn to_traceparent(&self) -> String {
        traceparent::format(self.trace_id, self.span_id, self.flags)
    }
}

#[cfg(test)]
mod tests;
