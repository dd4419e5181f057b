//! What the filter and the collector agree on: ids, trace context, spans, mesh identity and OTLP bytes.
//!
//! Everything here is pure: time and randomness come in as arguments, results go out as values, and
//! nothing depends on another crate of this workspace.

pub mod attribute;
pub mod context;
pub mod id;
pub mod link;
pub mod mesh;
pub mod otlp;
pub mod span;
