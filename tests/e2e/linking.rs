//! Links to a service that forwards nothing: by being the only request in flight, at several loads, beside a caller in
//! the background. The services wrote down which trace they were told of; that is held against what caused what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::artefacts;
use harness::mesh::Mesh;
use harness::topology::Topology;
use harness::truth::{Truth, entry_key};
use harness::wait;
use serde_json::json;

/// Requests a second, and how many of them.
const LOADS: [(f64, usize); 5] = [(5.0, 20), (20.0, 60), (50.0, 150), (100.0, 300), (200.0, 600)];
/// The filter's probation takes calls and silence; both come soon at the least load.
const PROBATION_DEADLINE: Duration = Duration::from_secs(30);
const BACKGROUND: &str = "background-";
const COUNT_QUIET: Duration = Duration::from_secs(1);
const COUNT_DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn start() -> Result<Mesh> {
    let topology = Topology::read(&artefacts::root().join("tests/topology/linking.yaml"))?;
    // The defaults ask for half a minute of silence; this caller in the background gives itself away much sooner.
    let configuration = json!({
        "links": {"sole_after_calls": 20, "sole_after_idle_ms": 2_000},
        "path_log": "off",
    });
    Mesh::start_for_test(topology, Some(configuration))
}

/// How the calls of one load were linked.
#[derive(Default)]
struct Tally {
    calls: usize,
    right: usize,
    wrong: usize,
}

pub(crate) fn sole_links(mesh: &mut Mesh) -> Result<()> {
    learn(mesh)?;
    for path in ["/sequential", "/parallel"] {
        println!("  {path}: requests/s, calls, linked as the only one in flight, wrong");
        for (per_second, count) in LOADS {
            let prefix = format!("{}-{per_second}-", path.trim_start_matches('/'));
            let outcome = mesh.visitor().visit_at_rate(&prefix, path, count, per_second)?;
            ensure!(outcome.succeeded() == count, "statuses {:?}", outcome.statuses);
            let tally = tally(&mesh.truth()?, &prefix);
            println!(
                "  {per_second:>6} {:>6} {:>6} ({:>5.1} %) {:>3}",
                tally.calls,
                tally.right,
                100.0 * tally.right as f64 / tally.calls as f64,
                tally.wrong
            );
            ensure!(tally.calls == 2 * count, "{} calls of {count} requests", tally.calls);
            ensure!(tally.wrong == 0, "{} calls are in a trace of another request", tally.wrong);
            // The least load leaves most requests alone, however slow the machine is.
            ensure!(per_second > LOADS[0].0 || tally.right > 0, "no call was linked at the least load");
        }
    }
    Ok(())
}

/// Calls to where the service also calls in the background are linked to nothing, and so are those in the background.
pub(crate) fn background_calls(mesh: &mut Mesh) -> Result<()> {
    let outcome = mesh.visitor().visit_at_rate("mixed-", "/mixed", 200, 40.0)?;
    ensure!(outcome.succeeded() == 200, "statuses {:?}", outcome.statuses);
    let truth = mesh.truth()?;
    let tally = tally(&truth, "mixed-");
    ensure!(
        tally.right + tally.wrong == 0,
        "{} of {} calls were linked",
        tally.right + tally.wrong,
        tally.calls
    );
    let of_requests: BTreeSet<&String> =
        truth.trace_ids.iter().filter(|(key, _)| !key.contains(BACKGROUND)).map(|(_, trace)| trace).collect();
    let background: Vec<&String> =
        truth.trace_ids.iter().filter(|(key, _)| key.contains(BACKGROUND)).map(|(_, trace)| trace).collect();
    let joined = background.iter().filter(|trace| of_requests.contains(**trace)).count();
    println!("  {} calls in the background, {joined} of them joined to a request", background.len());
    ensure!(background.len() > 50, "only {} calls were made in the background", background.len());
    ensure!(joined == 0, "{joined} calls in the background were joined to a request");
    let right: usize = sole_traces(&truth);
    // Envoy is told with the next turn of the filter's timer.
    let counted = || mesh.stat_sum(&["throughline_links_sole"]);
    wait::until_quiet("the links that the filters counted", COUNT_QUIET, COUNT_DEADLINE, counted)?;
    let counted = counted()?;
    ensure!(counted == right as u64, "{counted} links were counted, and {right} were found");
    Ok(())
}

/// Sends a little traffic until the filter trusts the workload.
fn learn(mesh: &Mesh) -> Result<()> {
    let mut round = 0;
    wait::until("the first link", PROBATION_DEADLINE, || {
        let outcome = mesh.visitor().visit_at_rate(&format!("learn-{round}-"), "/sequential", 4, 8.0)?;
        ensure!(outcome.succeeded() == 4, "statuses {:?}", outcome.statuses);
        round += 1;
        Ok((mesh.stat_sum(&["throughline_links_sole"])? > 0).then_some(()))
    })
}

fn tally(truth: &Truth, prefix: &str) -> Tally {
    let mut entries: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, trace) in truth.trace_ids.iter().filter(|(key, _)| !key.contains('/')) {
        entries.insert(trace, key);
    }
    let mut tally = Tally::default();
    for (key, trace) in truth.trace_ids.iter().filter(|(key, _)| key.starts_with(prefix) && key.contains('/'))
    {
        tally.calls += 1;
        match entries.get(trace.as_str()) {
            Some(entry) if *entry == entry_key(key) => tally.right += 1,
            Some(_) => tally.wrong += 1,
            None => {}
        }
    }
    tally
}

/// Calls that are in the trace of the request that caused them.
fn sole_traces(truth: &Truth) -> usize {
    let calls = truth.trace_ids.iter().filter(|(key, _)| key.contains('/'));
    calls.filter(|(key, trace)| truth.trace_ids.get(entry_key(key)) == Some(trace)).count()
}
