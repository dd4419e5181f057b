//! How the store grows: bytes per span, traces by id, searches, and the start after a kill, with more and more spans in one
//! real collector.

mod clickhouse;
mod data;
mod filled;
mod measure;
mod mesh;
mod page;
mod plot;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use harness::run_directory::RunDirectory;
use harness::{artefacts, wait};

/// Spans in the collector at each step when nothing is said.
const DEFAULT_SPANS: [u64; 2] = [100_000, 1_000_000];
/// `--up-to` takes these as well.
const LARGER_SPANS: [u64; 3] = [10_000_000, 30_000_000, 100_000_000];

/// What was asked for.
struct Arguments {
    /// Spans at each step.
    steps: Vec<u64>,
    /// Where the data of the largest step are kept, or are from an earlier run.
    data: Option<PathBuf>,
}

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let run = RunDirectory::create()?;
    let outcome = match arguments.data.as_deref() {
        Some(data) if data::is_there(data) => {
            let steps = [&DEFAULT_SPANS[..], &LARGER_SPANS[..1]].concat();
            measure::with_data(&steps, data, &run)
        }
        keep_in => measure::all(&arguments.steps, keep_in, &run),
    };
    if outcome.is_err() {
        eprintln!("bench: files of this run are in {}", run.keep().display());
    }
    let figures = outcome?;
    let folder = artefacts::root().join("docs/bench");
    std::fs::create_dir_all(&folder)?;
    let text = page::write(&figures)?;
    print!("{text}");
    for (name, text) in [("store.md", text), ("store.svg", plot::write(&figures.steps)?)] {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        eprintln!("bench: written to docs/bench/{name}");
    }
    Ok(())
}

impl Arguments {
    /// `--up-to SPANS` adds larger steps, or leaves the default ones out; `--data FOLDER` keeps what the largest step needed,
    /// and uses it when it is there.
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self { steps: DEFAULT_SPANS.to_vec(), data: None };
        while let Some(flag) = words.next() {
            let value = words.next().unwrap_or_default();
            match (flag.as_str(), value.parse::<u64>()) {
                ("--up-to", Ok(most @ 10_000..=100_000_000)) => {
                    let smaller = DEFAULT_SPANS.into_iter().chain(LARGER_SPANS).filter(|spans| *spans < most);
                    arguments.steps = smaller.chain([most]).collect();
                }
                ("--data", _) if !value.is_empty() => arguments.data = Some(value.into()),
                _ => bail!(
                    "{flag} {value}: --up-to with a number from 10000 to 100000000, or --data with a folder, is right"
                ),
            }
        }
        Ok(arguments)
    }
}
