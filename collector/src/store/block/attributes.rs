//! The attributes of spans on their way into columns: what was met before is known by its bytes and not read again.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;
use throughline_model::otlp::{AttributeRef, DecodeError, ValueRef, read_plain_attribute};

use super::columns::{self, ATTRIBUTE_COLUMNS, ColumnType};
use super::filling::{NumberColumn, Repetition, TextColumn};
use super::{BlockError, blob};
use crate::store::hash::FastMap;

/// Longer spans are not like their neighbours.
const MAX_HINTS: usize = 64;

/// The columns of attributes while they are being filled.
pub(super) struct AttributeColumns {
    columns: Vec<Values>,
    /// Which column the attribute at some place had in the span before: neighbours are alike.
    hints: Vec<(Vec<u8>, Option<usize>)>,
    met: Met,
    /// Attributes with a column that some span has with a value of another type, or more than once.
    inline: BTreeSet<String>,
    /// Room for what is written of the attributes of one span.
    tags: Vec<u8>,
}

/// The column of one attribute.
enum Values {
    Text(TextColumn),
    Integer(NumberColumn),
}

/// Where the value of an attribute is: a column, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Filed {
    column: usize,
    number: u32,
}

/// Attributes by the bytes of key and value, those of columns whose values repeat.
#[derive(Default)]
struct Met {
    filed: FastMap<Box<[u8]>, Filed>,
    /// The one that was last at each place of a span, empty where it was one that does not repeat.
    last: Vec<(Vec<u8>, Option<Filed>)>,
}

impl AttributeColumns {
    pub(super) fn new(rows: usize) -> Self {
        let columns = ATTRIBUTE_COLUMNS.iter().map(|column| match column.column_type {
            ColumnType::Word => Values::Text(TextColumn::new(rows, Repetition::Frequent)),
            ColumnType::Text => Values::Text(TextColumn::new(rows, Repetition::Seldom)),
            ColumnType::Integer => Values::Integer(NumberColumn::new(rows)),
        });
        Self {
            columns: columns.collect(),
            hints: Vec::new(),
            met: Met::default(),
            inline: BTreeSet::new(),
            tags: Vec::new(),
        }
    }

    /// Takes the attributes of a row, and writes to `out` which they are and those that have no column.
    pub(super) fn take(&mut self, row: usize, attributes: &[AttributeRef<'_>], out: &mut Vec<u8>) {
        out.clear();
        blob::write_attributes(out, attributes, |place, attribute| {
            self.file(row, place, attribute).map(|filed| filed.column)
        });
    }

    /// The same of attributes as they stand in a message.
    pub(super) fn take_plain(
        &mut self,
        row: usize,
        attributes: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let (mut count, mut tags) = (0, std::mem::take(&mut self.tags));
        tags.clear();
        for (place, raw) in attributes.iter().enumerate() {
            let met = self.met.find(place, raw).filter(|filed| self.set(row, *filed));
            if let Some(filed) = met {
                count += 1;
                blob::write_in_column(&mut tags, filed.column);
                continue;
            }
            let Some(attribute) = read_plain_attribute(raw)? else { continue };
            count += 1;
            match self.file(row, place, &attribute) {
                Some(filed) => {
                    self.met.keep(place, raw, filed);
                    blob::write_in_column(&mut tags, filed.column);
                }
                None => blob::write_inline(&mut tags, &attribute),
            }
        }
        out.clear();
        blob::write_count(out, count);
        out.extend_from_slice(&tags);
        self.tags = tags;
        Ok(())
    }

    /// Gives a row a value that another one has; returns whether it had none.
    fn set(&mut self, row: usize, Filed { column, number }: Filed) -> bool {
        self.columns.get_mut(column).is_some_and(|values| values.set(row, number))
    }

    /// Puts the first value of a row that has the type of its column there. Where it does not, its name is remembered.
    fn file(&mut self, row: usize, place: usize, attribute: &AttributeRef<'_>) -> Option<Filed> {
        let column = column_of(&mut self.hints, place, attribute.key)?;
        let number = self.columns.get_mut(column).and_then(|values| values.take(row, attribute));
        if number.is_none()
            && let Ok(key) = std::str::from_utf8(attribute.key)
        {
            self.inline.insert(key.to_owned());
        }
        number.map(|number| Filed { column, number })
    }

    pub(super) fn inline(&self) -> &BTreeSet<String> {
        &self.inline
    }

    /// The columns that say the same of every row.
    pub(super) fn constant(&self) -> impl Iterator<Item = &'static str> {
        let columns = ATTRIBUTE_COLUMNS.iter().zip(&self.columns);
        columns.filter(|(_, values)| values.is_constant()).map(|(column, _)| column.column)
    }

    /// Adds some rows of each column.
    pub(super) fn push_arrays(
        &self,
        rows: Range<usize>,
        arrays: &mut Vec<ArrayRef>,
    ) -> Result<(), BlockError> {
        for values in &self.columns {
            arrays.push(values.array(rows.clone())?);
        }
        Ok(())
    }
}

/// The column of an attribute by its key.
fn column_of(hints: &mut Vec<(Vec<u8>, Option<usize>)>, place: usize, key: &[u8]) -> Option<usize> {
    if let Some((_, column)) = hints.get(place).filter(|(known, _)| known == key) {
        return *column;
    }
    let column = std::str::from_utf8(key).ok().and_then(columns::place_of);
    if place < MAX_HINTS {
        hints.resize_with(hints.len().max(place + 1), Default::default);
        if let Some(hint) = hints.get_mut(place) {
            *hint = (key.to_vec(), column);
        }
    }
    column
}

impl Values {
    /// Takes the first value of a row that has the column's type; gives its number.
    fn take(&mut self, row: usize, attribute: &AttributeRef<'_>) -> Option<u32> {
        match (self, &attribute.value) {
            (Self::Text(column), ValueRef::Text(raw)) if !column.is_set(row) => {
                let number = column.text(raw);
                column.set(row, number);
                Some(number)
            }
            (Self::Integer(column), ValueRef::Int(value)) if !column.is_set(row) => {
                let number = column.number(*value);
                column.set(row, number);
                Some(number)
            }
            _ => None,
        }
    }

    fn set(&mut self, row: usize, number: u32) -> bool {
        match self {
            Self::Text(column) if !column.is_set(row) => column.set(row, number),
            Self::Integer(column) if !column.is_set(row) => column.set(row, number),
            _ => return false,
        }
        true
    }

    fn is_constant(&self) -> bool {
        match self {
            Self::Text(column) => column.is_constant(),
            Self::Integer(column) => column.is_constant(),
        }
    }

    fn array(&self, rows: Range<usize>) -> Result<ArrayRef, BlockError> {
        match self {
            Self::Text(column) => Ok(column.string_array(rows)?),
            Self::Integer(column) => Ok(Arc::new(column.array(rows))),
        }
    }
}

impl Met {
    /// How many are told apart, and how long they may be.
    const MAX: usize = 16_384;
    const MAX_BYTES: usize = 256;

    fn find(&mut self, place: usize, raw: &[u8]) -> Option<Filed> {
        match self.last.get_mut(place) {
            Some((last, filed)) if last.as_slice() == raw => *filed,
            // Nor will the next one have been met.
            Some((_, None)) => None,
            last => {
                let filed = *self.filed.get(raw)?;
                if let Some(last) = last {
                    put(last, raw, Some(filed));
                }
                Some(filed)
            }
        }
    }

    fn keep(&mut self, place: usize, raw: &[u8], filed: Filed) {
        let column = ATTRIBUTE_COLUMNS.get(filed.column);
        let does_repeat = column.is_some_and(|column| column.column_type != ColumnType::Text);
        if place < MAX_HINTS {
            self.last.resize_with(self.last.len().max(place + 1), Default::default);
        }
        if let Some(last) = self.last.get_mut(place) {
            put(last, if does_repeat { raw } else { &[] }, does_repeat.then_some(filed));
        }
        if does_repeat && raw.len() <= Self::MAX_BYTES && self.filed.len() < Self::MAX {
            self.filed.insert(raw.into(), filed);
        }
    }
}

fn put(last: &mut (Vec<u8>, Option<Filed>), raw: &[u8], filed: Option<Filed>) {
    last.0.clear();
    last.0.extend_from_slice(raw);
    last.1 = filed;
}

#[cfg(test)]
mod tests;
