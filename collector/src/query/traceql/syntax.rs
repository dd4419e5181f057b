//! What a query is made of.

use super::field::Intrinsic;
use super::operand::Operand;
use crate::store::Pattern;

/// One step of a pipeline.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Keeps the spans that an expression selects.
    Spansets(Spansets),
    /// Keeps the spansets for which a comparison of aggregates holds.
    Scalar(Expression),
    /// Divides each spanset by the value of an expression.
    By(Expression),
    /// Makes one spanset of all.
    Coalesce,
    /// Names fields that the answer shows.
    Select(Vec<Field>),
}

/// Selects spans.
#[derive(Clone, Debug)]
pub(super) enum Spansets {
    /// `{ ... }`; without a condition every span.
    Filter(Option<Expression>),
    /// A pipeline in parentheses.
    Pipeline(Vec<Stage>),
    /// `&&`: spans of both sides, when both sides have some.
    Both(Box<Spansets>, Box<Spansets>),
    /// `||`: spans of both sides, when one side has some.
    Either(Box<Spansets>, Box<Spansets>),
    /// Spans of the right side that stand in a relation to spans of the left side.
    Related(Box<Spansets>, Structure, Box<Spansets>),
}

/// A structural operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) relation: Relation,
    pub(super) mode: Mode,
}

/// Where the right span stands, seen from the left one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Child,
    Descendant,
    Parent,
    Ancestor,
    Sibling,
}

/// Which spans a structural operator gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Right spans in the relation.
    Plain,
    /// Right spans not in the relation.
    Not,
    /// Right spans in the relation, and the left spans they are related to.
    Union,
}

/// Something with a value.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Literal(Operand<'static>),
    Field(Field),
    Aggregate(Aggregate, Option<Box<Expression>>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary(Box<Expression>, Binary, Box<Expression>),
    /// `!= nil` and `= nil`.
    Exists {
        subject: Box<Expression>,
        wanted: bool,
    },
    /// `=~` and `!~`.
    Match {
        subject: Box<Expression>,
        regex: Pattern,
        wanted: bool,
    },
}

/// One number out of a spanset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    Avg,
    Min,
    Max,
    Sum,
}

impl Aggregate {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("count", Self::Count),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("sum", Self::Sum),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, aggregate)| *aggregate == self).map_or("", |(name, _)| name)
    }
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

impl Binary {
    pub(super) fn gives_truth(self) -> bool {
        !matches!(
            self,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder | Self::Power
        )
    }
}

/// Something a span has a value of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Intrinsic(Intrinsic),
    Attribute { scope: Scope, key: String, of: Bearer },
}

/// Whose attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    Span,
    ParentSpan,
}

/// Where an attribute is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The span's own attributes, then those of its resource.
    Any,
    Span,
    Resource,
    /// The attributes of its events, of which any may match.
    Event,
    /// The attributes of its span links, of which any may match.
    Link,
}

impl Field {
    /// How answers name it: without scope, as Tempo does.
    pub(super) fn answer_name(&self) -> String {
        match self {
            Self::Intrinsic(intrinsic) => intrinsic.name().to_owned(),
            Self::Attribute { key, .. } => key.clone(),
        }
    }
}

/// The fields of all conditions and selects, each once.
pub(super) fn collect_fields(stages: &[Stage], fields: &mut Vec<Field>) {
    for stage in stages {
        match stage {
            Stage::Spansets(spansets) => of_spansets(spansets, fields),
            Stage::Scalar(expression) | Stage::By(expression) => of_expression(expression, fields),
            Stage::Select(selected) => selected.iter().for_each(|field| push(field, fields)),
            Stage::Coalesce => {}
        }
    }
}

fn of_spansets(spansets: &Spansets, fields: &mut Vec<Field>) {
    match spansets {
        Spansets::Filter(condition) => {
            condition.iter().for_each(|expression| of_expression(expression, fields));
        }
        Spansets::Pipeline(stages) => collect_fields(stages, fields),
        Spansets::Both(left, right) | Spansets::Either(left, right) | Spansets::Related(left, _, right) => {
            of_spansets(left, fields);
            of_spansets(right, fields);
        }
    }
}

fn of_expression(expression: &Expression, fields: &mut Vec<Field>) {
    match expression {
        Expression::Literal(_) => {}
        Expression::Field(field) => push(field, fields),
        Expression::Aggregate(_, inner) => inner.iter().for_each(|inner| of_expression(inner, fields)),
        Expression::Not(inner) | Expression::Negative(inner) => of_expression(inner, fields),
        Expression::Match { subject, .. } | Expression::Exists { subject, .. } => {
            of_expression(subject, fields)
        }
        Expression::Binary(left, _, right) => {
            of_expression(left, fields);
            of_expression(right, fields);
        }
    }
}

fn push(field: &Field, fields: &mut Vec<Field>) {
    if !fields.contains(field) {
        fields.push(field.clone());
    }
}
