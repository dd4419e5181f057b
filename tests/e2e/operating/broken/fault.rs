//! The users' file for a sidecar, with one thing wrong in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::envoy::{Identity, Surroundings, Upstream, render_sidecar};
use harness::ports::free_port;
use harness::run_directory::RunDirectory;
use harness::topology::Protocol;
use harness::wasm_module::with_trap_in;
use serde_json::{Value, json};

const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const COLLECTOR: &str = "throughline-collector";
const FILTER: &str = "throughline";

/// The name of a workload, what is wrong with its sidecar, and the finding that has to name it.
pub(super) const FAULTS: [(&str, &str); 14] = [
    ("sound", ""),
    // Envoy's own tracing as k8s/README.md tells to leave it on.
    ("quiet", ""),
    ("misspelt", "config-errors"),
    ("astray", "no-collector-cluster"),
    ("plain", "wrong-port-name"),
    ("doubled", "native-tracing"),
    ("closed", "fails-closed"),
    ("trapped", "filter-not-running"),
    ("deaf", "exports-fail"),
    ("stubbed", "module-not-fetched"),
    ("halved", "one-direction"),
    ("bare", "no-filter"),
    ("idle", "switched-off"),
    (BEHIND, "clock-skew"),
];
/// Calls a workload that has no sidecar.
pub(super) const CALLS_NAKED: &str = "sound";
/// Its clock is five seconds behind.
pub(super) const BEHIND: &str = "behind";
/// Calls the one whose clock is behind; only between two clocks can a difference be seen.
const CALLS_BEHIND: &str = "closed";

/// What all sidecars are made of.
pub(super) struct Parts {
    pub(super) application: u16,
    pub(super) collector: u16,
    shipped: PathBuf,
    trapping: PathBuf,
    stub: PathBuf,
    /// Where the workload is reached whose clock is behind.
    behind: u16,
}

impl Parts {
    pub(super) fn prepare(application: u16, collector: u16, run: &RunDirectory) -> Result<Self> {
        let shipped = artefacts::module()?;
        let (trapping, stub) = (run.join("trapping.wasm"), run.join("stub.json"));
        std::fs::write(&trapping, with_trap_in(&std::fs::read(&shipped)?, "proxy_on_request_headers")?)?;
        std::fs::write(&stub, stand_in().to_string())?;
        Ok(Self { application, collector, shipped, trapping, stub, behind: free_port()? })
    }
}

/// What Istio's agent hands on where it cannot fetch the module of a plugin with FAIL_OPEN: rules that allow all.
fn stand_in() -> Value {
    json!({"version_info": "1", "resources": [{
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": FILTER,
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"},
    }]})
}

/// A library that sets the clock of a process back.
pub(super) fn clock_behind(run: &RunDirectory) -> Result<PathBuf> {
    let (source, library) =
        (artefacts::root().join("tests/e2e/operating/broken/clock.c"), run.join("clock.so"));
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
    let output = command.output().context("a C compiler is needed: apt-get install build-essential")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(library)
}

/// The users' file with the one fault.
pub(super) fn render(name: &str, outbound: u16, parts: &Parts) -> Result<Value> {
    let identity = Identity {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        pod_number: 11,
        admin_port: free_port()?,
        inbound_port: if name == BEHIND { parts.behind } else { free_port()? },
    };
    let callee = match name {
        // The application itself, without a proxy in front of it.
        CALLS_NAKED => parts.application,
        CALLS_BEHIND => parts.behind,
        _ => identity.inbound_port,
    };
    let upstream = Upstream { name: "callee".to_owned(), protocol: Protocol::Http, port: callee };
    let settings = settings_of(name);
    let module = if name == "trapped" { &parts.trapping } else { &parts.shipped };
    let collector_port = if name == "deaf" { free_port()? } else { parts.collector };
    let around = Surroundings { module, filter_configuration: Some(&settings), collector_port };
    let mut file = render_sidecar(&identity, parts.application, outbound, &[upstream], &around)?;
    for listener in file["static_resources"]["listeners"].as_array_mut().context("listeners")? {
        break_listener(name, listener, &parts.stub)?;
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

fn settings_of(name: &str) -> Value {
    let mut settings = json!({"batch": {"interval_ms": 100}, "path_log": "off"});
    match name {
        "misspelt" => settings["sampling"] = json!({"rat": 1}),
        "astray" => settings["collector"] = json!({"cluster": "throughline-colector"}),
        "idle" => settings["enabled"] = json!(false),
        // So little that it is full after a few hundred requests.
        "deaf" => settings["batch"]["max_buffer_bytes"] = json!(65_536),
        _ => {}
    }
    settings
}

fn break_listener(name: &str, listener: &mut Value, stub: &Path) -> Result<()> {
    let is_inbound = listener["traffic_direction"] == "INBOUND";
    let manager = listener.pointer_mut(MANAGER).context("the listener has a manager")?;
    for host in manager["route_config"]["virtual_hosts"].as_array_mut().context("hosts")? {
        host["domains"] = json!(["*"]);
    }
    if ["doubled", "quiet"].contains(&name) {
        manager["tracing"] = tracing();
        manager["tracing"]["no_context_propagation"] = json!(name == "quiet");
    }
    let filters = manager["http_filters"].as_array_mut().context("filters")?;
    if name == "bare" || name == "halved" && is_inbound {
        filters.retain(|filter| filter["name"] != FILTER);
    }
    for filter in filters.iter_mut().filter(|filter| filter["name"] == FILTER) {
        match name {
            "closed" => filter["typed_config"]["config"]["fail_open"] = json!(false),
            "stubbed" => *filter = discovered(stub),
            _ => {}
        }
    }
    Ok(())
}

/// A filter that is told later, here by a file.
fn discovered(file: &Path) -> Value {
    json!({"name": FILTER, "config_discovery": {
        "config_source": {"path_config_source": {"path": file}, "resource_api_version": "V3"},
        "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"],
    }})
}

/// Envoy's own tracer, as Istio writes it for a provider of the kind `opentelemetry`.
fn tracing() -> Value {
    json!({"provider": {"name": "envoy.tracers.opentelemetry", "typed_config": {
        "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
        "service_name": "native",
        "grpc_service": {"envoy_grpc": {"cluster_name": COLLECTOR}},
    }}})
}
