//! The page with the figures.

use std::fmt::Write as _;

use anyhow::Result;

use crate::clickhouse::{self, ClickHouse};
use crate::measure::{Figures, Restart, Step};

pub(crate) fn write(figures: &Figures) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# How the store grows\n")?;
    writeln!(
        page,
        "Written by `make bench-store`, and with more spans by `make bench-large`. One collector with default settings, but \
         for windows\nthat become blocks after 5 s; traces of a mesh of ten services, 12 to 14 attributes a span, which cover \
         four hours in the\norder in which they come. `make bench-large DATA=folder` keeps the spans of the last row, and \
         uses them when they are there.\nTimes are what a client sees over HTTP on the loopback address, \
         rendering of the answer included,\nand stretch with whatever else the machine does; behind them stands the processor time \
         that the collector took for one question on average.\nA search asks for a service and a least duration in the last hour, 20 traces. \
         Bytes are those of the blocks, and all\nis asked once no block is to be merged any more.\n"
    )?;
    writeln!(
        page,
        "| spans | bytes per span | blocks | resident | trace by id p50 / p99 (CPU) | unknown id p50 / p99 (CPU) | search p50 / p99 (CPU) |"
    )?;
    writeln!(page, "|---|---|---|---|---|---|---|")?;
    for step in &figures.steps {
        writeln!(
            page,
            "| {} | {:.1} | {} | {:.0} MiB | {:.2} / {:.2} ms ({:.2}) | {:.2} / {:.2} ms ({:.2}) | {:.1} / {:.1} ms ({:.1}) |",
            step.spans,
            step.bytes_per_span,
            step.blocks,
            step.resident_mib,
            step.known.p50_ms,
            step.known.p99_ms,
            step.known.cpu_ms,
            step.unknown.p50_ms,
            step.unknown.p99_ms,
            step.unknown.cpu_ms,
            step.search.p50_ms,
            step.search.p99_ms,
            step.search.cpu_ms
        )?;
    }
    writeln!(
        page,
        "\nGoals at a million spans: 43 bytes per span; trace by id 1 / 5 ms; unknown id p99 5 ms; search p50 10 ms; restart 2 s. At a \
         hundred\nmillion: trace by id p50 3 ms."
    )?;
    let Restart { spans, from_log, ready } = figures.restart;
    writeln!(
        page,
        "\nKilled with SIGKILL right after {spans} acknowledged spans, {from_log} of them not in a block yet, it gave its \
         first answer\n{:.2} s after it was started again.\n\n![The same as curves](store.svg)",
        ready.as_secs_f64()
    )?;
    write_clickhouse(&mut page, &figures.steps, &figures.clickhouse)?;
    Ok(page)
}

/// What ClickHouse took beside what our store took with as many spans.
fn write_clickhouse(page: &mut String, steps: &[Step], peer: &ClickHouse) -> Result<()> {
    let step = steps.iter().find(|step| step.spans >= clickhouse::SPANS);
    let Some((step, taken_cpu_s)) = step.and_then(|step| Some((step, step.taken_cpu_s?))) else {
        return Ok(());
    };
    let at = |share: f64| {
        let place = ((peer.lookups_ms.len() as f64 - 1.0) * share).round() as usize;
        peer.lookups_ms.get(place).copied().unwrap_or_default()
    };
    let (own, other) = (step.spans as f64, peer.rows as f64);
    writeln!(
        page,
        "\n## Beside ClickHouse\n\nIn the same run ClickHouse {} (the engine in one process, PyPI's `chdb-core`) got spans of the same mesh as rows \
         of the table that its\nexporter of the OpenTelemetry Collector makes, all in one insert, and merged them. It is spared what a collector does: \
         no network, no OTLP,\nno sync before an acknowledgement, no counting of calls; Throughline's figures have all of that in them. Its lookups give \
         rows and no trace put together.\n",
        peer.version
    )?;
    writeln!(
        page,
        "| {} spans | bytes per span | spans per CPU-second, settled | trace by id p50 / p99 |",
        step.spans
    )?;
    writeln!(page, "|---|---|---|---|")?;
    writeln!(
        page,
        "| Throughline | {:.1} | {:.0} | {:.2} / {:.2} ms |",
        step.bytes_per_span,
        own / taken_cpu_s,
        step.known.p50_ms,
        step.known.p99_ms
    )?;
    writeln!(
        page,
        "| ClickHouse | {:.1} | {:.0} | {:.2} / {:.2} ms |",
        peer.bytes as f64 / other,
        other / peer.insert_cpu_s,
        at(0.5),
        at(0.99)
    )?;
    let ratio = (peer.bytes as f64 / other) / step.bytes_per_span;
    writeln!(page, "\nClickHouse takes {ratio:.1} times the bytes.")?;
    Ok(())
}
