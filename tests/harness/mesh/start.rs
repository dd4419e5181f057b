//! Starts a mesh: ports first, then the collector, then services and Envoys side by side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{CollectorPlace, Mesh, Options};
use crate::artefacts;
use crate::collector::{Collector, Ports};
use crate::envoy::{Envoy, Identity, Surroundings, Upstream, render_gateway, render_sidecar};
use crate::http::Client;
use crate::ports::free_port;
use crate::process::Process;
use crate::run_directory::RunDirectory;
use crate::topology::{Service, Topology};
use crate::wait::Interrupted;

/// A service of the shop starts in milliseconds; the rest is for busy machines.
const SERVICE_DEADLINE: Duration = Duration::from_secs(30);

/// The ports of one service and its sidecar.
struct Place {
    pod_number: u8,
    application: u16,
    inbound: u16,
    outbound: u16,
    admin: u16,
}

/// Where a service of the mesh writes down what happened.
pub(super) fn truth_file(run: &RunDirectory, service: &str) -> PathBuf {
    run.join(format!("truth/{service}.jsonl"))
}

pub(super) fn start(options: Options, progress: &dyn Fn(&str)) -> Result<Mesh> {
    // What is missing is said before anything is started.
    for artefact in [artefacts::envoy, artefacts::shop, artefacts::module, artefacts::collector] {
        artefact()?;
    }
    let run = RunDirectory::create()?;
    let gateway_port = options.gateway_port.map_or_else(free_port, Ok)?;
    let mut mesh = Mesh {
        topology: options.topology,
        collector: None,
        services: Vec::new(),
        envoys: BTreeMap::new(),
        gateway_port,
        client: Client::new(),
        run,
    };
    let outcome = fill(&mut mesh, options.collector, options.filter_configuration.as_ref(), progress);
    match outcome {
        Err(error) if !error.is::<Interrupted>() => {
            let place = mesh.keep_run();
            Err(error.context(format!("the mesh did not start; its files are in {place}")))
        }
        outcome => outcome.map(|()| mesh),
    }
}

fn fill(
    mesh: &mut Mesh,
    collector: CollectorPlace,
    configuration: Option<&Value>,
    progress: &dyn Fn(&str),
) -> Result<()> {
    let start = Instant::now();
    let module = artefacts::module()?;
    let collector_port = match collector {
        CollectorPlace::Absent => free_port()?,
        CollectorPlace::On(ports) => {
            progress("starting the collector");
            mesh.collector = Some(Collector::start(ports, &mesh.run)?);
            ports.otlp_grpc
        }
    };
    let around = Surroundings { module: &module, filter_configuration: configuration, collector_port };
    let places = choose_places(&mesh.topology)?;
    progress(&format!("starting {} services and {} Envoys", places.len(), places.len() + 1));
    start_services(mesh, &places)?;
    start_envoys(mesh, &places, &around)?;
    wait_ready(mesh, &places, progress)?;
    progress(&format!("the mesh is ready after {:.1} s", start.elapsed().as_secs_f64()));
    Ok(())
}

fn choose_places(topology: &Topology) -> Result<BTreeMap<String, Place>> {
    let places = topology.services.keys().zip(11_u8..).map(|(name, pod_number)| {
        let (application, inbound) = (free_port()?, free_port()?);
        let place = Place { pod_number, application, inbound, outbound: free_port()?, admin: free_port()? };
        Ok((name.clone(), place))
    });
    places.collect()
}

fn start_services(mesh: &mut Mesh, places: &BTreeMap<String, Place>) -> Result<()> {
    let file = mesh.run.join("topology.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&mesh.topology)?).context("write the topology")?;
    let shop = artefacts::shop()?;
    for (name, place) in places {
        let mut command = Command::new(&shop);
        command.arg("--topology").arg(&file).args(["--service", name]);
        command.args(["--listen", &format!("127.0.0.1:{}", place.application)]);
        command.args(["--outbound", &format!("127.0.0.1:{}", place.outbound)]);
        command.arg("--truth").arg(truth_file(&mesh.run, name));
        mesh.services.push(Process::start(name, command, &mesh.run.log(name))?);
    }
    Ok(())
}

fn start_envoys(mesh: &mut Mesh, places: &BTreeMap<String, Place>, around: &Surroundings<'_>) -> Result<()> {
    let gateway = &mesh.topology.gateway;
    let identity = Identity {
        name: gateway.name.clone(),
        namespace: mesh.topology.namespace.clone(),
        pod_number: 10,
        admin_port: free_port()?,
        inbound_port: mesh.gateway_port,
    };
    let upstream = upstream(&mesh.topology, places, &gateway.to)?;
    let file = render_gateway(&identity, &mesh.topology.domain, &upstream, around)?;
    let envoy = Envoy::start(&gateway.name, &file, gateway.envoy_concurrency, &mesh.run)?;
    mesh.envoys.insert(gateway.name.clone(), envoy);
    for (name, service) in &mesh.topology.services {
        let file = sidecar(&mesh.topology, places, name, service, around)?;
        let envoy = Envoy::start(name, &file, service.envoy_concurrency, &mesh.run)?;
        mesh.envoys.insert(name.clone(), envoy);
    }
    Ok(())
}

fn sidecar(
    topology: &Topology,
    places: &BTreeMap<String, Place>,
    name: &str,
    service: &Service,
    around: &Surroundings<'_>,
) -> Result<Value> {
    let place = places.get(name).context("every service has a place")?;
    let identity = Identity {
        name: name.to_owned(),
        namespace: topology.namespace.clone(),
        pod_number: place.pod_number,
        admin_port: place.admin,
        inbound_port: place.inbound,
    };
    let callees = topology.callees(service);
    let upstreams = callees.iter().map(|callee| upstream(topology, places, callee));
    render_sidecar(
        &identity,
        place.application,
        place.outbound,
        &upstreams.collect::<Result<Vec<_>>>()?,
        around,
    )
}

fn upstream(topology: &Topology, places: &BTreeMap<String, Place>, name: &str) -> Result<Upstream> {
    let protocol = topology.service(name)?.protocol;
    let port = places.get(name).context("every service has a place")?.inbound;
    Ok(Upstream { name: name.to_owned(), protocol, port })
}

fn wait_ready(mesh: &mut Mesh, places: &BTreeMap<String, Place>, progress: &dyn Fn(&str)) -> Result<()> {
    let client = mesh.client.clone();
    for service in &mut mesh.services {
        let place = places.get(service.name()).context("every service has a place")?;
        let url = format!("http://127.0.0.1:{}/healthz", place.application);
        service.wait_ready(SERVICE_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))?;
    }
    let count = mesh.envoys.len();
    for (number, (name, envoy)) in mesh.envoys.iter_mut().enumerate() {
        envoy.wait_ready(&client)?;
        progress(&format!("Envoy {} of {count} is ready: {name}", number + 1));
    }
    Ok(())
}

impl Mesh {
    /// Free ports for the collector and the settings of a test: nothing shared with anybody on this machine.
    pub fn start_for_test(topology: Topology, filter_configuration: Option<Value>) -> Result<Self> {
        let collector = CollectorPlace::On(Ports::free()?);
        let options = Options { topology, collector, filter_configuration, gateway_port: None };
        Self::start(options, &|line| println!("  {line}"))
    }
}
