//! `throughline diff`: two groups of traces against each other, with an exit code for release gates.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use super::client::{self, Client, ClientError};
use super::paint::{clean_name, count};
use super::{ServerOption, conclude, print_json, sampled};
use crate::query::insight::groups::{Comparison, Ends, Shift};

/// Printed below the help of the command.
pub const DIFF_EXIT_CODES: &str = "Exit codes: 0 no regression, 1 no traces to compare, 2 wrong usage, 3 the collector cannot be reached or failed, \
     4 regression";

/// The exit code of a regression.
const REGRESSION: u8 = 4;

/// How the comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DiffOutput {
    /// A line for each change
    Text,
    /// The answer of the API
    Json,
}

/// The flags of `throughline diff`, named as the parameters of the API.
#[derive(Clone, Debug, clap::Args)]
pub struct DiffOptions {
    /// A span of this service takes part in the traces of both groups
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// A span of this name takes part in the traces of both groups
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// The version that is judged: service.version or istio.canonical_revision
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Begin of the time that is judged: an age such as 15m, or RFC 3339 [default: 5m]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Its end [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The version that it is compared with
    #[arg(long, value_name = "VERSION")]
    baseline_version: Option<String>,
    /// Begin of the time that it is compared with [default: an hour before --since; with versions the same time]
    #[arg(long, value_name = "TIME")]
    baseline_since: Option<String>,
    /// Its end [default: --since; with versions --until]
    #[arg(long, value_name = "TIME")]
    baseline_until: Option<String>,
    /// At most so many traces of each group, from all over its time, 1 to 2000 [default: 500]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<String>,
    #[command(flatten)]
    server: ServerOption,
    /// How the comparison is printed
    #[arg(short, long, value_enum, default_value = "text")]
    output: DiffOutput,
}

/// Prints what changed between two groups of traces.
pub fn diff(options: &DiffOptions) -> ExitCode {
    match try_diff(options, &mut io::stdout().lock()) {
        Ok(Outcome::Regression) => ExitCode::from(REGRESSION),
        Ok(Outcome::NoRegression) => ExitCode::SUCCESS,
        Err(error) => conclude(Err(error)),
    }
}

enum Outcome {
    NoRegression,
    Regression,
}

fn try_diff(options: &DiffOptions, output: &mut impl Write) -> Result<Outcome, ClientError> {
    let given = [
        ("service", &options.service),
        ("operation", &options.operation),
        ("version", &options.version),
        ("since", &options.since),
        ("until", &options.until),
        ("baseline_version", &options.baseline_version),
        ("baseline_since", &options.baseline_since),
        ("baseline_until", &options.baseline_until),
        ("limit", &options.limit),
    ];
    let parameters: Vec<(&str, &str)> =
        given.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect();
    let answer = Client::new(&options.server.server)?.get("/api/v1/compare", &parameters)?;
    let comparison: Comparison = client::read_as(answer.clone())?;
    match options.output {
        DiffOutput::Json => print_json(&answer, output)?,
        DiffOutput::Text => output.write_all(draw(&comparison).as_bytes())?,
    }
    check_comparable(comparison.traces, comparison.baseline_traces)?;
    Ok(if comparison.regression { Outcome::Regression } else { Outcome::NoRegression })
}

/// Nothing can be said where either group is empty.
pub(super) fn check_comparable(traces: usize, baseline_traces: usize) -> Result<(), ClientError> {
    let remedy = match (traces, baseline_traces) {
        (0, _) => "name another time with --since and --until",
        (_, 0) => "name another time with --baseline-since and --baseline-until",
        _ => return Ok(()),
    };
    Err(ClientError::NothingFound(format!(
        "there is nothing to compare: {}, and {baseline_traces} in the baseline; {remedy}",
        count(traces, "trace")
    )))
}

fn draw(comparison: &Comparison) -> String {
    let mut text = format!(
        "{}\nagainst {}\n",
        sampled::words(&count(comparison.traces, "trace"), &comparison.sample),
        sampled::words(
            &(count(comparison.baseline_traces, "trace") + " of the baseline"),
            &comparison.baseline_sample
        ),
    );
    // Writing to a string cannot fail.
    for ends in &comparison.new_edges {
        writeln!(text, "new    {}", edge(ends)).ok();
    }
    for ends in &comparison.lost_edges {
        writeln!(text, "lost   {}", edge(ends)).ok();
    }
    for shift in &comparison.shifts {
        writeln!(text, "{}", line(shift)).ok();
    }
    let is_comparable = comparison.traces > 0 && comparison.baseline_traces > 0;
    if is_comparable
        && comparison.shifts.is_empty()
        && comparison.new_edges.is_empty()
        && comparison.lost_edges.is_empty()
    {
        text += "nothing changed beyond chance\n";
    }
    text
}

fn edge(ends: &Ends) -> String {
    let client = ends.client.as_deref().unwrap_or("(outside)");
    format!("{} -> {}", clean_name(client), clean_name(&ends.server))
}

fn line(shift: &Shift) -> String {
    let mark = if shift.regression { "WORSE " } else { "change" };
    let values = if shift.measure == "errors" {
        format!("errors {:.1}% -> {:.1}%", 100.0 * shift.before, 100.0 * shift.after)
    } else {
        format!("p50 {:.2}ms -> {:.2}ms", shift.before / 1e6, shift.after / 1e6)
    };
    let (operation, chance) = (clean_name(&shift.operation), shift.p_value);
    format!("{mark} {} {operation}: {values} (by chance: {chance:.1e})", edge(&shift.ends))
}

#[cfg(test)]
mod tests;
