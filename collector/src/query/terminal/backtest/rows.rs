//! Reads the rows of a file that is replayed, strictly: a fault names its line, what is wrong and what would be right.

use std::collections::HashMap;
use std::io::{self, Read};

use csv::StringRecord;

use super::BacktestError;
use super::time::TimeFormat;

const COLUMNS: [&str; 4] = ["time", "series", "requests", "errors"];
const MAX_NAME_BYTES: usize = 1024;
/// More requests than any service has in a minute.
const MAX_COUNT: f64 = 1e12;
const PROGRESS_EVERY_ROWS: u64 = 100_000;

/// What one series did in one minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) minute: i64,
    pub(super) requests: f64,
    pub(super) errors: f64,
    line: u64,
}

/// The rows of one series, by time.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
}

/// A whole file: series in the order in which they first appear.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) series: Vec<Series>,
    pub(super) format: TimeFormat,
}

/// Reads everything; at most `max_faults` faults are told.
pub(super) fn read(
    input: impl Read,
    max_faults: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<History, BacktestError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
    let places = find_columns(reader.headers().map_err(failure)?)?;
    let mut table = Table::default();
    let mut record = StringRecord::new();
    let mut rows = 0_u64;
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => table.take(&record, &places),
            Err(error) if matches!(error.kind(), csv::ErrorKind::Io(_)) => return Err(failure(error)),
            Err(error) => table.faults.push(say_malformed(&error)),
        }
        if table.faults.len() >= max_faults {
            return Err(BacktestError::Rows(table.faults));
        }
        rows += 1;
        if rows.is_multiple_of(PROGRESS_EVERY_ROWS) {
            progress(rows);
        }
    }
    table.finish()
}

fn find_columns(header: &StringRecord) -> Result<[usize; 4], BacktestError> {
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = header
            .iter()
            .enumerate()
            .filter(|(_, name)| name.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(column));
        let (Some((at, _)), None) = (found.next(), found.next()) else {
            let written: Vec<&str> = header.iter().take(20).collect();
            return Err(BacktestError::Rows(vec![format!(
                "line 1: the header has to name the column `{column}` once; it names {}; write \
                 `time,series,requests,errors`",
                written.join(", ")
            )]));
        };
        *place = at;
    }
    Ok(places)
}

#[derive(Default)]
struct Table {
    history: History,
    by_name: HashMap<String, usize>,
    has_format: bool,
    faults: Vec<String>,
}

impl Table {
    fn take(&mut self, record: &StringRecord, places: &[usize; 4]) {
        let line = record.position().map_or(0, csv::Position::line);
        let field =
            |column: usize| places.get(column).and_then(|place| record.get(*place)).unwrap_or_default();
        match self.read_row(field(0), field(2), field(3), line) {
            Ok(row) => self.add(field(1), row),
            Err(fault) => self.faults.push(format!("line {line}: {fault}")),
        }
    }

    fn read_row(&mut self, time: &str, requests: &str, errors: &str, line: u64) -> Result<Row, String> {
        if !self.has_format && !time.is_empty() {
            self.history.format = TimeFormat::of(time);
            self.has_format = true;
        }
        let format = self.history.format;
        let ms = format.read(time).ok_or_else(|| {
            format!(
                "time `{}` is not usable: write {} as in the first row, from 1970 on",
                shorten(time),
                format.name()
            )
        })?;
        let requests = read_count("requests", requests)?;
        let errors = read_count("errors", errors)?;
        if errors > requests {
            return Err(format!("{errors} errors of {requests} requests: errors are among the requests"));
        }
        Ok(Row { minute: ms.div_euclid(60_000), requests, errors, line })
    }

    fn add(&mut self, name: &str, row: Row) {
        let place = match self.by_name.get(name) {
            Some(place) => *place,
            None if name.is_empty() || name.len() > MAX_NAME_BYTES => {
                let wrong = "the series has no name, or one beyond 1024 bytes: name what was counted";
                self.faults.push(format!("line {}: {wrong}", row.line));
                return;
            }
            None => {
                self.history.series.push(Series { name: name.to_owned(), rows: Vec::new() });
                self.by_name.insert(name.to_owned(), self.history.series.len() - 1);
                self.history.series.len() - 1
            }
        };
        if let Some(series) = self.history.series.get_mut(place) {
            series.rows.push(row);
        }
    }

    fn finish(mut self) -> Result<History, BacktestError> {
        for series in &mut self.history.series {
            series.rows.sort_by_key(|row| (row.minute, row.line));
            if let Some([first, second]) = series.rows.array_windows().find(|[a, b]| a.minute == b.minute) {
                self.faults.push(format!(
                    "line {}: a second row for the minute of line {} of series `{}`: write one row for each minute \
                     and series",
                    second.line,
                    first.line,
                    shorten(&series.name)
                ));
            }
        }
        if self.faults.is_empty() { Ok(self.history) } else { Err(BacktestError::Rows(self.faults)) }
    }
}

fn read_count(column: &str, text: &str) -> Result<f64, String> {
    let count = text.parse::<f64>().ok().filter(|count| (0.0..=MAX_COUNT).contains(count));
    count.ok_or_else(|| format!("{column} `{}` is not usable: write a number from 0 to 1e12", shorten(text)))
}

/// A value from outside as it may stand in a message.
fn shorten(text: &str) -> String {
    let clean: String = text.chars().filter(|character| !character.is_control()).take(40).collect();
    clean
}

fn say_malformed(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: {len} fields where the header has {expected_len}: write as many")
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: not UTF-8 text: write the file in UTF-8"),
        _ => format!("line {line}: not CSV: {error}"),
    }
}

fn failure(error: csv::Error) -> BacktestError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidInput => {
            BacktestError::Rows(vec![format!("the file is damaged: {error}")])
        }
        csv::ErrorKind::Io(error) => BacktestError::Io(error),
        csv::ErrorKind::Utf8 { .. } => BacktestError::Rows(vec!["line 1: not UTF-8 text".to_owned()]),
        other => BacktestError::Rows(vec![format!("line 1: not CSV: {other:?}")]),
    }
}
