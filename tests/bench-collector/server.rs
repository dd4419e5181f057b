//! The collector under load: started on an empty folder, and what it took.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;

/// How long the collector may work on after the last acknowledgement.
const SETTLE_DEADLINE: Duration = Duration::from_secs(120);
/// It is at rest when it takes less than this share of a processor for [`REST`].
const REST_SHARE: f64 = 0.02;
const REST: Duration = Duration::from_millis(1_500);

/// A collector and its ports.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) collector: Collector,
    pub(crate) ports: Ports,
    client: Client,
    data: PathBuf,
}

impl Server {
    /// Starts it with the default settings.
    pub(crate) fn start(run: &RunDirectory) -> Result<Self> {
        let ports = Ports::free()?;
        let collector = Collector::start(ports, run)?;
        Ok(Self { collector, ports, client: Client::new(), data: run.join("data") })
    }

    fn pid(&mut self) -> Result<u32> {
        Ok(self.collector.process_mut().context("the collector is down")?.id())
    }

    /// Processor time of all its threads so far, those that have ended included, in seconds.
    pub(crate) fn cpu_s(&mut self) -> Result<f64> {
        cpu_s(&self.pid()?.to_string())
    }

    /// The most memory that was resident at any time.
    pub(crate) fn peak_bytes(&mut self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?.parse()?;
        Ok(kib * 1_024)
    }

    /// Waits until it has written its blocks and judged its traces; gives the processor time by then.
    pub(crate) fn settle(&mut self) -> Result<f64> {
        let start = Instant::now();
        loop {
            let before = self.cpu_s()?;
            std::thread::sleep(REST);
            wait::stop_if_interrupted()?;
            let after = self.cpu_s()?;
            if after - before < REST.as_secs_f64() * REST_SHARE {
                return Ok(before);
            }
            if start.elapsed() > SETTLE_DEADLINE {
                bail!("the collector is not at rest {} s after the load", SETTLE_DEADLINE.as_secs());
            }
        }
    }

    /// One of its counters or gauges.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let text = self.client.get(&format!("{}/metrics", self.collector.url()))?.text()?;
        let prefix = format!("{name} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&prefix));
        Ok(value.with_context(|| format!("no metric {name}"))?.trim().parse()?)
    }

    /// Bytes of all files in its data folder.
    pub(crate) fn disk_bytes(&self) -> Result<u64> {
        let mut sum = 0;
        let mut folders = vec![self.data.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    sum += entry.metadata()?.len();
                }
            }
        }
        Ok(sum)
    }
}

/// Processor time of this process so far, in seconds.
pub(crate) fn own_cpu_s() -> Result<f64> {
    cpu_s("self")
}

fn cpu_s(pid: &str) -> Result<f64> {
    /// The kernel counts in hundredths of a second towards programs, whatever it counts in itself.
    const TICKS_PER_S: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold blanks.
    let (_, fields) = text.rsplit_once(')').context("no process name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64> { Ok(fields.get(index).context("too few fields")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}
