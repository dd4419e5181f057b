//! Where traces were joined to one lifecycle.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assemble::{self, Lifecycle};

/// Where a trace was joined to another one, or could not be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seam {
    /// The trace that began here.
    pub trace_id: String,
    /// Its root.
    pub span_id: String,
    /// The service of its root.
    pub service: String,
    /// By what evidence: `restart`, `contained`, the kind of a link, or `open` where it is not joined.
    pub kind: String,
    /// The probability that the cause is the right one, 0 to 1; of an open seam that any one of the candidates is.
    pub confidence: f64,
    /// How many spans could be the cause, as far as is known.
    pub candidates: usize,
    /// The trace of the span that caused it.
    pub cause_trace_id: Option<String>,
    /// That span.
    pub cause_span_id: Option<String>,
    /// The root hangs under its cause in this answer; it does not where the cause never arrived.
    pub joined: bool,
}

impl Seam {
    pub(super) fn of(seam: &assemble::Seam, lifecycle: &Lifecycle) -> Self {
        let is_root = |span: &throughline_model::span::Span| {
            (span.trace_id, span.span_id) == (seam.trace_id, seam.span_id)
        };
        let root = lifecycle.spans.iter().find(|placed| is_root(&placed.span));
        Self {
            trace_id: seam.trace_id.to_hex(),
            span_id: seam.span_id.to_hex(),
            service: root.map(|root| root.span.service_name().to_owned()).unwrap_or_default(),
            kind: seam.kind.as_str().to_owned(),
            confidence: seam.confidence,
            candidates: seam.candidates,
            cause_trace_id: seam.cause.map(|(trace_id, _)| trace_id.to_hex()),
            cause_span_id: seam.cause.map(|(_, span_id)| span_id.to_hex()),
            joined: seam.is_joined,
        }
    }
}
