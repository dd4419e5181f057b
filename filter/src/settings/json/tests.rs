//! What is read, what is refused, and what a number is worth.

use super::*;

fn shown(written: &str) -> Result<String, String> {
    Json::parse(written.as_bytes()).map(|value| value.to_string())
}

#[test]
fn every_kind_of_value_is_read_and_shown_again() {
    let written =
        r#" {"a":[1,-2.5e3,true,false,null],"b":{"c":"x \"y\" \\ z\nw"},"d":"\u0041\u0007","e":{},"f":[]} "#;
    let again = r#"{"a":[1,-2.5e3,true,false,null],"b":{"c":"x \"y\" \\ z\nw"},"d":"A�","e":{},"f":[]}"#;
    assert_eq!(shown(written).unwrap(), again);
    for single in ["3", "\"x\"", "null", "[]"] {
        assert_eq!(shown(single).unwrap(), single);
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let deep = "[".repeat(40) + &"]".repeat(40);
    let texts =
        ["", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "nul", "01", "1 2", "\"\\x\"", "{'a':1}", "\u{7f}", &deep];
    for text in texts {
        assert!(shown(text).is_err(), "{text} was read as {:?}", shown(text));
    }
    assert!(Json::parse(b"\"\xff\"").is_err());
    assert!(Json::parse(b"{\"a\": \xff}").is_err());
}

#[test]
fn of_two_members_with_one_name_the_last_counts() {
    let object = Json::parse(br#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
    assert_eq!(member(object.as_object().unwrap(), "a"), Some(&Json::Number("3".to_owned())));
    assert_eq!(member(object.as_object().unwrap(), "c"), None);
}

#[test]
fn numbers_are_what_the_standard_library_makes_of_them() {
    let whole = |text: &str| Json::Number(text.to_owned()).as_whole();
    assert_eq!(whole("18446744073709551615"), Some(u64::MAX));
    assert_eq!([whole("18446744073709551616"), whole("-1"), whole("1.0"), whole("1e1")], [None; 4]);
    let texts = [
        "0",
        "1",
        "0.5",
        "0.1",
        "0.01",
        "1e-3",
        "1E-3",
        "25e-2",
        "1.0",
        "100e-2",
        "0.1e+1",
        "-0",
        "0.000",
        "0.123456789012345",
        "0.333333333333333",
        "0.00000000000000000001",
        "10000000000e-10",
        "1e-999",
        "0e999",
    ];
    for text in texts {
        let expected: f64 = text.parse().unwrap();
        assert_eq!(Json::Number(text.to_owned()).as_fraction(), Some(expected), "{text}");
    }
    let tiny = Json::Number("1e-30".to_owned()).as_fraction().unwrap();
    assert!((tiny - 1e-30).abs() < 1e-44);
    let long = Json::Number("0.12345678901234567890123".to_owned()).as_fraction().unwrap();
    assert!((long - 0.123_456_789_012_345_68).abs() < 1e-15);
    for text in ["1.1", "2", "-0.1", "1e1", "1e999", "123456789012345678901234567890", "1e99999999999"] {
        assert_eq!(Json::Number(text.to_owned()).as_fraction(), None, "{text}");
    }
}
