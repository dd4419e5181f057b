//! Each other format as a table of what is read, what is written back, and the rule that says so.

mod passages;
mod vectors;

use super::*;
use crate::context::{TraceFlags, TraceState};
use passages::PASSAGES;
use vectors::{B3_MULTI, B3_SINGLE, CLOUD_TRACE, DATADOG, GRPC_TRACE_BIN, JAEGER, OT_TRACE, X_RAY};
use wasm_bindgen_test::wasm_bindgen_test;

const SAMPLED: &str = "sampled";
const NOT: &str = "not";
const DEFERRED: &str = "deferred";
const DEBUG: &str = "debug";

/// What a request is to be read as: `trace/span/decision`, a decision alone, or malformed.
type Case = (&'static [(&'static str, &'static str)], Option<&'static str>, &'static str);

fn read(format: Format, headers: &[(&str, &str)]) -> Option<Foreign> {
    let mut carried = Carried::default();
    headers.iter().for_each(|(name, value)| carried.offer(&[format], name.as_bytes(), value.as_bytes()));
    carried.read(format)
}

fn shown(reading: ForeignReading) -> Option<String> {
    let word = |decision| match decision {
        Decision::Sampled => SAMPLED,
        Decision::NotSampled => NOT,
        Decision::Deferred => DEFERRED,
        Decision::Debug => DEBUG,
    };
    match reading {
        ForeignReading::Found(context) => {
            let span = context.span_id.map(SpanId::to_hex).unwrap_or_default();
            Some(format!("{}/{span}/{}", context.trace_id, word(context.decision)))
        }
        ForeignReading::DecisionOnly(decision) => Some(word(decision).to_owned()),
        ForeignReading::Malformed(_) => None,
    }
}

fn check(format: Format, cases: &[Case]) {
    for (headers, expected, rule) in cases {
        let foreign = read(format, headers).unwrap_or_else(|| panic!("{headers:?} is not seen"));
        assert_eq!(shown(foreign.reading).as_deref(), *expected, "{headers:?}: {rule}");
    }
}

const TRACE: &str = "1122334455667788aabbccddeeff0011";

fn context(trace_id: &str, bits: u8) -> TraceContext {
    TraceContext {
        trace_id: TraceId::from_hex(trace_id.as_bytes()).unwrap(),
        span_id: SpanId::from_hex(b"00000000000000ff").unwrap(),
        flags: TraceFlags::from_bits(bits),
        state: TraceState::default(),
    }
}

/// The headers of this format that go on after the request passed, sorted by name.
fn passed_on(format: Format, headers: &[(&str, &str)], outgoing: &Outgoing<'_>) -> String {
    let foreign = read(format, headers).unwrap();
    let mut kept: std::collections::BTreeMap<String, String> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for change in foreign.rewrite(outgoing) {
        match change {
            Rewrite::Set(name, value) => drop(kept.insert(name.to_owned(), value)),
            Rewrite::Remove(name) => drop(kept.remove(name)),
        }
    }
    kept.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(" | ")
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_b3_in_one_header() {
    check(Format::B3Single, B3_SINGLE);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_b3_in_several_headers() {
    check(Format::B3Multi, B3_MULTI);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_jaeger() {
    check(Format::Jaeger, JAEGER);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_x_ray() {
    check(Format::XRay, X_RAY);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_datadog() {
    check(Format::Datadog, DATADOG);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_cloud_trace() {
    check(Format::CloudTrace, CLOUD_TRACE);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_grpc_trace_bin() {
    check(Format::GrpcTraceBin, GRPC_TRACE_BIN);
    let long = "A".repeat(129);
    assert_eq!(shown(read(Format::GrpcTraceBin, &[("grpc-trace-bin", &long)]).unwrap().reading), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_ot_trace() {
    check(Format::OtTrace, OT_TRACE);
}

#[wasm_bindgen_test(unsupported = test)]
fn writes_back_in_the_form_the_caller_used() {
    for (format, headers, bits, is_debug, expected, rule) in PASSAGES {
        let context = context(TRACE, *bits);
        let sent_on = passed_on(*format, headers, &Outgoing { context: &context, is_debug: *is_debug });
        assert_eq!(sent_on, *expected, "{headers:?}: {rule}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_trace_id_whose_right_half_is_zero_is_not_cut_to_zero() {
    let context = context("11223344556677880000000000000000", 1);
    let outgoing = Outgoing { context: &context, is_debug: false };
    let b3 = [("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1")];
    assert!(passed_on(Format::B3Single, &b3, &outgoing).contains(&context.trace_id.to_hex()));
    let datadog = [("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "2")];
    assert_eq!(passed_on(Format::Datadog, &datadog, &outgoing), "");
    let ot_trace = [("ot-tracer-traceid", "64fe8b2a57d3eff7"), ("ot-tracer-spanid", "e457b5a2e4d86bd1")];
    assert_eq!(passed_on(Format::OtTrace, &ot_trace, &outgoing), "");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_trace_that_begins_anew_takes_nothing_of_others_along() {
    let header = [("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678;Lineage=a:1")];
    let mut foreign = read(Format::XRay, &header).unwrap();
    foreign.forget_the_rest();
    let changes = foreign.rewrite(&Outgoing { context: &context(TRACE, 1), is_debug: false });
    let expected = "Root=1-11223344-55667788aabbccddeeff0011;Parent=00000000000000ff;Sampled=1";
    assert_eq!(changes, [Rewrite::Set("x-amzn-trace-id", expected.to_owned())]);
}

#[wasm_bindgen_test(unsupported = test)]
fn formats_that_were_not_asked_for_are_not_seen() {
    let mut carried = Carried::default();
    carried.offer(&[Format::B3Single], b"uber-trace-id", b"1:2:0:1");
    carried.offer(&[Format::B3Single], b"user-agent", b"b3");
    assert!(Format::ALL.iter().all(|(_, format)| carried.read(*format).is_none()));
}

#[wasm_bindgen_test(unsupported = test)]
fn every_valid_vector_is_read_again_as_what_was_written() {
    let all: [(Format, &[Case]); 8] = [
        (Format::B3Single, B3_SINGLE),
        (Format::B3Multi, B3_MULTI),
        (Format::Jaeger, JAEGER),
        (Format::XRay, X_RAY),
        (Format::Datadog, DATADOG),
        (Format::CloudTrace, CLOUD_TRACE),
        (Format::GrpcTraceBin, GRPC_TRACE_BIN),
        (Format::OtTrace, OT_TRACE),
    ];
    for (format, cases) in all {
        for (headers, expected, rule) in cases {
            let foreign = read(format, headers).unwrap();
            let changes = foreign.rewrite(&Outgoing { context: &context(TRACE, 1), is_debug: false });
            let set: Vec<(&str, &str)> = changes
                .iter()
                .filter_map(|change| match change {
                    Rewrite::Set(name, value) => Some((*name, value.as_str())),
                    Rewrite::Remove(_) => None,
                })
                .collect();
            assert_eq!(set.is_empty(), expected.is_none(), "{headers:?}: {rule}");
            if expected.is_some() {
                let again = shown(read(format, &set).unwrap().reading).unwrap();
                assert!(again.ends_with("aabbccddeeff0011/00000000000000ff/sampled"), "{again}: {rule}");
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn no_bytes_in_any_of_the_headers_do_harm() {
    let names =
        ["b3", "x-b3-traceid", "x-b3-spanid", "uber-trace-id", "x-amzn-trace-id", "x-datadog-trace-id"];
    let more =
        ["x-datadog-parent-id", "x-datadog-tags", "x-cloud-trace-context", "grpc-trace-bin", "x-b3-flags"];
    let alphabet = b"0123456789abcdef-:;=/,%3A+ARoot=1_\xff\x00\x80 ";
    let formats = Format::ALL.map(|(_, format)| format);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..20_000 {
        let value: Vec<u8> = (0..random() % 50).map(|_| alphabet[random() % alphabet.len()]).collect();
        let mut carried = Carried::default();
        for name in names.iter().chain(&more).filter(|_| random() % 2 == 0) {
            carried.offer(&formats, name.as_bytes(), &value);
        }
        for foreign in formats.iter().filter_map(|format| carried.read(*format)) {
            let changes = foreign.rewrite(&Outgoing { context: &context(TRACE, 1), is_debug: true });
            assert!(!changes.is_empty());
        }
    }
}
