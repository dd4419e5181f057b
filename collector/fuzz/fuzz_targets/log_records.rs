//! Hands bytes of libFuzzer to `throughline::fuzz::log_records`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| throughline::fuzz::log_records(bytes));
