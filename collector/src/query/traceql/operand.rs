//! Values that expressions work with, and how they compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use throughline_model::span::{SpanKind, StatusCode, Value};

use super::syntax::Binary;

/// A value of a field, a literal or an expression.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::query) enum Operand<'a> {
    /// The span has no such thing; every comparison with it is false.
    Nil,
    Bool(bool),
    /// A whole number; durations are whole numbers of nanoseconds.
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Status(StatusCode),
    Kind(SpanKind),
    /// Several values, of which any may match.
    Any(Vec<Operand<'a>>),
}

impl<'a> Operand<'a> {
    /// Takes an attribute's value; maps and bytes have no place in the language.
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Float(*number),
            Value::List(values) => Self::Any(values.iter().map(Self::of).collect()),
            Value::Bytes(_) | Value::Map(_) => Self::Nil,
        }
    }

    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A duration or another number that cannot be negative.
    pub(super) fn count(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Bool(truth) => *truth,
            Self::Any(values) => values.iter().any(Self::is_true),
            _ => false,
        }
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }
}

/// Applies an operator that is neither `&&` nor `||`.
pub(super) fn apply<'a>(left: Operand<'a>, operator: Binary, right: Operand<'a>) -> Operand<'a> {
    if operator.gives_truth() {
        Operand::Bool(compare(&left, operator, &right))
    } else {
        calculate(&left, operator, &right)
    }
}

fn compare(left: &Operand<'_>, operator: Binary, right: &Operand<'_>) -> bool {
    match (left, right) {
        (Operand::Any(values), other) => values.iter().any(|value| compare(value, operator, other)),
        (other, Operand::Any(values)) => values.iter().any(|value| compare(other, operator, value)),
        _ => order(left, right).is_some_and(|order| holds(operator, order)),
    }
}

fn holds(operator: Binary, order: Ordering) -> bool {
    match operator {
        Binary::Equal => order == Ordering::Equal,
        Binary::NotEqual => order != Ordering::Equal,
        Binary::Less => order == Ordering::Less,
        Binary::LessOrEqual => order != Ordering::Greater,
        Binary::Greater => order == Ordering::Greater,
        Binary::GreaterOrEqual => order != Ordering::Less,
        _ => false,
    }
}

/// `None` where values of these kinds do not compare: then no comparison holds.
fn order(left: &Operand<'_>, right: &Operand<'_>) -> Option<Ordering> {
    match (left, right) {
        (Operand::Int(left), Operand::Int(right)) => Some(left.cmp(right)),
        (Operand::Bool(left), Operand::Bool(right)) => Some(left.cmp(right)),
        (Operand::Text(left), Operand::Text(right)) => Some(left.cmp(right)),
        (Operand::Status(left), Operand::Status(right)) => Some((*left as u8).cmp(&(*right as u8))),
        (Operand::Kind(left), Operand::Kind(right)) => Some(left.cmp(right)),
        // Proxies write numbers as text and as numbers; clients ask for `http.status_code = "200"`.
        (Operand::Text(text), number) => text.trim().parse::<f64>().ok()?.partial_cmp(&number.as_number()?),
        (number, Operand::Text(text)) => number.as_number()?.partial_cmp(&text.trim().parse::<f64>().ok()?),
        _ => left.as_number()?.partial_cmp(&right.as_number()?),
    }
}

fn calculate<'a>(left: &Operand<'a>, operator: Binary, right: &Operand<'a>) -> Operand<'a> {
    if let (Operand::Int(left), Operand::Int(right)) = (left, right)
        && let Some(exact) = calculate_exactly(*left, operator, *right)
    {
        return Operand::Int(exact);
    }
    let Some((left, right)) = left.as_number().zip(right.as_number()) else {
        return Operand::Nil;
    };
    Operand::Float(match operator {
        Binary::Add => left + right,
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide => left / right,
        Binary::Remainder => left % right,
        _ => left.powf(right),
    })
}

/// `None` where the result is no whole number of 64 bits.
fn calculate_exactly(left: i64, operator: Binary, right: i64) -> Option<i64> {
    match operator {
        Binary::Add => left.checked_add(right),
        Binary::Subtract => left.checked_sub(right),
        Binary::Multiply => left.checked_mul(right),
        Binary::Divide if left.checked_rem(right) == Some(0) => left.checked_div(right),
        Binary::Remainder => left.checked_rem(right),
        Binary::Power => left.checked_pow(u32::try_from(right).ok()?),
        _ => None,
    }
}
