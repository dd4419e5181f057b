//! A condition of the language as one for the store, where the store can tell.

use throughline_model::attribute::LINK_KIND;
use throughline_model::span::Value;

use super::simple;
use crate::query::find::narrow::{is, passes, reads, with_derived};
use crate::query::traceql::field::Intrinsic;
use crate::query::traceql::operand::Operand;
use crate::query::traceql::syntax::{Bearer, Binary, Expression, Field, Scope};
use crate::store::{self, Comparison, Condition, Test};

/// `None` where the store cannot tell; else every span that satisfies the expression satisfies this.
pub(super) fn of(expression: &Expression) -> Option<Condition> {
    match expression {
        Expression::Binary(left, Binary::And, right) => match (of(left), of(right)) {
            (Some(left), Some(right)) => Some(Condition::AllOf(vec![left, right])),
            (left, right) => left.or(right),
        },
        Expression::Binary(left, Binary::Or, right) => Some(Condition::AnyOf(vec![of(left)?, of(right)?])),
        Expression::Exists { subject, wanted: true } | Expression::Match { subject, wanted: false, .. } => {
            attribute(field_of(subject)?, &[Test::Exists])
        }
        Expression::Match { subject, regex, wanted: true } => match field_of(subject)? {
            Field::Intrinsic(Intrinsic::Name) => {
                Some(Condition::Field(store::Field::Name, Test::Matches(regex.clone())))
            }
            field => attribute(field, &[Test::Matches(regex.clone()), is_number()]),
        },
        _ => {
            let (field, operator, value) = simple(expression)?;
            compare(field, operator, value)
        }
    }
}

fn field_of(expression: &Expression) -> Option<&Field> {
    match expression {
        Expression::Field(field) => Some(field),
        _ => None,
    }
}

fn compare(field: &Field, operator: Binary, value: &Operand<'_>) -> Option<Condition> {
    let comparison = comparison(operator)?;
    if let Field::Intrinsic(intrinsic) = field {
        return match (intrinsic, operator, value) {
            (Intrinsic::Kind, Binary::Equal, Operand::Kind(kind)) => {
                Some(is(store::Field::Kind, kind.as_str()))
            }
            (Intrinsic::Status, Binary::Equal, Operand::Status(status)) => {
                Some(is(store::Field::Status, status.as_str()))
            }
            (Intrinsic::LinkKind, Binary::Equal, Operand::Text(text)) => {
                Some(reads(store::Scope::Span, LINK_KIND, text))
            }
            (Intrinsic::NestedSetParent, Binary::Less, Operand::Int(0)) => {
                let is_true = Test::Is(Comparison::Equal, Value::Bool(true));
                Some(Condition::Field(store::Field::IsRoot, is_true))
            }
            _ => None,
        };
    }
    match value {
        Operand::Text(text) if operator == Binary::Equal => {
            let as_number =
                text.trim().parse().ok().map(|number| Test::Is(Comparison::Equal, Value::Double(number)));
            let tests: Vec<Test> = [Test::Reads(text.to_string())].into_iter().chain(as_number).collect();
            attribute(field, &tests)
        }
        Operand::Text(_) => attribute(field, &[Test::Exists]),
        Operand::Int(number) => attribute(field, &[Test::Is(comparison, Value::Int(*number)), is_text()]),
        Operand::Float(number) => {
            attribute(field, &[Test::Is(comparison, Value::Double(*number)), is_text()])
        }
        Operand::Bool(truth) => attribute(field, &[Test::Is(comparison, Value::Bool(*truth))]),
        Operand::Nil | Operand::Status(_) | Operand::Kind(_) | Operand::Any(_) => None,
    }
}

fn comparison(operator: Binary) -> Option<Comparison> {
    Some(match operator {
        Binary::Equal => Comparison::Equal,
        Binary::NotEqual => Comparison::NotEqual,
        Binary::Less => Comparison::Less,
        Binary::LessOrEqual => Comparison::LessOrEqual,
        Binary::Greater => Comparison::Greater,
        Binary::GreaterOrEqual => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Any text: it may be a number in digits, which the language compares with numbers.
fn is_text() -> Test {
    Test::Is(Comparison::GreaterOrEqual, Value::Text(String::new()))
}

/// Any number: expressions match its digits.
fn is_number() -> Test {
    Test::Is(Comparison::LessOrEqual, Value::Double(f64::INFINITY))
}

/// An attribute passes one of the tests, wherever the language looks for it.
fn attribute(field: &Field, tests: &[Test]) -> Option<Condition> {
    let Field::Attribute { scope, key, of: Bearer::Span } = field else {
        return None;
    };
    let scopes: &[store::Scope] = match scope {
        Scope::Any => &[store::Scope::Span, store::Scope::Resource],
        Scope::Span => &[store::Scope::Span],
        Scope::Resource => &[store::Scope::Resource],
        Scope::Event | Scope::Link => return None,
    };
    let mut any = Vec::new();
    for test in tests {
        let own = scopes.iter().map(|scope| passes(*scope, key, test.clone())).collect();
        any.push(match scope {
            Scope::Resource => Condition::AnyOf(own),
            _ => with_derived(key, Condition::AnyOf(own), test.clone())?,
        });
    }
    Some(Condition::AnyOf(any))
}
