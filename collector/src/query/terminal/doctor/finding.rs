//! One thing that is wrong: where, what, and what to do.

/// How bad it is; the worst come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Spans are lost, or requests are in danger.
    Error,
    /// Traces are less than they could be.
    Warning,
    /// Meant so, perhaps.
    Note,
}

impl Severity {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// A name that scripts may rely on.
    pub(crate) kind: &'static str,
    /// The proxy or the collector.
    pub(crate) place: String,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        kind: &'static str,
        place: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity, kind, place: place.to_owned(), what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn error(kind: &'static str, place: &str, what: impl Into<String>, remedy: &str) -> Self {
        Self::new(Severity::Error, kind, place, what, remedy)
    }

    pub(super) fn warning(kind: &'static str, place: &str, what: impl Into<String>, remedy: &str) -> Self {
        Self::new(Severity::Warning, kind, place, what, remedy)
    }

    pub(super) fn note(kind: &'static str, place: &str, what: impl Into<String>, remedy: &str) -> Self {
        Self::new(Severity::Note, kind, place, what, remedy)
    }

    /// Notes are nothing wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        self.severity != Severity::Note
    }
}
