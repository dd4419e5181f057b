//! Calls that no proxy could link: what the collector joins by itself, held against what caused what.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::collector::Api;
use harness::mesh::Mesh;
use harness::truth::{Truth, entry_key};
use harness::wait;
use serde_json::Value;

/// Requests a second, and how many of them.
const LOADS: [(f64, usize); 3] = [(20.0, 60), (50.0, 100), (100.0, 100)];
const DEADLINE: Duration = Duration::from_secs(60);
/// Of ten joined calls at most one may be wrong; the collector claims one in thirty.
const JOINED_FOR_ONE_WRONG: usize = 10;
/// What it claims for the weakest evidence (0.966): of so many calls in the background at most one is joined, before it knows better.
const BACKGROUND_FOR_ONE_WRONG: usize = 29;

#[derive(Debug, Default)]
struct Tally {
    /// Calls that are traces of their own.
    calls: usize,
    right: usize,
    wrong: usize,
}

/// Of calls that began traces of their own most are joined to the request that caused them, and hardly any to another.
pub(crate) fn unlinked_calls_are_joined(mesh: &mut Mesh) -> Result<()> {
    let api = mesh.api()?;
    let mut all = Tally::default();
    println!("  requests/s, calls without link, joined to their request, to another one");
    for (per_second, count) in LOADS {
        let prefix = format!("joined-{per_second}-");
        let outcome = mesh.visitor().visit_at_rate(&prefix, "/sequential", count, per_second)?;
        ensure!(outcome.succeeded() == count, "statuses {:?}", outcome.statuses);
        let tally = tally(&api, &mesh.truth()?, &prefix)?;
        println!("  {per_second:>6} {:>6} {:>6} {:>6}", tally.calls, tally.right, tally.wrong);
        all.calls += tally.calls;
        all.right += tally.right;
        all.wrong += tally.wrong;
    }
    let joined = all.right + all.wrong;
    ensure!(joined > 0, "none of {} calls was joined", all.calls);
    ensure!(all.wrong * JOINED_FOR_ONE_WRONG <= joined, "{} of {joined} are wrong", all.wrong);
    Ok(())
}

/// A workload that calls in the background does so beside its requests too: hardly any of these calls is joined to one.
pub(crate) fn background_calls_are_joined_to_nothing(mesh: &mut Mesh) -> Result<()> {
    let api = mesh.api()?;
    let before: HashSet<String> = mesh.truth()?.trace_ids.into_values().collect();
    let outcome = mesh.visitor().visit_at_rate("beside-", "/sequential", 120, 20.0)?;
    ensure!(outcome.succeeded() == 120, "statuses {:?}", outcome.statuses);
    let truth = mesh.truth()?;
    let mut background: Vec<&String> = truth
        .trace_ids
        .iter()
        .filter(|(key, _)| key.contains("background-"))
        .map(|(_, trace)| trace)
        .collect();
    background.retain(|trace| !before.contains(*trace));
    let mut joined = 0;
    for trace in &background {
        let told = whole(&api, trace)?;
        joined +=
            usize::from(told["seams"].as_array().into_iter().flatten().any(|seam| seam["joined"] == true));
    }
    println!("  {} calls in the background looked at, {joined} joined", background.len());
    ensure!(
        background.len() >= BACKGROUND_FOR_ONE_WRONG,
        "only {} calls in the background",
        background.len()
    );
    ensure!(
        joined * BACKGROUND_FOR_ONE_WRONG <= background.len(),
        "{joined} calls in the background were joined to a request"
    );
    Ok(())
}

fn tally(api: &Api, truth: &Truth, prefix: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    for (key, trace) in truth.trace_ids.iter().filter(|(key, _)| key.starts_with(prefix) && key.contains('/'))
    {
        let entry = truth.trace_ids.get(entry_key(key));
        if entry == Some(trace) {
            continue;
        }
        tally.calls += 1;
        let told = whole(api, trace)?;
        let members: Vec<&str> = spans(&told).filter_map(|span| span["trace_id"].as_str()).collect();
        let is_joined = members.iter().any(|member| *member != trace);
        if entry.is_some_and(|entry| members.contains(&entry.as_str())) {
            tally.right += 1;
        } else if is_joined {
            tally.wrong += 1;
        }
    }
    Ok(tally)
}

fn spans(trace: &Value) -> impl Iterator<Item = &Value> {
    trace["spans"].as_array().into_iter().flatten()
}

/// The trace, once its own spans and those of its candidates have arrived.
fn whole(api: &Api, trace: &str) -> Result<Value> {
    wait::until("a call's own trace", DEADLINE, || {
        let alone = api.lifecycle(trace)?;
        if alone.is_none_or(|alone| !alone.summary.complete) {
            return Ok(None);
        }
        api.json(&format!("/api/v1/traces/{trace}")).map(Some)
    })
}
