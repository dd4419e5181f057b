//! Runs a query on one trace.

use std::borrow::Cow;

use super::Query;
use super::field::{self, View};
use super::operand::{self, Operand};
use super::structure::{relate, union};
use super::syntax::{Aggregate, Binary, Expression, Spansets, Stage};

/// Spans between two looks at whether to go on.
const SPANS_PER_LOOK: usize = 256;

/// Longer texts match no regular expression, so that the time for one span is bounded.
const MAX_MATCHED_BYTES: usize = 16 * 1024;

/// The question was withdrawn, or its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query) struct Interrupted;

/// Spans of one trace that were found together.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::query) struct Spanset {
    /// Places in the lifecycle, sorted.
    pub(in crate::query) spans: Vec<usize>,
    /// Aggregates that were compared and values that the set was divided by, by their names.
    pub(in crate::query) values: Vec<(String, Operand<'static>)>,
}

/// What a query found in one trace: at least one spanset with a span, or nothing.
pub(in crate::query) type Found = Vec<Spanset>;

impl Query {
    /// Runs on one trace. `may_go_on` is asked every few hundred spans.
    pub(in crate::query) fn run(
        &self,
        view: &View<'_>,
        may_go_on: &dyn Fn() -> bool,
    ) -> Result<Found, Interrupted> {
        let all = Spanset { spans: (0..view.len()).collect(), values: Vec::new() };
        Run { view, may_go_on }.pipeline(&self.stages, vec![all])
    }
}

struct Run<'r, 'a> {
    view: &'r View<'a>,
    may_go_on: &'r dyn Fn() -> bool,
}

impl<'a> Run<'_, 'a> {
    fn pipeline(&self, stages: &[Stage], mut sets: Found) -> Result<Found, Interrupted> {
        for stage in stages {
            sets = self.stage(stage, sets)?;
            sets.retain(|set| !set.spans.is_empty());
        }
        Ok(sets)
    }

    fn stage(&self, stage: &Stage, sets: Found) -> Result<Found, Interrupted> {
        match stage {
            Stage::Spansets(spansets) => sets
                .into_iter()
                .map(|set| Ok(Spanset { spans: self.spansets(spansets, &set.spans)?, values: set.values }))
                .collect(),
            Stage::Scalar(expression) => {
                let mut kept = Vec::new();
                for mut set in sets {
                    if self.scalar(expression, &mut set)?.is_true() {
                        kept.push(set);
                    }
                }
                Ok(kept)
            }
            Stage::By(expression) => {
                let mut divided = Vec::new();
                for set in sets {
                    divided.extend(self.divide(expression, &set)?);
                }
                Ok(divided)
            }
            Stage::Coalesce => {
                let spans = sets.iter().fold(Vec::new(), |all, set| union(&all, &set.spans));
                Ok(vec![Spanset { spans, values: Vec::new() }])
            }
            Stage::Select(_) => Ok(sets),
        }
    }

    fn spansets(&self, spansets: &Spansets, among: &[usize]) -> Result<Vec<usize>, Interrupted> {
        Ok(match spansets {
            Spansets::Filter(None) => among.to_vec(),
            Spansets::Filter(Some(condition)) => {
                let mut kept = Vec::new();
                for (number, index) in among.iter().enumerate() {
                    self.look(number)?;
                    if self.at_span(condition, *index).is_true() {
                        kept.push(*index);
                    }
                }
                kept
            }
            Spansets::Pipeline(stages) => {
                let start = Spanset { spans: among.to_vec(), values: Vec::new() };
                let sets = self.pipeline(stages, vec![start])?;
                sets.iter().fold(Vec::new(), |all, set| union(&all, &set.spans))
            }
            Spansets::Both(left, right) => {
                let left = self.spansets(left, among)?;
                let right = if left.is_empty() { Vec::new() } else { self.spansets(right, among)? };
                if right.is_empty() { Vec::new() } else { union(&left, &right) }
            }
            Spansets::Either(left, right) => {
                union(&self.spansets(left, among)?, &self.spansets(right, among)?)
            }
            Spansets::Related(left, structure, right) => {
                let right = self.spansets(right, among)?;
                if right.is_empty() {
                    return Ok(right);
                }
                relate(self.view, &self.spansets(left, among)?, *structure, &right)
            }
        })
    }

    fn look(&self, number: usize) -> Result<(), Interrupted> {
        if number.is_multiple_of(SPANS_PER_LOOK) && !(self.may_go_on)() { Err(Interrupted) } else { Ok(()) }
    }

    fn at_span(&self, expression: &Expression, index: usize) -> Operand<'a> {
        match expression {
            Expression::Literal(operand) => operand.clone(),
            Expression::Field(field) => field::value(field, self.view, index),
            Expression::Not(inner) => match self.at_span(inner, index) {
                Operand::Nil => Operand::Nil,
                other => Operand::Bool(!other.is_true()),
            },
            Expression::Negative(inner) => negate(self.at_span(inner, index)),
            Expression::Binary(left, Binary::And, right) => {
                Operand::Bool(self.at_span(left, index).is_true() && self.at_span(right, index).is_true())
            }
            Expression::Binary(left, Binary::Or, right) => {
                Operand::Bool(self.at_span(left, index).is_true() || self.at_span(right, index).is_true())
            }
            Expression::Binary(left, operator, right) => {
                operand::apply(self.at_span(left, index), *operator, self.at_span(right, index))
            }
            Expression::Exists { subject, wanted } => {
                Operand::Bool((self.at_span(subject, index) != Operand::Nil) == *wanted)
            }
            Expression::Match { subject, regex, wanted } => {
                let matches = |text: &str| text.len() <= MAX_MATCHED_BYTES && regex.is_match(text) == *wanted;
                Operand::Bool(any_text(&self.at_span(subject, index), &matches))
            }
            // Only stages have aggregates.
            Expression::Aggregate(..) => Operand::Nil,
        }
    }

    fn scalar(&self, expression: &Expression, set: &mut Spanset) -> Result<Operand<'a>, Interrupted> {
        Ok(match expression {
            Expression::Literal(operand) => operand.clone(),
            Expression::Negative(inner) => negate(self.scalar(inner, set)?),
            Expression::Not(inner) => Operand::Bool(!self.scalar(inner, set)?.is_true()),
            Expression::Binary(left, Binary::And, right) => {
                Operand::Bool(self.scalar(left, set)?.is_true() && self.scalar(right, set)?.is_true())
            }
            Expression::Binary(left, Binary::Or, right) => {
                Operand::Bool(self.scalar(left, set)?.is_true() || self.scalar(right, set)?.is_true())
            }
            Expression::Binary(left, operator, right) => {
                operand::apply(self.scalar(left, set)?, *operator, self.scalar(right, set)?)
            }
            Expression::Aggregate(aggregate, inner) => {
                let value = self.aggregate(*aggregate, inner.as_deref(), &set.spans)?;
                let name = aggregate_name(*aggregate, inner.as_deref());
                if !set.values.iter().any(|(known, _)| *known == name) {
                    set.values.push((name, value.clone()));
                }
                value
            }
            Expression::Field(_) | Expression::Match { .. } | Expression::Exists { .. } => Operand::Nil,
        })
    }

    fn aggregate(
        &self,
        aggregate: Aggregate,
        inner: Option<&Expression>,
        spans: &[usize],
    ) -> Result<Operand<'static>, Interrupted> {
        let Some(inner) = inner else {
            return Ok(Operand::count(spans.len() as u64));
        };
        let mut numbers = Vec::new();
        for (number, index) in spans.iter().enumerate() {
            self.look(number)?;
            numbers.extend(self.at_span(inner, *index).as_number());
        }
        let sum: f64 = numbers.iter().sum();
        let value = match aggregate {
            // Spans without such a value do not count.
            _ if numbers.is_empty() => return Ok(Operand::Nil),
            Aggregate::Count => numbers.len() as f64,
            Aggregate::Sum => sum,
            Aggregate::Avg => sum / numbers.len() as f64,
            Aggregate::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Aggregate::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        };
        Ok(Operand::Float(value))
    }

    fn divide(&self, expression: &Expression, set: &Spanset) -> Result<Found, Interrupted> {
        let name = match expression {
            Expression::Field(field) => format!("by({})", field.answer_name()),
            _ => "by()".to_owned(),
        };
        let mut parts: Vec<(String, Spanset)> = Vec::new();
        let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        for (number, index) in set.spans.iter().enumerate() {
            self.look(number)?;
            let value = into_owned(self.at_span(expression, *index));
            let key = format!("{value:?}");
            let place = *places.entry(key.clone()).or_insert(parts.len());
            if place == parts.len() {
                let values = set.values.iter().cloned().chain([(name.clone(), value)]).collect();
                parts.push((key, Spanset { spans: Vec::new(), values }));
            }
            if let Some((_, part)) = parts.get_mut(place) {
                part.spans.push(*index);
            }
        }
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }
}

fn aggregate_name(aggregate: Aggregate, inner: Option<&Expression>) -> String {
    match inner {
        Some(Expression::Field(field)) => format!("{}({})", aggregate.name(), field.answer_name()),
        Some(_) | None => format!("{}()", aggregate.name()),
    }
}

fn negate(operand: Operand<'_>) -> Operand<'_> {
    match operand {
        Operand::Int(number) => number.checked_neg().map_or(Operand::Nil, Operand::Int),
        Operand::Float(number) => Operand::Float(-number),
        _ => Operand::Nil,
    }
}

fn any_text(operand: &Operand<'_>, matches: &dyn Fn(&str) -> bool) -> bool {
    match operand {
        Operand::Text(text) => matches(text),
        Operand::Any(values) => values.iter().any(|value| any_text(value, matches)),
        Operand::Int(number) => matches(&number.to_string()),
        Operand::Status(status) => matches(status.as_str()),
        Operand::Kind(kind) => matches(kind.as_str()),
        Operand::Nil | Operand::Bool(_) | Operand::Float(_) => false,
    }
}

fn into_owned(operand: Operand<'_>) -> Operand<'static> {
    match operand {
        Operand::Nil => Operand::Nil,
        Operand::Bool(truth) => Operand::Bool(truth),
        Operand::Int(number) => Operand::Int(number),
        Operand::Float(number) => Operand::Float(number),
        Operand::Text(text) => Operand::Text(Cow::Owned(text.into_owned())),
        Operand::Status(status) => Operand::Status(status),
        Operand::Kind(kind) => Operand::Kind(kind),
        Operand::Any(values) => Operand::Any(values.into_iter().map(into_owned).collect()),
    }
}
