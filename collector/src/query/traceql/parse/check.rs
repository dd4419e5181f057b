//! What can be known to be wrong before a query runs.

use super::super::SyntaxError;
use super::super::field::Intrinsic;
use super::super::operand::Operand;
use super::super::syntax::{Binary, Expression, Field};
use crate::store::Pattern;

/// The kind of a value, where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Truth,
    Number,
    Text,
    Status,
    Role,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Truth => "a truth value",
            Self::Number => "a number or a duration",
            Self::Text => "a text",
            Self::Status => "a status",
            Self::Role => "a span kind",
        }
    }
}

fn kind_of(expression: &Expression) -> Option<Kind> {
    match expression {
        Expression::Literal(operand) => match operand {
            Operand::Bool(_) => Some(Kind::Truth),
            Operand::Int(_) | Operand::Float(_) => Some(Kind::Number),
            Operand::Text(_) => Some(Kind::Text),
            Operand::Status(_) => Some(Kind::Status),
            Operand::Kind(_) => Some(Kind::Role),
            Operand::Nil | Operand::Any(_) => None,
        },
        Expression::Field(Field::Intrinsic(intrinsic)) => Some(of_intrinsic(*intrinsic)),
        Expression::Field(Field::Attribute { .. }) => None,
        Expression::Aggregate(..) | Expression::Negative(_) => Some(Kind::Number),
        Expression::Not(_) | Expression::Match { .. } | Expression::Exists { .. } => Some(Kind::Truth),
        Expression::Binary(_, operator, _) => {
            Some(if operator.gives_truth() { Kind::Truth } else { Kind::Number })
        }
    }
}

fn of_intrinsic(intrinsic: Intrinsic) -> Kind {
    match intrinsic {
        Intrinsic::Status => Kind::Status,
        Intrinsic::Kind => Kind::Role,
        Intrinsic::TraceComplete => Kind::Truth,
        Intrinsic::Duration
        | Intrinsic::SelfDuration
        | Intrinsic::Level
        | Intrinsic::ChildCount
        | Intrinsic::NestedSetParent
        | Intrinsic::TraceDuration
        | Intrinsic::TraceDepth
        | Intrinsic::TraceHops
        | Intrinsic::TraceSpans
        | Intrinsic::TraceErrors => Kind::Number,
        _ => Kind::Text,
    }
}

/// What stands in braces must be able to hold or not.
pub(super) fn is_truth(condition: &Expression, column: usize) -> Result<(), SyntaxError> {
    match kind_of(condition) {
        None | Some(Kind::Truth) => Ok(()),
        Some(other) => {
            let message = format!("{} is no condition: compare it, such as `duration > 100ms`", other.name());
            Err(SyntaxError::new(column, message))
        }
    }
}

/// Whether an expression of a stage holds or not.
pub(super) fn is_comparison(expression: &Expression) -> bool {
    matches!(expression, Expression::Binary(_, operator, _) if operator.gives_truth())
}

/// Refuses an operator between values that can never fit.
pub(super) fn compares(
    left: &Expression,
    operator: Binary,
    right: &Expression,
    column: usize,
) -> Result<(), SyntaxError> {
    let (left, right) = (kind_of(left), kind_of(right));
    let wanted = match operator {
        Binary::And | Binary::Or => Some(Kind::Truth),
        _ if !operator.gives_truth() => Some(Kind::Number),
        _ => None,
    };
    if let Some(wanted) = wanted {
        return match [left, right].into_iter().flatten().find(|kind| *kind != wanted) {
            None => Ok(()),
            Some(other) => {
                let message =
                    format!("the operator needs {} on both sides, not {}", wanted.name(), other.name());
                Err(SyntaxError::new(column, message))
            }
        };
    }
    match left.zip(right) {
        Some((left, right)) if left != right => {
            let message = format!("{} never compares with {}", left.name(), right.name());
            Err(SyntaxError::new(column, message))
        }
        _ => Ok(()),
    }
}

/// Expressions match a whole text, as in Tempo.
pub(super) fn compile(pattern: &str) -> Result<Pattern, String> {
    Pattern::whole(pattern).map_err(|error| {
        let reason: String = error.to_string().chars().take(200).collect();
        format!("the regular expression is not usable: {reason}")
    })
}

/// The nearest of some names, in words.
pub(super) fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let name: String = name.chars().take(64).collect();
    let nearest = known.into_iter().min_by_key(|candidate| strsim::damerau_levenshtein(&name, candidate));
    nearest.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`?"))
}
