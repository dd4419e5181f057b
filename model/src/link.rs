//! The evidence that ties an outbound call to the inbound request that caused it.

/// The grades of evidence, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkKind {
    /// The application forwarded the trace context.
    Propagated,
    /// The application forwarded the `x-request-id` of exactly one known inbound request.
    RequestId,
    /// The application echoed a value that only one request in flight carried.
    Token,
    /// It was the only request in flight in this sidecar.
    Sole,
    /// Nothing certain: the call began a trace of its own.
    None,
}

impl LinkKind {
    /// Every kind, strongest first.
    pub const ALL: [Self; 5] = [Self::Propagated, Self::RequestId, Self::Token, Self::Sole, Self::None];

    /// The name on the wire, in the API and on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Propagated => "propagated",
            Self::RequestId => "request-id",
            Self::Token => "token",
            Self::Sole => "sole",
            Self::None => "none",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
