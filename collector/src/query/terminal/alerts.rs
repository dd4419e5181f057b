//! `throughline alerts` and `throughline rules`.

mod one;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::client::{self, Client, ClientError};
use super::{ListOutput, ServerOption, conclude, print_json};
use crate::alert::{notify, rules};
use crate::query::timestamp;

/// What a file that names nobody to tell could have.
const A_RECEIVER: &str = "receivers:\n- {kind: webhook, url: 'https://example.com/hook'}";

/// The flags of `throughline alerts`.
#[derive(Clone, Debug, clap::Args)]
pub struct AlertsOptions {
    /// Only the alert of this id, with its evidence
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
        return show_one(&client, id, options.output, output);
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

fn show_one(client: &Client, id: &str, form: ListOutput, output: &mut impl Write) -> Result<(), ClientError> {
    let alert = client.get(&format!("/api/v1/alerts/{id}"), &[])?;
    match form {
        ListOutput::Json => print_json(&alert, output)?,
        ListOutput::Ndjson => writeln!(output, "{alert}")?,
        ListOutput::Table => {
            let alert: one::OneAlert = client::read_as(alert)?;
            let silences = if alert.is_silenced { one::silences(client)? } else { Vec::new() };
            let text = one::draw(&alert, &silences, client.server(), timestamp::now_unix_ns());
            output.write_all(text.as_bytes())?;
        }
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
    let is_silenced = alert.get("is_silenced").and_then(Value::as_bool).unwrap_or(false);
    let silenced = if is_silenced { "silenced, " } else { "" };
    format!(
        "{state:<8} {severity:<8} {} {} {silenced}suspect {suspect}: {clean}",
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
    if rules.receivers.is_empty() {
        return Err(ClientError::Usage(format!(
            "{} has no receivers: add such as\n{A_RECEIVER}",
            file.display()
        )));
    }
    let chosen: Vec<_> =
        rules.receivers.iter().filter(|receiver| only.is_none_or(|name| receiver.name == name)).collect();
    if chosen.is_empty() {
        let names: Vec<String> =
            rules.receivers.iter().map(|receiver| format!("`{}`", receiver.name)).collect();
        let wanted = only.unwrap_or_default();
        return Err(ClientError::Usage(format!(
            "{} has no receiver named `{wanted}`: it has {}",
            file.display(),
            names.join(", ")
        )));
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

#[cfg(test)]
mod tests;
