//! The page with the figures.

use std::fmt::Write as _;

use anyhow::Result;

use crate::measure::{Figures, Restart};

pub(crate) fn write(figures: &Figures) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# How the store grows\n")?;
    writeln!(
        page,
        "Written by `make bench-store`, and with more spans by `make bench-large`. One collector with default settings, but \
         for windows\nthat become blocks after 5 s; traces of a mesh of ten services, 12 to 14 attributes a span, which cover \
         four hours in the\norder in which they come. Times are what a client sees over HTTP on the loopback address, \
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
    Ok(page)
}
