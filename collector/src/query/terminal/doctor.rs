//! `throughline doctor`: looks at proxies and at the collector, and says what is wrong and what to do about it.

mod collector;
mod finding;
mod proxies;
mod proxy;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::client::{Client, ClientError};
use super::paint::{Paint, clean, count};
use super::propagation::{PropagationOptions, show_propagation};
use super::{EXIT_CODES, ServerOption, conclude};
use finding::{Finding, Severity};
use proxy::{Proxy, Unreadable};

/// Printed below the help of `throughline doctor`.
pub const DOCTOR_HELP: &str = "\
An admin address is that of Envoy's admin listener: http://127.0.0.1:15000 in a sidecar, reached by kubectl -n NAMESPACE \
port-forward POD 15000. Nothing is changed there; /stats, /config_dump and /server_info are read.

Exit codes: 0 nothing is wrong, 1 something is wrong, 2 wrong usage, 3 the output cannot be written";

/// The flags of `throughline doctor`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DoctorOptions {
    #[command(subcommand)]
    command: Option<DoctorCommand>,
    /// Admin address of a proxy to look at; may be given many times
    #[arg(long, value_name = "URL")]
    admin: Vec<String>,
    /// Seconds that requests and spans are watched for, 1 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    watch: u64,
    #[command(flatten)]
    server: ServerOption,
    /// Print findings as JSON, one a line
    #[arg(long)]
    json: bool,
}

/// One thing to look at alone.
#[derive(Clone, Debug, clap::Subcommand)]
enum DoctorCommand {
    /// Which workloads forward the trace context of the requests they receive, and which break traces
    #[command(after_help = EXIT_CODES)]
    Propagation(PropagationOptions),
}

/// Looks, and prints what it found.
pub fn doctor(options: &DoctorOptions) -> ExitCode {
    if let Some(DoctorCommand::Propagation(options)) = &options.command {
        return show_propagation(options);
    }
    let outcome = examine(options)
        .and_then(|findings| Ok((print(&findings, options, &mut io::stdout().lock())?, findings)))
        .map(|((), findings)| findings.iter().any(Finding::is_wrong));
    match outcome {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(error) => conclude(Err(error)),
    }
}

fn examine(options: &DoctorOptions) -> Result<Vec<Finding>, ClientError> {
    let client = Client::new(&options.server.server)?;
    let mut findings = examine_proxies(&options.admin, Duration::from_secs(options.watch))?;
    findings.extend(collector::examine(&client));
    Ok(findings)
}

/// What is wrong with proxies, by their admin addresses.
pub(super) fn examine_proxies(addresses: &[String], watch: Duration) -> Result<Vec<Finding>, ClientError> {
    let clients =
        addresses.iter().map(|address| Client::to(address, "the admin address", "http://127.0.0.1:15000"));
    let clients = clients.collect::<Result<Vec<Client>, ClientError>>()?;
    let before: Vec<Result<Proxy, Unreadable>> = clients.iter().map(Proxy::read).collect();
    if !clients.is_empty() {
        std::thread::sleep(watch);
    }
    let (mut findings, mut readable) = (Vec::new(), Vec::new());
    for (client, before) in clients.iter().zip(before) {
        match before.and_then(|before| Ok((before, Proxy::read(client)?))) {
            Ok((before, after)) => {
                findings.extend(proxies::examine(&before, &after));
                readable.push(after);
            }
            Err(unreadable) => findings.push(unreadable.finding()),
        }
    }
    findings.extend(proxies::compare(&readable));
    Ok(findings)
}

fn print(findings: &[Finding], options: &DoctorOptions, output: &mut impl Write) -> Result<(), ClientError> {
    if options.json {
        for finding in worst_first(findings) {
            writeln!(output, "{}", finding.to_json())?;
        }
        return Ok(());
    }
    print_findings(findings, output)?;
    let wrong = findings.iter().filter(|finding| finding.is_wrong()).count();
    let looked = format!("looked at {} and the collector", proxies_in_words(options.admin.len()));
    let verdict = if wrong == 0 { "nothing is wrong".to_owned() } else { count(wrong, "finding") };
    Ok(writeln!(output, "{looked}: {verdict}")?)
}

fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    sorted
}

fn proxies_in_words(number: usize) -> String {
    if number == 1 { "1 proxy".to_owned() } else { format!("{number} proxies") }
}

/// Each finding with what to do, the worst first.
pub(super) fn print_findings(findings: &[Finding], output: &mut impl Write) -> Result<(), ClientError> {
    let paint = Paint::for_output();
    for finding in worst_first(findings) {
        let mark = match finding.severity {
            Severity::Error => paint.error("✗ error  "),
            Severity::Warning => paint.warning("⚠ warning"),
            Severity::Note => paint.faint("· note   "),
        };
        writeln!(output, "{mark} {} [{}]", paint.strong(&clean(&finding.place)), finding.kind)?;
        writeln!(output, "          {}", clean(&finding.what))?;
        writeln!(output, "          {} {}\n", paint.faint("do:"), clean(&finding.remedy))?;
    }
    Ok(())
}

impl Finding {
    fn to_json(&self) -> serde_json::Value {
        json!({
            "severity": self.severity.as_str(),
            "kind": self.kind,
            "place": self.place,
            "what": self.what,
            "do": self.remedy,
        })
    }
}

#[cfg(test)]
mod tests;
