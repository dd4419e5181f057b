//! What each test means, as a table.

use throughline_model::span::{Attribute, Value};

use super::*;
use crate::store::contract::span;

fn sample() -> Span {
    let attribute = |key: &str, value: Value| Attribute { key: key.to_owned(), value };
    Span {
        attributes: vec![
            attribute("http.response.status_code", Value::Int(503)),
            attribute("ratio", Value::Double(0.5)),
            attribute("retried", Value::Bool(true)),
            attribute("url.path", Value::Text("/cart/7".to_owned())),
            attribute("hosts", Value::List(vec![])),
        ],
        ..span(1, 1, "cart", 100)
    }
}

fn holds(field: Field, test: Test) -> bool {
    Condition::Field(field, test).matches(&sample())
}

fn of_span(key: &str) -> Field {
    Field::Attribute(Scope::Span, key.to_owned())
}

#[test]
fn values_compare_with_values_of_their_type_only() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let status = || of_span("http.response.status_code");
    let text = |text: &str| Value::Text(text.to_owned());
    for (comparison, value, expected) in [
        (Equal, Value::Int(503), true),
        (Equal, Value::Double(503.0), true),
        (Equal, text("503"), false),
        (NotEqual, Value::Int(200), true),
        (NotEqual, text("200"), false),
        (Less, Value::Int(503), false),
        (LessOrEqual, Value::Int(503), true),
        (Greater, Value::Double(502.5), true),
        (GreaterOrEqual, Value::Int(504), false),
    ] {
        assert_eq!(holds(status(), Test::Is(comparison, value)), expected);
    }
    assert!(holds(of_span("ratio"), Test::Is(Less, Value::Int(1))));
    assert!(!holds(of_span("ratio"), Test::Is(Equal, Value::Double(f64::NAN))));
    assert!(holds(of_span("retried"), Test::Is(Equal, Value::Bool(true))));
    assert!(holds(of_span("url.path"), Test::Is(Greater, text("/a"))));
    assert!(!holds(of_span("hosts"), Test::Is(Equal, Value::List(vec![]))));
}

#[test]
fn nothing_compares_with_what_is_not_there() {
    assert!(holds(of_span("nowhere"), Test::Absent));
    assert!(!holds(of_span("nowhere"), Test::Exists));
    assert!(!holds(of_span("nowhere"), Test::Is(Comparison::NotEqual, Value::Int(1))));
    assert!(!holds(of_span("nowhere"), Test::DoesNotMatch(Pattern::whole("x").unwrap())));
    assert!(holds(of_span("hosts"), Test::Exists));
    assert!(!holds(of_span("hosts"), Test::Absent));
    assert!(holds(Field::StatusMessage, Test::Absent));
}

#[test]
fn tags_are_compared_as_they_are_written() {
    for (key, wanted, expected) in [
        ("http.response.status_code", "503", true),
        ("http.response.status_code", "50", false),
        ("retried", "true", true),
        ("ratio", "0.5", true),
        ("url.path", "/cart/7", true),
    ] {
        assert_eq!(holds(of_span(key), Test::Reads(wanted.to_owned())), expected);
    }
}

#[test]
fn a_whole_pattern_is_anchored_and_a_bad_one_is_refused() {
    assert!(!holds(of_span("url.path"), Test::Matches(Pattern::whole("/cart").unwrap())));
    assert!(holds(of_span("url.path"), Test::Matches(Pattern::whole("/cart/.*|x").unwrap())));
    assert!(holds(of_span("url.path"), Test::Matches(Pattern::found_in("cart").unwrap())));
    assert!(holds(of_span("url.path"), Test::DoesNotMatch(Pattern::found_in("pay").unwrap())));
    for bad in ["(", "a)(b", "x{1000000}", "(?:a{100}){100}", &"x".repeat(2_000)] {
        assert!(Pattern::whole(bad).is_err(), "{bad}");
    }
}

#[test]
fn scopes_look_where_they_say() {
    for (scope, key, expected) in [
        (Scope::Span, "service.name", false),
        (Scope::Resource, "service.name", true),
        (Scope::Any, "service.name", true),
        (Scope::Resource, "ratio", false),
        (Scope::Any, "ratio", true),
    ] {
        assert_eq!(holds(Field::Attribute(scope, key.to_owned()), Test::Exists), expected);
    }
}

#[test]
fn conditions_combine() {
    let kind =
        |name: &str| Condition::Field(Field::Kind, Test::Is(Comparison::Equal, Value::Text(name.to_owned())));
    let root = Condition::Field(Field::IsRoot, Test::Is(Comparison::Equal, Value::Bool(true)));
    for (condition, expected) in [
        (Condition::AllOf(vec![]), true),
        (Condition::AnyOf(vec![]), false),
        (Condition::AllOf(vec![kind("server"), root.clone()]), true),
        (Condition::AllOf(vec![kind("client"), root.clone()]), false),
        (Condition::AnyOf(vec![kind("client"), root]), true),
        (Condition::Not(Box::new(kind("client"))), true),
    ] {
        assert_eq!(condition.matches(&sample()), expected, "{condition:?}");
    }
}
