//! The whole mesh: collector, services and their Envoys, started together and stopped together.

mod start;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::collector::{Api, Collector, Ports};
use crate::envoy::Envoy;
use crate::fault::Fault;
use crate::http::Client;
use crate::load::Visitor;
use crate::process::Process;
use crate::run_directory::RunDirectory;
use crate::topology::Topology;
use crate::truth::Truth;

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The services and their calls.
    pub topology: Topology,
    /// Whether there is a collector, and where.
    pub collector: CollectorPlace,
    /// The configuration of every filter; `None` leaves it absent, as a first-time user does.
    pub filter_configuration: Option<Value>,
    /// The gateway's port; `None` takes any free one.
    pub gateway_port: Option<u16>,
}

/// The collector of a mesh.
#[derive(Clone, Copy, Debug)]
pub enum CollectorPlace {
    /// Nobody listens where the filters send their spans.
    Absent,
    /// A collector listens there.
    On(Ports),
}

/// A running mesh; dropping it stops everything it started.
#[derive(Debug)]
pub struct Mesh {
    topology: Topology,
    collector: Option<Collector>,
    services: Vec<Process>,
    envoys: BTreeMap<String, Envoy>,
    gateway_port: u16,
    client: Client,
    // Last, so that nothing writes there any more when it is removed.
    run: RunDirectory,
}

impl Mesh {
    /// Starts everything and waits until it answers; `progress` hears what is going on.
    pub fn start(options: Options, progress: &dyn Fn(&str)) -> Result<Self> {
        start::start(options, progress)
    }

    /// A client of the gateway.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.gateway_port, &self.topology.domain)
    }

    /// The collector; an error when the mesh was started without one.
    pub fn collector(&self) -> Result<&Collector> {
        self.collector.as_ref().context("this mesh has no collector")
    }

    /// The same, to kill and restart it.
    pub fn collector_mut(&mut self) -> Result<&mut Collector> {
        self.collector.as_mut().context("this mesh has no collector")
    }

    /// The collector's API.
    pub fn api(&self) -> Result<Api> {
        Ok(self.collector()?.api())
    }

    /// All Envoys by workload.
    pub fn envoys(&self) -> impl Iterator<Item = (&str, &Envoy)> {
        self.envoys.iter().map(|(name, envoy)| (name.as_str(), envoy))
    }

    /// The sum of a statistic over all Envoys.
    pub fn stat_sum(&self, fragments: &[&str]) -> Result<u64> {
        self.envoys.values().map(|envoy| envoy.stat_sum(&self.client, fragments)).sum()
    }

    /// The name of the gateway's workload.
    #[must_use]
    pub fn gateway_name(&self) -> &str {
        &self.topology.gateway.name
    }

    /// What really happened so far.
    pub fn truth(&self) -> Result<Truth> {
        let files: Vec<_> =
            self.topology.services.keys().map(|name| start::truth_file(&self.run, name)).collect();
        Truth::read(&files, self.gateway_name())
    }

    /// Harms a service from its next request on; `None` heals it.
    pub fn harm(&self, service: &str, fault: Option<&Fault>) -> Result<()> {
        let file = Fault::file(&start::truth_file(&self.run, service));
        match fault {
            Some(fault) => fault.write(&file),
            None => std::fs::remove_file(&file).with_context(|| file.display().to_string()),
        }
    }

    /// A file of this run.
    #[must_use]
    pub fn run_file(&self, name: &str) -> std::path::PathBuf {
        self.run.join(name)
    }

    /// Leaves the files of the run for somebody to look at; gives the path.
    #[must_use]
    pub fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        // All are asked first, so that they end side by side; each process then waits for its own end.
        let envoys = self.envoys.values_mut().map(Envoy::process_mut);
        let collector = self.collector.as_mut().and_then(Collector::process_mut);
        let mut processes: Vec<&mut Process> =
            envoys.chain(self.services.iter_mut()).chain(collector).collect();
        processes.iter().for_each(|process| process.terminate());
        for process in &mut processes {
            process.wait_end();
        }
    }
}
