//! The page with the figures.

mod steady;

use std::fmt::Write;

use anyhow::Result;

use crate::figures::Samples;
use crate::load::Burst;
use crate::startup::Startup;
use crate::steady::Steady;
use crate::variant::{ALL, Path, Variant};

/// What became of the spans of one proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) variant: Variant,
    /// Requests by path.
    pub(crate) requests: [u64; 2],
    pub(crate) spans: u64,
    pub(crate) resident_bytes: u64,
}

impl Delivered {
    /// How many spans should have come; `None` where chance decides. A gateway sends nothing on where it answers by
    /// itself, so one of its two spans is not made then.
    fn expected(&self) -> Option<u64> {
        let [direct, proxied] = self.requests;
        let proxied_spans = self.variant.spans_per_request()?;
        Some(direct * proxied_spans.min(1) + proxied * proxied_spans)
    }
}

/// All that was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Results<'a> {
    pub(crate) rounds: usize,
    pub(crate) samples: &'a Samples<Burst>,
    pub(crate) steady: &'a Steady,
    pub(crate) delivered: &'a [Delivered],
    pub(crate) startup: Startup,
    pub(crate) size: u64,
}

/// The whole page.
pub(crate) fn write(results: &Results<'_>) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# What the filter costs\n")?;
    writeln!(
        page,
        "Written by `make bench`. Envoy 1.40.0 with one worker on one core; load by `wrk` with 16 connections, the \
         upstream Envoy and the\ncollector's stand-in on another. Each variant is loaded for a second in turn, {} \
         rounds. Processor time is the\nscheduler's own account of all threads of the Envoy under test; *extra* is \
         the median over the rounds of the difference to\nno tracing in the same round. Times differ between \
         machines and hours, ratios much less.\n",
        results.rounds
    )?;
    write_ratios(&mut page, results)?;
    for path in Path::ALL {
        write_path(&mut page, results.samples, path)?;
    }
    steady::write(&mut page, results.steady)?;
    write_delivered(&mut page, results.delivered)?;
    Ok(page)
}

fn write_ratios(page: &mut String, results: &Results<'_>) -> Result<()> {
    let extra = |variant, path| results.samples.extra_cpu_us(variant, path);
    let p99 = |variant, path| results.samples.median(variant, path, |burst| burst.p99_us);
    writeln!(page, "| figure | measured | goal |\n|---|---|---|")?;
    let mut ratio = |what: &str, ours: f64, native: f64, goal: &str| {
        let figure = if ours.is_nan() || native.is_nan() {
            "no burst held the rate".to_owned()
        } else {
            format!("{:.2} x ({ours:.1} / {native:.1} us)", ours / native)
        };
        writeln!(page, "| {what} | {figure} | {goal} |")
    };
    for (path, goal) in [(Path::Proxied, "<= 0.50 x"), (Path::Direct, "<= 0.55 x")] {
        let name = path.name();
        let native = extra(Variant::Native, path);
        ratio(&format!("extra CPU, 100 %, {name}"), extra(Variant::Filter, path), native, goal)?;
        let quiet = format!("the same with `path_log: off`, {name}");
        ratio(&quiet, extra(Variant::FilterQuiet, path), native, goal)?;
        let told = format!("the same with `role: inbound` too, {name}");
        ratio(&told, extra(Variant::FilterRole, path), native, goal)?;
    }
    for path in [Path::Proxied, Path::Direct] {
        let native = extra(Variant::NativeOnePercent, path);
        let what = format!("extra CPU, 1 %, {}", path.name());
        ratio(&what, extra(Variant::FilterOnePercent, path), native, "<= 1 x")?;
    }
    for path in [Path::Proxied, Path::Direct] {
        let steady = results.steady;
        let p99 = |variant| steady.samples.median(variant, path, |burst| burst.p99_us);
        let what =
            format!("p99 latency at one rate ({:.0} requests/s), 100 %, {}", steady.rate(path), path.name());
        ratio(&what, p99(Variant::Filter), p99(Variant::Native), "<= 1 x")?;
    }
    for path in [Path::Proxied, Path::Direct] {
        let what = format!("p99 latency at the most each can serve, 100 %, {}", path.name());
        ratio(&what, p99(Variant::Filter, path), p99(Variant::Native, path), "<= 1 x")?;
    }
    let Startup { cpu_ms, memory_mib, worker_mib } = results.startup;
    writeln!(page, "| module | {:.1} KiB | <= 160 KiB |", results.size as f64 / 1024.0)?;
    writeln!(page, "| start, one worker | {cpu_ms:.0} ms of CPU, {memory_mib:.1} MiB | |")?;
    writeln!(page, "| each further worker, idle | {worker_mib:.2} MiB | <= 1.5 MiB |\n")?;
    Ok(())
}

fn write_path(page: &mut String, samples: &Samples<Burst>, path: Path) -> Result<()> {
    let title = match path {
        Path::Direct => "Answered by Envoy itself",
        Path::Proxied => "Sent on to another Envoy",
    };
    writeln!(page, "## {title}\n")?;
    writeln!(page, "| variant | CPU us/request | extra us | x native | requests/s | p50 us | p99 us |")?;
    writeln!(page, "|---|---|---|---|---|---|---|")?;
    let native = samples.extra_cpu_us(Variant::Native, path);
    for variant in ALL {
        let median = |figure: fn(&Burst) -> f64| samples.median(variant, path, figure);
        let extra = samples.extra_cpu_us(variant, path);
        writeln!(
            page,
            "| {} | {:.1} | {:+.1} | {:.2} | {:.0} | {:.0} | {:.0} |",
            variant.name(),
            median(|burst| burst.cpu_us),
            extra,
            extra / native,
            median(|burst| burst.requests),
            median(|burst| burst.p50_us),
            median(|burst| burst.p99_us),
        )?;
    }
    writeln!(page)?;
    Ok(())
}

fn write_delivered(page: &mut String, delivered: &[Delivered]) -> Result<()> {
    writeln!(page, "## Delivered\n")?;
    writeln!(page, "| variant | requests | spans expected | spans delivered | RSS after all rounds |")?;
    writeln!(page, "|---|---|---|---|---|")?;
    for one in delivered {
        let expected = one.expected().map_or_else(|| "by chance".to_owned(), |count| count.to_string());
        writeln!(
            page,
            "| {} | {} | {expected} | {} | {:.0} MiB |",
            one.variant.name(),
            one.requests.iter().sum::<u64>(),
            one.spans,
            one.resident_bytes as f64 / 1024.0 / 1024.0,
        )?;
    }
    Ok(())
}
