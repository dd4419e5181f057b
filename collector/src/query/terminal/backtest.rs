//! `throughline backtest`: replays counts from a file through the error-rate detector and prints the episodes.

mod rows;
mod time;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use serde_json::json;

use crate::alert::error_rate::{Change, Counts, Detector, Episode, Minute, Settings};
use rows::{History, Row};
use time::TimeFormat;

/// Printed below the help of `throughline backtest`.
pub const BACKTEST_HELP: &str = "\
The file has a header line and the columns time, series, requests and errors in any order (other columns are ignored): one \
row for each minute of a series, in any order, gaps allowed. Times are seconds, milliseconds, microseconds or nanoseconds \
since 1970, or RFC 3339; times in the answer are written as in the file. A name that ends in .gz is unpacked; - reads standard \
input.

Each episode is one JSON line: series, start (the minute whose counts raised the alarm), end (after the last minute that \
still spoke for it), severity (warning or critical) and score (minus the decimal logarithm of the probability that the \
baseline gives so many errors). The first day of each series is learned; until then only a plain rule holds.

Exit codes: 0 replayed, 2 wrong usage or a file that is not as it should be, 3 reading failed";

/// Beyond this many faults the rest of the file says nothing new.
const MAX_FAULTS: usize = 10;
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// The flags of `throughline backtest`.
#[derive(Clone, Debug, clap::Args)]
pub struct BacktestOptions {
    /// CSV file with the columns time, series, requests, errors; .gz is unpacked, - is standard input
    #[arg(long, value_name = "FILE")]
    series: PathBuf,
    /// False alarms that chance may raise in a week of one series
    #[arg(long, value_name = "NUMBER", default_value_t = Settings::default().false_alarms_per_week)]
    false_alarms_per_week: f64,
    /// Errors that a window has to hold
    #[arg(long, value_name = "NUMBER", default_value_t = Settings::default().min_errors)]
    min_errors: f64,
    /// How many times the expected errors there have to be
    #[arg(long, value_name = "NUMBER", default_value_t = Settings::default().min_ratio)]
    min_ratio: f64,
    /// By how much the share of failing requests has to exceed the expected one, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().min_rise)]
    min_rise: f64,
    /// Share of failing requests that alarms before a day is learned, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().plain_rate)]
    plain_rate: f64,
}

/// Why there are no or not all episodes.
#[derive(Debug, thiserror::Error)]
pub(super) enum BacktestError {
    #[error("{0}")]
    Usage(String),
    #[error("{}", .0.join("\n"))]
    Rows(Vec<String>),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Replays a file and prints its episodes.
pub fn backtest(options: &BacktestOptions) -> ExitCode {
    let outcome = try_backtest(options, &mut io::BufWriter::new(io::stdout().lock()));
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    if matches!(&error, BacktestError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    say(&error.to_string());
    ExitCode::from(if matches!(error, BacktestError::Io(_)) { 3 } else { 2 })
}

fn try_backtest(options: &BacktestOptions, output: &mut impl Write) -> Result<(), BacktestError> {
    let settings = options.settings()?;
    let history = read_history(&options.series)?;
    let begun = Instant::now();
    let (mut minutes, mut episodes) = (0_u64, 0_u64);
    let mut told = begun;
    for (number, series) in history.series.iter().enumerate() {
        for episode in replay(&series.rows, &settings) {
            episodes += 1;
            write_episode(output, &series.name, &episode, history.format)?;
        }
        minutes += series.rows.len() as u64;
        if told.elapsed() >= PROGRESS_EVERY && io::stderr().is_terminal() {
            told = Instant::now();
            say(&format!("backtest: {} of {} series replayed", number + 1, history.series.len()));
        }
    }
    output.flush()?;
    let took = begun.elapsed().as_secs_f64();
    say(&format!(
        "backtest: {minutes} minutes of {} series, {episodes} episodes; {:.0} series-minutes per second on one core",
        history.series.len(),
        minutes as f64 / took.max(1e-6)
    ));
    Ok(())
}

/// All episodes of one series; one that still goes on at the end counts as well.
fn replay(rows: &[Row], settings: &Settings) -> Vec<Episode> {
    let mut detector = Detector::default();
    let mut episodes = Vec::new();
    for row in rows {
        let counts = Counts { requests: row.requests, errors: row.errors };
        if let Some(Change::Ended(episode)) = detector.observe(Minute(row.minute), counts, settings) {
            episodes.push(episode);
        }
    }
    episodes.extend(detector.episode());
    episodes
}

fn write_episode(
    output: &mut impl Write,
    series: &str,
    episode: &Episode,
    format: TimeFormat,
) -> io::Result<()> {
    let line = json!({
        "series": series,
        "start": format.write(episode.start.0),
        "end": format.write(episode.last.0 + 1),
        "severity": episode.severity.as_str(),
        "score": (episode.worst.score * 100.0).round() / 100.0,
    });
    writeln!(output, "{line}")
}

impl BacktestOptions {
    fn settings(&self) -> Result<Settings, BacktestError> {
        let bounds = [
            ("--false-alarms-per-week", self.false_alarms_per_week, 1e-9, 1000.0),
            ("--min-errors", self.min_errors, 1.0, 1e9),
            ("--min-ratio", self.min_ratio, 1.0, 1000.0),
            ("--min-rise", self.min_rise, 0.0, 1.0),
            ("--plain-rate", self.plain_rate, 1e-6, 1.0),
        ];
        for (flag, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                let wrong = format!("{flag} {value} is not usable: write a number from {least} to {most}");
                return Err(BacktestError::Usage(wrong));
            }
        }
        Ok(Settings {
            false_alarms_per_week: self.false_alarms_per_week,
            min_errors: self.min_errors,
            min_ratio: self.min_ratio,
            min_rise: self.min_rise,
            plain_rate: self.plain_rate,
            ..Settings::default()
        })
    }
}

fn read_history(path: &Path) -> Result<History, BacktestError> {
    let name = path.display().to_string();
    let input: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path)
            .map_err(|error| BacktestError::Usage(format!("--series {name} cannot be opened: {error}")))?;
        Box::new(file)
    };
    let mut input = BufReader::with_capacity(1 << 16, input);
    // By what it holds and not by its name, so that packed standard input works too.
    let is_packed = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let unpacked: Box<dyn Read> =
        if is_packed { Box::new(MultiGzDecoder::new(input)) } else { Box::new(input) };
    let mut told = Instant::now();
    rows::read(unpacked, MAX_FAULTS, &mut |rows| {
        if told.elapsed() >= PROGRESS_EVERY && io::stderr().is_terminal() {
            told = Instant::now();
            say(&format!("backtest: {rows} rows read"));
        }
    })
}

fn say(text: &str) {
    // Nothing can be told when standard error is closed.
    let _is_told = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests;
