//! Sidecars from the files that users run, each with one thing wrong, before one collector.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::collector::{Collector, Ports};
use harness::echo_server::EchoServer;
use harness::envoy::{Envoy, Identity, Surroundings, Upstream, render_sidecar};
use harness::http::Client;
use harness::ports::free_port;
use harness::run_directory::RunDirectory;
use harness::runner::Fixture;
use harness::streams::{Content, Load, Version};
use harness::topology::Protocol;
use harness::wasm_module::with_trap_in;
use serde_json::{Value, json};

use super::throughline;

const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const COLLECTOR: &str = "throughline-collector";

/// The name of a workload, what is wrong with its sidecar, and the finding that has to name it.
const FAULTS: [(&str, &str); 8] = [
    ("sound", ""),
    ("misspelt", "config-errors"),
    ("astray", "no-collector-cluster"),
    ("plain", "wrong-port-name"),
    ("doubled", "native-tracing"),
    ("closed", "fails-closed"),
    ("trapped", "filter-not-running"),
    ("deaf", "exports-fail"),
];
/// Calls a workload that has no sidecar.
const CALLS_NAKED: &str = "sound";

/// One broken sidecar.
struct Sidecar {
    envoy: Envoy,
    outbound_port: u16,
}

/// The mesh that was broken on purpose.
pub(crate) struct Broken {
    sidecars: BTreeMap<&'static str, Sidecar>,
    collector: Collector,
    _application: EchoServer,
    // Last, so that nothing writes there any more when it is removed.
    run: RunDirectory,
}

impl Fixture for Broken {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

pub(crate) fn start() -> Result<Broken> {
    let (run, application) = (RunDirectory::create()?, EchoServer::start()?);
    let ports = Ports::free()?;
    let collector = Collector::start(ports, &run)?;
    let trapping = run.join("trapping.wasm");
    let shipped = std::fs::read(artefacts::module()?)?;
    std::fs::write(&trapping, with_trap_in(&shipped, "proxy_on_request_headers")?)?;
    let mut sidecars = BTreeMap::new();
    for (name, _) in FAULTS {
        let outbound_port = free_port()?;
        let file = render(name, application.port(), outbound_port, ports.otlp_grpc, &trapping)?;
        sidecars.insert(name, Sidecar { envoy: Envoy::start(name, &file, 1, &run)?, outbound_port });
    }
    let client = Client::new();
    sidecars.values_mut().try_for_each(|sidecar| sidecar.envoy.wait_ready(&client))?;
    Ok(Broken { sidecars, collector, _application: application, run })
}

/// The users' file with the one fault.
fn render(name: &str, application: u16, outbound: u16, collector: u16, trapping: &Path) -> Result<Value> {
    let identity = Identity {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        pod_number: 11,
        admin_port: free_port()?,
        inbound_port: free_port()?,
    };
    // The callee of one is the application itself, without a proxy in front of it.
    let callee = if name == CALLS_NAKED { application } else { identity.inbound_port };
    let upstream = Upstream { name: "naked".to_owned(), protocol: Protocol::Http, port: callee };
    let shipped: PathBuf = artefacts::module()?;
    let module = if name == "trapped" { trapping } else { shipped.as_path() };
    let mut settings = json!({"batch": {"interval_ms": 100}, "path_log": "off"});
    match name {
        "misspelt" => settings["sampling"] = json!({"rat": 1}),
        "astray" => settings["collector"] = json!({"cluster": "throughline-colector"}),
        _ => {}
    }
    let collector_port = if name == "deaf" { free_port()? } else { collector };
    let around = Surroundings { module, filter_configuration: Some(&settings), collector_port };
    let mut file = render_sidecar(&identity, application, outbound, &[upstream], &around)?;
    for listener in file["static_resources"]["listeners"].as_array_mut().context("listeners")? {
        let manager = listener.pointer_mut(MANAGER).context("the listener has a manager")?;
        for host in manager["route_config"]["virtual_hosts"].as_array_mut().context("hosts")? {
            host["domains"] = json!(["*"]);
        }
        match name {
            "doubled" => manager["tracing"] = tracing(),
            "closed" => {
                let config =
                    manager.pointer_mut("/http_filters/0/typed_config/config").context("the filter")?;
                config["fail_open"] = json!(false);
            }
            _ => {}
        }
    }
    if name == "plain" {
        for cluster in file["static_resources"]["clusters"].as_array_mut().context("clusters")? {
            if cluster["name"] == COLLECTOR {
                cluster.as_object_mut().context("a cluster")?.remove("typed_extension_protocol_options");
            }
        }
    }
    Ok(file)
}

/// Envoy's own tracer, as Istio writes it for a provider of the kind `opentelemetry`.
fn tracing() -> Value {
    json!({"provider": {"name": "envoy.tracers.opentelemetry", "typed_config": {
        "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
        "service_name": "doubled",
        "grpc_service": {"envoy_grpc": {"cluster_name": COLLECTOR}},
    }}})
}

pub(crate) fn faults_are_found(broken: &mut Broken) -> Result<()> {
    let is_over = Arc::new(AtomicBool::new(false));
    let url = broken.collector.url();
    let admins: Vec<String> = broken.sidecars.values().map(|one| one.envoy.admin_url("")).collect();
    let mut words = vec!["doctor", "--json", "--watch", "5", "--server", &url];
    admins.iter().for_each(|admin| words.extend(["--admin", admin]));
    let output = std::thread::scope(|scope| {
        for sidecar in broken.sidecars.values() {
            let (load, is_over) = (trickle(sidecar.outbound_port), Arc::clone(&is_over));
            scope.spawn(move || while !is_over.load(Ordering::Relaxed) && load.run(5).is_ok() {});
        }
        let output = throughline(&words);
        is_over.store(true, Ordering::Relaxed);
        output
    })?;
    ensure!(output.status.code() == Some(1), "a broken mesh gives {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let findings = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let is_found = |kind: &str, place: &str| {
        findings.iter().any(|one| {
            one["kind"] == kind
                && one["place"].as_str().is_some_and(|found| found.starts_with(place))
                && one["do"].as_str().is_some_and(|remedy| !remedy.is_empty())
        })
    };
    for (name, kind) in FAULTS.into_iter().filter(|(_, kind)| !kind.is_empty()) {
        ensure!(is_found(kind, name), "{kind} of {name} is not found");
    }
    ensure!(is_found("hop-without-proxy", CALLS_NAKED), "the callee without a proxy is not found");
    ensure!(is_found("version-mismatch", "all proxies"), "the two modules are not found");
    let about_sound = |one: &&Value| one["place"].as_str().is_some_and(|place| place.starts_with("sound-"));
    ensure!(findings.iter().all(|one| !about_sound(&one)), "the sound sidecar is blamed");
    println!("  {} faults, each found", FAULTS.len() + 1);
    Ok(())
}

/// A few requests at a time, so that the machine has room for the rest.
fn trickle(port: u16) -> Load {
    Load {
        port,
        path: "/".to_owned(),
        version: Version::Http1,
        content: Content::Empty,
        clients: 1,
        streams: 1,
    }
}

pub(crate) fn verify_names_the_missing_hop(broken: &mut Broken) -> Result<()> {
    let sidecar = broken.sidecars.get(CALLS_NAKED).context("the sidecar")?;
    let entry = format!("http://127.0.0.1:{}/", sidecar.outbound_port);
    let (url, admin) = (broken.collector.url(), sidecar.envoy.admin_url(""));
    let words = ["verify", "--entry", &entry, "--server", &url, "--pairs", "0", "--admin", &admin];
    let output = throughline(&words)?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(1), "a missing hop gives {}", output.status);
    ensure!(text.contains("missing at sound: no span arrived from"), "the missing hop is not named");
    let silent = broken.sidecars.get("deaf").context("the sidecar")?;
    let (entry, admin) = (format!("http://127.0.0.1:{}/", silent.outbound_port), silent.envoy.admin_url(""));
    let words =
        ["verify", "--entry", &entry, "--server", &url, "--pairs", "0", "--wait", "3", "--admin", &admin];
    let output = throughline(&words)?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(1), "a trace that does not arrive gives {}", output.status);
    ensure!(text.contains("no span of trace") && text.contains("[exports-fail]"), "the reason is not told");
    Ok(())
}
