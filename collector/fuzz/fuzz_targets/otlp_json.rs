//! Hands bytes of libFuzzer to `throughline::fuzz::otlp_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| throughline::fuzz::otlp_json(bytes));
