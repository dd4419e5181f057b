//! Faults in a running mesh: alerted within a minute, with the right suspect, delivered to a real Alertmanager, and over when
//! they are over. The baseline is made by fast-forward, and says so. One receiver hangs all the time.

mod alertmanager;
mod outage;
mod receiver;
mod timeline;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::fault::Fault;
use harness::http::Client;
use harness::mesh::Mesh;
use harness::runner::Fixture;
use harness::topology::{Call, Method, Topology};
use harness::truth::CALL_HEADER;
use harness::wait;
use harness::{artefacts, described};
use serde_json::Value;

use crate::filter_configuration;
use alertmanager::{Alertmanager, now_unix_s};
pub(crate) use outage::{outage_is_told, start as start_outage};
use receiver::Receiver;
use timeline::Episode;

/// The aim is a minute; a busy machine gets more before the suite gives up.
const DEADLINE: Duration = Duration::from_secs(240);
/// A whole minute has to pass after the one in which the traffic began.
const LEARNING_DEADLINE: Duration = Duration::from_secs(300);
/// All quiet times, and a receiver's longest pause between two attempts.
const RESOLVED_DEADLINE: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(60);
/// For how long nothing may be raised before anything is harmed.
const QUIET_S: u64 = 30;

/// A watched mesh under steady load.
pub(crate) struct Watched {
    mesh: Mesh,
    alertmanager: Alertmanager,
    hanging: Receiver,
    slack: Receiver,
    client: Client,
    is_over: Arc<AtomicBool>,
    load: Option<JoinHandle<()>>,
    arguments: Vec<String>,
    episodes: Vec<Episode>,
}

impl Fixture for Watched {
    fn keep_run(&self) -> String {
        self.mesh.keep_run()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(load) = self.load.take() {
            // A load that panicked has failed a scenario before.
            load.join().ok();
        }
    }
}

/// What somebody writes who has one minute of baseline on a machine that is busy with other things: a rise has to be a large
/// one, and is over after a quiet minute. That two services talk is news for ten minutes, and no harm.
const RULES: &str = "rules:\n\
    - {kind: error_rate, quiet_minutes: 1, min_rise: 0.05}\n\
    - {kind: latency, quiet_minutes: 1, min_rise: 0.3}\n\
    - {kind: new_edge, enabled: false}\n";

pub(crate) fn start() -> Result<Watched> {
    let topology = Topology::read(&artefacts::root().join("tests/topology/watched.yaml"))?;
    let mut mesh = Mesh::start_for_test(topology, Some(filter_configuration()))?;
    let alertmanager = Alertmanager::start(&mesh)?;
    let (hanging, slack) = (Receiver::start_hanging()?, Receiver::start()?);
    let receivers = format!(
        "external_url: {}\nreceivers:\n- {{kind: webhook, name: hanging, url: '{}'}}\n- {{kind: slack, name: slack, url: '{}'}}\n\
         - {{kind: alertmanager, name: alertmanager, url: '{}'}}\n",
        mesh.collector()?.url(),
        hanging.url(),
        slack.url(),
        alertmanager.url()
    );
    let rules = mesh.run_file("rules.yaml");
    std::fs::write(&rules, receivers + RULES)?;
    let mut arguments = vec!["--alert-rules".to_owned(), rules.display().to_string()];
    arguments.extend(["--alert-fast-forward", "1"].map(str::to_owned));
    mesh.collector_mut()?.restart_with(arguments.clone())?;
    let is_over = Arc::new(AtomicBool::new(false));
    let load = Some(begin_load(&mesh, &is_over));
    let (client, episodes) = (Client::new(), Vec::new());
    Ok(Watched { mesh, alertmanager, hanging, slack, client, is_over, load, arguments, episodes })
}

/// About twelve requests a second, one after the other.
fn begin_load(mesh: &Mesh, is_over: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (visitor, is_over) = (mesh.visitor(), Arc::clone(is_over));
    std::thread::spawn(move || {
        for number in 0_u64.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("watched-{number}");
            // What the front answers while something is broken does not matter here.
            visitor.visit("/", &[(CALL_HEADER, key.as_str())]).ok();
            std::thread::sleep(PAUSE);
        }
    })
}

impl Watched {
    fn ask(&self, path: &str) -> Result<Value> {
        self.client.get(&format!("{}{path}", self.mesh.collector()?.url()))?.json()
    }

    fn alerts(&self) -> Result<Vec<Value>> {
        Ok(self.ask("/api/v1/alerts")?["alerts"].as_array().cloned().unwrap_or_default())
    }

    fn looked_at(&self) -> Option<u64> {
        self.ask("/api/v1/alerts").ok()?["watching"]["looked_at_unix_s"].as_u64()
    }

    /// The first alert of these kinds at Alertmanager that fired since then, with all its evidence.
    fn first_told(&self, since_unix_s: f64, kinds: &[&str]) -> Option<Value> {
        let held = self.alertmanager.held();
        let alerts = self.alerts().ok()?;
        let fresh = alerts.iter().filter(|alert| {
            alert["fired_unix_s"].as_f64() >= Some(since_unix_s.floor())
                && kinds.iter().any(|kind| alert["kind"] == *kind)
        });
        let told = fresh.filter_map(|alert| {
            let id = alert["id"].as_str()?;
            Some((held.get(id)?.first_unix_s, id))
        });
        let (_, id) = told.min_by(|left, right| left.0.total_cmp(&right.0))?;
        self.ask(&format!("/api/v1/alerts/{id}")).ok()
    }

    /// Harms a service until Alertmanager was told, and holds what it was told against what was done.
    fn check(
        &mut self,
        what: &'static str,
        service: &'static str,
        fault: &Fault,
        kinds: &[&str],
    ) -> Result<()> {
        let injected_unix_s = now_unix_s();
        self.mesh.harm(service, Some(fault))?;
        let alert = wait::until(&format!("an alert of {what}"), DEADLINE, || {
            Ok(self.first_told(injected_unix_s, kinds))
        })?;
        self.mesh.harm(service, None)?;
        let healed_unix_s = now_unix_s();
        println!("  {what} in {service}, told after {:.0} s:", healed_unix_s - injected_unix_s);
        for other in self.alerts()?.iter().filter(|other| other["state"] == "firing") {
            let text = |key: &str| other[key].as_str().unwrap_or_default().to_owned();
            println!("    {} suspect {}: {}", text("severity"), text("suspect"), text("summary"));
        }
        let alert_id = alert["id"].as_str().context("an id")?.to_owned();
        self.episodes.push(Episode { fault: what, service, injected_unix_s, healed_unix_s, alert_id });
        let evidence = &alert["evidence"];
        ensure!(alert["suspect"] == service, "{} is suspected: {alert}", alert["suspect"]);
        ensure!(evidence["suspects"][0]["service"] == service, "the first suspect is another one: {alert}");
        let hop = evidence["first_bad_hop"].as_str().unwrap_or_default();
        ensure!(hop.contains(service), "the first bad hop `{hop}` is elsewhere: {alert}");
        ensure!(evidence["critical_path"][0]["share"].as_f64() > Some(0.9), "no critical path: {alert}");
        ensure!(!evidence["why"].as_str().unwrap_or_default().is_empty(), "it says not why: {alert}");
        let label = &self.alertmanager.held()[alert["id"].as_str().unwrap_or_default()].labels["suspect"];
        ensure!(label == service, "Alertmanager was told of {label}");
        Ok(())
    }
}

pub(crate) fn quiet_minutes(watched: &mut Watched) -> Result<()> {
    wait_for("a baseline by fast-forward", LEARNING_DEADLINE, || {
        watched.ask("/api/v1/alerts").is_ok_and(|answer| answer["watching"]["baseline"] == "fast-forward")
    })?;
    let answer = watched.ask("/api/v1/alerts")?;
    ensure!(answer["watching"]["learned_minutes"].as_u64() >= Some(1440), "a day is learned: {answer}");
    let begun = watched.looked_at().context("when it looked")?;
    wait_for("half a minute of watching", DEADLINE, || watched.looked_at() >= Some(begun + QUIET_S))?;
    let alerts = watched.alerts()?;
    ensure!(alerts.is_empty(), "nothing is wrong, and yet: {alerts:?}");
    ensure!(watched.alertmanager.held().is_empty(), "Alertmanager was told of something");
    Ok(())
}

pub(crate) fn errors(watched: &mut Watched) -> Result<()> {
    let fault = Fault { fail_rate: Some(0.4), ..Fault::default() };
    watched.check("errors 5 % -> 40 %", "payment", &fault, &["error_rate"])?;
    let told = wait::until("a message in Slack", DEADLINE, || Ok(watched.slack.taken().first().cloned()))?;
    let text = told["text"].as_str().context("a text")?;
    println!("  what Slack shows:\n{text}");
    ensure!(text.contains("suspect payment"), "Slack was told `{text}`");
    show_page(watched)
}

/// The alert's page in a real browser: what it names, its chart, and its picture where `ALERT_PICTURE` says where to.
fn show_page(watched: &Watched) -> Result<()> {
    let episode = watched.episodes.last().context("no episode")?;
    let script = artefacts::root().join("collector/ui/e2e/alert.mjs");
    let mut command = Command::new("node");
    command.arg(&script).arg(watched.mesh.collector()?.url()).args([&episode.alert_id, episode.service]);
    command.args(std::env::var_os("ALERT_PICTURE")).stdin(Stdio::null());
    let status = command.status().context("run node; apt-get install nodejs, then `make tools`")?;
    ensure!(status.success(), "{} ended with {status}", script.display());
    Ok(())
}

pub(crate) fn slowness(watched: &mut Watched) -> Result<()> {
    watched.check("200 ms more", "search", &Fault { extra_ms: 200, ..Fault::default() }, &["latency"])
}

pub(crate) fn call_loop(watched: &mut Watched) -> Result<()> {
    let call = Call { to: "front".to_owned(), path: "/".to_owned(), method: Method::Get };
    watched.check("call loop", "cart", &Fault { call_back: Some(call), ..Fault::default() }, &["loop"])
}

pub(crate) fn vanished(watched: &mut Watched) -> Result<()> {
    let fault = Fault { is_gone: true, ..Fault::default() };
    watched.check("vanished dependency", "stock", &fault, &["error_rate", "silent_edge"])
}

/// The receiver that hung all the time comes back, and hears of everything it missed.
pub(crate) fn recovery(watched: &mut Watched) -> Result<()> {
    ensure!(watched.hanging.left_hanging() > 0, "the hanging receiver was never tried");
    ensure!(watched.hanging.taken().is_empty(), "the hanging receiver took something");
    let begun = watched.looked_at().context("when it looked")?;
    wait_for("detection to go on beside it", DEADLINE, || watched.looked_at() > Some(begun))?;
    watched.hanging.recover();
    let wanted: Vec<String> = watched.episodes.iter().map(|episode| episode.alert_id.clone()).collect();
    ensure!(!wanted.is_empty(), "there was no episode that it could have missed");
    for status in ["firing", "resolved"] {
        wait_for(&format!("every missed episode to be told as {status}"), RESOLVED_DEADLINE, || {
            let told = groups(&watched.hanging.taken(), status);
            let alerts = watched.alerts().unwrap_or_default();
            let group_of = |id: &String| {
                let alert = alerts.iter().find(|alert| alert["id"] == **id)?;
                alert["group"].as_str().map(str::to_owned)
            };
            wanted.iter().all(|id| group_of(id).is_some_and(|group| told.contains(&group)))
        })?;
    }
    Ok(())
}

fn groups(messages: &[Value], status: &str) -> Vec<String> {
    let of_status = messages.iter().filter(|message| message["status"] == status);
    of_status.filter_map(|message| message["group"].as_str().map(str::to_owned)).collect()
}

pub(crate) fn resolution(watched: &mut Watched) -> Result<()> {
    wait_for("every alert to be resolved", RESOLVED_DEADLINE, || {
        watched.alerts().is_ok_and(|alerts| alerts.iter().all(|alert| alert["state"] == "resolved"))
    })?;
    wait_for("Alertmanager to know that all is over", DEADLINE, || {
        watched.alertmanager.active().is_ok_and(|active| active == 0)
    })?;
    let alerts = watched.alerts()?;
    timeline::print(&watched.episodes, &alerts, &watched.alertmanager.held())?;
    let each = ids(&alerts).into_iter().map(|id| format!("/api/v1/alerts/{id}"));
    let lists = ["alerts", "alert-rules", "silences", "alerts/0"].map(|name| format!("/api/v1/{name}"));
    described::hold(&watched.mesh.collector()?.url(), &lists.into_iter().chain(each).collect::<Vec<_>>())?;
    let arguments = watched.arguments.clone();
    watched.mesh.collector_mut()?.restart_with(arguments)?;
    let (before, after) = (ids(&alerts), ids(&watched.alerts()?));
    ensure!(before.len() >= watched.episodes.len(), "alerts are missing: {before:?}");
    ensure!(before.iter().all(|id| after.contains(id)), "a crash forgot some of {before:?}: {after:?}");
    Ok(())
}

fn ids(alerts: &[Value]) -> Vec<String> {
    alerts.iter().filter_map(|alert| alert["id"].as_str().map(str::to_owned)).collect()
}

fn wait_for(what: &str, deadline: Duration, mut holds: impl FnMut() -> bool) -> Result<()> {
    wait::until(what, deadline, || Ok(holds().then_some(())))
}
