//! Expressions: what stands in braces, in `by`, and in a stage that compares aggregates.

use throughline_model::span::{SpanKind, StatusCode};

use super::super::SyntaxError;
use super::super::field::Intrinsic;
use super::super::operand::Operand;
use super::super::syntax::{Aggregate, Bearer, Binary, Expression, Field, Scope};
use super::super::token::Token;
use super::{Parser, check};
use crate::store::Pattern;

/// Where an expression stands: aggregates need a spanset, fields need a span.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Condition,
    Stage,
}

const TIGHTEST: usize = 4;

/// Operators by how tightly they bind, the loosest first; all but `^` from the left.
const LEVELS: [&[(&str, Binary)]; 5] = [
    &[("&&", Binary::And), ("||", Binary::Or)],
    &[
        ("=", Binary::Equal),
        ("!=", Binary::NotEqual),
        ("<", Binary::Less),
        ("<=", Binary::LessOrEqual),
        (">", Binary::Greater),
        (">=", Binary::GreaterOrEqual),
    ],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[("*", Binary::Multiply), ("/", Binary::Divide), ("%", Binary::Remainder)],
    &[("^", Binary::Power)],
];

const COMPARISONS: usize = 1;

const WORDS: [(&str, Operand<'static>); 12] = [
    ("true", Operand::Bool(true)),
    ("false", Operand::Bool(false)),
    ("nil", Operand::Nil),
    ("error", Operand::Status(StatusCode::Error)),
    ("ok", Operand::Status(StatusCode::Ok)),
    ("unset", Operand::Status(StatusCode::Unset)),
    ("unspecified", Operand::Kind(SpanKind::Unspecified)),
    ("internal", Operand::Kind(SpanKind::Internal)),
    ("server", Operand::Kind(SpanKind::Server)),
    ("client", Operand::Kind(SpanKind::Client)),
    ("producer", Operand::Kind(SpanKind::Producer)),
    ("consumer", Operand::Kind(SpanKind::Consumer)),
];

impl Parser {
    pub(super) fn expression(&mut self, place: Place) -> Result<Expression, SyntaxError> {
        self.nested(|parser| parser.level(0, place))
    }

    fn level(&mut self, level: usize, place: Place) -> Result<Expression, SyntaxError> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary(place);
        };
        let mut left = self.level(level + 1, place)?;
        loop {
            let column = self.column();
            let Token::Sign(sign) = *self.token() else {
                return Ok(left);
            };
            if level == COMPARISONS && (sign == "=~" || sign == "!~") {
                self.part()?;
                self.advance();
                let regex = self.pattern()?;
                left = Expression::Match { subject: Box::new(left), regex, wanted: sign == "=~" };
                continue;
            }
            if level == COMPARISONS && sign == "==" {
                return Err(self.error("`==` is no operator: write `=`"));
            }
            let Some((_, operator)) = operators.iter().find(|(known, _)| *known == sign) else {
                return Ok(left);
            };
            self.part()?;
            self.advance();
            let right = match level {
                // From the right: `2 ^ 3 ^ 2` is `2 ^ (3 ^ 2)`.
                TIGHTEST => self.nested(|parser| parser.level(level, place))?,
                _ => self.level(level + 1, place)?,
            };
            check::compares(&left, *operator, &right, column)?;
            left = join(left, *operator, right).map_err(|message| SyntaxError::new(column, message))?;
        }
    }

    fn pattern(&mut self) -> Result<Pattern, SyntaxError> {
        let Token::Text(pattern) = self.token().clone() else {
            let found = self.token().describe();
            return Err(self.error(format!("a regular expression in quotes is expected, not {found}")));
        };
        let regex = check::compile(&pattern).map_err(|message| self.error(message))?;
        self.advance();
        Ok(regex)
    }

    fn unary(&mut self, place: Place) -> Result<Expression, SyntaxError> {
        self.part()?;
        if self.take_sign("!") {
            let inner = self.nested(|parser| parser.unary(place))?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.take_sign("-") {
            let inner = self.nested(|parser| parser.unary(place))?;
            return Ok(Expression::Negative(Box::new(inner)));
        }
        if self.take_sign("(") {
            let inner = self.expression(place)?;
            self.expect_sign(")", "after the part in parentheses")?;
            return Ok(inner);
        }
        self.atom(place)
    }

    fn atom(&mut self, place: Place) -> Result<Expression, SyntaxError> {
        let literal = match self.token() {
            Token::Text(text) => Operand::Text(text.clone().into()),
            Token::Int(number) | Token::DurationNs(number) => Operand::Int(*number),
            Token::Float(number) => Operand::Float(*number),
            Token::Word(word) => match WORDS.iter().find(|(known, _)| known == word) {
                Some((_, operand)) => operand.clone(),
                None => return self.named(place),
            },
            _ => return self.named(place),
        };
        self.advance();
        Ok(Expression::Literal(literal))
    }

    /// A field in a condition, an aggregate in a stage.
    fn named(&mut self, place: Place) -> Result<Expression, SyntaxError> {
        if let Token::Word(word) = self.token()
            && let Some((_, aggregate)) = Aggregate::ALL.into_iter().find(|(name, _)| name == word)
        {
            if place == Place::Condition {
                let message = format!(
                    "`{word}` counts spans of a whole set: write it behind the braces, such as `{{}} | {word}(...) > 2`"
                );
                return Err(self.error(message));
            }
            return self.aggregate(aggregate);
        }
        if place == Place::Stage {
            let found = self.token().describe();
            return Err(
                self.error(format!("{found} does not fit here: a number or an aggregate is expected"))
            );
        }
        Ok(Expression::Field(self.field()?))
    }

    fn aggregate(&mut self, aggregate: Aggregate) -> Result<Expression, SyntaxError> {
        self.advance();
        self.expect_sign("(", &format!("after `{}`", aggregate.name()))?;
        let inner = match aggregate {
            Aggregate::Count => None,
            _ => Some(Box::new(self.expression(Place::Condition)?)),
        };
        self.expect_sign(")", &format!("to close `{}(`", aggregate.name()))?;
        Ok(Expression::Aggregate(aggregate, inner))
    }

    pub(super) fn field(&mut self) -> Result<Field, SyntaxError> {
        let field = match self.token() {
            Token::Attribute { scopes, key } => {
                attribute(scopes, key).map_err(|message| self.error(message))?
            }
            Token::Word(name) | Token::Scoped(name) => match Intrinsic::from_name(name) {
                Some(intrinsic) => Field::Intrinsic(intrinsic),
                None => {
                    let known = Intrinsic::names().chain(WORDS.iter().map(|(word, _)| *word));
                    let advice = check::suggest(name, known);
                    let message = format!(
                        "unknown name {}: {advice}; attributes begin with a dot, such as `.{name}`",
                        self.token().describe()
                    );
                    return Err(self.error(message));
                }
            },
            other => {
                let message = format!(
                    "{} does not fit here: a value is expected, such as `duration`, `.http.method` or `\"text\"`",
                    other.describe()
                );
                return Err(self.error(message));
            }
        };
        self.advance();
        Ok(field)
    }
}

/// A comparison with `nil` asks whether there is a value; with anything else, what is not there compares with nothing.
fn join(left: Expression, operator: Binary, right: Expression) -> Result<Expression, &'static str> {
    let is_nil = |side: &Expression| matches!(side, Expression::Literal(Operand::Nil));
    let subject = match (is_nil(&left), is_nil(&right)) {
        (false, false) => return Ok(Expression::Binary(Box::new(left), operator, Box::new(right))),
        (true, _) => right,
        (false, true) => left,
    };
    match operator {
        Binary::Equal => Ok(Expression::Exists { subject: Box::new(subject), wanted: false }),
        Binary::NotEqual => Ok(Expression::Exists { subject: Box::new(subject), wanted: true }),
        _ => Err("`nil` stands beside `=` or `!=` only"),
    }
}

fn attribute(scopes: &[String], key: &str) -> Result<Field, String> {
    let mut scopes = scopes.iter().map(String::as_str);
    let (of, scope) = match scopes.next() {
        Some("parent") => (Bearer::ParentSpan, scopes.next()),
        other => (Bearer::Span, other),
    };
    let scope = match scope {
        None => Scope::Any,
        Some("span") => Scope::Span,
        Some("resource") => Scope::Resource,
        Some("event") => Scope::Event,
        Some("link") => Scope::Link,
        Some(other) => {
            return Err(format!(
                "`{other}.` attributes are not kept: use span, resource, event, link or parent"
            ));
        }
    };
    Ok(Field::Attribute { scope, key: key.to_owned(), of })
}
