//! Hands bytes of libFuzzer to `throughline::fuzz::configuration`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| throughline::fuzz::configuration(bytes));
