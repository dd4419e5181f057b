//! `critical-path`, `explain`, `suspects` and `completeness`: what the analyses say of many traces.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::de::DeserializeOwned;

use super::client::{self, Client, ClientError};
use super::diff::check_comparable;
use super::paint::{clean_name, count, duration};
use super::sampled::{self, MORE};
use super::{ServerOption, conclude, print_json};
use crate::query::insight::completeness::{Completeness, Figures};
use crate::query::insight::groups::Suspects;
use crate::query::insight::together::{Explanations, FlameGraph, Frame};

/// Frames with less of all time are left out.
const LEAST_SHARE: f64 = 0.005;
/// Suspects that are worth a line.
const MAX_SUSPECTS: usize = 10;

/// How an analysis is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum InsightOutput {
    /// For people
    Text,
    /// The answer of the API
    Json,
}

/// The flags that choose traces, named as the parameters of the API.
#[derive(Clone, Debug, clap::Args)]
pub struct GroupOptions {
    /// Only traces in which this service takes part
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only traces with a span of this name
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// The matching span lasted at least this long, in milliseconds
    #[arg(long, value_name = "MS")]
    min_duration_ms: Option<String>,
    /// The matching span lasted at most this long, in milliseconds
    #[arg(long, value_name = "MS")]
    max_duration_ms: Option<String>,
    /// The matching span is in error
    #[arg(long)]
    errors: bool,
    #[command(flatten)]
    times: TimeOptions,
}

/// The flags of `throughline suspects`.
#[derive(Clone, Debug, clap::Args)]
pub struct SuspectsOptions {
    /// Only traces in which this service takes part
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The version that the time is compared with
    #[arg(long, value_name = "VERSION")]
    baseline_version: Option<String>,
    /// Begin of the time that it is compared with [default: an hour before --since]
    #[arg(long, value_name = "TIME")]
    baseline_since: Option<String>,
    /// Its end [default: --since]
    #[arg(long, value_name = "TIME")]
    baseline_until: Option<String>,
    #[command(flatten)]
    times: TimeOptions,
}

/// When, how many, and how it is printed.
#[derive(Clone, Debug, clap::Args)]
struct TimeOptions {
    /// Begin of the time that is looked at: an age such as 15m, or RFC 3339 [default: 5m]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Its end [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// A span of this version takes part: service.version or istio.canonical_revision
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// At most so many traces, of each group where two are compared, 1 to 2000 [default: 500]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<String>,
    #[command(flatten)]
    server: ServerOption,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value = "text")]
    output: InsightOutput,
}

/// Prints where the time of many traces went.
pub fn show_critical_path(options: &GroupOptions) -> ExitCode {
    conclude(options.ask("/api/v1/critical-path", draw_flame, |flame: &FlameGraph| flame.traces))
}

/// Prints what sets traces apart from the others of their service and time.
pub fn explain(options: &GroupOptions) -> ExitCode {
    conclude(options.ask("/api/v1/explain", draw_facts, |found: &Explanations| found.selected))
}

/// Prints how much of what was due arrived, and why the rest did not.
pub fn show_completeness(options: &GroupOptions) -> ExitCode {
    conclude(options.ask("/api/v1/completeness", draw_ledger, |book: &Completeness| book.traces))
}

/// Prints who explains what changed.
pub fn show_suspects(options: &SuspectsOptions) -> ExitCode {
    let own = [
        ("service", options.service.as_deref()),
        ("baseline_version", options.baseline_version.as_deref()),
        ("baseline_since", options.baseline_since.as_deref()),
        ("baseline_until", options.baseline_until.as_deref()),
    ];
    let check = |found: &Suspects| check_comparable(found.traces, found.baseline_traces);
    conclude(options.times.ask("/api/v1/suspects", &own, draw_suspects, check))
}

impl GroupOptions {
    fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        draw: impl Fn(&T) -> String,
        traces: impl Fn(&T) -> usize,
    ) -> Result<(), ClientError> {
        let own = [
            ("service", self.service.as_deref()),
            ("operation", self.operation.as_deref()),
            ("min_duration_ms", self.min_duration_ms.as_deref()),
            ("max_duration_ms", self.max_duration_ms.as_deref()),
            ("errors", self.errors.then_some("true")),
        ];
        let is_narrowed = own.iter().any(|(_, text)| text.is_some()) || self.times.version.is_some();
        self.times.ask(path, &own, draw, |answer| match (traces(answer), is_narrowed) {
            (0, false) => nothing("no trace in this time: look further back with --since"),
            (0, true) => nothing(
                "no trace in this time is as asked, or none was found before the question's time was used up \
                 (query.search.timeout): ask for less, for less time, or name --service",
            ),
            _ => Ok(()),
        })
    }
}

impl TimeOptions {
    /// Asks and prints; `check` says whether the answer tells anything.
    fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        own: &[(&'static str, Option<&str>)],
        draw: impl Fn(&T) -> String,
        check: impl Fn(&T) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let times = [
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
            ("version", self.version.as_deref()),
            ("limit", self.limit.as_deref()),
        ];
        let parameters: Vec<(&str, &str)> =
            own.iter().chain(&times).filter_map(|(name, text)| Some((*name, (*text)?))).collect();
        let answer = Client::new(&self.server.server)?.get(path, &parameters)?;
        let told: T = client::read_as(answer.clone())?;
        let mut output = io::stdout().lock();
        match self.output {
            InsightOutput::Json => print_json(&answer, &mut output)?,
            InsightOutput::Text => output.write_all(draw(&told).as_bytes())?,
        }
        check(&told)
    }
}

fn nothing(why: &str) -> Result<(), ClientError> {
    Err(ClientError::NothingFound(why.to_owned()))
}

fn head(traces: usize, more: Option<&str>) -> String {
    format!("{}{}\n", count(traces, "trace"), more.unwrap_or_default())
}

// Writing to a string cannot fail.

fn draw_flame(flame: &FlameGraph) -> String {
    let mut text = head(flame.traces, flame.cut.then_some(MORE));
    writeln!(text, "  share      total       self").ok();
    let mut left_out = 0;
    for frame in &flame.frames {
        draw_frame(frame, 0, &mut text, &mut left_out);
    }
    if left_out > 0 {
        writeln!(text, "{} below {:.1} % left out", count(left_out, "frame"), 100.0 * LEAST_SHARE).ok();
    }
    text
}

/// The depth of frames is bounded by the analysis.
fn draw_frame(frame: &Frame, level: usize, text: &mut String, left_out: &mut usize) {
    if frame.share < LEAST_SHARE {
        *left_out += 1;
        return;
    }
    let (total, own) = (duration(frame.total_ns), duration(frame.self_ns));
    let (service, name, kind) =
        (clean_name(&frame.service), clean_name(&frame.name), clean_name(&frame.kind));
    let indent = "  ".repeat(level);
    writeln!(text, "{:5.1} % {total:>10} {own:>10}  {indent}{service} {name} ({kind})", 100.0 * frame.share)
        .ok();
    frame.children.iter().for_each(|child| draw_frame(child, level + 1, text, left_out));
}

fn draw_facts(found: &Explanations) -> String {
    let mut text = sampled::words(&count(found.selected, "trace"), &found.sample) + "\n";
    if found.selected == 0 {
        return text;
    }
    let others = count(found.rest, "other") + " of the same service and time";
    writeln!(text, "held against {}", sampled::words(&others, &found.rest_sample)).ok();
    for fact in &found.facts {
        writeln!(
            text,
            "{:5.1} % against {:5.1} %  {} = {} (by chance: {:.1e})",
            100.0 * fact.selected_share,
            100.0 * fact.rest_share,
            clean_name(&fact.key),
            clean_name(&fact.value),
            fact.p_value
        )
        .ok();
    }
    if found.rest == 0 {
        text += "there is nothing to compare them with\n";
    } else if found.facts.is_empty() {
        text += "nothing sets them apart beyond chance\n";
    }
    text
}

fn draw_suspects(found: &Suspects) -> String {
    let mut text = sampled::words(&count(found.traces, "trace"), &found.sample) + "\n";
    let baseline = count(found.baseline_traces, "trace") + " of the baseline";
    let baseline = sampled::words(&baseline, &found.baseline_sample);
    writeln!(text, "held against {baseline}").ok();
    for (place, suspect) in found.services.iter().take(MAX_SUSPECTS).enumerate() {
        let (service, reason) = (clean_name(&suspect.service), clean_name(&suspect.reason));
        writeln!(text, "{:>2}  {:6.2}  {service}: {reason}", place + 1, suspect.score).ok();
    }
    for edge in found.edges.iter().take(MAX_SUSPECTS) {
        let (client, server) = (clean_name(&edge.client), clean_name(&edge.server));
        writeln!(text, "    {:6.2}  {client} -> {server}: {}", edge.score, clean_name(&edge.reason)).ok();
    }
    text
}

fn draw_ledger(book: &Completeness) -> String {
    let mut text = head(book.traces, book.cut.then_some(MORE));
    writeln!(text, "{}  in all", ledger_line(&book.all)).ok();
    for workload in &book.workloads {
        writeln!(text, "{}  {}", ledger_line(&workload.figures), clean_name(&workload.service)).ok();
    }
    for edge in &book.edges {
        let (client, server) = (clean_name(&edge.client), clean_name(&edge.server));
        writeln!(text, "{}  {client} -> {server}", ledger_line(&edge.figures)).ok();
    }
    text
}

fn ledger_line(figures: &Figures) -> String {
    let percent = figures.percent.map_or_else(|| "      -".to_owned(), |percent| format!("{percent:5.1} %"));
    let missing: u64 = figures.missing.values().sum();
    if missing == 0 {
        return format!("{percent}  {} arrived", figures.arrived);
    }
    let causes: Vec<String> =
        figures.missing.iter().map(|(cause, count)| format!("{} {count}", clean_name(cause))).collect();
    format!("{percent}  {} arrived, {missing} missing ({})", figures.arrived, causes.join(", "))
}

#[cfg(test)]
mod tests;
