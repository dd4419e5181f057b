//! How the store grows: bytes per span, traces by id, searches, and the start after a kill, with more and more spans in one
//! real collector.

mod measure;
mod mesh;
mod page;
mod plot;

use anyhow::{Context, Result, bail};
use harness::run_directory::RunDirectory;
use harness::{artefacts, wait};

/// Spans in the collector at each step when nothing is said.
const DEFAULT_SPANS: [u64; 2] = [100_000, 1_000_000];
/// `--up-to` takes these as well.
const LARGER_SPANS: [u64; 3] = [10_000_000, 30_000_000, 100_000_000];

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    let steps = read_steps(std::env::args().skip(1))?;
    let run = RunDirectory::create()?;
    let outcome = measure::all(&steps, &run);
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

/// `--up-to SPANS` adds larger steps, or leaves the default ones out.
fn read_steps(mut words: impl Iterator<Item = String>) -> Result<Vec<u64>> {
    let Some(flag) = words.next() else { return Ok(DEFAULT_SPANS.to_vec()) };
    let value = words.next().unwrap_or_default();
    match (flag.as_str(), value.parse::<u64>()) {
        ("--up-to", Ok(most @ 10_000..=100_000_000)) => {
            let smaller = DEFAULT_SPANS.into_iter().chain(LARGER_SPANS).filter(|spans| *spans < most);
            Ok(smaller.chain([most]).collect())
        }
        _ => bail!("{flag} {value}: --up-to with a number from 10000 to 100000000 is right"),
    }
}
