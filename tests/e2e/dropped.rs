//! Spans that proxies had to drop: told to the collector once it is back, and named as the cause of what is missing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::collector::{Api, Ports};
use harness::mesh::{CollectorPlace, Mesh, Options};
use harness::wait;
use serde_json::{Value, json};

/// More than the small buffers hold.
const REQUESTS: usize = 400;
/// Proxies try again after at most half a minute; what is missing may be late for fifteen seconds.
const DEADLINE: Duration = Duration::from_secs(180);
const NAME: &str = "throughline.dropped_spans";

pub(crate) fn start() -> Result<Mesh> {
    let options = Options {
        topology: crate::forwarding_shop()?,
        collector: CollectorPlace::On(Ports::free()?),
        filter_configuration: Some(json!({
            "batch": {"max_spans": 32, "interval_ms": 200, "max_buffer_bytes": 64 * 1024},
        })),
        gateway_port: None,
    };
    Mesh::start(options, &|line| println!("  {line}"))
}

/// Every dropped span is told by the proxy that dropped it, and gaps of that time say so.
pub(crate) fn drops_are_told(mesh: &mut Mesh) -> Result<()> {
    mesh.collector_mut()?.kill();
    let outcome = mesh.visitor().visit_often("dropped-", &["/"], REQUESTS, 8)?;
    ensure!(outcome.succeeded() == REQUESTS, "statuses {:?}", outcome.statuses);
    mesh.collector_mut()?.restart()?;
    let api = mesh.api()?;
    let (mut told, mut counted) = (0, 0);
    let all_told = wait::until("every proxy to tell what it dropped", DEADLINE, || {
        (told, counted) = (told_drops(&api)?, mesh.stat_sum(&["throughline_spans_dropped_buffer_full"])?);
        Ok((counted > 0 && told == counted).then_some(()))
    });
    all_told.with_context(|| format!("{counted} spans were dropped, and {told} of them told"))?;
    let mut missing = Value::Null;
    let named = wait::until("gaps whose cause is the drop", DEADLINE, || {
        missing = api.json("/api/v1/completeness?since=1h&limit=2000")?["missing"].clone();
        let is_final = missing["late"].as_u64().unwrap_or(0) == 0;
        Ok(missing["dropped"].as_u64().filter(|dropped| is_final && *dropped > 0))
    });
    let named = named.with_context(|| format!("the ledger says {missing}"))?;
    println!("  missing by cause: {missing}");
    let causes = missing.as_object().context("no causes")?;
    ensure!(causes.len() == 1, "every service has a proxy, and every proxy told what it dropped");
    let gap = one_gap(&api)?;
    println!("  {counted} spans dropped, all told by their proxies; {named} gaps name it, such as:");
    println!("    {}", gap["detail"].as_str().unwrap_or_default());
    let spans = gap["dropped_spans"].as_u64().context("no number of dropped spans")?;
    ensure!(spans > 0 && spans <= counted, "{spans} of {counted} dropped spans");
    let words = format!("dropped {spans} spans (counted by the sender)");
    ensure!(gap["detail"].as_str().is_some_and(|detail| detail.contains(&words)), "{gap}");
    Ok(())
}

/// The sum of what proxies told.
fn told_drops(api: &Api) -> Result<u64> {
    let mut sum = 0;
    for summary in api.search(&format!("operation={NAME}&limit=1000"))? {
        let trace = api.json(&format!("/api/v1/traces/{}?joined=false", summary.trace_id))?;
        sum += trace["spans"][0]["attributes"][NAME].as_u64().context("a report without number")?;
    }
    Ok(sum)
}

fn one_gap(api: &Api) -> Result<Value> {
    for summary in api.search("limit=1000")?.iter().filter(|summary| !summary.complete) {
        let trace = api.json(&format!("/api/v1/traces/{}", summary.trace_id))?;
        let gaps = trace["gaps"].as_array().into_iter().flatten();
        if let Some(gap) = gaps.into_iter().find(|gap| gap["cause"] == "dropped") {
            ensure!(trace["summary"]["percent_complete"].as_f64() < Some(100.0), "{}", trace["summary"]);
            return Ok(gap.clone());
        }
    }
    anyhow::bail!("no trace has a gap with this cause")
}
