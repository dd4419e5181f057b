//! `throughline localise`: ranks the services of two windows of time by how much they explain what changed. Needs files only.

mod otlp_json;
mod read;
mod table;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::progress::Progress;
use crate::analyse::call::Window;
use crate::analyse::suspects::{self, Suspect};

/// Printed below the help of the command.
pub const EXIT_CODES: &str =
    "Exit codes: 0 answered, 1 the files hold no calls, 2 wrong usage or files that cannot be read, 3 failed";

/// The flags of `throughline localise`.
#[derive(Clone, Debug, clap::Args)]
pub struct LocaliseOptions {
    /// Traces of a time when all was well: CSV, OTLP protobuf or OTLP JSON, also compressed with gzip
    #[arg(long, value_name = "FILE", required = true)]
    normal: Vec<PathBuf>,
    /// Traces of the time in question
    #[arg(long, value_name = "FILE", required = true)]
    abnormal: Vec<PathBuf>,
    /// How services are ranked
    #[arg(long, value_enum, default_value = "evidence")]
    method: Method,
}

/// How services are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Method {
    /// By evidence against the service itself: own time, network, missing calls, errors that began there
    Evidence,
    /// By how many times longer its calls took: the plain rule to compare with
    Duration,
}

/// One line of the answer.
#[derive(Serialize)]
struct Line<'a> {
    rank: usize,
    service: &'a str,
    score: f64,
    reason: &'a str,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum LocaliseError {
    #[error("{0}")]
    Unreadable(String),
    #[error("the {0} files hold no calls: there is nothing to compare")]
    Nothing(&'static str),
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Prints one JSON object a line for each service, the most suspect first.
pub fn localise(options: &LocaliseOptions) -> ExitCode {
    let Err(error) = try_localise(options, &mut io::stdout().lock(), &mut io::stderr().lock()) else {
        return ExitCode::SUCCESS;
    };
    let code = match &error {
        LocaliseError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        LocaliseError::Nothing(_) => 1,
        LocaliseError::Unreadable(_) => 2,
        LocaliseError::Output(_) => 3,
    };
    // Nothing can be told when standard error is closed.
    let _is_told = writeln!(io::stderr(), "{error}");
    ExitCode::from(code)
}

fn try_localise(
    options: &LocaliseOptions,
    output: &mut impl Write,
    warnings: &mut impl Write,
) -> Result<(), LocaliseError> {
    let normal = read_window(&options.normal, warnings)?;
    let abnormal = read_window(&options.abnormal, warnings)?;
    for (side, window) in [("normal", &normal), ("abnormal", &abnormal)] {
        if window.traces.is_empty() {
            return Err(LocaliseError::Nothing(side));
        }
    }
    let _ranking = Progress::of("comparing the two times");
    let ranked = match options.method {
        Method::Evidence => suspects::rank(&normal, &abnormal).services,
        Method::Duration => suspects::rank_by_duration(&normal, &abnormal),
    };
    if ranked.is_empty() {
        return Err(LocaliseError::Nothing("normal and the abnormal"));
    }
    for (index, Suspect { service, score, reason }) in ranked.iter().enumerate() {
        let line = Line { rank: index + 1, service, score: *score, reason };
        serde_json::to_writer(&mut *output, &line).map_err(io::Error::from)?;
        writeln!(output)?;
    }
    Ok(output.flush()?)
}

fn read_window(files: &[PathBuf], warnings: &mut impl Write) -> Result<Window, LocaliseError> {
    let mut window = Window::default();
    for file in files {
        let _reading = Progress::of(format!("reading {}", file.display()));
        let content = read::read(file).map_err(|reason| unreadable(file, &reason))?;
        if let Some(fault) = &content.first_fault {
            let count = content.faults;
            writeln!(warnings, "{}: {count} parts left out; the first: {fault}", file.display())?;
        }
        window.traces.extend(content.traces);
    }
    Ok(window)
}

fn unreadable(file: &Path, reason: &str) -> LocaliseError {
    LocaliseError::Unreadable(format!("{} cannot be used: {reason}", file.display()))
}

#[cfg(test)]
mod tests;
