//! A slight fault that grows to an outage: a webhook hears of both, once each; what the terminal tells of it. The spans are sent
//! as a proxy would send them, so that minutes of the past can be filled at once.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::Value as Json;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use super::receiver::Receiver;
use crate::operating::throughline;
use crate::runner::Fixture;

const DEADLINE: Duration = Duration::from_secs(240);
const MINUTE_NS: u64 = 60_000_000_000;
/// Requests of one minute.
const REQUESTS: u64 = 100;
/// What the payment is asked for.
const USUAL: &str = "POST /pay";
const RARE: &str = "POST /refund";
/// Minutes of the slight fault: eight of a thousand requests fail, which burns a budget of one in a thousand eight times too fast.
const MINUTES: u64 = 20;

/// A collector that only watches error budgets, and whom it tells.
pub(crate) struct Outage {
    // Ends before its folder goes.
    collector: Collector,
    run: RunDirectory,
    webhook: Receiver,
    client: Client,
    sent: u64,
}

impl Fixture for Outage {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

pub(crate) fn start() -> Result<Outage> {
    let (run, webhook) = (RunDirectory::create()?, Receiver::start()?);
    let rules = run.join("rules.yaml");
    let text = format!(
        "built_in: false\nrules:\n- {{kind: burn_rate, objective: 0.999}}\nreceivers:\n- {{kind: webhook, url: '{}'}}\n",
        webhook.url()
    );
    std::fs::write(&rules, text)?;
    let collector = Collector::start(Ports::free()?, &run)?;
    let mut outage = Outage { sent: 0, client: Client::new(), webhook, collector, run };
    let now = now_unix_ns();
    for minute in (1..=MINUTES).rev() {
        // Whole minutes of the past, so that the fault is no larger in one of them.
        outage.send(USUAL, now - minute * MINUTE_NS, if minute % 5 == 0 { 0 } else { 1 })?;
    }
    outage.collector.restart_with(vec!["--alert-rules".to_owned(), rules.display().to_string()])?;
    Ok(outage)
}

fn now_unix_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or_default()
}

impl Outage {
    /// A hundred requests that ask this of the payment, of which so many fail.
    fn send(&mut self, asked: &str, at_unix_ns: u64, failed: u64) -> Result<()> {
        let spans: Vec<Span> = (0..REQUESTS)
            .flat_map(|number| {
                let status = if number < failed { StatusCode::Error } else { StatusCode::Unset };
                request(asked, self.sent + number + 1, at_unix_ns + number, status)
            })
            .collect();
        self.sent += REQUESTS;
        let headers = [("content-type", "application/x-protobuf")];
        let payload = encode_export_request(&spans);
        let answer = self.client.request("POST", &self.collector.otlp_http_url(), &headers, &payload)?;
        ensure!(answer.status == 200, "a batch got status {}", answer.status);
        Ok(())
    }

    fn alerts(&self) -> Result<Vec<Json>> {
        let answer: Json = self.client.get(&format!("{}/api/v1/alerts", self.collector.url()))?.json()?;
        Ok(answer["alerts"].as_array().cloned().unwrap_or_default())
    }

    /// Waits until the collector has looked at this second.
    fn watch_until(&self, unix_s: u64) -> Result<()> {
        let url = format!("{}/api/v1/alerts", self.collector.url());
        wait::until("it to watch for some seconds", DEADLINE, || {
            let answer: Json = self.client.get(&url)?.json()?;
            Ok((answer["watching"]["looked_at_unix_s"].as_u64() > Some(unix_s)).then_some(()))
        })
    }

    /// It was told twice, and that is written down: a message is counted after that.
    fn check_told(&self) -> Result<()> {
        let url = format!("{}/api/v1/alert-rules", self.collector.url());
        let delivered = wait::until("both messages to be counted", DEADLINE, || {
            let rules: Json = self.client.get(&url)?.json()?;
            Ok(rules["receivers"][0]["delivered"].as_u64().filter(|delivered| *delivered >= 2))
        })?;
        let told = self.told();
        ensure!(delivered == 2 && told == ["firing warning", "firing critical"], "{delivered} of {told:?}");
        Ok(())
    }

    /// Severities of what the webhook took, in order.
    fn told(&self) -> Vec<String> {
        let text = |message: &Json, key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let taken = self.webhook.taken();
        taken
            .iter()
            .map(|message| format!("{} {}", text(message, "status"), text(message, "severity")))
            .collect()
    }
}

/// The front's request, its call and what the payment answered.
fn request(asked: &str, number: u64, at_unix_ns: u64, status: StatusCode) -> [Span; 3] {
    let span = |id: u64, kind: SpanKind, service: &str, name: &str| Span {
        trace_id: TraceId::from_bytes(&u128::from(number).to_be_bytes()).expect("not zero"),
        span_id: SpanId::from_bytes(&id.to_be_bytes()).expect("not zero"),
        parent_span_id: SpanId::from_bytes(&(id - 1).to_be_bytes()),
        trace_state: String::new(),
        flags: 1,
        name: name.to_owned(),
        kind,
        start_unix_ns: at_unix_ns + id * 1_000_000,
        end_unix_ns: at_unix_ns + (10 - id) * 1_000_000,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status,
        status_message: String::new(),
        resource: Arc::new(Resource {
            attributes: vec![Attribute {
                key: "service.name".to_owned(),
                value: Value::Text(service.to_owned()),
            }],
        }),
    };
    [
        span(1, SpanKind::Server, "front", "POST /checkout"),
        span(2, SpanKind::Client, "front", "POST"),
        span(3, SpanKind::Server, "payment", asked),
    ]
}

pub(crate) fn outage_is_told(outage: &mut Outage) -> Result<()> {
    wait::until("a warning of the slight fault", DEADLINE, || Ok((!outage.told().is_empty()).then_some(())))?;
    ensure!(outage.told() == ["firing warning"], "it was told {:?}", outage.told());
    let before = outage.alerts()?.len();
    ensure!(before > 2, "every service, edge and route alerts: {before}");
    // All the time, until it is seen: whatever minute the collector looks at has failures then.
    wait::until("every alert to be critical", DEADLINE, || {
        outage.send(USUAL, now_unix_ns(), 40)?;
        Ok(outage.alerts()?.iter().all(|alert| alert["severity"] == "critical").then_some(()))
    })?;
    wait::until("a message that it is critical", DEADLINE, || Ok((outage.told().len() > 1).then_some(())))?;
    let alerts = outage.alerts()?;
    ensure!(alerts.len() == before, "no alert is a new one: {alerts:?}");
    for alert in &alerts {
        evidence_agrees(alert)?;
    }
    who_joins_is_known(outage)?;
    nothing_is_repeated_after_a_crash(outage)?;
    let message = outage.webhook.taken().pop().context("a message")?;
    let named = message["alerts"].as_array().map_or(0, Vec::len);
    ensure!(named == before, "{named} of {before} alerts are in the message that it is critical");
    terminal_tells(outage, &alerts)
}

/// One more alert of the same suspect is no louder than what was told.
fn who_joins_is_known(outage: &mut Outage) -> Result<()> {
    let joined = wait::until("an alert on another route", DEADLINE, || {
        outage.send(RARE, now_unix_ns(), 40)?;
        let alerts = outage.alerts()?;
        Ok(alerts.into_iter().find(|alert| alert["route"] == RARE && alert["state"] == "firing"))
    })?;
    outage.watch_until(joined["fired_unix_s"].as_u64().unwrap_or_default() + 12)?;
    let joined = outage.alerts()?.into_iter().find(|alert| alert["id"] == joined["id"]);
    let joined = joined.context("the alert is gone")?;
    ensure!(joined["suspect"] == "payment" && joined["severity"] == "critical", "another story: {joined}");
    outage.check_told()
}

fn nothing_is_repeated_after_a_crash(outage: &mut Outage) -> Result<()> {
    outage.check_told()?;
    let rules = outage.run.join("rules.yaml").display().to_string();
    outage.collector.restart_with(vec!["--alert-rules".to_owned(), rules])?;
    outage.watch_until(now_unix_ns() / 1_000_000_000 + 10)?;
    ensure!(outage.told() == ["firing warning", "firing critical"], "it was told {:?}", outage.told());
    Ok(())
}

/// The rate that its summary tells is the one of the numbers below it.
fn evidence_agrees(alert: &Json) -> Result<()> {
    let number = |key: &str| alert["evidence"][key].as_f64().unwrap_or_default();
    let rate = format!("burns {:.1} times too fast", number("observed") / number("requests") / 0.001);
    let summary = alert["summary"].as_str().unwrap_or_default();
    ensure!(summary.contains(&rate), "`{summary}` stands above {}", alert["evidence"]["why"]);
    Ok(())
}

fn terminal_tells(outage: &Outage, alerts: &[Json]) -> Result<()> {
    let alert = alerts.iter().find(|alert| alert["scope"] == "edge").context("an alert on an edge")?;
    let (id, url) = (alert["id"].as_str().unwrap_or_default(), outage.collector.url());
    let output = throughline(&["alerts", id, "--server", &url])?;
    let text = String::from_utf8_lossy(&output.stdout);
    let trace =
        text.lines().find_map(|line| line.split_once("throughline trace ")).context("no trace is named")?;
    let shown = throughline(&[&["trace"], trace.1.split(' ').collect::<Vec<_>>().as_slice()].concat())?;
    ensure!(shown.status.success(), "the command that it names ends with {}", shown.status);
    for expected in [
        "firing critical: front -> payment",
        "first bad hop  front -> payment POST /pay",
        "entries        front POST /checkout",
    ] {
        ensure!(text.contains(expected), "`{expected}` is not told");
    }
    ensure!(text.lines().count() < 20, "{} lines are too many", text.lines().count());
    let silence = format!(
        r#"{{"service": "payment", "until_unix_s": {}, "comment": "known"}}"#,
        now_unix_ns() / 1_000_000_000 + 3600
    );
    let made = outage.client.request("POST", &format!("{url}/api/v1/silences"), &[], silence.as_bytes())?;
    ensure!(made.status == 201, "a silence got status {}", made.status);
    wait::until("a silence that holds", DEADLINE, || {
        Ok(outage.alerts()?.iter().any(|alert| alert["is_silenced"] == true).then_some(()))
    })?;
    let told = [throughline(&["alerts", "--server", &url])?, throughline(&["alerts", id, "--server", &url])?];
    let [list, one] = told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    ensure!(list.contains("silenced, suspect payment: front -> payment:"), "the list does not say so");
    ensure!(one.contains("silenced       until ") && one.contains(": known"), "the alert does not say so");
    Ok(())
}
