//! Spans to columns and back.

mod from_columns;
mod to_columns;

pub(super) use from_columns::from_columns;
pub(super) use to_columns::to_columns;
