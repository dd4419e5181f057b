//! The command line's questions to a running collector, and their answers on a terminal.

mod alerts;
mod backtest;
mod client;
mod diff;
mod doctor;
mod figures;
mod follow;
mod insight;
mod paint;
mod propagation;
mod sampled;
mod search;
mod summary_table;
mod timeline;
mod trace_tree;
mod verify;

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use serde_json::Value;
use throughline_model::id::TraceId;

use super::answer::Trace;
use super::insight::one_trace::Hops;
use client::{Client, ClientError};

pub use figures::{GraphOptions, ServicesOptions, TopOptions};

use paint::Paint;

pub use alerts::{AlertsOptions, RulesCommand, show_alerts, work_on_rules};
pub use backtest::{BACKTEST_HELP, BacktestOptions, backtest};
pub use diff::{DIFF_EXIT_CODES, DiffOptions, diff};
pub use doctor::{DOCTOR_HELP, DoctorOptions, doctor};
pub use insight::{
    GroupOptions, SuspectsOptions, explain, show_completeness, show_critical_path, show_suspects,
};
pub use verify::{VERIFY_HELP, VerifyOptions, verify};

/// Printed below the help of every command.
pub const EXIT_CODES: &str =
    "Exit codes: 0 answered, 1 nothing found, 2 wrong usage, 3 the collector cannot be reached or failed";

/// Where a collector is that nobody configured.
const DEFAULT_SERVER: &str = "http://127.0.0.1:16686";

/// Where the collector is.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerOption {
    /// Address of the collector
    #[arg(long, value_name = "URL", env = "THROUGHLINE_SERVER", default_value = DEFAULT_SERVER)]
    server: String,
}

/// How one trace is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TraceOutput {
    /// A line for each hop, caller and server together.
    #[value(alias = "table")]
    Tree,
    /// The answer of the API.
    Json,
    /// One span a line.
    Ndjson,
    /// A line for each hop by start: depth, calls beside it, own time and waiting time.
    Hops,
}

/// How summaries are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ListOutput {
    /// Aligned columns for people.
    Table,
    /// The answer of the API.
    Json,
    /// One JSON object a line.
    Ndjson,
}

/// The flags of `throughline trace`.
#[derive(Clone, Debug, clap::Args)]
pub struct TraceOptions {
    /// The trace id: 32 hexadecimal digits
    trace_id: String,
    /// Without the traces that were joined to it
    #[arg(long)]
    alone: bool,
    #[command(flatten)]
    server: ServerOption,
    /// How the trace is printed
    #[arg(short, long, value_enum, default_value = "tree")]
    output: TraceOutput,
}

/// The flags of `throughline search`, named as the parameters of the API.
#[derive(Clone, Debug, clap::Args)]
pub struct SearchOptions {
    /// A TraceQL query, such as '{ resource.service.name = "cart" } >> { status = error }'
    #[arg(short, long = "query", value_name = "TRACEQL")]
    q: Option<String>,
    /// A span of this service takes part
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// A span of this name takes part
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
    /// The matching span has this attribute, as KEY=VALUE; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    attribute: Vec<String>,
    /// The matching span is of this kind: server, client, internal, producer or consumer
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The matching span was tied to its cause by this: propagated, request-id, token, sole or none
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// The trace is at least this many hops deep
    #[arg(long, value_name = "HOPS")]
    min_depth: Option<String>,
    /// The trace is at most this many hops deep
    #[arg(long, value_name = "HOPS")]
    max_depth: Option<String>,
    /// The matching span started at or after this: an age such as 15m, or RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// The matching span started at or before this: an age such as 15m, or RFC 3339
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many traces, 1 to 1000 [default: 20]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<String>,
    /// Go on behind an earlier answer: its `next`
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    #[command(flatten)]
    server: ServerOption,
    /// How the traces are printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: ListOutput,
}

/// The flags of `throughline tail`.
#[derive(Clone, Debug, clap::Args)]
pub struct TailOptions {
    /// Only traces in which this service takes part
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only traces with a span in error
    #[arg(long)]
    errors: bool,
    /// Only traces that lasted at least this long, in milliseconds
    #[arg(long, value_name = "MS")]
    min_duration_ms: Option<String>,
    /// Only traces at least this many hops deep
    #[arg(long, value_name = "HOPS")]
    min_depth: Option<String>,
    /// Only traces whose weakest link is this: propagated, request-id, token, sole or none
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// At most so many a second, 1 to 10000 [default: 500]
    #[arg(long, value_name = "NUMBER")]
    max_per_second: Option<String>,
    /// End after so many traces
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    server: ServerOption,
    /// How the traces are printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: ListOutput,
}

impl SearchOptions {
    /// What the API is asked; values are checked there, so that both sides take the same.
    fn parameters(&self) -> Vec<(&'static str, &str)> {
        let texts = [
            ("service", &self.service),
            ("operation", &self.operation),
            ("min_duration_ms", &self.min_duration_ms),
            ("max_duration_ms", &self.max_duration_ms),
            ("since", &self.since),
            ("until", &self.until),
            ("limit", &self.limit),
            ("q", &self.q),
            ("kind", &self.kind),
            ("link", &self.link),
            ("min_depth", &self.min_depth),
            ("max_depth", &self.max_depth),
            ("after", &self.after),
        ];
        let given = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let attributes = self.attribute.iter().map(|attribute| ("attribute", attribute.as_str()));
        let given = given.chain(attributes);
        given.chain(self.errors.then_some(("errors", "true"))).collect()
    }
}

impl TailOptions {
    fn parameters(&self) -> Vec<(&'static str, &str)> {
        let texts = [
            ("service", &self.service),
            ("min_duration_ms", &self.min_duration_ms),
            ("min_depth", &self.min_depth),
            ("link", &self.link),
            ("max_per_second", &self.max_per_second),
        ];
        let given = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        given.chain(self.errors.then_some(("errors", "true"))).collect()
    }
}

/// Prints the names of all services.
pub fn list_services(options: &ServicesOptions) -> ExitCode {
    conclude(figures::print_services(options, &mut io::stdout().lock()))
}

/// Prints the calls between services.
pub fn show_graph(options: &GraphOptions) -> ExitCode {
    conclude(figures::print_graph(options, &mut io::stdout().lock()))
}

/// Prints the operations with the most errors, calls or time.
pub fn show_top(options: &TopOptions) -> ExitCode {
    conclude(figures::print_top(options, &mut io::stdout().lock()))
}

/// Prints one trace.
pub fn show_trace(options: &TraceOptions) -> ExitCode {
    conclude(try_show_trace(options, &mut io::stdout().lock()))
}

/// Prints the traces that match.
pub fn search_traces(options: &SearchOptions) -> ExitCode {
    conclude(search::search(options, &mut io::stdout().lock()))
}

/// Prints each trace as it goes quiet, until the limit or an interrupt.
pub fn tail_traces(options: &TailOptions) -> ExitCode {
    let follow = || {
        let client = Client::new(&options.server.server)?;
        let (style, paint) = (options.output, Paint::for_output());
        follow::follow(&client, &options.parameters(), options.limit, style, paint, &mut io::stdout().lock())
    };
    conclude(follow())
}

fn try_show_trace(options: &TraceOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let id = options.trace_id.trim().to_ascii_lowercase();
    let trace_id = TraceId::from_hex(id.as_bytes()).ok_or_else(|| {
        ClientError::Usage(format!(
            "the trace id {:?} is not usable: write 32 hexadecimal digits that are not all zero, such as \
             4bf92f3577b34da6a3ce929d0e0e4736",
            options.trace_id
        ))
    })?;
    let parameters: &[(&str, &str)] = if options.alone { &[("joined", "false")] } else { &[] };
    let client = Client::new(&options.server.server)?;
    if options.output == TraceOutput::Hops {
        let hops: Hops =
            client::read_as(client.get(&format!("/api/v1/traces/{trace_id}/hops"), parameters)?)?;
        return Ok(output.write_all(timeline::draw(&hops, Paint::for_output()).as_bytes())?);
    }
    let answer = client.get(&format!("/api/v1/traces/{trace_id}"), parameters)?;
    match options.output {
        TraceOutput::Json => print_json(&answer, output),
        TraceOutput::Ndjson => figures::lines(&answer, "spans", output),
        TraceOutput::Tree | TraceOutput::Hops => {
            let trace: Trace = client::read_as(answer)?;
            Ok(output.write_all(trace_tree::draw(&trace, Paint::for_output()).as_bytes())?)
        }
    }
}

fn print_json(answer: &Value, output: &mut impl Write) -> Result<(), ClientError> {
    let text = serde_json::to_string_pretty(answer).map_err(io::Error::from)?;
    Ok(writeln!(output, "{text}")?)
}

/// The one place that turns the outcome of a command into words and an exit code.
fn conclude(outcome: Result<(), ClientError>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    if error.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    let paint = if io::stderr().is_terminal() { Paint::for_output() } else { Paint::Plain };
    // Nothing can be told when standard error is closed.
    let _is_told = writeln!(io::stderr(), "{}", paint.error(&paint::clean(&error.to_string())));
    ExitCode::from(error.exit_code())
}

#[cfg(test)]
mod tests;
