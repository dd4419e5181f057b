//! `throughline verify`: sends one marked request into the mesh, follows it hop by hop, and says what is missing and why.

mod overhead;
mod probe;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::client::{self, Client, ClientError};
use super::doctor::{examine_proxies, print_findings};
use super::paint::{Paint, clean, count, duration};
use super::{ServerOption, conclude, trace_tree};
use crate::query::answer::{MissingPart, Span, Trace};
use probe::{Mark, Probe, Recording};

/// Printed below the help of `throughline verify`.
pub const VERIFY_HELP: &str = "\
The request carries a traceparent of its own, so its trace is known before it exists. A gateway with edge: restart begins \
another one; verify from inside the mesh there, or set it to continue.

Exit codes: 0 every hop that can be seen arrived, 1 something is missing, 2 wrong usage, 3 the entry or the collector \
cannot be reached";

/// A trace that has not grown for so long is whole, or will not be.
const QUIET: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The flags of `throughline verify`.
#[derive(Clone, Debug, clap::Args)]
pub struct VerifyOptions {
    /// Where the request goes in, such as http://gateway.example:8080/products
    #[arg(long, value_name = "URL")]
    entry: String,
    /// The host that the request asks for, where it is not that of the URL
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// A further header, as NAME: VALUE; may be given many times
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// Seconds to wait for the trace, 1 to 600
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    wait: u64,
    /// Pairs of requests, recorded and not, by which the overhead is measured; 0 measures none, at most 1000
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pairs: u32,
    /// Admin address of a proxy to look at when something is missing; may be given many times
    #[arg(long, value_name = "URL")]
    admin: Vec<String>,
    #[command(flatten)]
    server: ServerOption,
}

/// Verifies, and prints what came of it.
pub fn verify(options: &VerifyOptions) -> ExitCode {
    match try_verify(options, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => conclude(Err(error)),
    }
}

fn try_verify(options: &VerifyOptions, output: &mut impl Write) -> Result<bool, ClientError> {
    let collector = Client::new(&options.server.server)?;
    let probe = Probe::new(&options.entry, options.host.as_deref(), &options.header)?;
    // An unreachable collector is told before anything is sent.
    collector.get("/api/v1/status", &[])?;
    let mark = Mark::new();
    let (status, took) = probe.send(&mark, Recording::On)?;
    let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    writeln!(output, "sent {}: status {status} after {}\n", clean(&options.entry), duration(nanoseconds))?;
    let trace = follow(&collector, &mark, Duration::from_secs(options.wait))?;
    let is_whole = match trace {
        Some(trace) => report(&trace, output)?,
        None => {
            writeln!(output, "no span of trace {} has arrived after {} s\n", mark.trace_id(), options.wait)?;
            writeln!(output, "{}", NOTHING_ARRIVED)?;
            false
        }
    };
    if !is_whole && !options.admin.is_empty() {
        writeln!(output, "\nwhat the proxies say:\n")?;
        let findings = examine_proxies(&options.admin, Duration::from_secs(1))?;
        print_findings(&findings, output)?;
        if findings.is_empty() {
            writeln!(output, "nothing is wrong with them")?;
        }
    }
    if options.pairs > 0 {
        writeln!(output, "\n{}", overhead::measure(&probe, options.pairs)?)?;
    }
    Ok(is_whole)
}

const NOTHING_ARRIVED: &str = "\
- no proxy on the way has the filter, or the request did not go through one: throughline doctor --admin URL
- the spans do not reach the collector: look at wasmcustom.throughline_exports_failed of the gateway
- the gateway begins a trace of its own (edge: restart): search for it with throughline search";

/// Waits until the trace is there and whole, or has stopped growing.
fn follow(collector: &Client, mark: &Mark, wait: Duration) -> Result<Option<Trace>, ClientError> {
    let (start, path) = (Instant::now(), format!("/api/v1/traces/{}", mark.trace_id()));
    let (mut last, mut grown) = (None::<Trace>, Instant::now());
    while start.elapsed() < wait {
        match collector.get(&path, &[]) {
            Ok(answer) => {
                let trace = without_probe(client::read_as(answer)?, mark);
                if last.as_ref().is_none_or(|last| last.spans.len() != trace.spans.len()) {
                    grown = Instant::now();
                }
                // Spans of one request come from many proxies, so even a trace without gaps may still grow.
                let is_quiet = grown.elapsed() >= QUIET;
                last = Some(trace);
                if is_quiet {
                    break;
                }
            }
            Err(ClientError::NothingFound(_)) => {}
            Err(error) => return Err(error),
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(last)
}

/// The parent of the entry is this command, which sends no span: that gap is none.
fn without_probe(mut trace: Trace, mark: &Mark) -> Trace {
    let probe = mark.span_id();
    let entries = trace.spans.iter_mut().filter(|span| span.parent_span_id.as_deref() == Some(probe));
    let mut entered = Vec::new();
    for entry in entries {
        entry.missing_parent = false;
        entry.parent_span_id = None;
        entered.push(entry.span_id.clone());
    }
    trace.gaps.retain(|gap| gap.reason != "missing-parent" || !entered.contains(&gap.span_id));
    let calls = trace.spans.iter().filter(|span| span.kind == "client" && span.status != "error");
    let calls = calls.filter(|span| entered.contains(&span.span_id));
    let unanswered = calls.filter(|call| {
        !trace
            .spans
            .iter()
            .any(|span| span.kind == "server" && span.parent_span_id.as_ref() == Some(&call.span_id))
    });
    let unanswered: Vec<MissingPart> = unanswered.map(no_server).collect();
    trace.gaps.extend(unanswered);
    trace.summary.gaps = trace.gaps.len();
    let due = trace.summary.spans + trace.gaps.len();
    trace.summary.percent_complete = Some(100.0 * trace.summary.spans as f64 / due.max(1) as f64);
    trace.summary.complete = trace.gaps.is_empty() && entered.len() == 1;
    trace
}

/// The collector names one gap for a span, and that of the parent comes first.
fn no_server(call: &Span) -> MissingPart {
    let address = call.attributes.get("server.address").and_then(serde_json::Value::as_str);
    MissingPart {
        span_id: call.span_id.clone(),
        service: call.service.clone(),
        reason: "no-server-span".to_owned(),
        cause: "unknown".to_owned(),
        dropped_spans: 0,
        detail: format!(
            "no span arrived from {}: it has no proxy, or its span is late or lost",
            address.unwrap_or("the server it called")
        ),
    }
}

/// Prints the hops and what is missing; whether nothing is.
fn report(trace: &Trace, output: &mut impl Write) -> Result<bool, ClientError> {
    let paint = Paint::for_output();
    output.write_all(trace_tree::draw(trace, paint).as_bytes())?;
    let unlinked = trace.spans.iter().filter(|span| span.link.as_deref() == Some("none")).count();
    if unlinked > 0 {
        writeln!(
            output,
            "{}",
            count(unlinked, "call") + " could not be tied to what caused them: see the links of the README"
        )?;
    }
    for gap in &trace.gaps {
        let remedy = match gap.reason.as_str() {
            "no-server-span" => {
                "give the workload that was called a proxy with the filter, or look at its proxy with doctor"
            }
            _ => "look for a caller that exports no span, or for dropped spans, with doctor",
        };
        writeln!(output, "missing at {}: {}\n  do: {remedy}", clean(&gap.service), clean(&gap.detail))?;
    }
    Ok(trace.summary.complete)
}

#[cfg(test)]
mod tests;
