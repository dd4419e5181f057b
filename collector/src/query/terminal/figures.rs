//! `services`, `top` and `graph`: what services there are, and what they did.

use std::io::{IsTerminal as _, Write, stdout};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use throughline_model::link::LinkKind;

use super::client::{self, Client, ClientError};
use super::paint::{Paint, clean_name, count, duration, fit};
use super::{ListOutput, ServerOption, print_json};
use crate::config::parse_duration;
use crate::query::answer::{Counts, Operations, Services};
use crate::query::insight::graph::{Edge, Graph};

/// Clears the screen and goes to its beginning.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

/// The flags of `throughline services`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServicesOptions {
    #[command(flatten)]
    server: ServerOption,
    /// How the names are printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: ListOutput,
}

/// The flags of `throughline graph`.
#[derive(Clone, Debug, clap::Args)]
pub struct GraphOptions {
    /// Only edges of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    #[command(flatten)]
    window: WindowOptions,
    #[command(flatten)]
    server: ServerOption,
    /// How the edges are printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: ListOutput,
}

/// Which minutes are asked for.
#[derive(Clone, Debug, clap::Args)]
struct WindowOptions {
    /// From this moment on: an age such as 15m, or RFC 3339 [default: 15m]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until this moment: an age such as 5m, or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// The flags of `throughline top`.
#[derive(Clone, Debug, clap::Args)]
pub struct TopOptions {
    /// Only operations of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    #[command(flatten)]
    window: WindowOptions,
    /// What comes first
    #[arg(long, value_enum, default_value = "errors")]
    sort: Sort,
    /// At most so many lines
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Print again after this time, such as 2s, until interrupted
    #[arg(long, value_name = "DURATION", value_parser = pause)]
    watch: Option<Duration>,
    #[command(flatten)]
    server: ServerOption,
    /// How the operations are printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: ListOutput,
}

/// What the operations are sorted by, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    Errors,
    Calls,
    P95,
}

fn pause(text: &str) -> Result<Duration, String> {
    let pause = parse_duration(text)?;
    if pause < Duration::from_millis(100) { Err("it must be 100ms or more".to_owned()) } else { Ok(pause) }
}

impl WindowOptions {
    fn parameters<'a>(&'a self, service: &'a Option<String>) -> Vec<(&'static str, &'a str)> {
        let texts = [("service", service), ("since", &self.since), ("until", &self.until)];
        texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}

pub(super) fn print_services(options: &ServicesOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&options.server.server)?.get("/api/v1/services", &[])?;
    let Services { services } = client::read_as(answer.clone())?;
    match options.output {
        ListOutput::Json => print_json(&answer, output)?,
        ListOutput::Ndjson => lines(&answer, "services", output)?,
        ListOutput::Table => services.iter().try_for_each(|name| writeln!(output, "{}", clean_name(name)))?,
    }
    found(&services, "no service has sent spans")
}

pub(super) fn print_graph(options: &GraphOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&options.server.server)?
        .get("/api/v1/graph", &options.window.parameters(&options.service))?;
    let graph: Graph = client::read_as(answer.clone())?;
    match options.output {
        ListOutput::Json => print_json(&answer, output)?,
        ListOutput::Ndjson => {
            lines(&answer, "edges", output)?;
            lines(&answer, "vanished", output)?;
        }
        ListOutput::Table => output.write_all(draw_graph(&graph, Paint::for_output()).as_bytes())?,
    }
    if graph.edges.is_empty() && graph.vanished.is_empty() {
        return Err(ClientError::NothingFound("no calls in this time".to_owned()));
    }
    Ok(())
}

/// A line for each edge, then those of the window before that are no more.
fn draw_graph(graph: &Graph, paint: Paint) -> String {
    let name = |name: Option<&str>| fit(&name.map_or("(outside)".into(), clean_name), 24);
    let mut text = String::new();
    if !graph.edges.is_empty() {
        text = paint.faint(&format!("{:<24}   {:<24} {COUNTS} {:<8} LINKS", "CALLER", "CALLED", "CHANGE"))
            + "\n";
    }
    for edge in &graph.edges {
        let ends = format!("{} > {}", name(edge.client.as_deref()), name(Some(&edge.server)));
        let change = format!("{:<8}", if edge.appeared { "appeared" } else { "" });
        let change = if edge.appeared { paint.warning(&change) } else { change };
        let calls = &edge.calls;
        let quantiles = [calls.p50_ns, calls.p95_ns, calls.p99_ns];
        let counts = counts_of((calls.requests, calls.errors), quantiles, paint);
        let line = format!("{ends} {counts} {change} {}", links_of(edge));
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    for edge in &graph.vanished {
        let ends = format!("{} > {}", name(edge.client.as_deref()), name(Some(&edge.server)));
        let before = count(usize::try_from(edge.requests_before).unwrap_or(usize::MAX), "call");
        text.push_str(&format!(
            "{ends} {}\n",
            paint.warning(&format!("vanished, {before} in the window before"))
        ));
    }
    text
}

/// What ties the calls of an edge to their causes, strongest first, and how far that may be trusted where it is not certain.
fn links_of(edge: &Edge) -> String {
    let with_calls = |kind: LinkKind| {
        let calls = edge.links.get(kind.as_str())?;
        let is_all = *calls == edge.calls.requests;
        Some(if is_all { kind.as_str().to_owned() } else { format!("{} {calls}", kind.as_str()) })
    };
    let linked = LinkKind::ALL.into_iter().filter(|kind| *kind != LinkKind::None);
    let mut linked = linked.filter_map(with_calls).collect::<Vec<_>>().join(", ");
    if let Some(confidence) = edge.link_confidence.filter(|confidence| confidence.lowest < 1.0) {
        linked += &format!(" ({:.1} % certain)", 100.0 * confidence.mean);
    }
    let parts = [Some(linked).filter(|words| !words.is_empty()), with_calls(LinkKind::None)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) fn print_top(options: &TopOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let client = Client::new(&options.server.server)?;
    loop {
        let answer = client.get("/api/v1/operations", &options.window.parameters(&options.service))?;
        if options.watch.is_some() && stdout().is_terminal() {
            write!(output, "{CLEAR}")?;
        }
        let printed = print_operations(answer, options, output);
        let Some(pause) = options.watch else { return printed };
        if let Err(error) = printed
            && !matches!(error, ClientError::NothingFound(_))
        {
            return Err(error);
        }
        output.flush()?;
        thread::sleep(pause);
    }
}

fn print_operations(answer: Value, options: &TopOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let Operations { mut operations } = client::read_as(answer)?;
    let rank = |counts: &Counts| match options.sort {
        Sort::Errors => (counts.errors, counts.calls),
        Sort::Calls => (counts.calls, counts.errors),
        Sort::P95 => (counts.p95_ns.unwrap_or_default(), counts.calls),
    };
    operations.sort_by_key(|operation| std::cmp::Reverse(rank(&operation.counts)));
    operations.truncate(usize::try_from(options.limit).unwrap_or(usize::MAX));
    let json = serde_json::json!({"operations": operations});
    match options.output {
        ListOutput::Json => print_json(&json, output)?,
        ListOutput::Ndjson => lines(&json, "operations", output)?,
        ListOutput::Table if operations.is_empty() => {}
        ListOutput::Table => {
            let paint = Paint::for_output();
            let heading = format!("{:<20} {:<8} {:<22} {COUNTS}", "SERVICE", "KIND", "OPERATION");
            writeln!(output, "{}", paint.faint(&heading))?;
            for operation in &operations {
                let name = |name: &str, width| fit(&clean_name(name), width);
                let (service, kind) = (name(&operation.service, 20), name(&operation.kind, 8));
                let counts = counts(&operation.counts, paint);
                writeln!(output, "{service} {kind} {} {counts}", name(&operation.name, 22))?;
            }
        }
    }
    found(&operations, "no spans in this time")
}

const COUNTS: &str = "     CALLS   ERRORS      P50      P95      P99";

fn counts(counts: &Counts, paint: Paint) -> String {
    counts_of((counts.calls, counts.errors), [counts.p50_ns, counts.p95_ns, counts.p99_ns], paint)
}

fn counts_of((calls, failed): (u64, u64), quantiles: [Option<u64>; 3], paint: Paint) -> String {
    let time = |quantile: Option<u64>| quantile.map_or("-".to_owned(), duration);
    let errors = format!("{failed:>8}");
    let errors = if failed > 0 { paint.error(&errors) } else { errors };
    let times = quantiles.map(|quantile| format!("{:>8}", time(quantile)));
    format!("{calls:>10} {errors} {}", times.join(" "))
}

/// Each element of a list on a line of its own.
pub(super) fn lines(answer: &Value, key: &str, output: &mut impl Write) -> Result<(), ClientError> {
    for element in answer.get(key).and_then(Value::as_array).into_iter().flatten() {
        writeln!(output, "{element}")?;
    }
    Ok(())
}

/// An empty list is an answer, and an exit code of its own.
fn found<T>(list: &[T], otherwise: &str) -> Result<(), ClientError> {
    if list.is_empty() { Err(ClientError::NothingFound(otherwise.to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
