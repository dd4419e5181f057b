//! How far our critical paths agree with labelled ones: traces in Jaeger's JSON with the self time of each operation on the
//! path, sent to a real collector and asked for by its API.

mod case;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::Value;

use case::{Case, Shares};

const REPORT: &str = "docs/bench/critical-path.md";
/// The collector answers in milliseconds; the rest is for busy machines.
const DEADLINE: Duration = Duration::from_secs(30);

fn main() -> Result<ExitCode> {
    let folder = PathBuf::from(std::env::args().nth(1).context("usage: bench-critical-path FOLDER")?);
    if !folder.is_dir() {
        eprintln!(
            "critical-path: {} is absent, NOTHING was measured; name a folder by LABELLED=",
            folder.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    let run = RunDirectory::create()?;
    let collector = Collector::start(Ports::free()?, &run)?;
    let mut outcomes = Vec::new();
    for (number, path) in (1..).zip(files(&folder)?) {
        let case = Case::read(number, &folder, &path).with_context(|| path.display().to_string())?;
        let ours = ask(&collector, &case).with_context(|| path.display().to_string())?;
        outcomes.push((case, ours));
    }
    ensure!(!outcomes.is_empty(), "{} holds no case: files such as 1.json", folder.display());
    let report = report::write(&outcomes);
    print!("{report}");
    std::fs::write(REPORT, report).with_context(|| format!("cannot write {REPORT}"))?;
    Ok(ExitCode::SUCCESS)
}

/// The cases by their number, then those in folders of their own, which are about errors on the path.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let number = |path: &Path| path.file_stem()?.to_str()?.parse::<u32>().ok();
    entries.sort_by_key(|path| (path.is_dir(), number(path), path.clone()));
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|end| end == "json") {
            files.push(path);
        }
    }
    Ok(files)
}

/// What the collector says of a case. The steps must divide the root's duration exactly, whatever the labels say.
fn ask(collector: &Collector, case: &Case) -> Result<Shares> {
    let client = Client::new();
    let headers = [("content-type", "application/x-protobuf")];
    let answer = client.request("POST", &collector.otlp_http_url(), &headers, &case.message())?;
    ensure!(answer.status == 200, "the collector answers {}: {}", answer.status, answer.text()?);
    let url = format!("{}/api/v1/traces/{}/critical-path", collector.url(), case.trace_id());
    let path: Value = wait::until("the trace", DEADLINE, || {
        let answer = client.get(&url)?;
        if answer.status == 404 { Ok(None) } else { answer.json().map(Some) }
    })?;
    let mut shares = Shares::new();
    for step in path["steps"].as_array().context("no steps")? {
        let text = |key: &str| step[key].as_str().unwrap_or_default();
        let time = |key: &str| step[key].as_u64().unwrap_or_default();
        let name = format!("[{}] {}", text("service"), text("name"));
        *shares.entry(name).or_default() += time("until_ns") - time("from_ns");
    }
    let (sum, root) = (shares.values().sum::<u64>(), path["duration_ns"].as_u64().unwrap_or_default());
    ensure!(sum == root, "the steps sum up to {sum} ns, and the root lasted {root}");
    Ok(shares)
}
