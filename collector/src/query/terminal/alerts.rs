//! `throughline alerts` and `throughline rules`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::client::{Client, ClientError};
use super::{ListOutput, ServerOption, conclude, print_json};
use crate::alert::{notify, rules};
use crate::query::timestamp;

/// The flags of `throughline alerts`.
#[derive(Clone, Debug, clap::Args)]
pub struct AlertsOptions {
    /// One alert with all its evidence
    id: Option<String>,
    #[command(flatten)]
    server: ServerOption,
    /// How the alerts are printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: ListOutput,
}

/// The commands of `throughline rules`.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum RulesCommand {
    /// Check a file of alert rules; every fault is named with its line
    Check {
        /// The file (YAML)
        file: PathBuf,
    },
    /// Send a test, firing and resolved, to every receiver of a file and print what each answered
    TestNotification {
        /// The file (YAML)
        file: PathBuf,
        /// Only this receiver
        #[arg(long, value_name = "NAME")]
        receiver: Option<String>,
    },
}

/// Prints alerts.
pub fn show_alerts(options: &AlertsOptions) -> ExitCode {
    conclude(try_show_alerts(options, &mut io::stdout().lock()))
}

/// Checks rules or tests receivers.
pub fn work_on_rules(command: &RulesCommand) -> ExitCode {
    conclude(match command {
        RulesCommand::Check { file } => check(file, &mut io::stdout().lock()),
        RulesCommand::TestNotification { file, receiver } => {
            test_notification(file, receiver.as_deref(), &mut io::stdout().lock())
        }
    })
}

fn try_show_alerts(options: &AlertsOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let client = Client::new(&options.server.server)?;
    if let Some(id) = &options.id {
        return print_json(&client.get(&format!("/api/v1/alerts/{id}"), &[])?, output);
    }
    let answer = client.get("/api/v1/alerts", &[])?;
    let alerts = answer.get("alerts").and_then(Value::as_array).cloned().unwrap_or_default();
    match options.output {
        ListOutput::Json => print_json(&answer, output)?,
        ListOutput::Ndjson => {
            for alert in &alerts {
                writeln!(output, "{alert}")?;
            }
        }
        ListOutput::Table => {
            for alert in &alerts {
                writeln!(output, "{}", row(alert))?;
            }
        }
    }
    if alerts.is_empty() {
        return Err(ClientError::NothingFound("no alert".to_owned()));
    }
    Ok(())
}

fn row(alert: &Value) -> String {
    let text = |key: &str| alert.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let since = alert.get("since_unix_s").and_then(Value::as_u64).unwrap_or(0);
    let since = timestamp::format_utc(since.saturating_mul(1_000_000_000));
    let (state, severity) = (text("state"), text("severity"));
    let clean = super::paint::clean(&text("summary"));
    let suspect = super::paint::clean(&text("suspect"));
    format!(
        "{state:<8} {severity:<8} {} {} suspect {suspect}: {clean}",
        since.get(..19).unwrap_or(&since),
        text("id")
    )
}

fn read(file: &PathBuf) -> Result<rules::Rules, ClientError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| ClientError::Usage(format!("{} cannot be read: {error}", file.display())))?;
    rules::parse(&text).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(|fault| format!("{}: {fault}", file.display())).collect();
        ClientError::Usage(faults.join("\n"))
    })
}

fn check(file: &PathBuf, output: &mut impl Write) -> Result<(), ClientError> {
    let rules = read(file)?;
    let on = rules.rules.iter().filter(|rule| rule.is_enabled).count();
    writeln!(output, "{}: {on} rules are on, {} receivers", file.display(), rules.receivers.len())?;
    Ok(())
}

fn test_notification(file: &PathBuf, only: Option<&str>, output: &mut impl Write) -> Result<(), ClientError> {
    let rules = read(file)?;
    let chosen: Vec<_> =
        rules.receivers.iter().filter(|receiver| only.is_none_or(|name| receiver.name == name)).collect();
    if chosen.is_empty() {
        return Err(ClientError::Usage(format!("{} names no such receiver", file.display())));
    }
    let mut failed = Vec::new();
    for receiver in chosen {
        match notify::send_test(receiver, &rules.external_url) {
            Ok(()) => writeln!(output, "{}: took it", receiver.name)?,
            Err(error) => failed.push(format!("{}: {error}", receiver.name)),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(ClientError::Failed(failed.join("\n"))) }
}
