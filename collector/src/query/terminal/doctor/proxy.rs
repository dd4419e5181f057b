//! What a proxy tells of itself at its admin address: statistics, listeners, clusters, and our filter in them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::client::{Client, ClientError};
use super::finding::Finding;

/// What the filter's statistics begin with.
const COUNTERS: &str = "wasmcustom.throughline_";
const OUR_NAME: &str = "throughline";
/// The cluster that the filter exports to when its configuration names none.
const DEFAULT_CLUSTER: &str = "throughline-collector";

/// The admin address did not answer as Envoy does.
#[derive(Debug)]
pub(super) struct Unreadable {
    address: String,
    reason: String,
}

impl Unreadable {
    pub(super) fn finding(&self) -> Finding {
        Finding::error(
            "proxy-unreadable",
            &self.address,
            format!("the admin address cannot be read: {}", self.reason),
            "name the address of Envoy's admin listener, and forward it (kubectl port-forward POD 15000) where it is in a pod",
        )
    }
}

/// A listener's HTTP connection manager.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    pub(super) listener: String,
    pub(super) direction: String,
    pub(super) stat_prefix: String,
    /// Whether Envoy's own tracing is on, and writes its context into what is passed on.
    pub(super) has_tracing: bool,
    pub(super) has_filter: bool,
}

/// Our filter as it is configured.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) is_fail_open: bool,
    pub(super) module: String,
    /// `None` where it is not JSON.
    pub(super) settings: Option<Value>,
}

impl Filter {
    fn setting(&self, pointer: &str) -> Option<&str> {
        self.settings.as_ref()?.pointer(pointer)?.as_str()
    }

    pub(super) fn cluster(&self) -> &str {
        self.setting("/collector/cluster").unwrap_or(DEFAULT_CLUSTER)
    }

    pub(super) fn speaks_grpc(&self) -> bool {
        self.setting("/collector/protocol").is_none_or(|protocol| protocol == "grpc")
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.settings.as_ref().and_then(|settings| settings.get("enabled")) != Some(&Value::Bool(false))
    }
}

/// One reading of a proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxy {
    pub(super) name: String,
    pub(super) is_sidecar: bool,
    pub(super) managers: Vec<Manager>,
    pub(super) filters: Vec<Filter>,
    /// Whether its bootstrap names a tracer for listeners that name none.
    has_tracer: bool,
    /// Something else is served in the place of the filter.
    pub(super) is_stubbed: bool,
    /// Whether it speaks HTTP/2 to each cluster.
    pub(super) clusters: BTreeMap<String, bool>,
    pub(super) stats: BTreeMap<String, u64>,
}

impl Proxy {
    pub(super) fn read(client: &Client) -> Result<Self, Unreadable> {
        let get = |path: &str, parameters: &[(&str, &str)]| {
            client.get(path, parameters).map_err(|error| Unreadable {
                address: client.server().to_owned(),
                reason: match error {
                    ClientError::Unreachable { reason, .. } | ClientError::Busy { reason, .. } => reason,
                    _ => "this is no admin listener of Envoy".to_owned(),
                },
            })
        };
        let info = get("/server_info", &[])?;
        let stats = get("/stats", &[("format", "json")])?;
        Ok(Self::from_answers(&info, &get("/config_dump", &[])?, &stats))
    }

    pub(super) fn from_answers(info: &Value, dump: &Value, stats: &Value) -> Self {
        let id = info.pointer("/node/id").and_then(Value::as_str).unwrap_or("a proxy without id");
        let mut proxy = Self {
            name: id.split('~').nth(2).unwrap_or(id).to_owned(),
            is_sidecar: id.starts_with("sidecar~"),
            stats: counters(stats),
            has_tracer: members(dump.get("configs"))
                .any(|one| one.pointer("/bootstrap/tracing/http").is_some()),
            ..Self::default()
        };
        for config in members(dump.get("configs")) {
            match config.get("@type").and_then(Value::as_str).unwrap_or_default().rsplit('.').next() {
                Some("ListenersConfigDump") => proxy.read_listeners(config),
                Some("ClustersConfigDump") => proxy.read_clusters(config),
                Some("EcdsConfigDump") => proxy.read_discovered(config),
                _ => {}
            }
        }
        proxy
    }

    /// The sum of the filter's counters whose names begin so.
    pub(super) fn counted(&self, name: &str) -> u64 {
        let prefix = format!("{COUNTERS}{name}");
        self.stats
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(_, value)| value)
            .sum()
    }

    pub(super) fn has_counters(&self) -> bool {
        self.stats.keys().any(|key| key.starts_with(COUNTERS))
    }

    fn read_listeners(&mut self, config: &Value) {
        let fixed = members(config.get("static_listeners")).filter_map(|one| one.get("listener"));
        let dynamic =
            members(config.get("dynamic_listeners")).filter_map(|one| one.pointer("/active_state/listener"));
        for listener in fixed.chain(dynamic) {
            let text = |key: &str| listener.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            for manager in managers_in(listener) {
                let filters = || members(manager.get("http_filters"));
                self.managers.push(Manager {
                    listener: text("name"),
                    direction: text("traffic_direction"),
                    stat_prefix: manager
                        .get("stat_prefix")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned(),
                    has_tracing: self.is_traced(manager),
                    has_filter: filters().any(is_ours),
                });
                self.filters.extend(filters().filter(|filter| is_ours(filter)).filter_map(read_filter));
            }
        }
    }

    fn is_traced(&self, manager: &Value) -> bool {
        let has_tracer = manager.pointer("/tracing/provider").is_some()
            || self.has_tracer && manager.get("tracing").is_some();
        has_tracer && manager.pointer("/tracing/no_context_propagation") != Some(&Value::Bool(true))
    }

    fn read_discovered(&mut self, config: &Value) {
        let filters = members(config.get("ecds_filters")).filter_map(|one| one.get("ecds_filter"));
        for filter in filters.filter(|filter| is_ours(filter)) {
            let kind = filter.pointer("/typed_config/@type").and_then(Value::as_str).unwrap_or_default();
            self.is_stubbed |= kind.ends_with(".RBAC");
            self.filters.extend(read_filter(filter));
        }
    }

    fn read_clusters(&mut self, config: &Value) {
        let both = ["static_clusters", "dynamic_active_clusters"];
        let clusters =
            both.iter().flat_map(|key| members(config.get(*key))).filter_map(|one| one.get("cluster"));
        for cluster in clusters {
            let Some(name) = cluster.get("name").and_then(Value::as_str) else { continue };
            let options = cluster.pointer(
                "/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            );
            let explicit =
                options.and_then(|options| options.pointer("/explicit_http_config/http2_protocol_options"));
            let is_http2 = explicit.is_some() || cluster.get("http2_protocol_options").is_some();
            self.clusters.insert(name.to_owned(), is_http2);
        }
    }
}

fn members(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn counters(stats: &Value) -> BTreeMap<String, u64> {
    let pairs = members(stats.get("stats"));
    pairs
        .filter_map(|one| Some((one.get("name")?.as_str()?.to_owned(), one.get("value")?.as_u64()?)))
        .collect()
}

/// Everything below a listener that has HTTP filters.
fn managers_in(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(managers_in).collect(),
        Value::Object(inner) if inner.contains_key("http_filters") => vec![value],
        Value::Object(inner) => inner.values().flat_map(managers_in).collect(),
        _ => Vec::new(),
    }
}

/// By its own name, the plugin's, or the root that it asks the module for.
fn is_ours(filter: &Value) -> bool {
    ["/name", "/typed_config/config/name", "/typed_config/config/root_id"]
        .iter()
        .filter_map(|pointer| filter.pointer(pointer).and_then(Value::as_str))
        .any(|name| name.contains(OUR_NAME))
}

fn read_filter(filter: &Value) -> Option<Filter> {
    let config = filter.pointer("/typed_config/config")?;
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    let settings = match text("/configuration/value") {
        None | Some("") => Some(Value::Null),
        Some(text) => serde_json::from_str(text).ok(),
    };
    let module = text("/vm_config/code/remote/sha256").or(text("/vm_config/code/local/filename"));
    Some(Filter {
        is_fail_open: config.get("fail_open") == Some(&Value::Bool(true))
            || text("/failure_policy") == Some("FAIL_OPEN"),
        module: module.unwrap_or_default().to_owned(),
        settings,
    })
}
