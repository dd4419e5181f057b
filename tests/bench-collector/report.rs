//! The page with the figures.

use std::fmt::Write;

use anyhow::Result;

use crate::freshness::Freshness;
use crate::peer::PeerFigures;
use crate::run::{Figures, KINDS};

/// What no package registry has cannot be a part of the run: what was measured once, by hand.
const OTHERS: &str = "
Stores of traces are in no package registry and therefore not part of this run. Measured by hand in 2026-08 on a machine like this one with the same kind of load (OTLP/HTTP, 565 B and 11
attributes a span), settled: VictoriaTraces (commit 0297391, 2025-07) 50,600 spans per CPU-second and 86 B a span; Tempo 3 (commit ad33aa8,
2026-08) 27,600 and 100 B, with 3.6 GB of memory. Neither forces a batch to disk before it acknowledges it: both lost the last seconds at
`kill -9`. The OpenTelemetry Collector 0.153, which threw everything away, took 261,000 by HTTP and 341,000 by gRPC.

![The settled figures as bars](collector.svg)
";

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) spans: u64,
    pub(crate) runs: Vec<Figures>,
    /// The same loads on the peer, in the same order.
    pub(crate) peers: Vec<PeerFigures>,
    /// Name and version of the peer.
    pub(crate) peer: String,
    /// The first kind of load again, with other numbers of spans, the fewest first.
    pub(crate) growth: Vec<Figures>,
    pub(crate) freshness: Freshness,
}

/// The whole page.
pub(crate) fn write(results: &Results) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# What the collector takes to take spans in\n")?;
    writeln!(
        page,
        "Written by `make bench-collector`. The collector runs with its default settings, but for windows that become blocks after \
         10 s;\neach batch is forced to disk before it is acknowledged; {} spans for each row, in traces of {} spans of a shop's \
         proxies.\nProcessor time is that of the collector's process as the kernel accounts for it: *acknowledged* until the last \
         batch is,\n*settled* until every span is in a block and every trace is judged; *put off* is how often it asked a sender \
         to try a batch\nagain later. Load and collector share the machine with whatever else runs there: processor time holds, \
         wall time does not.\n",
        results.spans,
        harness::generator::SPANS_PER_TRACE,
    )?;
    writeln!(
        page,
        "| load | B/span | spans per CPU-second, acknowledged | settled | goal | spans/s | peak memory | B/span on disk | batches per sync | \
         generator, CPU-s per 10^6 | put off |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for run in &results.runs {
        writeln!(
            page,
            "| {} | {:.0} | {:.0} | {:.0} | {} | {:.0} | {:.0} MiB | {:.1} | {:.1} | {:.2} | {} |",
            run.name,
            run.bytes_per_span,
            run.spans / run.acknowledged_cpu_s,
            run.spans / run.settled_cpu_s,
            run.goal,
            run.spans / run.wall_s,
            run.peak_bytes as f64 / 1024.0 / 1024.0,
            run.disk_bytes as f64 / run.spans,
            run.batches_per_sync,
            run.generator_cpu_s * 1e6 / run.spans,
            run.put_off,
        )?;
    }
    write_growth(&mut page, &results.growth)?;
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
    write_peer(&mut page, results)?;
    page.push_str(OTHERS);
    Ok(page)
}

fn write_peer(page: &mut String, results: &Results) -> Result<()> {
    writeln!(
        page,
        "\n## Beside others\n\nIn the same run, each right after the row above, {} with its defaults got the same load and threw it \
         away: it decodes, keeps\nnothing, and its acknowledgement promises nothing. Spans per CPU-second until all work was done.\n",
        results.peer
    )?;
    writeln!(
        page,
        "| load | Throughline, on disk | Throughline, settled | the peer, to nothing | on disk / peer, settled / peer | peak memory, Throughline / peer | \
         spans/s, Throughline / peer | the peer put off |\n|---|---|---|---|---|---|---|---|"
    )?;
    for (own, peer) in results.runs.iter().zip(&results.peers) {
        let (acknowledged, settled) = (own.spans / own.acknowledged_cpu_s, own.spans / own.settled_cpu_s);
        let others = peer.spans / peer.cpu_s;
        writeln!(
            page,
            "| {} | {acknowledged:.0} | {settled:.0} | {others:.0} | {:.2}, {:.2} | {:.0} / {:.0} MiB | {:.0} / {:.0} | {} |",
            own.name,
            acknowledged / others,
            settled / others,
            own.peak_bytes as f64 / 1024.0 / 1024.0,
            peer.peak_bytes as f64 / 1024.0 / 1024.0,
            own.spans / own.wall_s,
            peer.spans / peer.wall_s,
            peer.put_off,
        )?;
    }
    Ok(())
}

fn write_growth(page: &mut String, growth: &[Figures]) -> Result<()> {
    if growth.is_empty() {
        return Ok(());
    }
    writeln!(
        page,
        "\n| spans ({}) | settled spans per CPU-second | peak memory | B/span on disk |",
        KINDS[0].title
    )?;
    writeln!(page, "|---|---|---|---|")?;
    for run in growth {
        writeln!(
            page,
            "| {:.0} | {:.0} | {:.0} MiB | {:.1} |",
            run.spans,
            run.spans / run.settled_cpu_s,
            run.peak_bytes as f64 / 1024.0 / 1024.0,
            run.disk_bytes as f64 / run.spans
        )?;
    }
    Ok(())
}
