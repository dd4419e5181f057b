//! One Envoy before one application: what enters its outbound listener goes to its inbound listener, and on from there.
//!
//! It is the sidecar file that users run, with wider limits where a test wants to reach the filter with more than
//! Envoy lets through by default, and with or without the filter, so that two runs differ in nothing else.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::artefacts;
use crate::envoy::{Envoy, Identity, Surroundings, Upstream, render_sidecar};
use crate::http::Client;
use crate::ports::free_port;
use crate::run_directory::RunDirectory;
use crate::topology::Protocol;
use crate::wait;

const CALLEE: &str = "catalog";
const COLLECTOR: &str = "throughline-collector";
const FILTER: &str = "throughline";
const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const WORKERS: u32 = 2;
/// What Envoy and the SDK write when a module has trapped.
const SIGNS_OF_A_TRAP: [&str; 3] = ["RuntimeError", "panicked at", "in-VM backtrace"];
const UPDATE_DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

/// Whether the filter is in the proxy.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Not at all.
    Absent,
    /// With this module and this configuration.
    Present {
        /// The module.
        module: PathBuf,
        /// The plugin's configuration.
        configuration: Value,
    },
}

impl Filter {
    /// The module that ships.
    pub fn shipped(configuration: Value) -> Result<Self> {
        Ok(Self::Present { module: artefacts::module()?, configuration })
    }
}

/// Where the spans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectorCluster {
    /// The cluster leads to this port, whoever listens there.
    To(u16),
    /// The proxy has no such cluster.
    Missing,
}

/// How the proxy gets its listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listeners {
    /// From its file.
    Static,
    /// From a second file, which is replaced to change them.
    Replaceable,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// A name for its files.
    pub name: &'a str,
    /// With or without the filter.
    pub filter: Filter,
    /// The collector's place.
    pub collector: CollectorCluster,
    /// The application behind it.
    pub application_port: u16,
    /// Where its listeners come from.
    pub listeners: Listeners,
}

/// The running proxy.
#[derive(Debug)]
pub struct SingleProxy {
    envoy: Envoy,
    client: Client,
    inbound_port: u16,
    outbound_port: u16,
    listeners: Value,
    listeners_file: PathBuf,
    updates: u64,
}

impl SingleProxy {
    /// Starts it and waits until it is ready.
    pub fn start(setup: &Setup<'_>, run: &RunDirectory) -> Result<Self> {
        let (inbound_port, outbound_port) = (free_port()?, free_port()?);
        let mut file = render(setup, inbound_port, outbound_port)?;
        let listeners = file["static_resources"]["listeners"].clone();
        let listeners_file = run.join(format!("envoy/listeners-{}.json", setup.name));
        if setup.listeners == Listeners::Replaceable {
            write_listeners(&listeners_file, &listeners, 0)?;
            let source =
                json!({"resource_api_version": "V3", "path_config_source": {"path": listeners_file}});
            file["dynamic_resources"] = json!({"lds_config": source});
            file["static_resources"].as_object_mut().context("resources")?.remove("listeners");
        }
        let words = ["--drain-time-s", "1", "--drain-strategy", "immediate"];
        let mut envoy = Envoy::start_with(setup.name, &file, WORKERS, &words, run)?;
        let client = Client::new();
        envoy.wait_ready(&client)?;
        Ok(Self { envoy, client, inbound_port, outbound_port, listeners, listeners_file, updates: 0 })
    }

    /// Where a request meets the filter once, as one that comes in.
    #[must_use]
    pub fn inbound_port(&self) -> u16 {
        self.inbound_port
    }

    /// Where a request meets the filter twice: as one that goes out, then as one that comes in.
    #[must_use]
    pub fn outbound_port(&self) -> u16 {
        self.outbound_port
    }

    /// Its resident memory.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.envoy.process().resident_bytes()
    }

    /// The sum of all counters and gauges whose name contains every one of the fragments.
    pub fn stat_sum(&self, fragments: &[&str]) -> Result<u64> {
        self.envoy.stat_sum(&self.client, fragments)
    }

    /// An error when the module has trapped, or Envoy has ended.
    pub fn ensure_no_trap(&self) -> Result<()> {
        let log = self.envoy.process().log_text()?;
        let sign = SIGNS_OF_A_TRAP.into_iter().find(|sign| log.contains(sign));
        ensure!(sign.is_none(), "the module has trapped: {}", self.envoy.process().log_tail());
        Ok(())
    }

    /// Whether the log shows that a module has trapped.
    pub fn has_trapped(&self) -> Result<bool> {
        Ok(self.ensure_no_trap().is_err())
    }

    /// Replaces the listeners by the same with other settings, number `number`, and waits until they are in force.
    pub fn change_listeners(&mut self, number: u64) -> Result<()> {
        for listener in self.listeners.as_array_mut().context("listeners")? {
            let manager = listener.pointer_mut(MANAGER).context("the listener has a manager")?;
            manager["stream_idle_timeout"] = json!(format!("{}s", 300 + number));
            for filter in manager["http_filters"].as_array_mut().context("filters")? {
                if let Some(text) = filter.pointer_mut("/typed_config/config/configuration/value") {
                    let mut configuration: Value = serde_json::from_str(text.as_str().unwrap_or_default())?;
                    configuration["batch"]["interval_ms"] = json!(100 + number);
                    *text = json!(configuration.to_string());
                }
            }
        }
        self.updates += 1;
        write_listeners(&self.listeners_file, &self.listeners, self.updates)?;
        wait::until("the proxy has taken new listeners", UPDATE_DEADLINE, || {
            let rejected = self.stat_sum(&["listener_manager.lds.update_rejected"])?;
            ensure!(rejected == 0, "Envoy rejects the listeners: {}", self.envoy.process().log_tail());
            let taken = self.stat_sum(&["listener_manager.lds.update_success"])?;
            Ok((taken > self.updates).then_some(()))
        })
    }
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

fn render(setup: &Setup<'_>, inbound_port: u16, outbound_port: u16) -> Result<Value> {
    let identity = Identity {
        name: "frontend".to_owned(),
        namespace: "shop".to_owned(),
        pod_number: 11,
        admin_port: free_port()?,
        inbound_port,
    };
    let upstream = Upstream { name: CALLEE.to_owned(), protocol: Protocol::Http, port: inbound_port };
    let (module, configuration) = match &setup.filter {
        Filter::Present { module, configuration } => (module.clone(), Some(configuration)),
        Filter::Absent => (PathBuf::new(), None),
    };
    let collector_port = match setup.collector {
        CollectorCluster::To(port) => port,
        CollectorCluster::Missing => free_port()?,
    };
    let around = Surroundings { module: &module, filter_configuration: configuration, collector_port };
    let mut file = render_sidecar(&identity, setup.application_port, outbound_port, &[upstream], &around)?;
    for listener in file["static_resources"]["listeners"].as_array_mut().context("listeners")? {
        widen(listener.pointer_mut(MANAGER).context("the listener has a manager")?, &setup.filter)?;
    }
    pass_protocol_on(file["static_resources"]["clusters"].as_array_mut().context("clusters")?, setup)?;
    Ok(file)
}

/// Lets through what Envoy would refuse by default, so that the filter meets it.
fn widen(manager: &mut Value, filter: &Filter) -> Result<()> {
    manager["common_http_protocol_options"] = json!({"max_headers_count": 400});
    manager["max_request_headers_kb"] = json!(1024);
    manager["http_protocol_options"] = json!({
        "accept_http_10": true,
        "default_host_for_http_10": "old.example.com",
        "enable_trailers": true,
    });
    for host in manager["route_config"]["virtual_hosts"].as_array_mut().context("hosts")? {
        host["domains"] = json!(["*"]);
    }
    let filters = manager["http_filters"].as_array_mut().context("filters")?;
    if matches!(filter, Filter::Absent) {
        filters.retain(|filter| filter["name"] != FILTER);
    }
    Ok(())
}

/// HTTP/1 stays HTTP/1 and HTTP/2 stays HTTP/2, on the way through both listeners.
fn pass_protocol_on(clusters: &mut Vec<Value>, setup: &Setup<'_>) -> Result<()> {
    if setup.collector == CollectorCluster::Missing {
        clusters.retain(|cluster| cluster["name"] != COLLECTOR);
    }
    for cluster in clusters.iter_mut().filter(|cluster| cluster["name"] != COLLECTOR) {
        let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        cluster["typed_extension_protocol_options"] = json!({ (options): {
            "@type": format!("type.googleapis.com/{options}"),
            "common_http_protocol_options": {"max_headers_count": 400},
            "use_downstream_protocol_config": {
                "http_protocol_options": {"enable_trailers": true},
                "http2_protocol_options": {},
            },
        }});
    }
    ensure!(clusters.len() >= 2, "the sidecar's file has an inbound and an outbound cluster");
    Ok(())
}
