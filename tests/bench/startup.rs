//! What the module costs before the first request: processor time to be ready, memory, memory of each worker.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use harness::http::Client;
use harness::run_directory::RunDirectory;

use crate::figures::median;
use crate::proxy::Proxy;
use crate::variant::Variant;

const REPETITIONS: usize = 3;
const WORKERS: u32 = 5;
/// A proxy that has just become ready still tidies up.
const SETTLE: Duration = Duration::from_millis(1_000);
/// No request is made here.
const NOWHERE: u16 = 9;

/// Filter against no filter, before any request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Startup {
    /// More processor time to ready, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// More resident memory with one worker, in MiB.
    pub(crate) memory_mib: f64,
    /// More resident memory with each further worker, in MiB.
    pub(crate) worker_mib: f64,
}

/// Starts proxies with and without the filter in turns.
pub(crate) fn measure(module: &Path, run: &RunDirectory, client: &Client) -> Result<Startup> {
    let (mut cpu, mut memory, mut worker) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let start = |variant, workers| idle(variant, workers, module, run, client);
        let (plain_cpu, plain) = start(Variant::Plain, 1)?;
        let (filter_cpu, filter) = start(Variant::Filter, 1)?;
        let (_, plain_many) = start(Variant::Plain, WORKERS)?;
        let (_, filter_many) = start(Variant::Filter, WORKERS)?;
        cpu.push(filter_cpu - plain_cpu);
        memory.push(filter - plain);
        worker.push(((filter_many - filter) - (plain_many - plain)) / f64::from(WORKERS - 1));
    }
    Ok(Startup { cpu_ms: median(cpu), memory_mib: median(memory), worker_mib: median(worker) })
}

/// Processor milliseconds and MiB of a proxy that has started and done nothing.
fn idle(
    variant: Variant,
    workers: u32,
    module: &Path,
    run: &RunDirectory,
    client: &Client,
) -> Result<(f64, f64)> {
    let proxy = Proxy::start(variant, workers, module, NOWHERE, NOWHERE, run, client)?;
    std::thread::sleep(SETTLE);
    Ok((proxy.cpu_ns()? as f64 / 1e6, proxy.resident_bytes()? as f64 / 1024.0 / 1024.0))
}
