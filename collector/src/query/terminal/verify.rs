//! `throughline verify`: sends one marked request into the mesh, follows it hop by hop, and says what is missing and why.

mod overhead;
mod probe;
mod recorder;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::client::{self, Client, ClientError};
use super::doctor::{examine_proxies, print_findings};
use super::paint::{Paint, clean, count, duration};
use super::{ServerOption, conclude, trace_tree};
use crate::query::answer::{Status, Trace};
use probe::{Probe, Recording, Sent};
use recorder::Recorder;

/// Printed below the help of `throughline verify`.
pub const VERIFY_HELP: &str = "\
The request carries a traceparent of its own, so its trace is known before it exists. A gateway with edge: restart begins \
another one; verify from inside the mesh there, or set it to continue. The root of the trace is a span of this command, of \
the service throughline-verify, which it sends to the collector by OTLP/HTTP.

Exit codes: 0 every hop that can be seen arrived, 1 something is missing, 2 wrong usage, 3 the entry or the collector \
cannot be reached, or the collector did not take the root: then what was found is told all the same";

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
    /// Where the collector takes spans by OTLP/HTTP [default: the host of --server, with the port that the collector names]
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
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
    let status: Status = client::read_as(collector.get("/api/v1/status", &[])?)?;
    let recorder = Recorder::connect(options.otlp.as_deref(), collector.server(), status.otlp_http_port)?;
    let sent = probe.send(Recording::On)?;
    let took = duration(sent.took_ns());
    writeln!(output, "sent {}: status {} after {took}\n", clean(&options.entry), sent.status)?;
    let (trace, root) = follow(&collector, &recorder, &sent, Duration::from_secs(options.wait))?.unzip();
    let is_whole = match &trace {
        Some(trace) => report(trace, &sent, root.as_ref(), output)?,
        None => {
            let trace_id = sent.mark.trace_id();
            writeln!(output, "no span of trace {trace_id} has arrived after {} s\n", options.wait)?;
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
    // Requests whose parent cannot be sent are better not made.
    let has_arrived = root.transpose()?.is_some();
    if options.pairs > 0 {
        writeln!(
            output,
            "\n{}",
            overhead::measure(&probe, options.pairs, has_arrived.then_some(&recorder))?
        )?;
    }
    Ok(is_whole)
}

const NOTHING_ARRIVED: &str = "\
- no proxy on the way has the filter, or the request did not go through one: throughline doctor --admin URL
- the spans do not reach the collector: look at wasmcustom.throughline_exports_failed of the gateway
- the gateway begins a trace of its own (edge: restart): search for it with throughline search";

/// Whether the span of this command reached the collector.
type Root = Result<(), ClientError>;

/// Waits until the trace is there and whole, or has stopped growing. Its root is sent once anything of it has arrived: a trace
/// of the root alone would be none. Where it is not taken, it is sent again with each look.
fn follow(
    collector: &Client,
    recorder: &Recorder,
    sent: &Sent,
    wait: Duration,
) -> Result<Option<(Trace, Root)>, ClientError> {
    let (start, path) = (Instant::now(), format!("/api/v1/traces/{}", sent.mark.trace_id()));
    let (mut last, mut root, mut grown) = (None::<Trace>, None::<Root>, Instant::now());
    while start.elapsed() < wait || last.is_some() {
        match collector.get(&path, &[]) {
            Ok(answer) => {
                let trace: Trace = client::read_as(answer)?;
                let is_root_due = !matches!(root, Some(Ok(())));
                if is_root_due {
                    root = Some(recorder.send(sent));
                }
                let is_root_new = is_root_due && matches!(root, Some(Ok(())));
                let is_longer = last.as_ref().is_none_or(|last| last.spans.len() != trace.spans.len());
                if is_longer || is_root_new {
                    grown = Instant::now();
                }
                // Spans of one request come from many proxies, so even a trace without gaps may still grow.
                let is_quiet = grown.elapsed() >= QUIET;
                last = Some(trace);
                if is_quiet || start.elapsed() >= wait + QUIET {
                    break;
                }
            }
            // It was there, and the collector lost its data meanwhile.
            Err(ClientError::NothingFound(_)) if last.is_some() && start.elapsed() >= wait + QUIET => break,
            Err(ClientError::NothingFound(_)) => {}
            Err(error) => return Err(error),
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(last.zip(root))
}

/// Prints the hops and what is missing; whether nothing is.
fn report(
    trace: &Trace,
    sent: &Sent,
    root: Option<&Root>,
    output: &mut impl Write,
) -> Result<bool, ClientError> {
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
    if !trace.spans.iter().any(|span| span.span_id == sent.mark.span_id()) {
        let why = match root {
            Some(Err(_)) => "could not be sent: the trace stays without it",
            _ => {
                "was taken at the OTLP address and did not reach this collector: is another one listening there? name this \
                 one's with --otlp URL"
            }
        };
        writeln!(output, "this command's own span, the root, {why}")?;
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
