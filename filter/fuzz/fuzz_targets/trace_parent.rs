//! Hands bytes of libFuzzer to `throughline_filter::fuzz::trace_parent`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| throughline_filter::fuzz::trace_parent(bytes));
