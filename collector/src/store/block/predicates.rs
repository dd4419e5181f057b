//! A filter as predicates on columns: one for each condition, later ones see only the rows that earlier ones let through.

use std::ops::RangeInclusive;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{UInt8Type, UInt64Type};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn};
use throughline_model::span::StatusCode;

use super::{Block, columns, fields};
use crate::store::SpanFilter;
use crate::store::filter::Condition;

/// The predicates, and the columns that they read.
pub(super) fn predicates(
    block: &Block,
    filter: &SpanFilter,
    since_unix_ns: u64,
) -> (Vec<Box<dyn ArrowPredicate>>, Vec<&'static str>) {
    let mut made = Made { block, predicates: Vec::new(), columns: Vec::new() };
    let until = filter.until_unix_ns.unwrap_or(u64::MAX);
    let mut numbers = Vec::new();
    if since_unix_ns > block.footer.min_start_unix_ns || until < block.footer.max_start_unix_ns {
        numbers.push((columns::START, since_unix_ns..=until));
    }
    if filter.min_duration_ns.is_some() || filter.max_duration_ns.is_some() {
        let (min, max) = (filter.min_duration_ns.unwrap_or(0), filter.max_duration_ns.unwrap_or(u64::MAX));
        numbers.push((columns::DURATION, min..=max));
    }
    made.numbers_within(numbers);
    if filter.errors_only {
        made.add(vec![columns::STATUS], |batch| {
            let values = batch.column(0).as_primitive_opt::<UInt8Type>().ok_or_else(another_type)?;
            Ok(values.iter().map(|value| Some(value == Some(StatusCode::Error as u8))).collect())
        });
    }
    if let Some(service) = &filter.service {
        made.text_is(columns::SERVICE, service);
    }
    if let Some(operation) = &filter.operation {
        made.text_is(columns::NAME, operation);
    }
    made.conditions(&filter.conditions);
    (made.predicates, made.columns)
}

struct Made<'a> {
    block: &'a Block,
    predicates: Vec<Box<dyn ArrowPredicate>>,
    columns: Vec<&'static str>,
}

impl Made<'_> {
    /// Conditions that read few bytes come first.
    fn conditions(&mut self, conditions: &[Condition]) {
        let mut ordered: Vec<(bool, usize, &Condition, Vec<&'static str>)> = conditions
            .iter()
            .map(|condition| {
                let names = fields::columns_of_condition(condition, &self.block.footer);
                let reads_blobs = names.contains(columns::ATTRIBUTES) || names.contains(columns::RESOURCE);
                (reads_blobs, names.len(), condition, names.into_iter().collect())
            })
            .collect();
        ordered.sort_by_key(|(reads_blobs, columns, ..)| (*reads_blobs, *columns));
        for (_, _, condition, names) in ordered {
            let condition = condition.clone();
            self.add(names, move |batch| {
                fields::matching_rows(&condition, &batch)
                    .map_err(|error| ArrowError::ExternalError(Box::new(error)))
            });
        }
    }

    /// All of them at once: each number is the difference from the one before it, so that none is spared by what another column
    /// says, and rows in many short runs cost more than all rows.
    fn numbers_within(&mut self, bounds: Vec<(&'static str, RangeInclusive<u64>)>) {
        if bounds.is_empty() {
            return;
        }
        self.add(bounds.iter().map(|(column, _)| *column).collect(), move |batch| {
            let mut matches = vec![true; batch.num_rows()];
            for (column, within) in &bounds {
                let values =
                    batch.column_by_name(column).and_then(|values| values.as_primitive_opt::<UInt64Type>());
                // Every row has one.
                for (matches, number) in matches.iter_mut().zip(values.ok_or_else(another_type)?.values()) {
                    *matches &= within.contains(number);
                }
            }
            Ok(BooleanArray::from(matches))
        });
    }

    fn text_is(&mut self, column: &'static str, wanted: &str) {
        let wanted = wanted.to_owned();
        self.add(vec![column], move |batch| {
            let values = batch.column(0).as_string_opt::<i32>().ok_or_else(another_type)?;
            let matches = values.iter().map(|value| value == Some(wanted.as_str()));
            Ok(BooleanArray::from(matches.collect::<Vec<bool>>()))
        });
    }

    fn add(
        &mut self,
        names: Vec<&'static str>,
        matches: impl FnMut(RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
    ) {
        let mask = ProjectionMask::columns(self.block.metadata.parquet_schema(), names.iter().copied());
        self.predicates.push(Box::new(ArrowPredicateFn::new(mask, matches)));
        self.columns.extend(names);
    }
}

fn another_type() -> ArrowError {
    ArrowError::SchemaError("a column has another type".to_owned())
}
