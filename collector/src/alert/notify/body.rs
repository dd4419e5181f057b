//! What each kind of receiver gets to read.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::alert::book::{Alert, Message, Status};
use crate::alert::rules::{Receiver, ReceiverKind};

/// Alertmanager drops an alert that it hears nothing of for so long; it is repeated every minute.
const ALERTMANAGER_HOLDS_S: u64 = 300;
/// PagerDuty refuses longer summaries.
const MAX_SUMMARY_CHARS: usize = 1024;
/// Suspects and places that a message names.
const MAX_NAMED: usize = 3;

/// A body with its address.
pub(super) struct Body {
    pub(super) url: String,
    pub(super) text: String,
    pub(super) signature: Option<String>,
}

pub(super) fn of(receiver: &Receiver, message: &Message, external_url: &str) -> Body {
    let url = receiver.url.clone();
    let plain = |url: String, value: Value| Body { url, text: value.to_string(), signature: None };
    match &receiver.kind {
        ReceiverKind::Alertmanager => {
            plain(format!("{url}/api/v2/alerts"), alertmanager(message, &receiver.name, external_url))
        }
        ReceiverKind::Slack => plain(url, slack(message, external_url)),
        ReceiverKind::PagerDuty { routing_key } => plain(url, pagerduty(message, routing_key, external_url)),
        ReceiverKind::Webhook { secret, template } => {
            let text = match template {
                Some(template) => template.fill(|name| place(name, message, external_url)),
                None => webhook(message, external_url).to_string(),
            };
            let signature = secret.as_ref().map(|secret| sign(secret.as_bytes(), text.as_bytes()));
            Body { url, text, signature }
        }
        ReceiverKind::Smtp { .. } => plain(url, Value::Null),
    }
}

fn place(name: &str, message: &Message, external_url: &str) -> String {
    match name {
        "status" => message.status.as_str().to_owned(),
        "suspect" => message.suspect.clone(),
        "severity" => message.severity.clone(),
        "summary" => headline(message),
        "count" => message.alerts.len().to_string(),
        "url" => link(message, external_url),
        _ => message.alerts.iter().map(|alert| alert.summary.as_str()).collect::<Vec<_>>().join("; "),
    }
}

/// One line that says it all.
fn headline(message: &Message) -> String {
    let first = message.alerts.first().map_or("", |alert| alert.summary.as_str());
    let others = match message.alerts.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let line = match message.status {
        Status::Firing => format!("{}: suspect {}: {first}{others}", message.severity, message.suspect),
        Status::Resolved => format!("resolved: {}: {first}{others}", message.suspect),
    };
    line.chars().take(MAX_SUMMARY_CHARS).collect()
}

fn link(message: &Message, external_url: &str) -> String {
    format!("{external_url}/alerts/{}", message.group)
}

/// The severity is a label and thereby part of an alert's identity: one that has risen ends under the severity that it had.
fn alertmanager(message: &Message, receiver: &str, external_url: &str) -> Value {
    let now = super::now_unix_s();
    let mut alerts = Vec::new();
    for alert in &message.alerts {
        if let Some(severity) = alert.outdated_severity(receiver) {
            alerts.push(posted_alert(alert, severity, now, external_url));
        }
        let ends = match message.status {
            Status::Resolved => alert.resolved_unix_s.unwrap_or(alert.since_unix_s),
            Status::Firing => now + ALERTMANAGER_HOLDS_S,
        };
        alerts.push(posted_alert(alert, &alert.severity, ends, external_url));
    }
    Value::Array(alerts)
}

fn posted_alert(alert: &Alert, severity: &str, ends_unix_s: u64, external_url: &str) -> Value {
    let mut labels = json!({
        "alertname": alert.rule,
        "alert_id": alert.id,
        "severity": severity,
        "scope": alert.scope,
        "service": alert.service,
        "suspect": alert.suspect,
    });
    if let Some(labels) = labels.as_object_mut() {
        labels.extend(alert.client.clone().map(|client| ("client".to_owned(), json!(client))));
        labels.extend(alert.route.clone().map(|route| ("route".to_owned(), json!(route))));
    }
    json!({
        "labels": labels,
        "annotations": {
            "summary": alert.summary,
            "why": alert.evidence.why,
            "first_bad_hop": alert.evidence.first_bad_hop.clone().unwrap_or_default(),
            "entries": alert.evidence.entry_routes.join(", "),
            "traces": alert.evidence.exemplars.join(" "),
        },
        "startsAt": rfc3339(alert.since_unix_s),
        "endsAt": rfc3339(ends_unix_s),
        "generatorURL": format!("{external_url}/alerts/{}", alert.id),
    })
}

fn webhook(message: &Message, external_url: &str) -> Value {
    json!({
        "version": 1,
        "status": message.status.as_str(),
        "group": message.group,
        "suspect": message.suspect,
        "severity": message.severity,
        "summary": headline(message),
        "url": link(message, external_url),
        "alerts": message.alerts.iter().map(webhook_alert).collect::<Vec<_>>(),
    })
}

fn webhook_alert(alert: &Alert) -> Value {
    json!({
        "id": alert.id,
        "rule": alert.rule,
        "scope": alert.scope,
        "subject": alert.subject,
        "service": alert.service,
        "severity": alert.severity,
        "summary": alert.summary,
        "since": rfc3339(alert.since_unix_s),
        "resolved": alert.resolved_unix_s.map(rfc3339),
        "evidence": alert.evidence,
    })
}

/// Slack escapes three characters: <https://api.slack.com/reference/surfaces/formatting#escaping>.
fn slack(message: &Message, external_url: &str) -> Value {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let summaries = message.alerts.iter().take(10).map(|alert| format!("- {}", escape(&alert.summary)));
    let first = message.alerts.first();
    let why = first.map_or("", |alert| alert.evidence.why.as_str());
    let found = first.map(|alert| findings(alert, external_url)).unwrap_or_default();
    let mut lines = vec![escape(&headline(message))];
    lines.extend(summaries);
    lines.push(format!("_{}_", escape(why)));
    lines.extend(found.iter().map(|line| escape(line)));
    lines.push(link(message, external_url));
    json!({"text": lines.join("\n")})
}

/// Events API v2: <https://developer.pagerduty.com/docs/send-alert-event>.
fn pagerduty(message: &Message, routing_key: &str, external_url: &str) -> Value {
    let action = match message.status {
        Status::Firing => "trigger",
        Status::Resolved => "resolve",
    };
    json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": format!("throughline-{}", message.group),
        "payload": {
            "summary": headline(message),
            "source": message.suspect,
            "severity": message.severity,
            "custom_details": {
                "why": message.alerts.first().map(|alert| alert.evidence.why.clone()),
                "alerts": message.alerts.iter().map(|alert| alert.summary.clone()).collect::<Vec<_>>(),
            },
        },
        "links": [{"href": link(message, external_url), "text": "evidence"}],
    })
}

/// Subject and text of a mail.
pub(super) fn mail(message: &Message, external_url: &str) -> (String, String) {
    let mut lines: Vec<String> = Vec::new();
    for alert in &message.alerts {
        lines.push(format!("{} ({}, since {})", alert.summary, alert.severity, rfc3339(alert.since_unix_s)));
        lines.push(format!("  {}", alert.evidence.why));
        lines.extend(findings(alert, external_url).into_iter().map(|line| format!("  {line}")));
    }
    lines.push(link(message, external_url));
    (format!("[throughline] {}", headline(message)), lines.join("\n"))
}

/// What the traces of an alert tell, a line for each thing.
fn findings(alert: &Alert, external_url: &str) -> Vec<String> {
    let evidence = &alert.evidence;
    let named = |name: &str, text: String| (!text.is_empty()).then(|| format!("{name}: {text}"));
    let trace = evidence.exemplars.first().map(|trace| format!("trace: {external_url}/trace/{trace}"));
    let lines = [
        named("first bad hop", evidence.first_bad_hop.clone().unwrap_or_default()),
        named("suspects", suspects(alert)),
        named("on the critical path", longest(alert)),
        named("affected entries", evidence.entry_routes.join(", ")),
        trace,
    ];
    lines.into_iter().flatten().collect()
}

/// Who explains the change, the strongest first, with the finding against the first.
fn suspects(alert: &Alert) -> String {
    let named =
        alert.evidence.suspects.iter().take(MAX_NAMED).enumerate().map(|(place, suspect)| match place {
            0 => format!("{} ({})", suspect.service, suspect.reason),
            _ => suspect.service.clone(),
        });
    named.collect::<Vec<_>>().join(", ")
}

/// Where requests spend most time by itself.
fn longest(alert: &Alert) -> String {
    let mut parts: Vec<_> = alert.evidence.critical_path.iter().collect();
    parts.sort_by(|left, right| right.self_share.total_cmp(&left.self_share));
    let named = parts.into_iter().take(MAX_NAMED).map(|part| {
        format!("{:.0} % {} {} ({})", 100.0 * part.self_share, part.service, part.operation, part.kind)
    });
    named.collect::<Vec<_>>().join(", ")
}

/// HMAC-SHA-256, RFC 2104, as `sha256=` and hexadecimal digits.
pub(super) fn sign(secret: &[u8], text: &[u8]) -> String {
    const BLOCK: usize = 64;
    let mut key = if secret.len() > BLOCK { Sha256::digest(secret).to_vec() } else { secret.to_vec() };
    key.resize(BLOCK, 0);
    let pad = |byte: u8| key.iter().map(|key| key ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    let hex: String = outer.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// A second as RFC 3339 writes it, with years that begin in March so that the leap day comes last.
pub(super) fn rfc3339(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400 + 719_468, unix_s % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}
