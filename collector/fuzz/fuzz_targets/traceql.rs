//! Hands bytes of libFuzzer to `throughline::fuzz::traceql`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| throughline::fuzz::traceql(bytes));
