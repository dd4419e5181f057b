//! Requests through services that forward headers, and through one that forwards nothing.

use anyhow::{Result, ensure};
use harness::mesh::Mesh;

use crate::matching::{check_run, spans_received};

const PATHS: [&str; 2] = ["/", "/checkout"];
const REQUESTS: usize = 200;

pub(crate) fn sequential_requests(mesh: &mut Mesh) -> Result<()> {
    check_forwarding(mesh, "sequential-", 1)
}

pub(crate) fn parallel_requests(mesh: &mut Mesh) -> Result<()> {
    check_forwarding(mesh, "parallel-", 16)
}

/// Every request becomes exactly one trace.
fn check_forwarding(mesh: &Mesh, prefix: &str, side_by_side: usize) -> Result<()> {
    let topology = crate::forwarding_shop()?;
    let spans_before = spans_received(mesh)?;
    let begin = std::time::Instant::now();
    let outcome = mesh.visitor().visit_often(prefix, &PATHS, REQUESTS, side_by_side)?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(outcome.succeeded() == REQUESTS, "statuses {:?}", outcome.statuses);
    let figures = check_run(mesh, &topology, prefix, spans_before)?;
    println!(
        "  {REQUESTS} requests, {side_by_side} at a time: {:.0} requests/s, {} calls, {} spans in {} traces, all right",
        REQUESTS as f64 / seconds,
        figures.calls,
        figures.spans,
        figures.traces
    );
    ensure!(figures.unlinked_calls == 0, "{} calls began traces of their own", figures.unlinked_calls);
    ensure!(figures.traces == REQUESTS, "{} traces of {REQUESTS} requests", figures.traces);
    Ok(())
}

/// The calls of the service that forwards nothing are never attached to a request, right or wrong.
pub(crate) fn unlinked_calls(mesh: &mut Mesh) -> Result<()> {
    let topology = crate::shop()?;
    let spans_before = spans_received(mesh)?;
    let outcome = mesh.visitor().visit_often("unlinked-", &PATHS, REQUESTS, 16)?;
    let figures = check_run(mesh, &topology, "unlinked-", spans_before)?;
    println!(
        "  {REQUESTS} requests ({} answered 200): {} calls, {} of them with no certain cause, {} spans in {} traces, \
         none misplaced",
        outcome.succeeded(),
        figures.calls,
        figures.unlinked_calls,
        figures.spans,
        figures.traces
    );
    // Half of the requests look around, which takes one call of the recommendations to the catalog.
    ensure!(figures.unlinked_calls == REQUESTS / 2, "{} unlinked calls", figures.unlinked_calls);
    Ok(())
}
