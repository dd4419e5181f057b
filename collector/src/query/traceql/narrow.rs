//! What a store can look for: conditions that some span of every matching trace satisfies.

mod conditions;

use throughline_model::attribute::SERVICE_NAME;
use throughline_model::span::StatusCode;

use super::Query;
use super::field::Intrinsic;
use super::operand::Operand;
use super::syntax::{Bearer, Binary, Expression, Field, Mode, Scope, Spansets, Stage};
use crate::store::SpanFilter;

impl Query {
    /// A filter that a span of every trace which this query finds matches; it may let others through.
    pub(in crate::query) fn filter(&self) -> SpanFilter {
        match self.stages.first() {
            Some(Stage::Spansets(spansets)) => of_spansets(spansets),
            _ => SpanFilter::default(),
        }
    }
}

fn of_spansets(spansets: &Spansets) -> SpanFilter {
    let mut filter = SpanFilter::default();
    match spansets {
        Spansets::Filter(None) | Spansets::Either(..) => {}
        Spansets::Filter(Some(condition)) => narrow(&mut filter, condition),
        Spansets::Pipeline(stages) => {
            if let Some(Stage::Spansets(first)) = stages.first() {
                return of_spansets(first);
            }
        }
        // A span of each side takes part: the side that says more finds faster.
        Spansets::Both(left, right) => return stricter(of_spansets(left), of_spansets(right)),
        Spansets::Related(left, structure, right) => {
            let right = of_spansets(right);
            // A span that stands in no relation needs no left side.
            return if structure.mode == Mode::Not { right } else { stricter(of_spansets(left), right) };
        }
    }
    filter
}

fn stricter(left: SpanFilter, right: SpanFilter) -> SpanFilter {
    let weight = |filter: &SpanFilter| {
        let bounds = [
            filter.operation.is_some(),
            filter.service.is_some(),
            filter.errors_only,
            filter.min_duration_ns.is_some(),
            filter.max_duration_ns.is_some(),
        ];
        bounds.into_iter().filter(|is_set| *is_set).count() * 2 + filter.conditions.len()
    };
    if weight(&left) > weight(&right) { left } else { right }
}

fn narrow(filter: &mut SpanFilter, condition: &Expression) {
    if let Expression::Binary(left, Binary::And, right) = condition {
        narrow(filter, left);
        narrow(filter, right);
        return;
    }
    if let Some((field, operator, value)) = simple(condition) {
        match (field, operator, value) {
            (Field::Intrinsic(Intrinsic::Name), Binary::Equal, Operand::Text(text)) => {
                filter.operation = Some(text.to_string());
                return;
            }
            (Field::Intrinsic(Intrinsic::Status), Binary::Equal, Operand::Status(StatusCode::Error)) => {
                filter.errors_only = true;
                return;
            }
            (Field::Intrinsic(Intrinsic::Duration), operator, value) => {
                narrow_duration(filter, operator, value);
                return;
            }
            (
                Field::Attribute { scope: Scope::Resource, key, of: Bearer::Span },
                Binary::Equal,
                Operand::Text(text),
            ) if key == SERVICE_NAME => {
                filter.service = Some(text.to_string());
                return;
            }
            _ => {}
        }
    }
    filter.conditions.extend(conditions::of(condition));
}

/// A comparison of a field with a literal, the field first.
fn simple(condition: &Expression) -> Option<(&Field, Binary, &Operand<'static>)> {
    let Expression::Binary(left, operator, right) = condition else {
        return None;
    };
    match (left.as_ref(), right.as_ref()) {
        (Expression::Field(field), Expression::Literal(value)) => Some((field, *operator, value)),
        (Expression::Literal(value), Expression::Field(field)) => Some((field, mirrored(*operator), value)),
        _ => None,
    }
}

fn narrow_duration(filter: &mut SpanFilter, operator: Binary, value: &Operand<'_>) {
    let (low, high) = match value {
        Operand::Int(bound_ns) if *bound_ns >= 0 => (bound_ns.unsigned_abs(), bound_ns.unsigned_abs()),
        Operand::Float(bound_ns) if *bound_ns >= 0.0 => (bound_ns.floor() as u64, bound_ns.ceil() as u64),
        _ => return,
    };
    if matches!(operator, Binary::Greater | Binary::GreaterOrEqual | Binary::Equal) {
        filter.min_duration_ns = Some(filter.min_duration_ns.map_or(low, |known| known.max(low)));
    }
    if matches!(operator, Binary::Less | Binary::LessOrEqual | Binary::Equal) {
        filter.max_duration_ns = Some(filter.max_duration_ns.map_or(high, |known| known.min(high)));
    }
}

/// `5 < duration` is `duration > 5`.
fn mirrored(operator: Binary) -> Binary {
    match operator {
        Binary::Less => Binary::Greater,
        Binary::LessOrEqual => Binary::GreaterOrEqual,
        Binary::Greater => Binary::Less,
        Binary::GreaterOrEqual => Binary::LessOrEqual,
        same => same,
    }
}
