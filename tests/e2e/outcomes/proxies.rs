//! The users' gateway and sidecar with what the outcomes need besides: filters that reject, routes that retry and time
//! out, and upstreams that are not there.

use std::path::Path;

use anyhow::{Context, Result};
use harness::envoy::{Envoy, Identity, Surroundings, Upstream, render_gateway, render_sidecar};
use harness::http::Client;
use harness::ports::free_port;
use harness::run_directory::RunDirectory;
use harness::topology::Protocol;
use serde_json::{Value, json};

/// The host that the gateway answers to.
pub(crate) const DOMAIN: &str = "shop.example.com";
const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions.filters.http";
const UPSTREAM: &str = "outbound|8080||frontend.shop.svc.cluster.local";

/// A gateway that calls a sidecar that calls the application, and what else the sidecar calls.
pub(crate) struct Proxies {
    pub(crate) gateway: Envoy,
    pub(crate) sidecar: Envoy,
    pub(crate) gateway_port: u16,
    pub(crate) outbound_port: u16,
}

/// Where the proxies send what.
pub(crate) struct Targets<'a> {
    pub(crate) module: &'a Path,
    pub(crate) application_port: u16,
    pub(crate) otlp_grpc_port: u16,
    pub(crate) otlp_http_port: u16,
}

impl Proxies {
    /// Starts both; the gateway exports by gRPC, the sidecar by HTTP.
    pub(crate) fn start(targets: &Targets<'_>, run: &RunDirectory) -> Result<Self> {
        let (gateway_port, inbound_port, outbound_port) = (free_port()?, free_port()?, free_port()?);
        let mut gateway = gateway_file(targets, gateway_port, inbound_port)?;
        add_rejections(&mut gateway)?;
        let sidecar = sidecar_file(targets, inbound_port, outbound_port)?;
        let client = Client::new();
        let mut proxies = Self {
            gateway: Envoy::start("gateway", &gateway, 1, run)?,
            sidecar: Envoy::start("sidecar", &sidecar, 1, run)?,
            gateway_port,
            outbound_port,
        };
        proxies.gateway.wait_ready(&client)?;
        proxies.sidecar.wait_ready(&client)?;
        Ok(proxies)
    }
}

fn identity(name: &str, pod_number: u8, inbound_port: u16) -> Result<Identity> {
    let (name, namespace) = (name.to_owned(), "shop".to_owned());
    Ok(Identity { name, namespace, pod_number, admin_port: free_port()?, inbound_port })
}

fn gateway_file(targets: &Targets<'_>, port: u16, upstream_port: u16) -> Result<Value> {
    let configuration = json!({"batch": {"interval_ms": 100}, "path_log": "off"});
    let around = Surroundings {
        module: targets.module,
        filter_configuration: Some(&configuration),
        collector_port: targets.otlp_grpc_port,
    };
    let upstream = Upstream { name: "frontend".to_owned(), protocol: Protocol::Http, port: upstream_port };
    let mut file = render_gateway(&identity("gateway", 10, port)?, DOMAIN, &upstream, &around)?;
    let manager = file.pointer_mut(&format!("/static_resources/listeners/0{MANAGER}")).context("manager")?;
    manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
    manager["route_config"]["virtual_hosts"][0]["routes"] = routes();
    // Clients of gRPC take the address that they connect to for the host.
    manager["route_config"]["virtual_hosts"][0]["domains"] = json!(["*"]);
    let clusters = file["static_resources"]["clusters"].as_array_mut().context("clusters")?;
    clusters.push(cluster("empty", json!([])));
    clusters.push(cluster("closed", json!([endpoint(free_port()?)])));
    for cluster in clusters.iter_mut().filter(|cluster| cluster["name"] == UPSTREAM) {
        pass_protocol_on(cluster);
    }
    Ok(file)
}

fn sidecar_file(targets: &Targets<'_>, inbound_port: u16, outbound_port: u16) -> Result<Value> {
    let configuration =
        json!({"batch": {"interval_ms": 100}, "path_log": "off", "collector": {"protocol": "http"}});
    let around = Surroundings {
        module: targets.module,
        filter_configuration: Some(&configuration),
        collector_port: targets.otlp_http_port,
    };
    let closed = Upstream { name: "catalog".to_owned(), protocol: Protocol::Http, port: free_port()? };
    let identity = identity("frontend", 11, inbound_port)?;
    let mut file = render_sidecar(&identity, targets.application_port, outbound_port, &[closed], &around)?;
    for listener in file["static_resources"]["listeners"].as_array_mut().context("listeners")? {
        let manager = listener.pointer_mut(MANAGER).context("manager")?;
        manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
    }
    for cluster in file["static_resources"]["clusters"].as_array_mut().context("clusters")? {
        if cluster["name"] == "throughline-collector" {
            // OTLP/HTTP over HTTP/1.1, as most collectors take it.
            cluster.as_object_mut().context("cluster")?.remove("typed_extension_protocol_options");
        }
    }
    Ok(file)
}

fn routes() -> Value {
    let to = |prefix: &str, cluster: &str, more: Value| {
        let mut route = json!({"cluster": cluster, "timeout": "0s"});
        if let (Some(route), Some(more)) = (route.as_object_mut(), more.as_object()) {
            route.extend(more.clone());
        }
        json!({"name": prefix.trim_start_matches('/'), "match": {"prefix": prefix}, "route": route})
    };
    let retries = json!({"retry_policy": {"retry_on": "5xx", "num_retries": 2}});
    let bucket = json!({"typed_per_filter_config": {"envoy.filters.http.local_ratelimit": {
        "@type": format!("{EXTENSIONS}.local_ratelimit.v3.LocalRateLimit"),
        "stat_prefix": "limited",
        "token_bucket": {"max_tokens": 1, "fill_interval": "86400s"},
        "filter_enabled": {"default_value": {"numerator": 100}},
        "filter_enforced": {"default_value": {"numerator": 100}},
    }}});
    let mut limited = to("/limited", UPSTREAM, json!({}));
    limited["typed_per_filter_config"] = bucket["typed_per_filter_config"].clone();
    json!([
        to("/timeout", UPSTREAM, json!({"timeout": "0.2s"})),
        to("/flaky", UPSTREAM, retries.clone()),
        to("/status/503", UPSTREAM, retries),
        to("/empty", "empty", json!({})),
        to("/closed", "closed", json!({})),
        limited,
        {"name": "direct", "match": {"prefix": "/direct"}, "direct_response": {"status": 200}},
        {"name": "gone", "match": {"prefix": "/gone"}, "redirect": {"path_redirect": "/"}},
        to("/s", UPSTREAM, json!({})),
        to("/broken", UPSTREAM, json!({})),
        to("/jwt", UPSTREAM, json!({})),
        to("/rbac", UPSTREAM, json!({})),
    ])
}

/// Filters behind ours that answer by themselves.
fn add_rejections(file: &mut Value) -> Result<()> {
    let filters = format!("/static_resources/listeners/0{MANAGER}/http_filters");
    let filters = file.pointer_mut(&filters).and_then(Value::as_array_mut).context("filters")?;
    let jwt = json!({
        "@type": format!("{EXTENSIONS}.jwt_authn.v3.JwtAuthentication"),
        "providers": {"shop": {
            "issuer": "shop",
            "local_jwks": {"inline_string": r#"{"keys": [{"kty": "oct", "alg": "HS256", "kid": "a", "k": "c2VjcmV0"}]}"#},
        }},
        "rules": [{"match": {"prefix": "/jwt"}, "requires": {"provider_name": "shop"}}],
    });
    let rbac = json!({
        "@type": format!("{EXTENSIONS}.rbac.v3.RBAC"),
        "rules": {"action": "DENY", "policies": {"nobody": {
            "permissions": [{"url_path": {"path": {"prefix": "/rbac"}}}],
            "principals": [{"any": true}],
        }}},
    });
    let limit = json!({
        "@type": format!("{EXTENSIONS}.local_ratelimit.v3.LocalRateLimit"),
        "stat_prefix": "all",
    });
    let behind_ours = 1;
    for (name, typed_config) in [("local_ratelimit", limit), ("rbac", rbac), ("jwt_authn", jwt)] {
        let filter = json!({"name": format!("envoy.filters.http.{name}"), "typed_config": typed_config});
        filters.insert(behind_ours, filter);
    }
    Ok(())
}

fn cluster(name: &str, endpoints: Value) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    })
}

fn endpoint(port: u16) -> Value {
    json!({"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}})
}

/// HTTP/1 stays HTTP/1 and HTTP/2 stays HTTP/2.
fn pass_protocol_on(cluster: &mut Value) {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    cluster["typed_extension_protocol_options"] = json!({ (options): {
        "@type": format!("type.googleapis.com/{options}"),
        "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
    }});
}
