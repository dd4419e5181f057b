//! W3C Trace Context as tables of what is read, what is passed on, and the rule that says so.

use super::*;
use wasm_bindgen_test::wasm_bindgen_test;

const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn extracted(traceparents: &[&str], tracestates: &[&str]) -> Extracted {
    extract(traceparents.iter().map(|line| line.as_bytes()), tracestates.iter().map(|line| line.as_bytes()))
}

fn state_sent_on(tracestates: &[&str]) -> Option<String> {
    match extracted(&[VALID], tracestates) {
        Extracted::Found(context) => context.state.to_header(),
        other => panic!("the traceparent is valid, yet {other:?}"),
    }
}

/// What a value of `traceparent` is worth, and the rule of W3C Trace Context Level 2 that says so.
const TRACEPARENTS: &[(&str, Option<&str>, &str)] = &[
    (VALID, Some(VALID), "3.2.2 version 00"),
    (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"),
        "3.2.2.5.1 an unsampled flag is kept",
    ),
    (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
        "3.2.2.5.2 the random flag is passed on as received",
    ),
    (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
        "3.2.2.5.3 other flags are zero on output",
    ),
    (
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        Some(VALID),
        "3.2.2.1 a higher version is read as far as it is known and sent on as 00",
    ),
    (
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
        Some(VALID),
        "3.2.2.1 a higher version may be longer",
    ),
    (
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
        None,
        "3.2.2.1 a longer value goes on with a dash",
    ),
    ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None, "3.2.2.1 version ff is forbidden"),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", None, "3.2.2.2 version 00 ends after flags"),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", None, "3.2.2.2 too short"),
    ("", None, "3.2.2.2 empty"),
    ("0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None, "3.2.2.1 version is hexadecimal"),
    ("0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None, "3.2.2.1 version is lower case"),
    ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None, "3.2.2.3 trace-id is not zero"),
    ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None, "3.2.2.3 trace-id is lower case"),
    ("00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01", None, "3.2.2.3 trace-id has 32 digits"),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None, "3.2.2.4 parent-id is not zero"),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01", None, "3.2.2.4 parent-id is lower case"),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0X", None, "3.2.2.5 flags are hexadecimal"),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A", None, "3.2.2.5 flags are lower case"),
    ("00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", None, "3.2.1 fields are joined by dashes"),
    (" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", None, "3.2.1 no white space inside"),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ", None, "3.2.2.2 version 00 ends after flags"),
    (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"),
        "3.2.2.5 flags are bits: random without sampled",
    ),
    (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09",
        Some(VALID),
        "3.2.2.5 flags are bits: 09 is sampled too",
    ),
    (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fc",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"),
        "3.2.2.5.3 other flags are zero on output",
    ),
    (
        "fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
        "3.2.4 of a higher version only what is known is used",
    ),
    ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", None, "3.2.4 a higher version is not shorter"),
    (
        "cc-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01",
        None,
        "3.2.4 trace-id is followed by a dash in a higher version too",
    ),
    (
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7x01",
        None,
        "3.2.4 parent-id is followed by a dash in a higher version too",
    ),
    (
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        None,
        "3.2.4 flags are followed by a dash or the end in a higher version",
    ),
    (
        "cc-00000000000000000000000000000000-00f067aa0ba902b7-01",
        None,
        "3.2.2.3 trace-id is not zero in a higher version either",
    ),
    (
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        None,
        "3.2.2.1 version ff is forbidden at any length",
    ),
    ("00-4bf92f3577b34da6a3ce929d0e0e47\u{e9}-00f067aa0ba902b7-01", None, "3.2.2.3 digits are ASCII"),
];

#[wasm_bindgen_test(unsupported = test)]
fn reads_traceparent_by_the_rules_of_the_specification() {
    for (value, sent_on, rule) in TRACEPARENTS {
        match (extracted(&[value], &[]), sent_on) {
            (Extracted::Found(context), Some(sent_on)) => {
                assert_eq!(&context.to_traceparent(), sent_on, "{value}: {rule}");
            }
            (Extracted::Malformed(_), None) => {}
            (got, _) => panic!("{value}: {rule}: got {got:?}"),
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn several_traceparents_are_malformed_and_none_is_absent() {
    assert_eq!(extracted(&[], &["a=1"]), Extracted::Absent);
    assert!(matches!(extracted(&[VALID, VALID], &[]), Extracted::Malformed(_)));
}

/// What is sent on for the lines of a `tracestate`, and the rule that says so.
const TRACESTATES: &[(&[&str], Option<&str>, &str)] = &[
    (&[], None, "3.3.1.5 nothing in, nothing out"),
    (&["a=1"], Some("a=1"), "3.3.1.5 members are kept"),
    (&["a=1", "b=2,c=3"], Some("a=1,b=2,c=3"), "3.3.1 several lines are one list, sent as one line"),
    (&["a=1 , \tb=2"], Some("a=1,b=2"), "3.3.1.1 white space around members is optional"),
    (&["a=1,,b=2,"], Some("a=1,b=2"), "3.3.1.1 empty members are allowed"),
    (
        &["9vendor@x/y*z_-=v v"],
        Some("9vendor@x/y*z_-=v v"),
        "3.3.1.3.1 every key character; spaces inside a value",
    ),
    (&["a=1,b=2,a=3"], Some("a=1,b=2"), "3.3.1.3 one member a key: the first"),
    (&["A=1"], None, "3.3.1.3.1 keys are lower case"),
    (&["_a=1"], None, "3.3.1.3.1 keys begin with a letter or digit"),
    (&["a"], None, "3.3.1.3 a member has an equals sign"),
    (&["a="], None, "3.3.1.3.2 a value is not empty"),
    (&["a=b=c"], None, "3.3.1.3.2 no equals sign in a value"),
    (&["a=\u{fc}"], None, "3.3.1.3.2 values are printable ASCII"),
    (&["ok=1,a=\u{7}"], None, "3.3.1.5 one bad member drops the list"),
    (&[""], None, "3.3.1.1 an empty header is accepted, and none is sent"),
    (&["", " \t", ","], None, "3.3.1.1 members of white space alone are allowed"),
    (&["", "a=1", " ", "b=2"], Some("a=1,b=2"), "3.3.1.1 empty lines between others"),
    (&["a=1,\u{c}b=2"], None, "3.3.1.1 only spaces and tabs are optional white space"),
    (&["a=  1"], Some("a=  1"), "3.3.1.3.2 leading spaces belong to the value"),
    (&["a=1  ,b=2\t"], Some("a=1,b=2"), "3.3.1.3.2 trailing spaces do not"),
    (&["a=\u{7f}"], None, "3.3.1.3.2 values end at 0x7e"),
    (&["a=~!"], Some("a=~!"), "3.3.1.3.2 every other printable character"),
    (&["a\tb=1"], None, "3.3.1.3.1 no white space in a key"),
    (&["a =1"], None, "3.3.1.3.1 no white space behind a key"),
    (&["@a=1"], None, "3.3.1.3.1 keys begin with a letter or digit"),
    (&["=1"], None, "3.3.1.3.1 a key is not empty"),
    (&["z=1", "a=2,m=3"], Some("z=1,a=2,m=3"), "3.5 the order of other members is kept"),
];

#[wasm_bindgen_test(unsupported = test)]
fn reads_tracestate_by_the_rules_of_the_specification() {
    for (lines, sent_on, rule) in TRACESTATES {
        assert_eq!(state_sent_on(lines).as_deref(), *sent_on, "{lines:?}: {rule}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_list_of_32_members_is_kept_and_one_of_33_dropped() {
    let list = |members: usize| (0..members).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    assert_eq!(state_sent_on(&[&list(32)]), Some(list(32)));
    assert_eq!(state_sent_on(&[&list(33)]), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_and_values_of_256_characters_are_the_longest() {
    let (long, longer) = ("x".repeat(256), "x".repeat(257));
    assert!(state_sent_on(&[&format!("{long}={long}")]).is_some());
    assert_eq!(state_sent_on(&[&format!("{longer}=1")]), None);
    assert_eq!(state_sent_on(&[&format!("a={longer}")]), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn our_member_goes_left_most_and_pushes_out_the_right_most_of_32() {
    let list = (0..32).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let mut state = TraceState::parse([list.as_bytes()].into_iter());
    state.path = Some(PathSoFar::begin("gateway"));
    let sent = state.to_header().unwrap();
    assert!(sent.starts_with("tl=d:1;p:gateway,k0=v,"), "{sent}");
    assert!(sent.ends_with(",k30=v"), "{sent}");
    assert_eq!(TraceState::parse([sent.as_bytes()].into_iter()).path, state.path);
}

/// Level 2, section 3.5: a modified member moves to the left, the others keep their order.
#[wasm_bindgen_test(unsupported = test)]
fn our_member_moves_to_the_left_when_it_changes() {
    let mut state = TraceState::parse([&b"a=1,tl=d:1;p:gateway,b=2"[..]].into_iter());
    state.path = state.path.map(|path| path.then("cart"));
    assert_eq!(state.to_header().unwrap(), "tl=d:2;p:gateway>cart,a=1,b=2");
}

/// Level 2, section 3.3.1.5: at least 512 characters go on; we never cut, so all of the longest list do.
#[wasm_bindgen_test(unsupported = test)]
fn a_list_of_any_legal_length_goes_on_whole() {
    let part = "x".repeat(254);
    let list = (10..42).map(|n| format!("{n}{part}={part}")).collect::<Vec<_>>().join(",");
    assert!(list.len() > 16_000);
    assert_eq!(state_sent_on(&[&list]), Some(list));
}

/// Level 2, section 3.3: a bad tracestate leaves the traceparent valid; a bad traceparent silences the tracestate.
#[wasm_bindgen_test(unsupported = test)]
fn the_two_headers_fail_apart() {
    let Extracted::Found(context) = extracted(&[VALID], &["=junk="]) else {
        panic!("the traceparent is valid")
    };
    assert_eq!((context.to_traceparent().as_str(), context.state.to_header()), (VALID, None));
    assert!(matches!(extracted(&["00-junk"], &["a=1"]), Extracted::Malformed(_)));
}

/// Level 2, section 3.2.2.5.2: a trace that begins with random ids says so.
#[wasm_bindgen_test(unsupported = test)]
fn a_new_trace_is_random_whether_it_is_recorded_or_not() {
    let flags = TraceFlags::new_sampled_trace();
    assert_eq!((flags.bits(), flags.not_sampled().bits(), flags.not_sampled().sampled().bits()), (3, 2, 3));
}

fn member_value(path: &PathSoFar) -> String {
    let mut value = String::new();
    path.push_member_value(&mut value);
    value
}

#[wasm_bindgen_test(unsupported = test)]
fn the_path_grows_by_one_name_a_hop() {
    let path = PathSoFar::begin("gateway").then("frontend").then("cart");
    assert_eq!((path.depth(), path.names()), (3, "gateway>frontend>cart"));
    assert_eq!(PathSoFar::from_member_value(&member_value(&path)), Some(path));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_long_path_keeps_its_ends_its_depth_and_its_limit() {
    let name = |n: usize| format!("service-with-quite-a-long-name-{n}");
    let path = (1..40).fold(PathSoFar::begin(&name(0)), |path, n| path.then(&name(n)));
    assert_eq!(path.depth(), 40);
    let value = member_value(&path);
    assert!(value.len() <= MAX_PATH_CHARS, "{value}");
    assert_eq!(value.len(), path.member_value_length(), "{value}");
    assert!(path.names().starts_with(&format!("{}>..>", name(0))), "{}", path.names());
    assert!(path.names().ends_with(&name(39)), "{}", path.names());
}

#[wasm_bindgen_test(unsupported = test)]
fn names_are_made_legal_and_foreign_members_are_not_taken_for_paths() {
    assert_eq!(PathSoFar::begin("a b,c=d>é").names(), "a_b_c_d__");
    assert_eq!(PathSoFar::begin("").names(), "unknown");
    for value in [
        "",
        "d:0;p:a",
        "d:x;p:a",
        "d:1;p:",
        "d:1;p:a>>b",
        "p:a;d:1",
        "d:99999999999;p:a",
        "d:+5;p:a",
        "d:1;p:a\"b",
        "d:1;p:a b",
    ] {
        assert_eq!(PathSoFar::from_member_value(value), None, "{value}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn no_bytes_are_ever_passed_on_malformed() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..20_000 {
        let mut value = VALID.as_bytes().to_vec();
        for _ in 0..random() % 3 {
            let at = random() as usize % value.len();
            value[at] = random() as u8;
        }
        value.truncate((random() % 60) as usize);
        let state: Vec<u8> =
            (0..random() % 40).map(|_| b"ab=,;> \xff\x00z1"[random() as usize % 11]).collect();
        if let Extracted::Found(context) =
            extract([value.as_slice()].into_iter(), [state.as_slice()].into_iter())
        {
            assert!(traceparent::parse(context.to_traceparent().as_bytes()).is_ok());
            let sent = context.state.to_header();
            let again = TraceState::parse(sent.iter().map(String::as_bytes));
            assert_eq!(again, context.state, "{:?}", String::from_utf8_lossy(&state));
        }
    }
}
