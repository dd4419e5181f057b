//! A mesh whose filters never reach a collector.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use harness::mesh::{CollectorPlace, Mesh, Options};
use serde_json::json;

/// By then every buffer is full and every cache warm.
const FIRST_REQUESTS: usize = 2_000;
const MORE_REQUESTS: usize = 4_000;

/// Small buffers, so that the bound is reached soon.
pub(crate) fn start() -> Result<Mesh> {
    let options = Options {
        topology: crate::forwarding_shop()?,
        collector: CollectorPlace::Absent,
        filter_configuration: Some(json!({
            "batch": {"max_spans": 64, "interval_ms": 200, "max_buffer_bytes": 64 * 1024},
        })),
        gateway_port: None,
    };
    Mesh::start(options, &|line| println!("  {line}"))
}

pub(crate) fn memory_is_bounded(mesh: &mut Mesh) -> Result<()> {
    let visitor = mesh.visitor();
    let first = visitor.visit_often("absent-", &["/"], FIRST_REQUESTS, 8)?;
    let before = memory_by_envoy(mesh)?;
    let more = visitor.visit_often("absent-more-", &["/"], MORE_REQUESTS, 8)?;
    let after = memory_by_envoy(mesh)?;
    let succeeded = first.succeeded() + more.succeeded();
    let dropped = mesh.stat_sum(&["throughline_spans_dropped"])?;
    let mebibytes = |bytes: u64| bytes / (1024 * 1024);
    println!(
        "  {succeeded} of {} requests succeeded; all Envoys: {} MiB after {FIRST_REQUESTS} requests, {} MiB after {}; \
         {dropped} spans dropped and counted",
        FIRST_REQUESTS + MORE_REQUESTS,
        mebibytes(before.values().sum()),
        mebibytes(after.values().sum()),
        FIRST_REQUESTS + MORE_REQUESTS,
    );
    ensure!(succeeded == FIRST_REQUESTS + MORE_REQUESTS, "{succeeded} requests succeeded");
    ensure!(dropped > 0, "no drop was counted");
    for (workload, before) in before {
        let after = after.get(&workload).copied().unwrap_or_default();
        ensure!(after <= before + before / 10, "the Envoy of {workload} grew from {before} to {after} bytes");
    }
    Ok(())
}

fn memory_by_envoy(mesh: &Mesh) -> Result<BTreeMap<String, u64>> {
    mesh.envoys()
        .map(|(workload, envoy)| Ok((workload.to_owned(), envoy.process().resident_bytes()?)))
        .collect()
}
