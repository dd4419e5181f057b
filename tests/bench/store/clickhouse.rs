//! The same spans in ClickHouse, in the same run: the engine itself, as PyPI's package `chdb-core` brings it.

use std::fs::File;
use std::io::BufWriter;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde::Deserialize;
use throughline_model::span::{Attribute, Span, SpanKind, StatusCode, Value};

use crate::mesh::{Mesh, Numbers, trace_id};

/// As many as the step that it is held against.
pub(crate) const SPANS: u64 = 1_000_000;
const LOOKUPS: usize = 100;

/// What the script prints.
#[derive(Debug, Deserialize)]
pub(crate) struct ClickHouse {
    pub(crate) version: String,
    pub(crate) insert_cpu_s: f64,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) lookups_ms: Vec<f64>,
}

/// Writes rows of a million spans of the mesh, lets ClickHouse take them, and looks some traces up.
pub(crate) fn measure(run: &RunDirectory) -> Result<ClickHouse> {
    eprintln!("bench: {SPANS} spans in ClickHouse");
    let python = artefacts::root().join(".tools/clickhouse/bin/python");
    ensure!(python.is_file(), "{} is missing: make bench-store installs it", python.display());
    let (rows, folder) = (run.join("spans.rows"), run.join("clickhouse"));
    let traces = write_rows(&mut BufWriter::new(File::create(&rows)?))?;
    let mut numbers = Numbers::new(98);
    let ids = (0..LOOKUPS).map(|_| trace_id(numbers.below(traces)).to_string());
    let script = artefacts::root().join("tests/bench/store/clickhouse.py");
    let output = Command::new(python).arg(script).arg(&rows).arg(folder).args(ids).output()?;
    std::fs::remove_file(rows)?;
    ensure!(output.status.success(), "ClickHouse failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut found: ClickHouse = serde_json::from_slice(&output.stdout).context("what the script printed")?;
    ensure!(found.rows >= SPANS, "ClickHouse has {} rows", found.rows);
    found.lookups_ms.sort_by(f64::total_cmp);
    Ok(found)
}

/// How many traces that took.
fn write_rows(rows: &mut impl std::io::Write) -> Result<u64> {
    let (mut mesh, mut spans, mut bytes) = (Mesh::new(), Vec::new(), Vec::new());
    let (mut written, mut traces) = (0, 0);
    let now = harness::generator::now_unix_ns();
    while written < SPANS {
        wait::stop_if_interrupted()?;
        spans.clear();
        bytes.clear();
        // An hour, in the order in which they come.
        mesh.trace(traces, now - (SPANS - written) * 3_600_000, &mut spans);
        spans.iter().for_each(|span| push_row(&mut bytes, span));
        rows.write_all(&bytes)?;
        written += spans.len() as u64;
        traces += 1;
    }
    rows.flush()?;
    Ok(traces)
}

/// A row in RowBinary: numbers in little endian, texts and maps behind their lengths.
fn push_row(bytes: &mut Vec<u8>, span: &Span) {
    bytes.extend_from_slice(&span.start_unix_ns.to_le_bytes());
    push_text(bytes, &span.trace_id.to_hex());
    push_text(bytes, &span.span_id.to_hex());
    push_text(bytes, &span.parent_span_id.map(|id| id.to_hex()).unwrap_or_default());
    push_text(bytes, &span.trace_state);
    push_text(bytes, &span.name);
    push_text(bytes, if span.kind == SpanKind::Client { "Client" } else { "Server" });
    push_text(bytes, span.service_name());
    push_map(bytes, &span.resource.attributes);
    push_map(bytes, &span.attributes);
    bytes.extend_from_slice(&span.duration_ns().to_le_bytes());
    push_text(bytes, if span.status == StatusCode::Error { "Error" } else { "Unset" });
    push_text(bytes, &span.status_message);
}

fn push_map(bytes: &mut Vec<u8>, attributes: &[Attribute]) {
    push_length(bytes, attributes.len());
    for attribute in attributes {
        push_text(bytes, &attribute.key);
        match &attribute.value {
            Value::Text(text) => push_text(bytes, text),
            Value::Int(number) => push_text(bytes, &number.to_string()),
            other => push_text(bytes, &format!("{other:?}")),
        }
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    push_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first (LEB128).
fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}
