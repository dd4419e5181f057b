//! Conditions for the store that let every match through: what a store cannot see, it must not refuse.

use throughline_model::span::Value;

use crate::query::envoy_tags::{self, Origin};
use crate::store::{Comparison, Condition, Field, Scope, Test};

/// A text field has exactly this value.
pub(in crate::query) fn is(field: Field, text: &str) -> Condition {
    Condition::Field(field, Test::Is(Comparison::Equal, Value::Text(text.to_owned())))
}

/// An attribute reads so, or is a list, of which an element may.
pub(in crate::query) fn reads(scope: Scope, key: &str, wanted: &str) -> Condition {
    passes(scope, key, Test::Reads(wanted.to_owned()))
}

/// The same of the span or its resource, or of what a tag with this name is derived from. `None`: no store can tell.
pub(in crate::query) fn any_reads(key: &str, wanted: &str) -> Option<Condition> {
    let test = |_: ()| Test::Reads(wanted.to_owned());
    let either = [Scope::Span, Scope::Resource].map(|scope| passes(scope, key, test(())));
    with_derived(key, Condition::AnyOf(either.to_vec()), test(()))
}

/// A condition on a key, or the test on what a tag with this name is derived from.
pub(in crate::query) fn with_derived(key: &str, own: Condition, test: Test) -> Option<Condition> {
    let (scope, source) = match envoy_tags::origin(key) {
        Origin::Nowhere => return Some(own),
        Origin::Span(source) => (Scope::Span, source),
        Origin::Resource(source) => (Scope::Resource, source),
        Origin::Made => return None,
    };
    Some(Condition::AnyOf(vec![own, passes(scope, source, test)]))
}

/// An attribute passes a test, or is of a kind that stores compare with nothing.
pub(in crate::query) fn passes(scope: Scope, key: &str, test: Test) -> Condition {
    let field = || Field::Attribute(scope, key.to_owned());
    let compares = |comparison, value| Condition::Field(field(), Test::Is(comparison, value));
    let is_plain = Condition::AnyOf(vec![
        compares(Comparison::GreaterOrEqual, Value::Text(String::new())),
        compares(Comparison::LessOrEqual, Value::Double(f64::INFINITY)),
        compares(Comparison::LessOrEqual, Value::Bool(true)),
    ]);
    let is_other =
        Condition::AllOf(vec![Condition::Field(field(), Test::Exists), Condition::Not(Box::new(is_plain))]);
    Condition::AnyOf(vec![Condition::Field(field(), test), is_other])
}
