//! Hands bytes of libFuzzer to `throughline::fuzz::zipkin_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| throughline::fuzz::zipkin_json(bytes));
