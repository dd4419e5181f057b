//! Our detector, through the command that users have.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use harness::artefacts;
use serde_json::Value;

use crate::scoring::Episode;
use crate::simulator::Series;

/// A Monday at midnight UTC.
const BEGIN_UNIX_S: usize = 1_704_067_200;

pub struct Replayed {
    /// Those of each series, in the order that the series were given in.
    pub episodes: Vec<Vec<Episode>>,
    /// Minutes of series scored in a second on one core.
    pub per_second: f64,
}

/// Replays all series through `throughline backtest`.
pub fn backtest(all: &[Series]) -> Result<Replayed> {
    let mut child = Command::new(artefacts::collector()?)
        .args(["backtest", "--series", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("throughline backtest")?;
    // The file is read to its end before the first episode is printed, so writing cannot wait for reading.
    let mut rows = BufWriter::with_capacity(1 << 20, child.stdin.take().context("its input")?);
    writeln!(rows, "time,series,requests,errors")?;
    for series in all {
        for (minute, (requests, errors)) in series.counts.iter().enumerate() {
            writeln!(rows, "{},{},{requests},{errors}", BEGIN_UNIX_S + 60 * minute, series.name)?;
        }
    }
    drop(rows.into_inner().map_err(|error| error.into_error())?);
    let output = child.wait_with_output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("throughline backtest failed: {told}");
    }
    let per_second = told
        .split_whitespace()
        .zip(told.split_whitespace().skip(1))
        .find_map(|(number, word)| (word == "series-minutes").then(|| number.parse().ok()).flatten())
        .with_context(|| format!("no speed in `{told}`"))?;
    Ok(Replayed { episodes: read(&String::from_utf8(output.stdout)?, all)?, per_second })
}

fn read(lines: &str, all: &[Series]) -> Result<Vec<Vec<Episode>>> {
    let places: HashMap<&str, usize> =
        all.iter().enumerate().map(|(place, series)| (series.name.as_str(), place)).collect();
    let mut episodes = vec![Vec::new(); all.len()];
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line)?;
        let place = line["series"].as_str().and_then(|name| places.get(name)).context("a known series")?;
        let minute = |key: &str| -> Result<usize> {
            let seconds = line[key].as_u64().with_context(|| format!("{key} in seconds"))?;
            Ok((usize::try_from(seconds)? - BEGIN_UNIX_S) / 60)
        };
        episodes[*place].push(Episode { start: minute("start")?, end: minute("end")? });
    }
    Ok(episodes)
}
