//! What tracing costs a proxy: a real Envoy without tracing, with its own OpenTelemetry tracer, and with the filter,
//! loaded in turns within one session, and told apart by the processor time that each of them took and, at one rate
//! for all, by latency.

mod figures;
mod load;
mod proxy;
mod report;
mod sender;
mod sink;
mod startup;
mod steady;
mod variant;

use anyhow::{Context, Result, bail};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::{artefacts, wait};

use figures::Samples;
use load::Burst;
use proxy::{Proxy, Upstream};
use sink::Sink;
use variant::{ALL, Path, Variant};

/// Rounds when nothing is said: with them a run takes about seven minutes.
const DEFAULT_ROUNDS: usize = 7;
/// Envoys under test have this core for themselves.
const PROXY_CORE: &str = "0";
/// Everything else has this one.
const OTHER_CORE: &str = "1";

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    let rounds = read_rounds(std::env::args().skip(1))?;
    load::pin_this_process(OTHER_CORE)?;
    let run = RunDirectory::create()?;
    let outcome = measure(rounds, &run);
    if outcome.is_err() {
        eprintln!("bench: files of this run are in {}", run.keep().display());
    }
    let text = outcome?;
    print!("{text}");
    let page = artefacts::root().join("docs/bench/filter.md");
    std::fs::create_dir_all(page.parent().context("a folder for the page")?)?;
    std::fs::write(&page, text).with_context(|| page.display().to_string())?;
    eprintln!("bench: written to docs/bench/filter.md");
    Ok(())
}

fn read_rounds(mut words: impl Iterator<Item = String>) -> Result<usize> {
    let Some(flag) = words.next() else { return Ok(DEFAULT_ROUNDS) };
    let value = words.next().unwrap_or_default();
    match (flag.as_str(), value.parse()) {
        ("--rounds", Ok(rounds @ 1..=100)) => Ok(rounds),
        _ => bail!("{flag} {value}: --rounds with a number from 1 to 100 is right"),
    }
}

fn measure(rounds: usize, run: &RunDirectory) -> Result<String> {
    let client = Client::new();
    let module = artefacts::module()?;
    eprintln!("bench: start and memory");
    let startup = startup::measure(&module, run, &client)?;
    let upstream = Upstream::start(run, &client)?;
    let mut proxies = Vec::new();
    for variant in ALL {
        let sink = Sink::start()?;
        let proxy = Proxy::start(variant, 1, &module, sink.port(), upstream.port(), run, &client)?;
        proxies.push((variant, proxy, sink));
    }
    for (variant, proxy, _) in &proxies {
        for path in Path::ALL {
            load::burst(proxy, path, variant.request_header())?;
        }
    }
    let mut samples = Samples::default();
    for round in 1..=rounds {
        eprintln!("bench: round {round} of {rounds}");
        for path in Path::ALL {
            run_once(&proxies, path, round, &mut samples)?;
        }
    }
    let steady = steady::measure(&proxies, rounds, &samples)?;
    let mut delivered = Vec::new();
    for (variant, proxy, sink) in &proxies {
        delivered.push(report::Delivered {
            variant: *variant,
            requests: proxy.requests(&client)?,
            spans: sink.wait_quiet()?,
            resident_bytes: proxy.resident_bytes()?,
        });
    }
    let size = std::fs::metadata(&module)?.len();
    report::write(&report::Results {
        rounds,
        samples: &samples,
        steady: &steady,
        delivered: &delivered,
        startup,
        size,
    })
}

/// Loads every proxy once; the order turns with the round, so that none is always the first.
fn run_once(
    proxies: &[(Variant, Proxy, Sink)],
    path: Path,
    round: usize,
    samples: &mut Samples<Burst>,
) -> Result<()> {
    for step in 0..proxies.len() {
        wait::stop_if_interrupted()?;
        let Some((variant, proxy, _)) = proxies.get((step + round) % proxies.len()) else { continue };
        let burst: Burst = load::burst(proxy, path, variant.request_header())?;
        samples.add(*variant, path, burst);
    }
    Ok(())
}
