//! The Envoy under test, with a listener for each path, and the one behind it that answers.

use std::path::Path as FilePath;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::http::Client;
use harness::ports::free_port;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use serde_json::{Value, json};

use crate::variant::{Path, Variant};
use crate::{OTHER_CORE, PROXY_CORE};

const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Where an Envoy listens.
#[derive(Clone, Copy, Debug)]
struct Ports {
    admin: u16,
    direct: u16,
    proxied: u16,
}

/// An Envoy under test.
#[derive(Debug)]
pub(crate) struct Proxy {
    process: Process,
    ports: Ports,
}

impl Proxy {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(
        variant: Variant,
        workers: u32,
        module: &FilePath,
        sink_port: u16,
        upstream_port: u16,
        run: &RunDirectory,
        client: &Client,
    ) -> Result<Self> {
        let ports = Ports { admin: free_port()?, direct: free_port()?, proxied: free_port()? };
        let configuration = configuration(variant, ports, module, sink_port, upstream_port)?;
        let name = format!("{}-{}", variant.file_name(), ports.admin);
        let process = start_envoy(&name, &configuration, workers, PROXY_CORE, run, client)?;
        Ok(Self { process, ports })
    }

    /// The port that leads to a path.
    pub(crate) fn port(&self, path: Path) -> u16 {
        match path {
            Path::Direct => self.ports.direct,
            Path::Proxied => self.ports.proxied,
        }
    }

    /// Processor time of all its threads so far, from the scheduler's accounting.
    pub(crate) fn cpu_ns(&self) -> Result<u64> {
        let mut sum = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            // A thread may have ended since it was listed.
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            sum += text.split_whitespace().next().context("schedstat is empty")?.parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Resident memory.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }

    /// How many requests came by each path, by Envoy's own count.
    pub(crate) fn requests(&self, client: &Client) -> Result<[u64; 2]> {
        let stats = client.get(&format!("http://127.0.0.1:{}/stats", self.ports.admin))?.text()?;
        let mut counts = [0; 2];
        for (count, path) in counts.iter_mut().zip(Path::ALL) {
            let key = format!("http.{}.downstream_rq_total: ", path.name());
            let value = stats.lines().find_map(|line| line.strip_prefix(&key));
            *count = value.context("Envoy counts no requests")?.trim().parse()?;
        }
        Ok(counts)
    }
}

/// The Envoy that answers what is sent on.
#[derive(Debug)]
pub(crate) struct Upstream {
    _process: Process,
    port: u16,
}

impl Upstream {
    /// Starts it on the core of the load generator.
    pub(crate) fn start(run: &RunDirectory, client: &Client) -> Result<Self> {
        let ports = Ports { admin: free_port()?, direct: free_port()?, proxied: 0 };
        let listeners = json!([listener(Variant::Plain, Path::Direct, ports.direct, None)]);
        let configuration = envoy_file(Variant::Plain, ports.admin, &listeners, &json!([]));
        let process = start_envoy("upstream", &configuration, 1, OTHER_CORE, run, client)?;
        Ok(Self { _process: process, port: ports.direct })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

fn start_envoy(
    name: &str,
    configuration: &Value,
    workers: u32,
    core: &str,
    run: &RunDirectory,
    client: &Client,
) -> Result<Process> {
    let file = run.join(format!("envoy/{name}.json"));
    std::fs::write(&file, serde_json::to_vec_pretty(configuration)?)?;
    let log = run.log(name);
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(artefacts::envoy()?).arg("-c").arg(&file);
    command.args(["--disable-hot-restart", "--concurrency", &workers.to_string(), "--log-path"]).arg(&log);
    let mut process = Process::start(name, command, &log)?;
    let admin = configuration.pointer("/admin/address/socket_address/port_value").context("admin port")?;
    let url = format!("http://127.0.0.1:{admin}/ready");
    process.wait_ready(READY_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))?;
    let text = process.log_text()?;
    ensure!(!text.contains("[warning][wasm]"), "{name}: the filter warns: {}", process.log_tail());
    Ok(process)
}

fn configuration(
    variant: Variant,
    ports: Ports,
    module: &FilePath,
    sink_port: u16,
    upstream_port: u16,
) -> Result<Value> {
    let module = module.to_str().context("the module's path is not UTF-8")?;
    let listeners = json!([
        listener(variant, Path::Direct, ports.direct, Some(module)),
        listener(variant, Path::Proxied, ports.proxied, Some(module)),
    ]);
    let http2 = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}}}});
    let mut collector = cluster("collector", sink_port);
    collector["typed_extension_protocol_options"] = http2;
    let clusters = json!([cluster(variant.cluster(), upstream_port), collector]);
    Ok(envoy_file(variant, ports.admin, &listeners, &clusters))
}

fn envoy_file(variant: Variant, admin_port: u16, listeners: &Value, clusters: &Value) -> Value {
    json!({
        "node": {
            "id": format!("{}~10.0.0.11~cart-1.shop~shop.svc.cluster.local", variant.node_kind()),
            "cluster": "cart.shop",
            "metadata": {
                "NAME": "cart-1", "NAMESPACE": "shop", "WORKLOAD_NAME": "cart", "CLUSTER_ID": "Kubernetes",
                "MESH_ID": "cluster.local",
                "LABELS": {"app": "cart", "version": "v1", "service.istio.io/canonical-name": "cart",
                    "service.istio.io/canonical-revision": "v1"},
            },
        },
        "admin": {"address": address(admin_port)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

fn listener(variant: Variant, path: Path, port: u16, module: Option<&str>) -> Value {
    let action = match path {
        Path::Direct => ("direct_response", json!({"status": 200, "body": {"inline_string": "ok\n"}})),
        Path::Proxied => ("route", json!({"cluster": variant.cluster(), "timeout": "0s"})),
    };
    let mut filters = Vec::new();
    if let (Some(module), Some(configuration)) = (module, variant.filter_configuration()) {
        filters.push(wasm_filter(module, &configuration));
    }
    filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}));
    let mut route = json!({"name": "default", "match": {"prefix": "/"}});
    route[action.0] = action.1;
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": path.name(),
        "route_config": {"name": "routes", "virtual_hosts": [
            {"name": "cart.shop.svc.cluster.local:8080", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    });
    if let Some(percent) = variant.native_percent() {
        manager["tracing"] = native_tracer(percent);
    }
    json!({
        "name": path.name(),
        "traffic_direction": variant.direction(),
        "address": address(port),
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    })
}

fn wasm_filter(module: &str, configuration: &Value) -> Value {
    json!({"name": "throughline", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "throughline", "root_id": "throughline", "failure_policy": "FAIL_OPEN",
            "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module}}},
            "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration.to_string()},
        },
    }})
}

fn native_tracer(percent: u32) -> Value {
    json!({
        "random_sampling": {"value": percent},
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
            "grpc_service": {"envoy_grpc": {"cluster_name": "collector"}, "timeout": "10s"},
            "service_name": "cart",
        }},
    })
}

fn cluster(name: &str, port: u16) -> Value {
    json!({
        "name": name, "type": "STATIC", "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]},
    })
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
