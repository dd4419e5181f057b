//! Each kind of key: what is taken, what is a fault, and what is in force then.

use super::*;

const KEYS: [Key; 9] = [
    Key::new("on", Kind::Switch, "true", "a switch"),
    Key::new("size.items", Kind::Number { least: 1, most: 9 }, "5", "a number"),
    Key::new("size.share", Kind::Fraction, "0.5", "a fraction"),
    Key::new("name", Kind::Text { least: 1, most: 4 }, "\"abc\"", "a text"),
    Key::new("token", Kind::Secret { most: 8 }, "\"\"", "a secret"),
    Key::new("mode", Kind::Choice(&["slow", "fast"]), "\"slow\"", "a choice"),
    Key::new("formats", Kind::Choices(&["a", "b", "c"]), "[\"a\", \"b\"]", "choices"),
    Key::new("headers", Kind::HeaderNames { most: 2 }, "[]", "header names"),
    Key::new(
        "rules",
        Kind::Objects {
            most: 2,
            keys: &[
                Key::new("path", Kind::Text { least: 0, most: 9 }, "\"\"", "a path"),
                Key::new("rate", Kind::Fraction, "1", "a rate"),
            ],
        },
        "[]",
        "rules",
    ),
];

/// Everything that the reader gives, in one line, and the faults.
fn read(written: &str) -> (String, Vec<String>) {
    let mut reader = Reader::open(written.as_bytes(), KEYS.iter());
    let [on, items, share, name, token, mode, formats, headers, rules] = &KEYS;
    let Kind::Objects { keys: [path, rate], .. } = rules.kind else { panic!("rules are objects") };
    let values = format!(
        "{} {} {} {} {:?} {} {:?} {:?} {:?}",
        reader.switch(on),
        reader.number(items),
        reader.fraction(share),
        reader.text(name),
        reader.text(token),
        reader.choice(mode),
        reader.choices(formats),
        reader.header_names(headers),
        reader.objects(rules, |rule| (rule.text(path), rule.fraction(rate))),
    );
    (values, reader.into_faults())
}

const DEFAULTS: &str = r#"true 5 0.5 abc "" slow ["a", "b"] [] []"#;

#[test]
fn what_is_absent_has_its_default() {
    for written in ["", "  \n", "{}", r#"{"size": {}}"#] {
        assert_eq!(read(written), (DEFAULTS.to_owned(), Vec::new()), "{written}");
    }
}

#[test]
fn every_kind_is_read() {
    let written = r#"{"on": false, "size": {"items": 9, "share": 1}, "name": "x", "token": "T0k=",
        "mode": "fast", "formats": ["c", "a", "c"], "headers": ["X-One"], "rules": [{"path": "/a", "rate": 0.1}, {}]}"#;
    let expected = r#"false 9 1 x "T0k=" fast ["c", "a"] ["x-one"] [("/a", 0.1), ("", 1.0)]"#;
    assert_eq!(read(written), (expected.to_owned(), Vec::new()));
}

#[test]
fn every_fault_is_told_and_the_default_is_in_force() {
    let cases = [
        (r#"{"on": 1}"#, "`on` is 1, should be true or false"),
        (r#"{"size": {"items": 10}}"#, "`size.items` is 10, should be a whole number from 1 to 9"),
        (r#"{"size": {"items": -1}}"#, "`size.items` is -1, should be a whole number from 1 to 9"),
        (r#"{"size": {"share": 1.5}}"#, "`size.share` is 1.5, should be a number from 0 to 1"),
        (r#"{"size": 3}"#, "`size` is 3, should be an object"),
        (r#"{"name": ""}"#, "`name` is \"\", should be a text of 1 to 4 bytes"),
        (
            r#"{"token": "secret words"}"#,
            "`token` is not shown here, should be a text of at most 8 printable characters",
        ),
        (r#"{"mode": "off"}"#, "`mode` is \"off\", should be one of \"slow\", \"fast\""),
        (r#"{"formats": ["d"]}"#, "`formats` is [\"d\"], should be a list of some of \"a\", \"b\", \"c\""),
        (r#"{"headers": ["a b"]}"#, "`headers` is [\"a b\"], should be a list of at most 2 header names"),
        (r#"{"rules": [1]}"#, "`rules` is [1], should be a list of at most 2 objects"),
        (r#"{"moed": "fast"}"#, "unknown key `moed`: did you mean `mode`?"),
        (r#"{"size": {"itms": 1}}"#, "unknown key `size.itms`: did you mean `size.items`?"),
        (r#"{"size.items": 1}"#, "unknown key `size.items`: did you mean `size`?"),
    ];
    for (written, fault) in cases {
        assert_eq!(read(written), (DEFAULTS.to_owned(), vec![fault.to_owned()]), "{written}");
    }
}

#[test]
fn a_fault_inside_a_list_says_where() {
    let (values, faults) = read(r#"{"rules": [{"path": "/a"}, {"rate": 2, "pth": "/b"}], "on": 0}"#);
    assert_eq!(values, r#"true 5 0.5 abc "" slow ["a", "b"] [] [("/a", 1.0), ("", 1.0)]"#);
    let expected = [
        "`on` is 0, should be true or false",
        "unknown key `rules[1].pth`: did you mean `rules[1].path`?",
        "`rules[1].rate` is 2, should be a number from 0 to 1",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn what_is_no_json_object_is_told_and_survived() {
    let first_fault = |written: &str| {
        let (values, faults) = read(written);
        assert_eq!(values, DEFAULTS, "{written}");
        faults.first().cloned().unwrap_or_default()
    };
    assert!(first_fault("{").starts_with("the configuration is not JSON: "));
    assert!(first_fault("\u{0}").starts_with("the configuration is not JSON: "));
    assert!(first_fault("[1]").starts_with("the configuration is not a JSON object"));
    assert!(first_fault(&"[".repeat(100_000)).starts_with("the configuration is not JSON: "));
    let many = (0..100).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    assert_eq!(read(&format!("{{{many}}}")).1.len(), 20);
    assert!(first_fault(&format!("{{\"{}\": 1}}", "x".repeat(10_000))).len() < 200);
}
