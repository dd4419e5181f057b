//! The part of the contract about conditions, and about the values that occur.

use std::sync::Arc;

use throughline_model::span::{Attribute, Span, SpanKind, Value};

use super::{Store, keep, run, span, trace_id};
use crate::store::{Budget, Comparison, Condition, Field, Found, Pattern, Scope, SpanFilter, Test, ValuesOf};

pub(super) async fn check_all<S: Store>(make: &impl Fn() -> Arc<S>) {
    run(make, searches_by_attributes_with_and_without_a_column).await;
    run(make, searches_by_kind_and_by_combined_conditions).await;
    run(make, lists_values_and_keys).await;
}

fn with(span: Span, attributes: &[(&str, Value)]) -> Span {
    let attributes = attributes
        .iter()
        .map(|(key, value)| Attribute { key: (*key).to_owned(), value: value.clone() })
        .collect();
    Span { attributes, ..span }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

async fn fill(store: &dyn Store) {
    let (depth, status) = ("throughline.depth", "http.response.status_code");
    for sent in [
        with(
            span(1, 1, "cart", 100),
            &[(depth, Value::Int(1)), ("team", text("blue")), (status, Value::Int(200))],
        ),
        with(
            Span { kind: SpanKind::Client, ..span(2, 1, "cart", 200) },
            &[("throughline.link.kind", text("sole")), (depth, Value::Int(2)), (status, text("503"))],
        ),
        with(span(3, 1, "payment", 300), &[("team", text("red")), ("amount", Value::Double(9.5))]),
    ] {
        keep(store, vec![sent]).await;
    }
}

fn check(store: &dyn Store, conditions: Vec<Condition>, expected: &[u64]) {
    let filter = SpanFilter { conditions, ..SpanFilter::default() };
    let expected: Vec<_> = expected.iter().map(|number| trace_id(*number)).collect();
    assert_eq!(store.search(&filter, 10).unwrap(), expected, "{filter:?}");
}

fn own(key: &str, test: Test) -> Condition {
    Condition::Field(Field::Attribute(Scope::Span, key.to_owned()), test)
}

async fn searches_by_attributes_with_and_without_a_column(store: Arc<dyn Store>) {
    fill(&*store).await;
    use Comparison::{Equal, GreaterOrEqual, NotEqual};
    let is = |comparison, value| Test::Is(comparison, value);
    for (key, test, expected) in [
        ("team", is(Equal, text("blue")), vec![1]),
        ("team", is(NotEqual, text("blue")), vec![3]),
        ("team", Test::Exists, vec![3, 1]),
        ("team", Test::Absent, vec![2]),
        ("team", Test::Matches(Pattern::whole("b.*|r.*").unwrap()), vec![3, 1]),
        ("amount", is(GreaterOrEqual, Value::Int(9)), vec![3]),
        ("throughline.link.kind", is(Equal, text("sole")), vec![2]),
        ("throughline.depth", is(GreaterOrEqual, Value::Int(2)), vec![2]),
        ("throughline.depth", Test::Exists, vec![2, 1]),
        // One status is a text, which a column of integers cannot hold.
        ("http.response.status_code", is(Equal, Value::Int(200)), vec![1]),
        ("http.response.status_code", is(Equal, text("503")), vec![2]),
        ("http.response.status_code", Test::Reads("503".to_owned()), vec![2]),
        ("http.response.status_code", Test::Exists, vec![2, 1]),
        ("service.name", Test::Exists, vec![]),
    ] {
        check(&*store, vec![own(key, test)], &expected);
    }
    let of_resource =
        |scope| Condition::Field(Field::Attribute(scope, "service.name".to_owned()), Test::Exists);
    check(&*store, vec![of_resource(Scope::Resource)], &[3, 2, 1]);
    check(&*store, vec![of_resource(Scope::Any)], &[3, 2, 1]);
}

async fn searches_by_kind_and_by_combined_conditions(store: Arc<dyn Store>) {
    fill(&*store).await;
    let kind = |name| Condition::Field(Field::Kind, Test::Is(Comparison::Equal, text(name)));
    let blue = || own("team", Test::Is(Comparison::Equal, text("blue")));
    for (conditions, expected) in [
        (vec![kind("client")], vec![2]),
        (vec![kind("server"), blue()], vec![1]),
        (vec![kind("client"), blue()], vec![]),
        (vec![Condition::AnyOf(vec![kind("client"), blue()])], vec![2, 1]),
        (vec![Condition::Not(Box::new(blue()))], vec![3, 2]),
        (vec![Condition::AllOf(vec![])], vec![3, 2, 1]),
        (vec![Condition::AnyOf(vec![])], vec![]),
    ] {
        check(&*store, conditions, &expected);
    }
}

async fn lists_values_and_keys(store: Arc<dyn Store>) {
    fill(&*store).await;
    let list = |of: &ValuesOf, filter: &SpanFilter, limit| {
        store.values(of, filter, limit, &Budget::unlimited()).unwrap()
    };
    let all = SpanFilter::default();
    let own = |key: &str| ValuesOf::Field(Field::Attribute(Scope::Span, key.to_owned()));
    for (of, expected) in [
        (ValuesOf::Field(Field::Service), vec!["cart", "payment"]),
        (ValuesOf::Field(Field::Name), vec!["GET"]),
        (own("team"), vec!["blue", "red"]),
        (own("http.response.status_code"), vec!["200", "503"]),
        (own("nowhere"), vec![]),
        (ValuesOf::Keys(Scope::Resource), vec!["service.name"]),
        (
            ValuesOf::Keys(Scope::Span),
            vec!["amount", "http.response.status_code", "team", "throughline.depth", "throughline.link.kind"],
        ),
    ] {
        let found = list(&of, &all, 10);
        assert_eq!(found.items, expected, "{of:?}");
        assert!(found.is_complete);
    }
    let of_payment = SpanFilter { service: Some("payment".to_owned()), ..all.clone() };
    assert_eq!(
        list(&own("team"), &of_payment, 10),
        Found { items: vec!["red".to_owned()], is_complete: true }
    );
    let cut = list(&own("team"), &all, 1);
    assert_eq!((cut.items.len(), cut.is_complete), (1, false));
}
