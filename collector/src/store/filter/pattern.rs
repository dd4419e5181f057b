//! Regular expressions of searches: linear in time whatever they are, and bounded in size.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// The largest compiled expression that is taken.
const MAX_COMPILED_BYTES: usize = 256 * 1024;
/// The longest expression that is taken.
const MAX_PATTERN_BYTES: usize = 1_024;

/// A regular expression in the syntax of the crate `regex`; it is searched for anywhere in a text unless it is anchored.
#[derive(Clone)]
pub struct Pattern(Regex);

/// Why a text is no usable regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(String);

impl Pattern {
    /// Compiles an expression that is found anywhere in a text.
    pub fn found_in(expression: &str) -> Result<Self, BadPattern> {
        if expression.len() > MAX_PATTERN_BYTES {
            return Err(BadPattern(format!(
                "a regular expression has {} bytes; at most {MAX_PATTERN_BYTES} are taken",
                expression.len()
            )));
        }
        let compiled = RegexBuilder::new(expression).size_limit(MAX_COMPILED_BYTES).build();
        compiled.map(Self).map_err(|error| BadPattern(format!("no regular expression: {error}")))
    }

    /// Compiles an expression that has to describe a whole text, as TraceQL and PromQL have it.
    pub fn whole(expression: &str) -> Result<Self, BadPattern> {
        // Compiled alone first: a stray parenthesis must not close the group.
        Self::found_in(expression)?;
        Self::found_in(&format!("^(?:{expression})$"))
    }

    /// Whether a text matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "/{}/", self.0.as_str())
    }
}
