//! Fields of spans read from the columns of a block, without building spans.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt8Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use throughline_model::span::{SpanKind, StatusCode};

use super::BlockError;
use super::blob::{self, AttributeKey, FirstValue};
use super::columns::{self, ATTRIBUTE_COLUMNS};
use super::footer::Footer;
use crate::store::filter::{Condition, Field, FieldValue, Scope};
use crate::store::values::{Values, ValuesOf};

const MISSING: BlockError = BlockError::Damaged("a column is missing or has another type");

/// The columns that a field is read from. Where an attribute has a column of its own and no span of the block has its name
/// with a value of another type, that column is enough.
fn columns_of(field: &Field, footer: &Footer) -> Vec<&'static str> {
    let (scope, key) = match field {
        Field::Name => return vec![columns::NAME],
        Field::Service => return vec![columns::SERVICE],
        Field::Kind => return vec![columns::KIND],
        Field::Status => return vec![columns::STATUS],
        Field::StatusMessage => return vec![columns::STATUS_MESSAGE],
        Field::DurationNs => return vec![columns::DURATION],
        Field::IsRoot => return vec![columns::PARENT_SPAN_ID],
        Field::Attribute(scope, key) => (*scope, key),
    };
    let mut names = Vec::new();
    if scope != Scope::Resource {
        let own = columns::place_of(key).and_then(|place| ATTRIBUTE_COLUMNS.get(place));
        names.extend(own.map(|own| own.column));
        if own.is_none() || footer.may_be_inline(key) {
            names.push(columns::ATTRIBUTES);
        }
    }
    if scope != Scope::Span {
        names.push(columns::RESOURCE);
    }
    names
}

/// The columns that a condition is read from.
pub(super) fn columns_of_condition(condition: &Condition, footer: &Footer) -> HashSet<&'static str> {
    condition.fields().into_iter().flat_map(|field| columns_of(field, footer)).collect()
}

/// The columns that a list of values is read from.
pub(super) fn columns_of_values(of: &ValuesOf, footer: &Footer) -> Vec<&'static str> {
    match of {
        ValuesOf::Field(field) => columns_of(field, footer),
        ValuesOf::Keys(Scope::Span) => vec![columns::ATTRIBUTES],
        ValuesOf::Keys(Scope::Resource) => vec![columns::RESOURCE],
        ValuesOf::Keys(Scope::Any) => vec![columns::ATTRIBUTES, columns::RESOURCE],
    }
}

/// Which rows satisfy a condition.
pub(super) fn matching_rows(condition: &Condition, batch: &RecordBatch) -> Result<BooleanArray, BlockError> {
    let mut sources = Vec::new();
    for field in condition.fields() {
        sources.push((field, Source::of(field, batch)?));
    }
    let failure = RefCell::new(None);
    let value_of = |row: usize, field: &Field| {
        let source = sources.iter().find(|(known, _)| *known == field);
        source.and_then(|(_, source)| {
            source.value(row).unwrap_or_else(|error| {
                failure.replace(Some(error));
                None
            })
        })
    };
    let matching =
        (0..batch.num_rows()).map(|row| Some(condition.holds(&|field| value_of(row, field)))).collect();
    match failure.into_inner() {
        Some(error) => Err(error),
        None => Ok(matching),
    }
}

/// Offers the values of all rows.
pub(super) fn offer_values(
    of: &ValuesOf,
    batch: &RecordBatch,
    values: &mut Values,
) -> Result<(), BlockError> {
    match of {
        ValuesOf::Field(field) => {
            let source = Source::of(field, batch)?;
            for row in 0..batch.num_rows() {
                values.insert_some(source.value(row)?.and_then(|value| value.to_text()));
            }
        }
        ValuesOf::Keys(_) => {
            let blobs = [columns::ATTRIBUTES, columns::RESOURCE].map(|name| batch.column_by_name(name));
            for column in blobs.into_iter().flatten() {
                offer_keys(column, values)?;
            }
        }
    }
    Ok(())
}

fn offer_keys(column: &ArrayRef, values: &mut Values) -> Result<(), BlockError> {
    let blobs = column.as_binary_opt::<i32>().ok_or(MISSING)?;
    // Most spans have the same attributes as their neighbours, and all of a batch have one resource.
    let distinct: HashSet<&[u8]> = blobs.iter().flatten().collect();
    for bytes in distinct {
        blob::each_key(bytes, |key| match key {
            AttributeKey::Inline(key) => values.insert(key),
            AttributeKey::Column(place) => {
                if let Some(column) = ATTRIBUTE_COLUMNS.get(place) {
                    values.insert(column.key);
                }
            }
        })?;
    }
    Ok(())
}

/// Where the values of one field lie in a batch.
enum Source<'a> {
    Text(&'a ArrayRef),
    Message(&'a ArrayRef),
    Kind(&'a ArrayRef),
    Status(&'a ArrayRef),
    Duration(&'a ArrayRef),
    IsPresent(&'a ArrayRef),
    Attribute {
        column: Option<&'a ArrayRef>,
        inline: Option<&'a ArrayRef>,
        resource: Option<&'a ArrayRef>,
        key: &'a str,
    },
}

impl<'a> Source<'a> {
    fn of(field: &'a Field, batch: &'a RecordBatch) -> Result<Self, BlockError> {
        let column = |name| batch.column_by_name(name).ok_or(MISSING);
        Ok(match field {
            Field::Name => Self::Text(column(columns::NAME)?),
            Field::Service => Self::Text(column(columns::SERVICE)?),
            Field::StatusMessage => Self::Message(column(columns::STATUS_MESSAGE)?),
            Field::Kind => Self::Kind(column(columns::KIND)?),
            Field::Status => Self::Status(column(columns::STATUS)?),
            Field::DurationNs => Self::Duration(column(columns::DURATION)?),
            Field::IsRoot => Self::IsPresent(column(columns::PARENT_SPAN_ID)?),
            Field::Attribute(scope, key) => {
                // Other conditions may have brought columns along that this one must not look at.
                let own = columns::place_of(key).and_then(|place| ATTRIBUTE_COLUMNS.get(place));
                let of_span = |name| batch.column_by_name(name).filter(|_| *scope != Scope::Resource);
                Self::Attribute {
                    column: own.and_then(|own| of_span(own.column)),
                    inline: of_span(columns::ATTRIBUTES),
                    resource: batch.column_by_name(columns::RESOURCE).filter(|_| *scope != Scope::Span),
                    key,
                }
            }
        })
    }

    fn value(&self, row: usize) -> Result<Option<FieldValue<'a>>, BlockError> {
        match self {
            Self::Text(array) => Ok(Some(text(array, row)?)),
            Self::Message(array) => Ok(Some(text(array, row)?).filter(|_| !is_empty(array, row))),
            Self::Kind(array) => {
                let number = array.as_primitive_opt::<UInt8Type>().ok_or(MISSING)?.value(row);
                Ok(Some(FieldValue::Text(Cow::Borrowed(SpanKind::from_number(number.into()).as_str()))))
            }
            Self::Status(array) => {
                let number = array.as_primitive_opt::<UInt8Type>().ok_or(MISSING)?.value(row);
                Ok(Some(FieldValue::Text(Cow::Borrowed(StatusCode::from_number(number.into()).as_str()))))
            }
            Self::Duration(array) => {
                let number = array.as_primitive_opt::<UInt64Type>().ok_or(MISSING)?.value(row);
                Ok(Some(FieldValue::duration(number)))
            }
            Self::IsPresent(array) => Ok(Some(FieldValue::Bool(array.is_null(row)))),
            Self::Attribute { column, inline, resource, key } => {
                attribute(row, *column, *inline, *resource, key)
            }
        }
    }
}

fn text<'a>(array: &'a ArrayRef, row: usize) -> Result<FieldValue<'a>, BlockError> {
    Ok(FieldValue::Text(Cow::Borrowed(array.as_string_opt::<i32>().ok_or(MISSING)?.value(row))))
}

fn is_empty(array: &ArrayRef, row: usize) -> bool {
    array.as_string_opt::<i32>().is_none_or(|array| array.value(row).is_empty())
}

/// The first attribute of a row with this name: that of the span, then that of its resource.
fn attribute<'a>(
    row: usize,
    column: Option<&'a ArrayRef>,
    inline: Option<&'a ArrayRef>,
    resource: Option<&'a ArrayRef>,
    key: &str,
) -> Result<Option<FieldValue<'a>>, BlockError> {
    let blob =
        |array: &'a ArrayRef| array.as_binary_opt::<i32>().ok_or(MISSING).map(|array| array.value(row));
    let of_span = match inline {
        None => column.map_or(Ok(None), |column| own_value(column, row))?,
        Some(inline) => match blob::first_value(blob(inline)?, key, columns::place_of(key))? {
            FirstValue::InColumn => own_value(column.ok_or(MISSING)?, row)?,
            FirstValue::Inline(value) => Some(FieldValue::from(value)),
            FirstValue::Absent => None,
        },
    };
    if of_span.is_some() {
        return Ok(of_span);
    }
    let Some(resource) = resource else {
        return Ok(None);
    };
    match blob::first_value(blob(resource)?, key, None)? {
        FirstValue::Inline(value) => Ok(Some(FieldValue::from(value))),
        FirstValue::InColumn | FirstValue::Absent => Ok(None),
    }
}

fn own_value(column: &ArrayRef, row: usize) -> Result<Option<FieldValue<'_>>, BlockError> {
    if column.is_null(row) {
        return Ok(None);
    }
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return Ok(Some(FieldValue::Int(numbers.value(row))));
    }
    text(column, row).map(Some)
}
