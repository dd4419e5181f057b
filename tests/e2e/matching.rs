//! Fetches the spans of a run and has them compared with the truth.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::collector::Api;
use harness::collector::api::{Lifecycle, Span};
use harness::comparison::{Figures, compare, spans_due};
use harness::mesh::Mesh;
use harness::topology::Topology;
use harness::truth::CALL_HEADER;
use harness::wait;

/// How long spans may be on their way on a busy machine.
const ARRIVAL_DEADLINE: Duration = Duration::from_secs(40);
/// Longer than the filters' batch interval: what has not come by then does not come.
const QUIET: Duration = Duration::from_millis(1500);
/// Most faults an error tells one by one.
const SHOWN_FAULTS: usize = 15;

/// How many spans the collector had before a run.
pub(crate) fn spans_received(mesh: &Mesh) -> Result<u64> {
    Ok(mesh.api()?.status()?.spans_received)
}

/// Waits for the spans of the requests whose keys begin with `prefix` and compares every one of them with the truth.
pub(crate) fn check_run(
    mesh: &Mesh,
    topology: &Topology,
    prefix: &str,
    spans_before: u64,
) -> Result<Figures> {
    let truth = mesh.truth()?;
    ensure!(truth.faults.is_empty(), "the run itself is broken: {:?}", truth.faults);
    let calls = truth.of_run(prefix);
    let api = mesh.api()?;
    wait_for_spans(&api, spans_before + spans_due(&calls) as u64)?;
    let lifecycles = lifecycles_of(&api, prefix)?;
    match compare(topology, &calls, &lifecycles) {
        Ok(figures) => Ok(figures),
        Err(faults) => {
            let shown = faults.iter().take(SHOWN_FAULTS).cloned().collect::<Vec<_>>().join("\n  ");
            bail!("{} faults in {} calls:\n  {shown}", faults.len(), calls.len())
        }
    }
}

/// Waits until this many have come and no others follow. Whether the right ones came, the comparison finds out, and it
/// tells more than a missed deadline does.
fn wait_for_spans(api: &Api, total: u64) -> Result<()> {
    let received = || Ok(api.status()?.spans_received);
    let arrived = wait::until("every span", ARRIVAL_DEADLINE, || Ok((received()? >= total).then_some(())));
    if let Err(late) = arrived {
        wait::stop_if_interrupted()?;
        println!("  {late:#}");
    }
    wait::until_quiet("the end of the spans", QUIET, ARRIVAL_DEADLINE, received)?;
    Ok(())
}

/// The traces with a span of this run.
pub(crate) fn lifecycles_of(api: &Api, prefix: &str) -> Result<Vec<Lifecycle>> {
    let mut found = Vec::new();
    for summary in api.traces()? {
        let lifecycle = api.lifecycle(&summary.trace_id)?.with_context(|| summary.trace_id.clone())?;
        let keyless = lifecycle.spans.iter().filter(|span| span.call_key().is_none()).count();
        ensure!(keyless == 0, "trace {} has {keyless} spans without {CALL_HEADER}", summary.trace_id);
        if lifecycle.spans.iter().filter_map(Span::call_key).any(|key| key.starts_with(prefix)) {
            found.push(lifecycle);
        }
    }
    Ok(found)
}
