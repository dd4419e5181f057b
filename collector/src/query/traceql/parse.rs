//! From tokens to a query: pipelines, spansets and their operators; every message names the column.

mod check;
mod expression;

use super::SyntaxError;
use super::syntax::{Mode, Relation, Spansets, Stage, Structure};
use super::token::{Placed, Token};

/// How deep brackets and signs may be nested.
const MAX_DEPTH: usize = 48;
/// Conditions, operators and stages of one query.
const MAX_PARTS: usize = 400;

/// Functions that make time series: `/metrics` has those.
const METRICS: [&str; 12] = [
    "rate",
    "count_over_time",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
    "with",
];

const STAGES: [&str; 8] = ["count", "avg", "min", "max", "sum", "by", "coalesce", "select"];

/// Reads a whole query.
pub(super) fn parse(tokens: Vec<Placed>) -> Result<Vec<Stage>, SyntaxError> {
    let mut parser = Parser { tokens, position: 0, depth: 0, parts: 0 };
    let stages = parser.pipeline()?;
    match parser.token() {
        Token::End => Ok(stages),
        other => {
            let message = format!(
                "{} does not fit here: an operator such as `&&` or `>>`, `|` or the end is expected",
                other.describe()
            );
            Err(parser.error(message))
        }
    }
}

pub(super) struct Parser {
    tokens: Vec<Placed>,
    position: usize,
    depth: usize,
    parts: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        self.tokens.get(self.position).map_or(&Token::End, |placed| &placed.token)
    }

    fn column(&self) -> usize {
        self.tokens.get(self.position).or(self.tokens.last()).map_or(1, |placed| placed.column)
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.column(), message)
    }

    fn advance(&mut self) {
        self.position += 1;
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.token(), Token::Sign(found) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.position += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str, after: &str) -> Result<(), SyntaxError> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.error(format!("`{sign}` is expected {after}, not {}", self.token().describe())))
    }

    /// Counts one part of the query.
    fn part(&mut self) -> Result<(), SyntaxError> {
        self.parts += 1;
        if self.parts <= MAX_PARTS {
            return Ok(());
        }
        Err(self.error(format!("the query has more than {MAX_PARTS} conditions and operators: shorten it")))
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("brackets and signs are nested deeper than {MAX_DEPTH} times")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn pipeline(&mut self) -> Result<Vec<Stage>, SyntaxError> {
        let mut stages = vec![self.stage()?];
        while self.take_sign("|") {
            stages.push(self.stage()?);
        }
        Ok(stages)
    }

    fn stage(&mut self) -> Result<Stage, SyntaxError> {
        self.part()?;
        match self.token().clone() {
            Token::Word(word) => match word.as_str() {
                "by" => self.by(),
                "select" => self.select(),
                "coalesce" => {
                    self.advance();
                    self.expect_sign("(", "after `coalesce`")?;
                    self.expect_sign(")", "after `coalesce(`")?;
                    Ok(Stage::Coalesce)
                }
                metric if METRICS.contains(&metric) => Err(self.error(format!(
                    "`{metric}` is not part of the subset that is understood; /metrics has rates and durations"
                ))),
                _ => self.scalar(),
            },
            Token::Sign("{") => Ok(Stage::Spansets(self.spansets(0)?)),
            Token::Sign("(") if self.opens_spansets() => Ok(Stage::Spansets(self.spansets(0)?)),
            Token::End => {
                Err(self.error("a condition in braces is expected, such as `{ status = error }`, not the end"))
            }
            Token::Sign("(" | "-") | Token::Int(_) | Token::Float(_) | Token::DurationNs(_) => self.scalar(),
            other => Err(self.error(format!(
                "{} does not fit here: conditions stand in braces, such as `{{ status = error }}`",
                other.describe()
            ))),
        }
    }

    /// Whether the first thing in a run of brackets is a condition.
    fn opens_spansets(&self) -> bool {
        let rest = self.tokens.iter().skip(self.position).map(|placed| &placed.token);
        rest.into_iter().find(|token| **token != Token::Sign("(")) == Some(&Token::Sign("{"))
    }

    fn scalar(&mut self) -> Result<Stage, SyntaxError> {
        if let Token::Word(word) = self.token()
            && !STAGES.contains(&word.as_str())
        {
            let message =
                format!("{} is no stage: {}", self.token().describe(), check::suggest(word, STAGES));
            return Err(self.error(message));
        }
        let column = self.column();
        let expression = self.expression(expression::Place::Stage)?;
        if !check::is_comparison(&expression) {
            return Err(SyntaxError::new(
                column,
                "a stage compares aggregates: write for example `count() > 2`",
            ));
        }
        Ok(Stage::Scalar(expression))
    }

    fn by(&mut self) -> Result<Stage, SyntaxError> {
        self.advance();
        self.expect_sign("(", "after `by`")?;
        let expression = self.expression(expression::Place::Condition)?;
        self.expect_sign(")", "after what `by` divides by")?;
        Ok(Stage::By(expression))
    }

    fn select(&mut self) -> Result<Stage, SyntaxError> {
        self.advance();
        self.expect_sign("(", "after `select`")?;
        let mut fields = Vec::new();
        loop {
            self.part()?;
            fields.push(self.field()?);
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign(")", "after the fields of `select`")?;
        Ok(Stage::Select(fields))
    }

    /// `&&` and `||` bind alike and from the left, structural operators bind tighter, as in Tempo.
    fn spansets(&mut self, level: usize) -> Result<Spansets, SyntaxError> {
        const STRUCTURES: usize = 1;
        let mut left = if level == STRUCTURES { self.one_spansets()? } else { self.spansets(STRUCTURES)? };
        loop {
            let sign = match self.token() {
                Token::Sign(sign) => *sign,
                _ => return Ok(left),
            };
            let structure = structure(sign);
            let is_mine =
                if level == STRUCTURES { structure.is_some() } else { sign == "&&" || sign == "||" };
            if !is_mine {
                return Ok(left);
            }
            self.part()?;
            self.advance();
            let right = if level == STRUCTURES { self.one_spansets()? } else { self.spansets(STRUCTURES)? };
            let (first, second) = (Box::new(left), Box::new(right));
            left = match structure {
                Some(structure) => Spansets::Related(first, structure, second),
                None if sign == "&&" => Spansets::Both(first, second),
                None => Spansets::Either(first, second),
            };
        }
    }

    fn one_spansets(&mut self) -> Result<Spansets, SyntaxError> {
        self.part()?;
        if self.take_sign("(") {
            return self.nested(|parser| {
                let mut stages = parser.pipeline()?;
                parser.expect_sign(")", "after the part in parentheses")?;
                match (stages.pop(), stages.is_empty()) {
                    (Some(Stage::Spansets(only)), true) => Ok(only),
                    (last, _) => Ok(Spansets::Pipeline(stages.into_iter().chain(last).collect())),
                }
            });
        }
        self.expect_sign("{", "before a condition")?;
        if self.take_sign("}") {
            return Ok(Spansets::Filter(None));
        }
        let column = self.column();
        let condition = self.expression(expression::Place::Condition)?;
        self.expect_sign("}", "after the condition")?;
        check::is_truth(&condition, column)?;
        Ok(Spansets::Filter(Some(condition)))
    }
}

fn structure(sign: &str) -> Option<Structure> {
    let (mode, relation) = match sign.split_at_checked(1)? {
        ("!", relation) => (Mode::Not, relation),
        ("&", relation) => (Mode::Union, relation),
        _ => (Mode::Plain, sign),
    };
    let relation = match relation {
        ">" => Relation::Child,
        ">>" => Relation::Descendant,
        "<" => Relation::Parent,
        "<<" => Relation::Ancestor,
        "~" => Relation::Sibling,
        _ => return None,
    };
    Some(Structure { relation, mode })
}
