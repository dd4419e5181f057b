//! The query language: a subset of TraceQL with a grammar of its own, checked before it runs and bounded while it runs.

mod evaluate;
mod field;
#[cfg(any(test, feature = "fuzz"))]
pub(super) mod generated;
mod narrow;
mod operand;
mod parse;
mod structure;
mod syntax;
mod token;

use std::fmt;

pub(super) use evaluate::{Found, Interrupted, Spanset};
pub(super) use field::{Intrinsic, View};
pub(super) use operand::Operand;

use syntax::{Field, Stage};

/// Longer queries are refused.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// A query that was read and checked.
#[derive(Clone, Debug)]
pub(super) struct Query {
    stages: Vec<Stage>,
    /// Every field that a condition or a `select` names, each once.
    fields: Vec<Field>,
}

/// Why a text is no query, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// The character, counted from 1.
    pub(super) column: usize,
    /// What was wrong and what would be right.
    pub(super) message: String,
}

impl SyntaxError {
    fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "column {}: {}", self.column, self.message)
    }
}

impl Query {
    /// Reads a query.
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > MAX_QUERY_BYTES {
            let length = text.len();
            let message = format!("the query has {length} bytes: at most {MAX_QUERY_BYTES} are taken");
            return Err(SyntaxError::new(1, message));
        }
        let stages = parse::parse(token::tokenize(text)?)?;
        let mut fields = Vec::new();
        syntax::collect_fields(&stages, &mut fields);
        Ok(Self { stages, fields })
    }

    /// Every field that a condition or a `select` names: its name in answers, and its value at a span.
    pub(super) fn values<'a>(&self, view: &View<'a>, span: usize) -> Vec<(String, Operand<'a>)> {
        let mut values: Vec<(String, Operand<'a>)> = Vec::new();
        for field in &self.fields {
            let value = field::value(field, view, span);
            let name = field.answer_name();
            if !matches!(value, Operand::Nil) && !values.iter().any(|(known, _)| *known == name) {
                values.push((name, value));
            }
        }
        values
    }
}

#[cfg(test)]
mod tests;
