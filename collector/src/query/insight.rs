//! What the analyses say, over HTTP: one trace in depth, many traces together, and two groups against each other.

pub mod completeness;
pub mod doctor;
pub mod graph;
pub mod groups;
pub mod one_trace;
pub mod together;

mod selection;
mod spread;

#[cfg(test)]
mod tests;
