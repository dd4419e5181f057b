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

/// Every target with its name and an input to begin with.
pub const TARGETS: [(&str, Target, &[u8]); 9] = [
    ("trace_parent", trace_parent, b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("trace_state", trace_state, b"tl=d:2;p:gateway>cart,ot=th:8;rv:1234567890abcd,a=1\nb@c=2 3"),
    ("path_member", path_member, b"d:3;p:gateway>frontend>..>cart"),
    ("foreign_formats", foreign_formats, parsers::FOREIGN_EXAMPLE),
    ("serialized_headers", serialized_headers, b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0"),
    (
        "configuration",
        configuration,
        br#"{"collector": {"cluster": "c"}, "batch": {"max_spans": 7}, "path_log": "all"}"#,
    ),
    ("shared_values", shared_values, b"\x01\x02"),
    ("otlp_message", otlp_message, b"\x0a\x10\x12\x0e\x12\x0c\x0a\x02\x01\x02\x12\x02\x03\x04\x3a\x02ab"),
    ("whole_requests", whole_requests, requests::EXAMPLE),
];

#[cfg(test)]
mod tests;
