//! `throughline doctor propagation`: which workloads break traces, with a sentence for their teams.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use super::client::{self, Client, ClientError};
use super::paint::clean_name;
use super::{ServerOption, conclude, print_json};
use crate::query::insight::doctor::Propagation;

/// How the findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DoctorOutput {
    /// A sentence for each workload
    Text,
    /// The answer of the API
    Json,
}

/// The flags of `throughline doctor propagation`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PropagationOptions {
    /// Begin of the time that is looked at: an age such as 15m, or RFC 3339 [default: 5m]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Its end [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only traces in which this service takes part
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// At most so many traces, the latest, 1 to 2000 [default: 500]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<String>,
    #[command(flatten)]
    server: ServerOption,
    /// How the findings are printed
    #[arg(short, long, value_enum, default_value = "text")]
    output: DoctorOutput,
}

/// Examines, and prints what was found.
pub(super) fn show_propagation(options: &PropagationOptions) -> ExitCode {
    conclude(try_propagation(options, &mut io::stdout().lock()))
}

fn try_propagation(options: &PropagationOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let given = [
        ("since", &options.since),
        ("until", &options.until),
        ("service", &options.service),
        ("limit", &options.limit),
    ];
    let parameters: Vec<(&str, &str)> =
        given.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect();
    let answer = Client::new(&options.server.server)?.get("/api/v1/doctor/propagation", &parameters)?;
    let found: Propagation = client::read_as(answer.clone())?;
    match options.output {
        DoctorOutput::Json => print_json(&answer, output)?,
        DoctorOutput::Text => output.write_all(draw(&found).as_bytes())?,
    }
    if found.workloads.is_empty() {
        return Err(ClientError::NothingFound("no workload called another in this time".to_owned()));
    }
    Ok(())
}

fn draw(found: &Propagation) -> String {
    let mut text = format!("{} traces{}\n", found.traces, if found.cut { ", of more" } else { "" });
    for workload in &found.workloads {
        let by_link: Vec<String> =
            workload.calls_by_link.iter().map(|(link, calls)| format!("{link} {calls}")).collect();
        // Writing to a string cannot fail.
        writeln!(
            text,
            "\n{}  {}\n  {}\n  calls by what ties them to their cause: {}",
            clean_name(&workload.service),
            clean_name(&workload.verdict),
            clean_name(&workload.advice),
            clean_name(&by_link.join(", "))
        )
        .ok();
    }
    text
}

#[cfg(test)]
mod tests;
