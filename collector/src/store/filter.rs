//! What a search asks of one span: conditions that the store checks where the data lies.
//!
//! Every condition holds or does not hold of one span; a comparison with something that the span does not have never holds,
//! not even "is not". A store checks a condition on the columns of a block where it can, without building spans.

mod condition;
mod pattern;

use throughline_model::span::{Span, StatusCode};

pub use condition::{Comparison, Condition, Field, FieldValue, Scope, Test};
pub use pattern::{BadPattern, Pattern};

/// What a search asks of one span; a trace matches when one of its spans satisfies every condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanFilter {
    /// `service.name` of the span's resource.
    pub service: Option<String>,
    /// The span's name.
    pub operation: Option<String>,
    /// Shortest duration, inclusive.
    pub min_duration_ns: Option<u64>,
    /// Longest duration, inclusive.
    pub max_duration_ns: Option<u64>,
    /// Only spans whose status is an error.
    pub errors_only: bool,
    /// Earliest start, inclusive; nanoseconds since 1970-01-01 UTC.
    pub since_unix_ns: Option<u64>,
    /// Latest start, inclusive; nanoseconds since 1970-01-01 UTC.
    pub until_unix_ns: Option<u64>,
    /// Whatever else is asked; all of it must hold. Kind, link kind, depth and every attribute are asked for here.
    pub conditions: Vec<Condition>,
}

impl SpanFilter {
    /// Whether one span satisfies every condition.
    pub fn matches(&self, span: &Span) -> bool {
        self.since_unix_ns.is_none_or(|since| span.start_unix_ns >= since)
            && self.until_unix_ns.is_none_or(|until| span.start_unix_ns <= until)
            && self.min_duration_ns.is_none_or(|min| span.duration_ns() >= min)
            && self.max_duration_ns.is_none_or(|max| span.duration_ns() <= max)
            && (!self.errors_only || span.status == StatusCode::Error)
            && self.operation.as_ref().is_none_or(|operation| span.name == *operation)
            && self.service.as_ref().is_none_or(|service| span.service_name() == service)
            && self.conditions.iter().all(|condition| condition.matches(span))
    }
}

#[cfg(test)]
mod tests;
