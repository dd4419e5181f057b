//! A trace that lacks nothing, as far as it can be told without reading its spans.

use std::sync::Arc;

use throughline_model::id::TraceId;
use throughline_model::span::SpanKind;

/// A trace with one root, all parents, and both ends of every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeTrace {
    /// Its id.
    pub trace_id: TraceId,
    /// All its spans, the root first and parents before their children.
    pub spans: Vec<WholeSpan>,
}

/// What is known of a span without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeSpan {
    /// The place of its parent; `None` for the root.
    pub parent: Option<usize>,
    /// Its role in the call.
    pub kind: SpanKind,
    /// Who sent it.
    pub service: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}
