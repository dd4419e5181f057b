//! What changes in a mesh between two times: calls that come and go in the graph, and a regression that a release gate stops.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::fault::Fault;
use harness::generator::now_unix_ns;
use harness::mesh::Mesh;
use harness::truth::Truth;
use harness::wait;
use serde_json::Value;

use crate::operating::throughline;

const MINUTE_NS: u64 = 60_000_000_000;
/// A call of which one span is missing counts after ten seconds with the other.
const DEADLINE: Duration = Duration::from_secs(60);
const NEXT_MINUTE: Duration = Duration::from_secs(90);
/// Traffic that crossed a full minute is sent again in the next one.
const ATTEMPTS: usize = 5;
const REQUESTS: usize = 20;

type Edge = (String, String);

/// Requests of one kind in one minute and of another kind in the next: the graph of the second names what was not called in the
/// first, what is called no more, and how often.
pub(crate) fn edges_come_and_go(mesh: &mut Mesh) -> Result<()> {
    let (before, now, minute) = two_minutes(mesh)?;
    let truth = mesh.truth()?;
    let (old, new) = (edges_of(&truth, &before), edges_of(&truth, &now));
    let age = |unix_ns: u64| format!("{}ms", now_unix_ns().saturating_sub(unix_ns) / 1_000_000);
    let window = || (age(minute), age(minute + 1_000_000_000));
    let api = mesh.api()?;
    let mut graph = Value::Null;
    let told = wait::until("the edges of both minutes", DEADLINE, || {
        let (since, until) = window();
        graph = api.json(&format!("/api/v1/graph?since={since}&until={until}"))?;
        let appeared = edges(&graph["edges"], |edge| edge["appeared"] == true);
        let vanished = edges(&graph["vanished"], |_| true);
        let is_right = appeared == new.difference(&old).cloned().collect()
            && vanished == old.difference(&new).cloned().collect();
        Ok(is_right.then_some((appeared.len(), vanished.len())))
    });
    let (appeared, vanished) =
        told.with_context(|| format!("{old:?} were called, then {new:?}; the graph says {graph:#}"))?;
    println!("  {appeared} edges appeared and {vanished} vanished, as they did");
    ensure!(appeared > 0 && vanished > 0, "nothing changed");
    for gone in graph["vanished"].as_array().into_iter().flatten() {
        let counted = gone["requests_before"].as_u64();
        let is_edge = |call: &&harness::truth::Call| {
            (Some(call.from.as_str()), Some(call.to.as_str()))
                == (gone["client"].as_str(), gone["server"].as_str())
        };
        let really = truth.of_run(&before).into_values().filter(is_edge).count() as u64;
        ensure!(counted == Some(really), "{gone} was called {really} times");
    }
    for edge in graph["edges"].as_array().into_iter().flatten() {
        check_links(edge)?;
    }
    let (since, until) = window();
    let url = mesh.collector()?.url();
    let output = throughline(&["graph", "--since", &since, "--until", &until, "--server", &url])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(0), "graph ended with {}", output.status);
    for told in [" appeared", "vanished, ", "propagated", "request-id"] {
        ensure!(text.contains(told), "the terminal does not tell `{told}`");
    }
    Ok(())
}

/// Every service forwards what proves the cause, so each of its calls is certain.
fn check_links(edge: &Value) -> Result<()> {
    let links = edge["links"].as_object().context("no links")?;
    let linked: u64 = links.values().filter_map(Value::as_u64).sum();
    let is_certain = links.keys().all(|kind| kind == "propagated" || kind == "request-id");
    if edge["client"].is_null() {
        ensure!(linked == 0 && edge["link_confidence"].is_null(), "nobody tells what caused {edge}");
        return Ok(());
    }
    ensure!(is_certain && Some(linked) == edge["requests"].as_u64(), "other calls are in {edge}");
    ensure!(edge["link_confidence"] == serde_json::json!({"lowest": 1.0, "mean": 1.0}), "{edge}");
    Ok(())
}

/// The prefixes of requests of one minute and of the next, and where the second begins.
fn two_minutes(mesh: &Mesh) -> Result<(String, String, u64)> {
    for attempt in 0..ATTEMPTS {
        let (before, now) = (format!("before-{attempt}-"), format!("now-{attempt}-"));
        let first = within_a_minute(mesh, &before, "/")?;
        wait_for_minute(first + MINUTE_NS)?;
        if within_a_minute(mesh, &now, "/checkout")? == first + MINUTE_NS {
            return Ok((before, now, first + MINUTE_NS));
        }
        wait_for_minute(minute_of(now_unix_ns()) + 2 * MINUTE_NS)?;
    }
    anyhow::bail!("this machine is so busy that no {REQUESTS} requests fit into a minute")
}

/// Sends requests; gives the minute in which all of them were, or zero.
fn within_a_minute(mesh: &Mesh, prefix: &str, path: &str) -> Result<u64> {
    let begin = minute_of(now_unix_ns());
    let outcome = mesh.visitor().visit_often(prefix, &[path], REQUESTS, 2)?;
    ensure!(outcome.succeeded() == REQUESTS, "statuses {:?}", outcome.statuses);
    Ok(if minute_of(now_unix_ns()) == begin { begin } else { 0 })
}

fn minute_of(unix_ns: u64) -> u64 {
    unix_ns / MINUTE_NS * MINUTE_NS
}

fn wait_for_minute(unix_ns: u64) -> Result<()> {
    wait::until("the next minute", NEXT_MINUTE * 2, || Ok((now_unix_ns() >= unix_ns).then_some(())))
}

/// Calls between services, whatever client the gateway's came from.
fn edges_of(truth: &Truth, prefix: &str) -> BTreeSet<Edge> {
    truth.of_run(prefix).into_values().map(|call| (call.from.clone(), call.to.clone())).collect()
}

fn edges(told: &Value, is_asked: impl Fn(&Value) -> bool) -> BTreeSet<Edge> {
    let edge =
        |edge: &Value| Some((edge["client"].as_str()?.to_owned(), edge["server"].as_str()?.to_owned()));
    told.as_array().into_iter().flatten().filter(|edge| is_asked(edge)).filter_map(edge).collect()
}

/// `throughline diff` ends with 4 where a service became slower, with 0 where nothing changed, and with others where it cannot say.
pub(crate) fn diff_stops_a_regression(mesh: &mut Mesh) -> Result<()> {
    const TRACES: u64 = 40;
    let age = |unix_ns: u64| format!("{}ms", now_unix_ns().saturating_sub(unix_ns) / 1_000_000);
    let begin = now_unix_ns();
    mesh.visitor().visit_often("sound-", &["/"], TRACES as usize, 2)?;
    let harmed = now_unix_ns();
    mesh.harm("cart", Some(&Fault { extra_ms: 200, ..Fault::default() }))?;
    mesh.visitor().visit_often("slow-", &["/"], TRACES as usize, 4)?;
    mesh.harm("cart", None)?;
    let api = mesh.api()?;
    wait::until("all traces of both times", DEADLINE, || {
        let (from, to) = (age(begin), age(harmed));
        let path = format!("/api/v1/compare?since={to}&baseline_since={from}&baseline_until={to}");
        let found = api.json(&path)?;
        let counts = (found["traces"].as_u64(), found["baseline_traces"].as_u64());
        // Ages grow while they are on their way, so that a few requests may be on the other side.
        Ok((counts.0 > Some(TRACES / 2) && counts.1 > Some(TRACES / 2)).then_some(()))
    })?;
    let url = mesh.collector()?.url();
    let asked = |url: &str, words: &[&str], code: i32| {
        let words = [&["diff", "--server", url], words].concat();
        let output = throughline(&words)?;
        ensure!(
            output.status.code() == Some(code),
            "{words:?} ended with {}, not with {code}",
            output.status
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let ends_with = |words: &[&str], code: i32| asked(&url, words, code);
    let (from, to) = (age(begin), age(harmed));
    let text = ends_with(&["--since", &to, "--baseline-since", &from, "--baseline-until", &to], 4)?;
    ensure!(text.contains("WORSE") && text.contains("cart"), "the slow service is not named");
    ensure!(!text.contains("new "), "the same services call each other as before");
    ends_with(&["--since", &from, "--until", &to, "--baseline-since", &from, "--baseline-until", &to], 0)?;
    ends_with(&["--service", "nobody"], 1)?;
    ends_with(&["--since", "soon"], 2)?;
    asked("http://127.0.0.1:1", &[], 3).map(drop)
}
