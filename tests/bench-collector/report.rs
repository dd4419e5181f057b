//! The page with the figures.

use std::fmt::Write;

use anyhow::Result;

use crate::freshness::Freshness;
use crate::run::Figures;

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) spans: u64,
    pub(crate) runs: Vec<Figures>,
    pub(crate) freshness: Freshness,
    pub(crate) restart: Option<crate::restart::Restart>,
}

/// The whole page.
pub(crate) fn write(results: &Results) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# What the collector takes to take spans in\n")?;
    writeln!(
        page,
        "Written by `make bench-collector`. The collector runs with its default settings, each batch is forced to disk before it \
         is\nacknowledged; {} spans for each row, in traces of {} spans of a shop's proxies. Processor time is that of the \
         collector's\nprocess as the kernel accounts for it: *acknowledged* until the last batch is, *settled* until it has \
         also written its blocks\nand judged every trace. Load and collector share the machine with whatever else runs there: \
         processor time holds, wall time does not.\n",
        results.spans,
        harness::generator::SPANS_PER_TRACE,
    )?;
    writeln!(
        page,
        "| load | B/span | spans per CPU-second, acknowledged | settled | goal | spans/s | peak memory | batches per sync | \
         generator, CPU-s per 10^6 |\n|---|---|---|---|---|---|---|---|---|"
    )?;
    for run in &results.runs {
        writeln!(
            page,
            "| {} | {:.0} | {:.0} | {:.0} | {} | {:.0} | {:.0} MiB | {:.1} | {:.2} |",
            run.name,
            run.bytes_per_span,
            run.spans / run.acknowledged_cpu_s,
            run.spans / run.settled_cpu_s,
            run.goal,
            run.spans / run.wall_s,
            run.peak_bytes as f64 / 1024.0 / 1024.0,
            run.batches_per_sync,
            run.generator_cpu_s * 1e6 / run.spans,
        )?;
    }
    writeln!(page, "\n| from the acknowledgement to the answer | p50 | p99 | goal |\n|---|---|---|---|")?;
    for (what, mut times) in [
        ("trace by id", results.freshness.by_id_ms.clone()),
        ("search by service", results.freshness.by_search_ms.clone()),
    ] {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)))
        };
        let (median, late) = (at(0.5).copied().unwrap_or(0.0), at(0.99).copied().unwrap_or(0.0));
        writeln!(page, "| {what} | {median:.1} ms | {late:.1} ms | p99 1 s |")?;
    }
    if let Some(restart) = &results.restart {
        writeln!(
            page,
            "\nAfter `kill -9` with {} spans in the log: {:.2} s of wall time to the first answer (goal 2 s), {:.2} s of \
             processor time.",
            restart.spans, restart.wall_s, restart.cpu_s
        )?;
    }
    Ok(page)
}
