//! One alert for people who were woken by it: what, since when, how bad, who is suspected, and which traces to open.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::super::DEFAULT_SERVER;
use super::super::client::{self, Client, ClientError};
use super::super::paint::{clean_name, duration};
use crate::alert::book::Silence;
use crate::alert::evidence::Evidence;
use crate::query::timestamp;

/// Lines of one sort; the API has the others.
const MAX_LINES: usize = 10;
/// Places on the critical path where most time is spent.
const MAX_PLACES: usize = 3;
/// Less of all time is not worth a line.
const LEAST_SHARE: f64 = 0.01;
const NS_PER_S: u64 = 1_000_000_000;

/// What is read of the API's answer.
#[derive(Debug, Deserialize)]
pub(super) struct OneAlert {
    id: String,
    rule: String,
    kind: String,
    service: String,
    suspect: String,
    state: String,
    severity: String,
    summary: String,
    since_unix_s: u64,
    fired_unix_s: Option<u64>,
    /// A collector of an older version does not say.
    #[serde(default)]
    risen_unix_s: Option<u64>,
    resolved_unix_s: Option<u64>,
    pub(super) is_silenced: bool,
    evidence: Evidence,
}

/// All silences.
pub(super) fn silences(client: &Client) -> Result<Vec<Silence>, ClientError> {
    let mut answer = client.get("/api/v1/silences", &[])?;
    client::read_as(answer.get_mut("silences").map(Value::take).unwrap_or_default())
}

/// The alert in a few lines. Commands name the server that was asked, where they have to.
pub(super) fn draw(alert: &OneAlert, silences: &[Silence], server: &str, now_unix_ns: u64) -> String {
    let evidence = &alert.evidence;
    let first = |texts: Vec<String>| cut_off(texts, MAX_LINES);
    let mut text = format!(
        "{} {}: {}\n",
        clean_name(&alert.state),
        clean_name(&alert.severity),
        clean_name(&alert.summary)
    );
    let mut add = |name: &str, lines: Vec<String>| {
        for (place, line) in lines.iter().enumerate() {
            let name = if place == 0 { name } else { "" };
            // Writing to a string cannot fail.
            writeln!(text, "  {name:<13}  {}", clean_name(line)).ok();
        }
    };
    add("since", vec![times(alert, now_unix_ns)]);
    add("why", vec![evidence.why.clone()]);
    add("suspect", first(suspects(alert)));
    add("first bad hop", evidence.first_bad_hop.iter().cloned().collect());
    add("entries", first(evidence.entry_routes.clone()));
    add("time is spent", places(evidence));
    let server = if server == DEFAULT_SERVER { String::new() } else { format!(" --server {server}") };
    let open = |trace: &String| format!("throughline trace {trace}{server}");
    add("traces", first(evidence.exemplars.iter().map(open).collect()));
    add("silenced", silenced(alert, silences));
    add("alert", vec![format!("{}, rule {} ({})", alert.id, alert.rule, alert.kind)]);
    text
}

fn cut_off(mut lines: Vec<String>, most: usize) -> Vec<String> {
    let more = lines.len().saturating_sub(most);
    lines.truncate(most);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}

fn moment(unix_s: u64) -> String {
    let text = timestamp::format_utc(unix_s.saturating_mul(NS_PER_S));
    format!("{} UTC", text.get(..19).unwrap_or(&text))
}

fn times(alert: &OneAlert, now_unix_ns: u64) -> String {
    let age = now_unix_ns.saturating_sub(alert.since_unix_s.saturating_mul(NS_PER_S));
    let mut text = format!("{}, {} ago", moment(alert.since_unix_s), duration(age));
    let moments =
        [("fired", alert.fired_unix_s), ("rose", alert.risen_unix_s), ("resolved", alert.resolved_unix_s)];
    for (what, unix_s) in moments {
        if let Some(unix_s) = unix_s {
            write!(text, "; {what} {}", moment(unix_s)).ok();
        }
    }
    text
}

/// The suspect first, with what was found against it, then who else explains the change.
fn suspects(alert: &OneAlert) -> Vec<String> {
    let told = |suspect: &&crate::alert::evidence::Suspected| suspect.service == alert.suspect;
    let found = alert.evidence.suspects.iter();
    let reason = found.clone().find(told).map(|suspect| format!(": {}", suspect.reason));
    let first = format!("{}{}", alert.suspect, reason.unwrap_or_default());
    let others = found.filter(|suspect| !told(suspect));
    std::iter::once(first)
        .chain(others.map(|suspect| format!("{}: {}", suspect.service, suspect.reason)))
        .collect()
}

/// Where requests spend most time by itself.
fn places(evidence: &Evidence) -> Vec<String> {
    let mut parts: Vec<_> =
        evidence.critical_path.iter().filter(|part| part.self_share >= LEAST_SHARE).collect();
    parts.sort_by(|left, right| right.self_share.total_cmp(&left.self_share));
    let line = |part: &&crate::alert::evidence::PathPart| {
        format!("{:.0} % {} {} ({})", 100.0 * part.self_share, part.service, part.operation, part.kind)
    };
    parts.iter().take(MAX_PLACES).map(line).collect()
}

fn silenced(alert: &OneAlert, silences: &[Silence]) -> Vec<String> {
    if !alert.is_silenced {
        return vec!["no".to_owned()];
    }
    let covering =
        silences.iter().filter(|silence| silence.covers(&alert.rule, &alert.service, &alert.suspect));
    let lines: Vec<String> = covering
        .map(|silence| format!("until {}: {}", moment(silence.until_unix_s), silence.comment))
        .collect();
    // It may have ended between the two questions.
    if lines.is_empty() { vec!["until a moment ago".to_owned()] } else { cut_off(lines, MAX_LINES) }
}
