//! Fills a collector step by step and asks it the same questions at each.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use harness::run_directory::RunDirectory;

use crate::clickhouse::{self, ClickHouse};
use crate::data;
use crate::filled::Bench;

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) steps: Vec<Step>,
    pub(crate) restart: Restart,
    pub(crate) clickhouse: ClickHouse,
}

/// The figures with so many spans.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) spans: u64,
    /// Processor time until they were taken and settled; `None` where another run took them.
    pub(crate) taken_cpu_s: Option<f64>,
    pub(crate) bytes_per_span: f64,
    pub(crate) blocks: u64,
    pub(crate) resident_mib: f64,
    pub(crate) known: Times,
    pub(crate) unknown: Times,
    pub(crate) search: Times,
}

/// The start after a kill.
#[derive(Debug)]
pub(crate) struct Restart {
    pub(crate) spans: u64,
    /// Spans that had to be read from the log; the others were in blocks.
    pub(crate) from_log: u64,
    pub(crate) ready: Duration,
}

/// Milliseconds at two quantiles, and processor time of the collector for one question on average.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_ms: f64,
}

/// Fills a collector to each of the steps; the data of the last are kept where that is asked.
pub(crate) fn all(steps: &[u64], keep_in: Option<&Path>, run: &RunDirectory) -> Result<Figures> {
    let most = steps.iter().copied().max().unwrap_or_default();
    let measured = grow(steps, most, run)?;
    if let Some(folder) = keep_in {
        data::hand_over(&run.join("data-grow"), folder)?;
        eprintln!("bench: the data of {most} spans are kept in {}", folder.display());
    }
    Ok(Figures { steps: measured, restart: restart(run)?, clickhouse: clickhouse::measure(run)? })
}

/// The last step is asked of the data of an earlier run, those below it are filled anew.
pub(crate) fn with_data(steps: &[u64], folder: &Path, run: &RunDirectory) -> Result<Figures> {
    data::hand_over(folder, &run.join("data-kept"))?;
    let mut kept = Bench::start(run, "kept", 1)?;
    kept.recognise()?;
    kept.settle()?;
    let (most, last) = (kept.spans, kept.ask()?);
    drop(kept);
    let smaller: Vec<u64> = steps.iter().copied().filter(|spans| spans.saturating_mul(2) < most).collect();
    let mut measured = grow(&smaller, most, run)?;
    measured.push(last);
    Ok(Figures { steps: measured, restart: restart(run)?, clickhouse: clickhouse::measure(run)? })
}

/// As many spans as they ever are, `most`, cover the whole time.
fn grow(steps: &[u64], most: u64, run: &RunDirectory) -> Result<Vec<Step>> {
    let mut bench = Bench::start(run, "grow", most)?;
    let (mut measured, mut taken_cpu_s) = (Vec::new(), 0.0);
    for spans in steps {
        let before_s = bench.cpu_s()?;
        bench.fill(*spans)?;
        bench.settle()?;
        taken_cpu_s += bench.cpu_s()? - before_s;
        measured.push(Step { taken_cpu_s: Some(taken_cpu_s), ..bench.ask()? });
    }
    Ok(measured)
}

fn restart(run: &RunDirectory) -> Result<Restart> {
    const SPANS: u64 = 1_000_000;
    let mut bench = Bench::start(run, "restart", SPANS)?;
    bench.fill(SPANS)?;
    let from_log = bench.status("spans_live")?;
    bench.collector.kill();
    eprintln!("bench: start after a kill");
    let begun = Instant::now();
    bench.collector.restart()?;
    let answer = bench.client.get(&bench.trace_url(0))?;
    let ready = begun.elapsed();
    ensure!(answer.status == 200, "an acknowledged trace is gone after the kill: {}", answer.status);
    Ok(Restart { spans: SPANS, from_log, ready })
}
