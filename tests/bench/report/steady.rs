//! The section with latency at one rate.

use std::fmt::Write;

use anyhow::Result;

use crate::steady::{COMPARED, Steady, SteadyBurst};
use crate::variant::{Path, Variant};

/// One table for each path.
pub(super) fn write(page: &mut String, steady: &Steady) -> Result<()> {
    writeln!(page, "## Latency at one rate\n")?;
    writeln!(
        page,
        "All variants get the same requests here, evenly spaced, at half the rate of the slowest of them above, three \
         seconds each in\nturn, as many rounds. A request's latency counts from when it was due, also if it left \
         later because the sender had no core\nor none of its 32 connections was free: *late* is the p99 of that. In \
         brackets the least and the greatest p99 of a round; *x native*\ncompares the p99. A burst that \
         missed the rate by more than 2 % is left out and sent again, up to twice in a round; *missed* counts \
         them, and of\na variant with many the rest flatters.\n"
    )?;
    for path in Path::ALL {
        write_path(page, steady, path)?;
    }
    Ok(())
}

fn write_path(page: &mut String, steady: &Steady, path: Path) -> Result<()> {
    writeln!(
        page,
        "| {}, {:.0} requests/s | bursts | missed | requests/s | late us | p50 us | p99 us | x native |",
        path.name(),
        steady.rate(path)
    )?;
    writeln!(page, "|---|---|---|---|---|---|---|---|")?;
    let samples = &steady.samples;
    let native_p99 = samples.median(Variant::Native, path, |burst| burst.p99_us);
    for variant in COMPARED {
        let (count, missed) = (samples.count(variant, path), steady.missed(variant, path));
        if count == 0 {
            writeln!(page, "| {} | 0 | {missed} | | | | | |", variant.name())?;
            continue;
        }
        let median = |figure: fn(&SteadyBurst) -> f64| samples.median(variant, path, figure);
        let (least, greatest) = samples.range(variant, path, |burst| burst.p99_us);
        let p99 = median(|burst| burst.p99_us);
        writeln!(
            page,
            "| {} | {count} | {missed} | {:.0} | {:.0} | {:.0} | {p99:.0} ({least:.0} to {greatest:.0}) | {:.2} |",
            variant.name(),
            median(|burst| burst.requests),
            median(|burst| burst.late_p99_us),
            median(|burst| burst.p50_us),
            p99 / native_p99,
        )?;
    }
    writeln!(page)?;
    Ok(())
}
