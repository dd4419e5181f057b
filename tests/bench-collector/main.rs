//! What it takes the collector to take spans in: processor time, memory, and how soon they are found.

mod freshness;
mod report;
mod restart;
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

/// What was asked for.
struct Arguments {
    spans: u64,
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
        std::fs::write(&page, text).with_context(|| page.display().to_string())?;
        eprintln!("bench-collector: written to docs/bench/collector.md");
    }
    Ok(())
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self { spans: DEFAULT_SPANS, kinds: KINDS.to_vec(), is_whole: true };
        while let Some(flag) = words.next() {
            let value = words.next().unwrap_or_default();
            match (flag.as_str(), value.parse()) {
                ("--spans", Ok(spans @ 1_000..=100_000_000)) => arguments.spans = spans,
                ("--only", _) => {
                    arguments.kinds.retain(|kind| value.split(',').any(|name| name == kind.name));
                    arguments.is_whole = false;
                    if arguments.kinds.is_empty() {
                        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
                        bail!("--only {value}: name some of {}", names.join(", "));
                    }
                }
                _ => bail!(
                    "{flag} {value}: --spans with a number from 1000, or --only with kinds of load, is right"
                ),
            }
        }
        Ok(arguments)
    }
}

fn measure(arguments: &Arguments) -> Result<Results> {
    let mut runs = Vec::new();
    let (mut freshness, mut restart) = (Freshness::default(), None);
    for kind in &arguments.kinds {
        eprintln!("bench-collector: {}", kind.title);
        let directory = RunDirectory::create()?;
        let outcome =
            run::run(*kind, arguments.spans, now_unix_ns(), &directory).and_then(|(figures, mut server)| {
                runs.push(figures);
                if kind.name == KINDS[0].name {
                    freshness = freshness::measure(&server, now_unix_ns())?;
                    restart = Some(restart::measure(&mut server)?);
                }
                eprintln!("bench-collector: {} bytes on disk", server.disk_bytes()?);
                Ok(())
            });
        if outcome.is_err() {
            eprintln!("bench-collector: files of this run are in {}", directory.keep().display());
        }
        outcome?;
    }
    Ok(Results { spans: arguments.spans, runs, freshness, restart })
}
