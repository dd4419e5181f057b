//! The service graph against what really happened, and the doctor's word on who forwards what.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use harness::mesh::Mesh;
use harness::truth::Truth;
use harness::wait;
use serde_json::Value;

/// A call of which one span is missing counts after ten seconds with the other.
const DEADLINE: Duration = Duration::from_secs(40);
const REQUESTS: usize = 60;

/// Calls by caller and callee; the caller of an entry request is `None`.
type Edges = BTreeMap<(Option<String>, String), u64>;

/// Every call that was made since the mesh started is in the graph once, and nothing else is.
pub(crate) fn graph_is_exact(mesh: &mut Mesh) -> Result<()> {
    let api = mesh.api()?;
    mesh.visitor().visit_often("graph-first-", &["/"], 1, 1)?;
    let (begin, all) = (Instant::now(), expected(&mesh.truth()?, mesh.gateway_name()));
    let first = wait::until("the first request in the graph", DEADLINE, || {
        Ok((edges(&api.json("/api/v1/graph?since=1h")?)? == all).then(|| begin.elapsed()))
    })?;
    mesh.visitor().visit_often("graph-", &["/", "/checkout"], REQUESTS, 8)?;
    let all = expected(&mesh.truth()?, mesh.gateway_name());
    let mut last = Edges::new();
    let exact = wait::until("every call in the graph", DEADLINE, || {
        last = edges(&api.json("/api/v1/graph?since=1h")?)?;
        Ok((last == all).then_some(()))
    });
    exact.with_context(|| format!("the graph has {last:?}, and what happened is {all:?}"))?;
    println!(
        "  {} calls on {} edges, all counted once; one more request was in the graph {:.1} s after its answer",
        all.values().sum::<u64>(),
        all.len(),
        first.as_secs_f64()
    );
    Ok(())
}

fn expected(truth: &Truth, gateway: &str) -> Edges {
    let mut edges = Edges::new();
    for call in truth.calls.values() {
        *edges.entry((Some(call.from.clone()), call.to.clone())).or_default() += 1;
        if call.parent.is_none() {
            *edges.entry((None, gateway.to_owned())).or_default() += 1;
        }
    }
    edges
}

fn edges(graph: &Value) -> Result<Edges> {
    let told = graph["edges"].as_array().context("a graph without edges")?;
    let edge = |edge: &Value| {
        let server = edge["server"].as_str().context("an edge without server")?.to_owned();
        let requests = edge["requests"].as_u64().context("an edge without requests")?;
        Ok(((edge["client"].as_str().map(str::to_owned), server), requests))
    };
    told.iter().map(edge).collect()
}

/// Who forwards nothing is named, and so is who forwards only the request id; who forwards headers is not accused.
pub(crate) fn doctor_names_who_breaks_traces(mesh: &mut Mesh) -> Result<()> {
    mesh.visitor().visit_often("doctor-", &["/", "/checkout"], REQUESTS, 8)?;
    let path = "/api/v1/doctor/propagation?since=1h&limit=2000";
    let api = mesh.api()?;
    let wanted = [
        ("recommendations", "forwards-nothing"),
        ("cart", "forwards-request-id"),
        ("frontend", "forwards"),
        ("checkout", "forwards"),
    ];
    let mut found = Value::Null;
    let all_judged = wait::until("a verdict on every workload", DEADLINE, || {
        found = api.json(path)?;
        let verdict = |name: &str| {
            let all = found["workloads"].as_array();
            all.and_then(|all| all.iter().find(|one| one["service"] == name))
                .map(|one| one["verdict"].clone())
        };
        Ok(wanted.iter().all(|(name, right)| verdict(name).is_some_and(|is| is == *right)).then_some(()))
    });
    all_judged.with_context(|| format!("the doctor says {found:#}"))?;
    let first = &found["workloads"][0];
    ensure!(first["service"] == "recommendations", "the first is {first:#}");
    println!("  {}", first["advice"].as_str().unwrap_or_default());
    Ok(())
}
