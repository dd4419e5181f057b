//! How far each kind of evidence for a link may be trusted, as a number.
//!
//! Each figure is the lowest share of right links that was measured for its kind, rounded down to three digits; what was
//! measured, and how, is in `docs/decisions/031-joined-traces.md`.

use throughline_model::link::LinkKind;

/// The cause was named by the caller itself, in a header of its request.
const NAMED: f64 = 1.0;
/// A value that only one request in flight carried: 99.9 to 100 % right with a thousand different values.
const TOKEN: f64 = 0.999;
/// The only request in flight: 4,406 of 4,406 right, so that with 95 % confidence no more than 3 in 4,406 are wrong.
const SOLE: f64 = 0.999;
/// The only candidate within whose time the call lies: 99.9 % right and more with all spans at hand, 96.6 % at worst with
/// 5 % of the requests lost.
const CONTAINED: f64 = 0.966;

/// What ties a trace to the span of another trace that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SeamKind {
    /// A gateway began a trace of its own (`edge: restart`) and named the span that called it.
    Restart,
    /// The sender named the span with this evidence.
    Linked(LinkKind),
    /// Of the requests that could have made the call, its time lies within that of one only.
    Contained,
    /// Several requests could have made the call, or none that is known: it is not joined.
    Open,
}

impl SeamKind {
    /// The name in the API, on the page and in the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Linked(kind) => kind.as_str(),
            Self::Contained => "contained",
            Self::Open => "open",
        }
    }

    /// The probability that the cause is the right one; of an open seam each of `candidates` is as likely as the others.
    pub fn confidence(self, candidates: usize) -> f64 {
        match self {
            Self::Restart => NAMED,
            Self::Linked(kind) => confidence_of(kind).unwrap_or(0.0),
            Self::Contained => CONTAINED,
            Self::Open if candidates == 0 => 0.0,
            Self::Open => 1.0 / candidates as f64,
        }
    }
}

/// The probability that a link of this kind is right; `None` for a call without a link, which claims nothing.
pub fn confidence_of(kind: LinkKind) -> Option<f64> {
    match kind {
        LinkKind::Propagated | LinkKind::RequestId => Some(NAMED),
        LinkKind::Token => Some(TOKEN),
        LinkKind::Sole => Some(SOLE),
        LinkKind::None => None,
    }
}
