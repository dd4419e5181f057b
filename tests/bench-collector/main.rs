//! What it takes the collector to take spans in: processor time, memory, and how soon they are found.

mod freshness;
mod peer;
mod plot;
mod report;
mod run;
mod sender;
mod server;

use anyhow::{Context, Result, bail};
use harness::generator::now_unix_ns;
use harness::run_directory::RunDirectory;
use harness::{artefacts, wait};

use freshness::Freshness;
use report::Results;
use run::{KINDS, Kind};

/// Spans of each row when nothing is said.
const DEFAULT_SPANS: u64 = 1_000_000;

/// Spans of the rows that show how the figures grow; beyond a million only when they are asked for.
const GROWTH_SPANS: [u64; 4] = [100_000, 1_000_000, 10_000_000, 100_000_000];

/// What was asked for.
struct Arguments {
    spans: u64,
    /// The most spans of the rows that show growth.
    up_to: u64,
    kinds: Vec<Kind>,
    /// A part of the rows is for looking at, not for the page.
    is_whole: bool,
}

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let results = measure(&arguments)?;
    let text = report::write(&results)?;
    print!("{text}");
    if arguments.is_whole {
        let page = artefacts::root().join("docs/bench/collector.md");
        std::fs::create_dir_all(page.parent().context("a folder for the page")?)?;
        for (path, text) in [(page.with_extension("svg"), plot::write(&results)?), (page, text)] {
            std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        eprintln!("bench-collector: written to docs/bench/collector.md and collector.svg");
    }
    Ok(())
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments =
            Self { spans: DEFAULT_SPANS, up_to: DEFAULT_SPANS, kinds: KINDS.to_vec(), is_whole: true };
        while let Some(flag) = words.next() {
            let value = words.next().unwrap_or_default();
            match (flag.as_str(), value.parse()) {
                ("--spans", Ok(spans @ 1_000..=100_000_000)) => arguments.spans = spans,
                ("--up-to", Ok(spans @ 100_000..=100_000_000)) => arguments.up_to = spans,
                ("--only", _) => {
                    arguments.kinds.retain(|kind| value.split(',').any(|name| name == kind.name));
                    arguments.is_whole = false;
                    if arguments.kinds.is_empty() {
                        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
                        bail!("--only {value}: name some of {}", names.join(", "));
                    }
                }
                _ => bail!(
                    "{flag} {value}: --spans with a number from 1000, --up-to with one from 100000, or --only with kinds of load, \
                     is right"
                ),
            }
        }
        Ok(arguments)
    }
}

fn measure(arguments: &Arguments) -> Result<Results> {
    let (mut runs, mut peers): (Vec<run::Figures>, Vec<peer::PeerFigures>) = (Vec::new(), Vec::new());
    let mut freshness = Freshness::default();
    for kind in &arguments.kinds {
        eprintln!("bench-collector: {}", kind.title);
        let directory = RunDirectory::create()?;
        let outcome =
            run::run(*kind, arguments.spans, now_unix_ns(), &directory).and_then(|(figures, server)| {
                runs.push(figures);
                if kind.name == KINDS[0].name {
                    freshness = freshness::measure(&server, now_unix_ns())?;
                }
                drop(server);
                // Right after it, so that both meet the same machine.
                peers.push(peer::run(*kind, arguments.spans, now_unix_ns(), &directory)?);
                Ok(())
            });
        if outcome.is_err() {
            eprintln!("bench-collector: files of this run are in {}", directory.keep().display());
        }
        outcome?;
    }
    let mut growth = Vec::new();
    let steps = GROWTH_SPANS.into_iter().filter(|spans| arguments.is_whole && *spans <= arguments.up_to);
    for spans in steps {
        match runs.first().filter(|_| spans == arguments.spans) {
            Some(run) => growth.push(run.clone()),
            None => {
                eprintln!("bench-collector: {spans} spans");
                let directory = RunDirectory::create()?;
                growth.push(run::run(KINDS[0], spans, now_unix_ns(), &directory)?.0);
            }
        }
    }
    Ok(Results { spans: arguments.spans, runs, peers, peer: peer::version()?, growth, freshness })
}
