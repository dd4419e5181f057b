//! The load: `wrk` on a core of its own, always the same, and what a proxy took for it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::proxy::Proxy;
use crate::variant::Path;

/// Spans wait up to a second in the filter and are sent after the load has ended; what that takes belongs to it.
const SETTLE: Duration = Duration::from_millis(300);

/// One burst of load on one proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    /// Processor time of the proxy for each request, in microseconds.
    pub(crate) cpu_us: f64,
    /// Requests in the second.
    pub(crate) requests: f64,
    /// Median latency in microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile of latency in microseconds.
    pub(crate) p99_us: f64,
}

/// Keeps this process, and what it starts, on one core.
pub(crate) fn pin_this_process(core: &str) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "two processor cores are needed: one for the proxy, one for the load");
    let mut command = Command::new("taskset");
    let output = command.args(["-a", "-cp", core, &std::process::id().to_string()]).output();
    let output = output.context("taskset is missing: apt-get install util-linux")?;
    ensure!(output.status.success(), "taskset: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Lets this thread run only while nothing else on its core wants to: what it does holds up no request of the load.
pub(crate) fn yield_this_thread() -> Result<()> {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let output = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).output();
    let output = output.context("chrt is missing: apt-get install util-linux")?;
    ensure!(output.status.success(), "chrt: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Sixteen connections for one second, each with the next request as soon as the last was answered: as much as the proxy can serve.
pub(crate) fn burst(proxy: &Proxy, path: Path, header: &str) -> Result<Burst> {
    let before = proxy.cpu_ns()?;
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c16", "-d1s", "--latency"]);
    command.args(["-H", "user-agent: bench/1", "-H", "host: cart.shop.svc.cluster.local:8080"]);
    if !header.is_empty() {
        command.args(["-H", header]);
    }
    command.arg(format!("http://127.0.0.1:{}/api/cart/items?page=2", proxy.port(path)));
    let output = command.output().context("wrk is missing: apt-get install wrk")?;
    std::thread::sleep(SETTLE);
    let cpu_ns = proxy.cpu_ns()?.saturating_sub(before);
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk: {text}");
    read_wrk(&text, cpu_ns).with_context(|| format!("wrk wrote: {text}"))
}

fn read_wrk(text: &str, cpu_ns: u64) -> Result<Burst> {
    ensure!(!text.contains("Non-2xx"), "not every request was answered with 200");
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "));
    let requests: f64 = requests.context("no number of requests")?.0.parse()?;
    ensure!(requests > 0.0, "no request was answered");
    Ok(Burst {
        cpu_us: cpu_ns as f64 / 1e3 / requests,
        requests,
        p50_us: percentile_us(text, "50%")?,
        p99_us: percentile_us(text, "99%")?,
    })
}

fn percentile_us(text: &str, name: &str) -> Result<f64> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(name));
    let value = value.context("no latency distribution")?.trim();
    let digits = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit_us = match value.strip_prefix(digits).unwrap_or_default() {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        other => bail!("unknown unit {other}"),
    };
    Ok(digits.parse::<f64>()? * unit_us)
}

#[cfg(test)]
mod tests;
