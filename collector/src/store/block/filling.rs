//! Columns of text, bytes or numbers while they are being filled: values that repeat are held once.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, BinaryArray, DictionaryArray, Int64Array, StringArray, UInt32Array};
use arrow_schema::ArrowError;

use crate::store::hash::FastMap;
use crate::store::text::shown;

/// Values that are told apart, and how long they may be; what comes beyond is held each time it occurs.
const MAX_DISTINCT: usize = 16_384;
const MAX_DISTINCT_BYTES: usize = 256;
/// Values that are listed for all rows together have at most so many bytes.
const MAX_LISTED_BYTES: usize = 4 * 1024 * 1024;
/// The number of no value.
const NONE: u32 = u32::MAX;

/// Whether values are expected to repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    Frequent,
    Seldom,
}

/// Values by row, in any order of rows.
#[derive(Debug)]
pub(super) struct TextColumn {
    repetition: Repetition,
    numbers: FastMap<Box<[u8]>, u32>,
    /// Where each value ends in `bytes`.
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// The value that was met last, of those that may repeat: the next span often has it too.
    last: u32,
    rows: Rows,
    /// All values, once no more come.
    listed: OnceCell<ArrayRef>,
}

/// The number of the value of each row; takes no memory until the first one is set.
#[derive(Debug)]
pub(super) struct Rows {
    rows: usize,
    numbers: Vec<u32>,
}

impl Rows {
    pub(super) fn new(rows: usize) -> Self {
        Self { rows, numbers: Vec::new() }
    }

    pub(super) fn set(&mut self, row: usize, number: u32) {
        if self.numbers.is_empty() {
            self.numbers = vec![NONE; self.rows];
        }
        if let Some(place) = self.numbers.get_mut(row) {
            *place = number;
        }
    }

    pub(super) fn is_set(&self, row: usize) -> bool {
        self.numbers.get(row).is_some_and(|number| *number != NONE)
    }

    /// The numbers of some rows as an array.
    fn array(&self, rows: Range<usize>) -> UInt32Array {
        let numbers = self.numbers.get(rows.clone()).unwrap_or_default();
        if numbers.contains(&NONE) {
            self.numbers(rows).collect()
        } else {
            UInt32Array::from(numbers.to_vec())
        }
    }

    /// Whether no row has a value.
    pub(super) fn are_unset(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether every row has the same number, or none.
    pub(super) fn is_constant(&self) -> bool {
        self.numbers.windows(2).all(|pair| matches!(pair, [one, other] if one == other))
    }

    /// The numbers of some rows; `None` where they have no value.
    pub(super) fn numbers(&self, rows: Range<usize>) -> impl Iterator<Item = Option<u32>> + '_ {
        rows.map(|row| self.numbers.get(row).copied().filter(|number| *number != NONE))
    }
}

impl TextColumn {
    pub(super) fn new(rows: usize, repetition: Repetition) -> Self {
        let numbers = FastMap::default();
        Self {
            repetition,
            numbers,
            ends: Vec::new(),
            bytes: Vec::new(),
            last: NONE,
            rows: Rows::new(rows),
            listed: OnceCell::new(),
        }
    }

    /// The number of a value that is text; what is not UTF-8 gets replacement characters.
    pub(super) fn text(&mut self, raw: &[u8]) -> u32 {
        self.number(raw, |raw, bytes| bytes.extend_from_slice(shown(raw).as_bytes()))
    }

    /// The number of a value that is bytes.
    pub(super) fn bytes(&mut self, raw: &[u8]) -> u32 {
        self.number(raw, |raw, bytes| bytes.extend_from_slice(raw))
    }

    fn number(&mut self, raw: &[u8], hold: impl FnOnce(&[u8], &mut Vec<u8>)) -> u32 {
        let may_repeat = self.repetition == Repetition::Frequent && raw.len() <= MAX_DISTINCT_BYTES;
        if may_repeat {
            if self.value(self.last) == Some(raw) {
                return self.last;
            }
            if let Some(number) = self.numbers.get(raw) {
                self.last = *number;
                return *number;
            }
        }
        hold(raw, &mut self.bytes);
        let number = self.ends.len() as u32;
        self.ends.push(self.bytes.len() as u32);
        if may_repeat && self.numbers.len() < MAX_DISTINCT {
            self.numbers.insert(raw.into(), number);
        }
        number
    }

    /// Gives a row a value by its number.
    pub(super) fn set(&mut self, row: usize, number: u32) {
        self.rows.set(row, number);
    }

    /// Whether a row has a value.
    pub(super) fn is_set(&self, row: usize) -> bool {
        self.rows.is_set(row)
    }

    /// Whether every row has the same value, or none.
    pub(super) fn is_constant(&self) -> bool {
        self.rows.is_constant()
    }

    fn value(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let begin = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.bytes.get(begin as usize..*self.ends.get(number)? as usize)
    }

    /// Some rows of bytes as an array: places in a list of values where these repeat, so that none is copied for each row.
    pub(super) fn binary_array(&self, rows: Range<usize>) -> Result<ArrayRef, ArrowError> {
        let all = || Ok(Arc::new(self.values(0..self.ends.len() as u32)) as ArrayRef);
        self.array(rows, all, |values| Ok(Arc::new(values)))
    }

    /// The same of text.
    pub(super) fn string_array(&self, rows: Range<usize>) -> Result<ArrayRef, ArrowError> {
        let text = |values| Ok(Arc::new(StringArray::try_from_binary(values)?) as ArrayRef);
        self.array(rows, || text(self.values(0..self.ends.len() as u32)), text)
    }

    fn array(
        &self,
        rows: Range<usize>,
        all: impl FnOnce() -> Result<ArrayRef, ArrowError>,
        typed: impl FnOnce(BinaryArray) -> Result<ArrayRef, ArrowError>,
    ) -> Result<ArrayRef, ArrowError> {
        if self.rows.are_unset() {
            return typed(BinaryArray::new_null(rows.len()));
        }
        let do_repeat = self.repetition == Repetition::Frequent
            && self.ends.len() <= MAX_DISTINCT
            && self.bytes.len() <= MAX_LISTED_BYTES;
        if !do_repeat {
            let values = self.rows.numbers(rows.clone()).map(|number| self.value(number?));
            return typed(values.collect());
        }
        let listed = match self.listed.get() {
            Some(listed) => Arc::clone(listed),
            None => {
                let listed = all()?;
                Arc::clone(self.listed.get_or_init(|| listed))
            }
        };
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(self.rows.array(rows), listed)?))
    }

    fn values(&self, numbers: Range<u32>) -> BinaryArray {
        numbers.map(|number| self.value(number)).collect()
    }
}

/// A column of whole numbers while it is being filled: few different ones, as a rule.
#[derive(Debug)]
pub(super) struct NumberColumn {
    numbers: FastMap<i64, u32>,
    values: Vec<i64>,
    rows: Rows,
}

impl NumberColumn {
    pub(super) fn new(rows: usize) -> Self {
        Self { numbers: FastMap::default(), values: Vec::new(), rows: Rows::new(rows) }
    }

    /// The number of a value.
    pub(super) fn number(&mut self, value: i64) -> u32 {
        let next = self.values.len() as u32;
        let number = *self.numbers.entry(value).or_insert(next);
        if number == next {
            self.values.push(value);
        }
        number
    }

    /// Gives a row a value by its number.
    pub(super) fn set(&mut self, row: usize, number: u32) {
        self.rows.set(row, number);
    }

    /// Whether a row has a value.
    pub(super) fn is_set(&self, row: usize) -> bool {
        self.rows.is_set(row)
    }

    /// Whether every row has the same value, or none.
    pub(super) fn is_constant(&self) -> bool {
        self.rows.is_constant()
    }

    /// Some rows as an array.
    pub(super) fn array(&self, rows: Range<usize>) -> Int64Array {
        if self.rows.are_unset() {
            return Int64Array::new_null(rows.len());
        }
        self.rows.numbers(rows).map(|number| self.values.get(number? as usize).copied()).collect()
    }
}
