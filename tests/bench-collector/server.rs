//! The collector under load: started on an empty folder, and what it took.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use harness::wait;

/// The last window becomes a block too, early enough for the bench to end; all else is the default.
const SETTINGS: &str = "storage: {block: {max_age: 10s}}\n";
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
    /// Starts it on an empty folder.
    pub(crate) fn start(run: &RunDirectory) -> Result<Self> {
        let ports = Ports::free()?;
        let collector = Collector::start_with_settings(ports, run, "load", SETTINGS)?;
        Ok(Self { collector, ports, client: Client::new(), data: run.join("data-load") })
    }

    fn process(&mut self) -> Result<&mut Process> {
        self.collector.process_mut().context("the collector is down")
    }

    /// Processor time of all its threads so far, those that have ended included, in seconds.
    pub(crate) fn cpu_s(&mut self) -> Result<f64> {
        self.process()?.cpu_s()
    }

    /// The most memory that was resident at any time.
    pub(crate) fn peak_bytes(&mut self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process()?.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?.parse()?;
        Ok(kib * 1_024)
    }

    /// Waits until every span is in a block and every trace is judged; gives the processor time by then.
    pub(crate) fn settle(&mut self) -> Result<f64> {
        let start = Instant::now();
        wait::until("every span is in a block", SETTLE_DEADLINE, || {
            Ok((self.metric("throughline_spans_live")? == 0.0).then_some(()))
        })?;
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
