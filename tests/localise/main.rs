//! How often `throughline localise` names the service that was harmed, on labelled minutes, beside the plain rule.

mod faults;
mod score;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use faults::Fault;
use score::Places;

const METHODS: [&str; 2] = ["evidence", "duration"];
const REPORT: &str = "docs/bench/localise.md";

fn main() -> anyhow::Result<ExitCode> {
    let folder = PathBuf::from(std::env::args().nth(1).context("usage: bench-localise FOLDER")?);
    if !folder.is_dir() {
        eprintln!(
            "localise: {} is absent, NOTHING was measured; name a folder by LABELLED=",
            folder.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    let normal = faults::normal(&folder)?;
    let faults = faults::all(&folder)?;
    let mut report = heading();
    for (which, title) in [(&[1][..], "minute +2 alone"), (&[0, 1][..], "minutes +1 and +2, as recorded")] {
        let measured: Vec<(&Fault, Vec<&Path>)> = faults
            .iter()
            .map(|fault| {
                (fault, which.iter().filter_map(|minute| fault.minutes[*minute].as_deref()).collect())
            })
            .filter(|(_, files): &(_, Vec<&Path>)| !files.is_empty())
            .collect();
        for method in METHODS {
            measure(&normal, &measured, method, title, &mut report)?;
        }
    }
    print!("{report}");
    std::fs::write(REPORT, report).with_context(|| format!("cannot write {REPORT}"))?;
    Ok(ExitCode::SUCCESS)
}

fn heading() -> String {
    "# Localisation: how often the harmed service is named\n\n\
     Written by `make bench-localise` from labelled faults (Nezha's recordings of Online Boutique, MIT licence): one normal minute\n\
     against the minutes after each fault. AS@k: percent of faults whose service is among the first k; ties count against it. `duration` is\n\
     the plain rule to compare with (`throughline localise --method duration`).\n\n\
     | traces | method | faults | AS@1 | AS@3 | AS@5 | Avg@5 |\n|---|---|---|---|---|---|---|\n"
        .to_owned()
}

fn measure(
    normal: &Path,
    faults: &[(&Fault, Vec<&Path>)],
    method: &str,
    title: &str,
    report: &mut String,
) -> anyhow::Result<()> {
    let mut all = Places::default();
    let mut by_kind: BTreeMap<&str, Places> = BTreeMap::new();
    for (fault, abnormal) in faults {
        let ranking = localise(normal, abnormal, method)?;
        all.add(&ranking, &fault.service);
        by_kind.entry(&fault.kind).or_default().add(&ranking, &fault.service);
    }
    let mut row = |name: &str, places: &Places| {
        let [first, third, fifth] = [1, 3, 5].map(|count| places.accuracy_at(count));
        let (count, mean) = (places.len(), places.mean_at_five());
        writeln!(report, "| {title} | {name} | {count} | {first:.1} | {third:.1} | {fifth:.1} | {mean:.1} |")
    };
    row(method, &all)?;
    if method == METHODS[0] {
        for (kind, places) in &by_kind {
            row(&format!("{method}, {kind}"), places)?;
        }
    }
    Ok(())
}

fn localise(normal: &Path, abnormal: &[&Path], method: &str) -> anyhow::Result<Vec<(String, f64)>> {
    let mut command = Command::new("target/release/throughline");
    command.args(["localise", "--method", method, "--normal"]).arg(normal);
    for file in abnormal {
        command.arg("--abnormal").arg(file);
    }
    let output = command.output().context("cannot start target/release/throughline")?;
    anyhow::ensure!(output.status.success(), "localise failed: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout)?;
    lines
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line)?;
            let service = line["service"].as_str().context("a line without service")?;
            Ok((service.to_owned(), line["score"].as_f64().context("a line without score")?))
        })
        .collect()
}
