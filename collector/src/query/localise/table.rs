//! Calls in a CSV table: one row for each request that a service saw, with its caller's times where they are known.

use std::collections::HashMap;
use std::sync::Arc;

use super::read::Content;
use crate::analyse::call::{Call, Outcome, Stretch};

const COLUMNS: [&str; 9] = [
    "trace",
    "span",
    "parent_server_span",
    "pod",
    "operation",
    "start_us",
    "end_us",
    "client_start_us",
    "client_end_us",
];
const NANOSECONDS_PER_MICROSECOND: u64 = 1_000;

/// Whether the first line names the columns.
pub(super) fn has_heading(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).split(',').any(|name| name.trim().trim_matches('"') == "start_us")
}

/// Reads a table. A missing column makes it unusable; a row with a fault is left out and counted.
pub(super) fn read(bytes: &[u8]) -> Result<Content, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let heading = reader.headers().map_err(|error| error.to_string())?.clone();
    let places = find_columns(&heading)?;
    let mut content = Content::default();
    let mut table = Table::default();
    for record in reader.records() {
        let row = record.map_err(|error| error.to_string()).and_then(|record| {
            let line = record.position().map_or(0, csv::Position::line);
            read_row(&record, &places).map_err(|reason| format!("line {line}: {reason}"))
        });
        match row {
            Ok(row) => table.add(row),
            Err(fault) => {
                content.faults += 1;
                content.first_fault.get_or_insert(fault);
            }
        }
    }
    if table.traces.is_empty()
        && let Some(fault) = &content.first_fault
    {
        return Err(format!("no row can be used; {fault}"));
    }
    content.traces = table.into_traces();
    Ok(content)
}

fn find_columns(heading: &csv::StringRecord) -> Result<[usize; 9], String> {
    let mut places = [0; 9];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        *place = heading.iter().position(|name| name == column).ok_or_else(|| {
            format!("the column {column:?} is missing: the first line has to name {}", COLUMNS.join(","))
        })?;
    }
    Ok(places)
}

struct Row {
    trace: String,
    span: String,
    parent: String,
    service: String,
    operation: String,
    server: Stretch,
    client: Option<Stretch>,
}

fn read_row(record: &csv::StringRecord, places: &[usize; 9]) -> Result<Row, String> {
    let [trace, span, parent, pod, operation, start, end, client_start, client_end] =
        places.map(|place| record.get(place).unwrap_or_default());
    for (name, text) in [("trace", trace), ("span", span), ("pod", pod)] {
        if text.is_empty() {
            return Err(format!("{name} is empty"));
        }
    }
    let client = match (client_start, client_end) {
        ("", _) | (_, "") => None,
        (from, until) => {
            Some(stretch(read_time("client_start_us", from)?, read_time("client_end_us", until)?))
        }
    };
    Ok(Row {
        trace: trace.to_owned(),
        span: span.to_owned(),
        parent: parent.to_owned(),
        service: service_of(pod).to_owned(),
        operation: operation.to_owned(),
        server: stretch(read_time("start_us", start)?, read_time("end_us", end)?),
        client,
    })
}

fn stretch(from_ns: u64, until_ns: u64) -> Stretch {
    Stretch { from_ns, until_ns }
}

fn read_time(column: &str, text: &str) -> Result<u64, String> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let time = whole.parse::<u64>().ok().and_then(|time| time.checked_mul(NANOSECONDS_PER_MICROSECOND));
    time.ok_or_else(|| format!("{column} is {text:?}: write whole microseconds since 1970-01-01 UTC"))
}

/// A pod's name without the two last parts that its deployment adds; the whole name where there are none.
fn service_of(pod: &str) -> &str {
    pod.rsplitn(3, '-').nth(2).unwrap_or(pod)
}

#[derive(Default)]
struct Table {
    order: Vec<Vec<Row>>,
    traces: HashMap<String, usize>,
}

impl Table {
    fn add(&mut self, row: Row) {
        let place = *self.traces.entry(row.trace.clone()).or_insert_with(|| {
            self.order.push(Vec::new());
            self.order.len() - 1
        });
        if let Some(rows) = self.order.get_mut(place) {
            rows.push(row);
        }
    }

    fn into_traces(self) -> Vec<Vec<Call>> {
        self.order.into_iter().map(calls_of_rows).collect()
    }
}

/// Rows name their parents by the span's id, in any order. Of rows with one id the first is the parent.
fn calls_of_rows(rows: Vec<Row>) -> Vec<Call> {
    let mut places = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        places.entry(row.span.clone()).or_insert(index);
    }
    let calls = rows.into_iter().enumerate().map(|(index, row)| Call {
        parent: places.get(&row.parent).copied().filter(|parent| *parent != index),
        caller: None,
        service: Arc::from(row.service),
        operation: Arc::from(row.operation),
        server: row.server,
        client: row.client,
        outcome: Outcome::Well,
    });
    calls.collect()
}
