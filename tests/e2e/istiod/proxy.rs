//! A proxy whose listeners name the filter and whose control plane says what it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::echo_server::EchoServer;
use harness::envoy::{Envoy, Identity, Surroundings, Upstream, render_sidecar};
use harness::faulty_collector::{Behaviour, FaultyCollector};
use harness::http::Client;
use harness::ports::free_port;
use harness::run_directory::RunDirectory;
use harness::runner::Fixture;
use harness::topology::Protocol;
use harness::wait;
use harness::xds::ControlPlane;
use serde_json::{Value, json};

/// As Istio 1.26 to 1.29 names it.
pub(super) const DISCOVERY_NAME: &str = "extensions.istio.io/wasmplugin/istio-system.throughline";
const FILTER: &str = "throughline";
const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const PROTOCOL_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const DEADLINE: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(2);
/// Envoy ends what is left of a listener's connections when it has drained for so long. A request on its way to one that was idle
/// would fail then, whatever filters there are, so callers give up idle connections earlier.
const DRAIN: [&str; 4] = ["--drain-time-s", "4", "--drain-strategy", "immediate"];
const IDLE_TIMEOUT: &str = "0.5s";
const SIGNS_OF_A_TRAP: [&str; 3] = ["RuntimeError", "panicked at", "in-VM backtrace"];

/// Which listeners the proxy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listeners {
    /// They name the filter.
    WithFilter,
    /// The plugin was deleted.
    WithoutFilter,
}

/// The proxy with all that it needs.
pub(crate) struct Fed {
    envoy: Envoy,
    client: Client,
    pub(super) control: ControlPlane,
    pub(super) outbound_port: u16,
    listeners: Value,
    listeners_file: PathBuf,
    replaced: u64,
    _application: EchoServer,
    _collector: FaultyCollector,
    // Last, so that nothing writes there any more when it is removed.
    pub(super) run: RunDirectory,
}

impl Fixture for Fed {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

/// What istiod writes into a listener in the place of a filter.
pub(super) fn config_discovery() -> Value {
    json!({
        "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
        "type_urls": [
            "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        ],
    })
}

/// Its listeners wait for the filter.
pub(crate) fn start() -> Result<Fed> {
    start_with(Listeners::WithFilter)
}

/// It serves already, and knows of no filter.
pub(crate) fn start_without_filter() -> Result<Fed> {
    start_with(Listeners::WithoutFilter)
}

fn start_with(which: Listeners) -> Result<Fed> {
    let run = RunDirectory::create()?;
    let (application, control) = (EchoServer::start()?, ControlPlane::start()?);
    let collector = FaultyCollector::start(Behaviour::Takes)?;
    let outbound_port = free_port()?;
    let mut file = render(application.port(), outbound_port, collector.port())?;
    let listeners = file["static_resources"]["listeners"].take();
    let listeners_file = run.join("envoy/listeners.json");
    write_listeners(&listeners_file, &choose(&listeners, which, 0)?, 0)?;
    file["static_resources"].as_object_mut().context("resources")?.remove("listeners");
    file["static_resources"]["clusters"]
        .as_array_mut()
        .context("clusters")?
        .push(control_cluster(control.port()));
    file["dynamic_resources"] = json!({
        "lds_config": {"resource_api_version": "V3", "path_config_source": {"path": listeners_file}},
        "ads_config": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
        },
    });
    let envoy = Envoy::start_with("fed", &file, 2, &DRAIN, &run)?;
    let client = Client::new();
    let fed = Fed {
        envoy,
        client,
        control,
        outbound_port,
        listeners,
        listeners_file,
        replaced: 0,
        _application: application,
        _collector: collector,
        run,
    };
    wait::until("the admin listener answers", DEADLINE, || Ok(fed.is_ready().is_ok().then_some(())))?;
    Ok(fed)
}

fn render(application_port: u16, outbound_port: u16, collector_port: u16) -> Result<Value> {
    let identity = Identity {
        name: "frontend".to_owned(),
        namespace: "shop".to_owned(),
        pod_number: 11,
        admin_port: free_port()?,
        inbound_port: free_port()?,
    };
    let upstream =
        Upstream { name: "catalog".to_owned(), protocol: Protocol::Http, port: identity.inbound_port };
    let around = Surroundings { module: Path::new(""), filter_configuration: None, collector_port };
    let mut file = render_sidecar(&identity, application_port, outbound_port, &[upstream], &around)?;
    for listener in file["static_resources"]["listeners"].as_array_mut().context("listeners")? {
        let manager = listener.pointer_mut(MANAGER).context("the listener has a manager")?;
        for host in manager["route_config"]["virtual_hosts"].as_array_mut().context("hosts")? {
            host["domains"] = json!(["*"]);
        }
        for filter in manager["http_filters"].as_array_mut().context("filters")? {
            if filter["name"] == FILTER {
                *filter = json!({"name": DISCOVERY_NAME, "config_discovery": config_discovery()});
            }
        }
    }
    for cluster in file["static_resources"]["clusters"].as_array_mut().context("clusters")? {
        if cluster["name"].as_str().is_some_and(|name| name.starts_with("outbound|")) {
            cluster["typed_extension_protocol_options"] = json!({ (PROTOCOL_OPTIONS): {
                "@type": format!("type.googleapis.com/{PROTOCOL_OPTIONS}"),
                "common_http_protocol_options": {"idle_timeout": IDLE_TIMEOUT},
                "explicit_http_config": {"http_protocol_options": {}},
            }});
        }
    }
    Ok(file)
}

fn control_cluster(port: u16) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    json!({
        "name": "xds-grpc",
        "type": "STATIC",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": { (PROTOCOL_OPTIONS): {
            "@type": format!("type.googleapis.com/{PROTOCOL_OPTIONS}"),
            "explicit_http_config": {"http2_protocol_options": {}},
        }},
        "load_assignment": {
            "cluster_name": "xds-grpc",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    })
}

/// The listeners, with the filter or without.
fn choose(listeners: &Value, which: Listeners, version: u64) -> Result<Value> {
    let mut listeners = listeners.clone();
    for listener in listeners.as_array_mut().context("listeners")? {
        let manager = listener.pointer_mut(MANAGER).context("the listener has a manager")?;
        // Envoy takes a listener for changed only where it differs.
        manager["stream_idle_timeout"] = json!(format!("{}s", 300 + version));
        let filters = manager["http_filters"].as_array_mut().context("filters")?;
        filters.retain(|filter| which == Listeners::WithFilter || filter["name"] != DISCOVERY_NAME);
    }
    Ok(listeners)
}

/// A file is replaced as a whole, or Envoy would read half of it.
fn write_listeners(file: &Path, listeners: &Value, version: u64) -> Result<()> {
    let mut resources = listeners.clone();
    for resource in resources.as_array_mut().context("listeners")? {
        resource["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    }
    let response = json!({"version_info": version.to_string(), "resources": resources});
    let beside = file.with_extension("new");
    std::fs::write(&beside, serde_json::to_vec(&response)?)?;
    std::fs::rename(&beside, file).context("replace the listeners")
}

impl Fed {
    pub(super) fn is_ready(&self) -> Result<bool> {
        Ok(self.client.get(&self.envoy.admin_url("/ready"))?.status == 200)
    }

    pub(super) fn wait_ready(&mut self) -> Result<()> {
        self.envoy.wait_ready(&self.client)
    }

    fn stat(&self, name: &str) -> Result<u64> {
        self.envoy.stat_sum(&self.client, &[name])
    }

    fn spans(&self) -> Result<u64> {
        let stats = self.envoy.stats(&self.client)?;
        Ok(stats
            .iter()
            .filter(|(name, _)| name.ends_with(".throughline_spans"))
            .map(|(_, value)| value)
            .sum())
    }

    /// Waits until the filter makes spans that were not there.
    pub(super) fn wait_spans(&self, what: &str) -> Result<()> {
        let before = self.spans()?;
        wait::until(what, DEADLINE, || Ok((self.spans()? > before).then_some(())))
    }

    /// Waits until requests make no spans any more.
    pub(super) fn wait_no_spans(&self) -> Result<()> {
        wait::until_quiet("no spans", QUIET, DEADLINE, || self.spans()).map(drop)
    }

    /// Waits until nothing that was replaced has connections any more, be it a listener or its filter chains alone: their end is
    /// part of the change.
    pub(super) fn wait_drained(&self) -> Result<()> {
        let draining = ["listener_manager.total_", "_draining"];
        wait::until("old listeners have drained", DEADLINE, || {
            Ok((self.envoy.stat_sum(&self.client, &draining)? == 0).then_some(()))
        })
    }

    pub(super) fn ensure_no_trap(&self) -> Result<()> {
        let log = self.envoy.process().log_text()?;
        let sign = SIGNS_OF_A_TRAP.into_iter().find(|sign| log.contains(sign));
        ensure!(sign.is_none(), "the module has trapped: {}", self.envoy.process().log_tail());
        Ok(())
    }

    pub(super) fn replace_listeners(&mut self, which: Listeners) -> Result<()> {
        self.replaced += 1;
        let listeners = choose(&self.listeners, which, self.replaced)?;
        write_listeners(&self.listeners_file, &listeners, self.replaced)?;
        wait::until("the proxy has taken new listeners", DEADLINE, || {
            ensure!(self.stat("lds.update_rejected")? == 0, "{}", self.envoy.process().log_tail());
            Ok((self.stat("lds.update_success")? > self.replaced).then_some(()))
        })
    }
}
