//! Thresholds, decisions and the member `ot`, as tables with the rule that says so.

use super::*;
use crate::context::TraceState;
use crate::id::SpanId;
use wasm_bindgen_test::wasm_bindgen_test;

/// One in so many, and the threshold (OpenTelemetry, "TraceState: Probability Sampling", table of thresholds).
const THRESHOLDS: [(f64, &str); 13] = [
    (1.0, "0"),
    (2.0, "8"),
    (3.0, "aaab"),
    (4.0, "c"),
    (5.0, "cccd"),
    (8.0, "e"),
    (10.0, "e666"),
    (16.0, "f"),
    (100.0, "fd70a"),
    (1_000.0, "ffbe77"),
    (10_000.0, "fff9724"),
    (100_000.0, "ffff583a"),
    (1_000_000.0, "ffffef39"),
];

#[wasm_bindgen_test(unsupported = test)]
fn thresholds_are_those_of_the_specification() {
    for (one_in, digits) in THRESHOLDS {
        let threshold = Threshold::from_probability(1.0 / one_in).unwrap();
        assert_eq!(threshold.to_digits(), digits, "1 in {one_in}");
        assert_eq!(Threshold::from_digits(digits), Some(threshold), "{digits}");
        let error = (threshold.adjusted_count() / one_in - 1.0).abs();
        assert!(error < 1e-3, "one trace stands for {}, not {one_in}", threshold.adjusted_count());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn probabilities_at_the_ends_have_a_threshold_or_none() {
    let digits = |probability: f64| Threshold::from_probability(probability).map(Threshold::to_digits);
    let cases = [
        (2.0, Some("0"), "more than all is all"),
        (0.99, Some("028f6"), "four digits after leading zeros"),
        (2_f64.powi(-56), Some("ffffffffffffff"), "the least probability there is"),
        (2_f64.powi(-58), None, "less than that is nothing"),
        (0.0, None, "zero is no threshold"),
        (-1.0, None, "less than nothing is nothing"),
        (f64::NAN, None, "no number is nothing"),
    ];
    for (probability, expected, reason) in cases {
        assert_eq!(digits(probability).as_deref(), expected, "{probability}: {reason}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn digits_are_lower_case_and_of_the_right_number() {
    for wrong in ["", "A", "xyz", "0x1", "+1", "123456789012345"] {
        assert_eq!(Threshold::from_digits(wrong), None, "th:{wrong}");
    }
    for wrong in ["", "1", "1234567890123", "123456789012345", "1234567890123A"] {
        assert_eq!(Randomness::from_digits(wrong), None, "rv:{wrong}");
    }
}

fn context(trace_id: &str, flags: u8, state: &str) -> TraceContext {
    TraceContext {
        trace_id: TraceId::from_hex(trace_id.as_bytes()).unwrap(),
        span_id: SpanId::ONE,
        flags: TraceFlags::from_bits(flags),
        state: TraceState::parse([state.as_bytes()].into_iter()),
    }
}

/// The right-most 56 bits are exactly one half of the range, and one below it.
const HALF: &str = "ffffffffffffffffff80000000000000";
const BELOW_HALF: &str = "ffffffffffffffffff7fffffffffffff";

#[wasm_bindgen_test(unsupported = test)]
fn a_root_decides_by_its_randomness_and_says_at_what_threshold() {
    let cases = [
        (HALF, 0x02, "", 0.5, 0x03, Some("ot=th:8"), "kept iff R >= T"),
        (BELOW_HALF, 0x03, "", 0.5, 0x02, None, "dropped: no threshold, and the random flag stays"),
        (HALF, 0x00, "", 0.0, 0x00, None, "nothing is kept"),
        (BELOW_HALF, 0x00, "", 1.0, 0x01, Some("ot=th:0"), "all is kept"),
        (HALF, 0x02, "", 1.0, 0x03, Some("ot=th:0"), "all is kept, and the random flag stays"),
        (HALF, 0x03, "ot=th:0", 1.0, 0x03, Some("ot=th:0"), "all is kept as before"),
        (HALF, 0x02, "a=1", 1.0, 0x03, Some("ot=th:0,a=1"), "all is kept beside another member"),
        (
            BELOW_HALF,
            0x00,
            "a=1,ot=rv:80000000000000;x:y,b=2",
            0.5,
            0x01,
            Some("ot=th:8;rv:80000000000000;x:y,a=1,b=2"),
            "rv goes before the trace id and is never touched; what changes goes left",
        ),
        (
            HALF,
            0x01,
            "ot=th:c;rv:7fffffffffffff",
            0.5,
            0x00,
            Some("ot=rv:7fffffffffffff"),
            "a decision made anew erases the old threshold",
        ),
        (HALF, 0x01, "ot=th:c,a=1", 0.5, 0x01, Some("ot=th:8,a=1"), "or replaces it"),
        (HALF, 0x01, "ot=th:c,a=1", 0.0, 0x00, Some("a=1"), "an empty member is not sent"),
    ];
    for (trace_id, flags, state, probability, flags_after, state_after, reason) in cases {
        let mut context = context(trace_id, flags, state);
        context.decide_sampling(Threshold::from_probability(probability));
        assert_eq!(context.flags.bits(), flags_after, "{reason}");
        assert_eq!(context.state.to_header().as_deref(), state_after, "{reason}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_child_follows_its_parent_and_erases_a_threshold_that_contradicts_the_flag() {
    let cases = [
        (HALF, 0x01, "a=1,ot=th:8;k:v", Some("a=1,ot=th:8;k:v"), "what agrees is passed on word for word"),
        (HALF, 0x01, "a=1", Some("a=1"), "sampled without a threshold: none is made up"),
        (BELOW_HALF, 0x01, "a=1,ot=th:8;k:v", Some("ot=k:v,a=1"), "recorded although R < T"),
        (HALF, 0x00, "a=1,ot=th:8", Some("a=1"), "not recorded although R >= T"),
        (BELOW_HALF, 0x00, "a=1,ot=th:8", Some("a=1,ot=th:8"), "not recorded, and R < T"),
        (
            BELOW_HALF,
            0x01,
            "ot=th:8;rv:80000000000000",
            Some("ot=th:8;rv:80000000000000"),
            "R is rv where there is one",
        ),
        (HALF, 0x03, "ot=th:0", Some("ot=th:0"), "everything is recorded"),
        (HALF, 0x02, "ot=th:0", None, "not recorded although everything is"),
        (HALF, 0x01, "ot=th:X;k:v", Some("ot=th:X;k:v"), "what is no threshold says nothing"),
    ];
    for (trace_id, flags, state, state_after, reason) in cases {
        let mut context = context(trace_id, flags, state);
        context.inherit_sampling();
        assert_eq!(context.flags.bits(), flags, "the flag is never changed: {reason}");
        assert_eq!(context.state.to_header().as_deref(), state_after, "{reason}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_member_never_outgrows_its_limit_and_keeps_only_what_the_grammar_allows() {
    let long = format!("rv:80000000000000;a:{}", "x".repeat(230));
    let mut member = SamplingMember::parse(&long);
    member.threshold = Threshold::from_probability(0.01);
    assert_eq!(member.to_value().as_deref(), Some("th:fd70a;rv:80000000000000"));
    let odd = SamplingMember::parse("A:1;b;:c;d:é;e:f;g:h i;;j:");
    assert_eq!(odd.to_value().as_deref(), Some("e:f;j:"));
    assert_eq!(SamplingMember::parse("").to_value(), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_full_list_still_takes_a_threshold() {
    let list = (0..32).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let mut context = context(HALF, 0x02, &list);
    context.decide_sampling(Some(Threshold::EVERYTHING));
    let sent = context.state.to_header().unwrap();
    assert_eq!(sent.split(',').count(), 32, "{sent}");
    assert!(sent.starts_with("ot=th:0,k0=v,") && sent.ends_with(",k30=v"), "{sent}");
}

/// Estimates the number of traces from those that were kept, as a backend does.
#[wasm_bindgen_test(unsupported = test)]
fn kept_traces_stand_for_all() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let (mut kept, mut estimate) = (0_u32, 0.0);
    for _ in 0..100_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = (u128::from(seed) << 64)
            | u128::from(seed.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            | 1;
        let mut context = context(&format!("{number:032x}"), 0x02, "");
        context.decide_sampling(Threshold::from_probability(0.05));
        if context.flags.is_sampled() {
            kept += 1;
            estimate += context.state.sampling().threshold.unwrap().adjusted_count();
        }
    }
    // Five standard deviations: the sequence is always the same, so this either holds for ever or never.
    assert!((4_655..5_345).contains(&kept), "{kept}");
    assert!((93_000.0..107_000.0).contains(&estimate), "{estimate}");
}
