//! What the fuzzers call: each parser of the filter and a whole request, on any bytes at all.
//!
//! Built for tests and for the feature `fuzz` only. Each function returns for every input, or breaks one of the
//! promises that it asserts; `filter/fuzz` hands these same functions to `cargo fuzz`.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken promise must end the fuzzer, and nothing of this room ships"
)]

mod input;
mod parsers;
mod requests;

pub use parsers::{
    configuration, foreign_formats, otlp_message, path_member, serialized_headers, shared_values,
    trace_parent, trace_state,
};
pub use requests::whole_requests;

/// A function for a fuzzer.
pub type Target = fn(&[u8]);

/// Every target with its name and an input to begin with, which is the fuzzer's first one as well.
pub const TARGETS: [(&str, Target, &[u8]); 9] = [
    ("trace_parent", trace_parent, include_bytes!("../fuzz/seeds/trace_parent")),
    ("trace_state", trace_state, include_bytes!("../fuzz/seeds/trace_state")),
    ("path_member", path_member, include_bytes!("../fuzz/seeds/path_member")),
    ("foreign_formats", foreign_formats, include_bytes!("../fuzz/seeds/foreign_formats")),
    ("serialized_headers", serialized_headers, include_bytes!("../fuzz/seeds/serialized_headers")),
    ("configuration", configuration, include_bytes!("../fuzz/seeds/configuration")),
    ("shared_values", shared_values, include_bytes!("../fuzz/seeds/shared_values")),
    ("otlp_message", otlp_message, include_bytes!("../fuzz/seeds/otlp_message")),
    ("whole_requests", whole_requests, include_bytes!("../fuzz/seeds/whole_requests")),
];

#[cfg(test)]
mod tests;
