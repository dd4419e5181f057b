//! The filter never takes traffic down, finds its collector, and leaves the collector's own traffic alone.

use serde_json::{Value, json};

use super::{Faults, of_kind, workloads};
use crate::objects::{describe, items, kind, name, namespace, plugin_configurations};

const LEAST_PRIORITY: i64 = 1000;

pub(super) fn faults(objects: &[Value]) -> Faults {
    let mut faults: Faults = objects.iter().flat_map(|object| extension_faults(object, objects)).collect();
    if !objects.iter().any(|object| !plugin_configurations(object).is_empty()) {
        faults.push("nothing brings the filter to a proxy".to_owned());
    }
    let of_istio = |object: &&Value| ["WasmPlugin", "TrafficExtension"].contains(&kind(object));
    faults.extend(module_faults(objects));
    if objects.iter().filter(of_istio).filter(|object| name(object) == "throughline").count() > 1 {
        faults.push("the filter is in each proxy twice".to_owned());
    }
    faults
}

fn extension_faults(object: &Value, objects: &[Value]) -> Faults {
    let spec = &object["spec"];
    let mut faults = match kind(object) {
        "WasmPlugin" => istio_faults(object, spec),
        "TrafficExtension" => istio_faults(object, &spec["wasm"]),
        "EnvoyExtensionPolicy" => items(&spec["wasm"])
            .filter(|wasm| wasm["failOpen"] != json!(true))
            .map(|_| format!("{}: failOpen is not true", describe(object)))
            .collect(),
        _ => return Vec::new(),
    };
    for configuration in plugin_configurations(object) {
        let cluster = configuration["collector"]["cluster"].as_str().unwrap_or_default();
        let protocol = configuration["collector"]["protocol"].as_str().unwrap_or("grpc");
        faults.extend(
            cluster_fault(cluster, protocol, objects).map(|fault| format!("{}: {fault}", describe(object))),
        );
    }
    faults
}

/// Either the collector serves the module and all fetch it there, or it does not and nobody does.
fn module_faults(objects: &[Value]) -> Faults {
    let containers = workloads(objects).flat_map(|one| items(&one["spec"]["template"]["spec"]["containers"]));
    let mut words = containers.flat_map(|container| items(&container["args"])).filter_map(Value::as_str);
    let is_served = words.any(|word| word.starts_with("--module="));
    let mut faults = Vec::new();
    for object in objects.iter().filter(|object| !plugin_configurations(object).is_empty()) {
        let pointers = ["/spec/url", "/spec/wasm/url", "/spec/wasm/0/code/http/url"];
        let urls = pointers.iter().filter_map(|pointer| object.pointer(pointer)?.as_str());
        let is_fetched = urls.into_iter().any(|url| is_module_of_collector(url, objects));
        if is_fetched != is_served {
            let is_not = if is_served { "which this does not fetch" } else { "and this fetches it" };
            let does = if is_served { "serves" } else { "does not serve" };
            faults.push(format!("{}: the collector {does} the module, {is_not}", describe(object)));
        }
    }
    faults
}

/// `/filter.wasm` at a port of a Service that speaks HTTP.
fn is_module_of_collector(url: &str, objects: &[Value]) -> bool {
    of_kind(objects, "Service").any(|service| {
        let host = format!("http://{}.{}.svc.cluster.local", name(service), namespace(service));
        let ports = items(&service["spec"]["ports"]).filter(|port| port["name"] == "http-otlp");
        ports.into_iter().any(|port| url == format!("{host}:{}/filter.wasm", port["port"]))
    })
}

/// The module has to let requests pass where it cannot be had, and to come before what may turn them away.
fn istio_faults(object: &Value, wasm: &Value) -> Faults {
    let who = describe(object);
    let mut faults = Vec::new();
    if wasm["failStrategy"] != "FAIL_OPEN" {
        faults.push(format!("{who}: failStrategy is not FAIL_OPEN"));
    }
    if object["spec"]["phase"] != "AUTHN" || object["spec"]["priority"].as_i64() < Some(LEAST_PRIORITY) {
        faults.push(format!("{who}: it is not the first filter of phase AUTHN"));
    }
    let url = wasm["url"].as_str().unwrap_or_default();
    let last = url.rsplit('/').next().unwrap_or_default();
    let is_pinned = wasm["sha256"].as_str().is_some_and(|sum| !sum.is_empty());
    let is_image = !url.starts_with("http://") && !url.starts_with("https://");
    if is_image && !is_pinned && (!last.contains(':') || last.ends_with(":latest")) {
        faults.push(format!("{who}: `{url}` names no version"));
    }
    faults
}

/// The cluster that the filter exports to exists by the names of Istio or of Envoy Gateway, and speaks the protocol.
fn cluster_fault(cluster: &str, protocol: &str, objects: &[Value]) -> Option<String> {
    let (port, service_name, place) = match cluster.split_once("||").zip(cluster.strip_prefix("outbound|")) {
        Some(((_, host), _)) => {
            let port: u64 = cluster.split('|').nth(1)?.parse().ok()?;
            let (service, rest) = host.split_once('.')?;
            (port, service, rest.strip_suffix(".svc.cluster.local")?)
        }
        None => route_target(cluster, objects)?,
    };
    let mut services = of_kind(objects, "Service");
    let service = services.find(|service| name(service) == service_name && namespace(service) == place);
    let found = service.and_then(|service| items(&service["spec"]["ports"]).find(|one| one["port"] == port));
    match found {
        None => Some(format!("no service makes the cluster `{cluster}`")),
        Some(found) if found["appProtocol"] != protocol => {
            Some(format!("the cluster `{cluster}` does not speak {protocol}"))
        }
        Some(_) => None,
    }
}

/// What stands behind `grpcroute/NAMESPACE/NAME/rule/NUMBER`; a name that nothing can be found for gives port 0.
fn route_target<'a>(cluster: &'a str, objects: &'a [Value]) -> Option<(u64, &'a str, &'a str)> {
    let parts: Vec<&str> = cluster.split('/').collect();
    let ["grpcroute", place, route, "rule", number] = parts[..] else { return Some((0, "", "")) };
    let found = of_kind(objects, "GRPCRoute").find(|one| name(one) == route && namespace(one) == place);
    let backend = found.and_then(|one| one.pointer(&format!("/spec/rules/{number}/backendRefs/0")));
    let target =
        backend.and_then(|backend| Some((backend["port"].as_u64()?, backend["name"].as_str()?, place)));
    Some(target.unwrap_or((0, "", "")))
}

/// An export that is traced makes a span that is exported.
pub(super) fn collector_is_not_traced(objects: &[Value]) -> Faults {
    let mut faults = Vec::new();
    for workload in workloads(objects) {
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        if labels["sidecar.istio.io/inject"] != "false" {
            faults.push(format!("{}: a sidecar may be injected into it", describe(workload)));
        }
        for extension in objects.iter().filter(|object| !plugin_configurations(object).is_empty()) {
            let selector = extension["spec"]["selector"]["matchLabels"].as_object();
            let meets = selector
                .is_some_and(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)));
            if meets {
                faults.push(format!("{} selects the collector", describe(extension)));
            }
        }
    }
    for place in of_kind(objects, "Namespace") {
        let labels = &place["metadata"]["labels"];
        if labels["istio-injection"] != "disabled" {
            faults.push(format!("{}: sidecars may be injected into it", describe(place)));
        }
        if labels.get("istio.io/use-waypoint").is_some() {
            faults.push(format!("{}: a waypoint stands before the collector", describe(place)));
        }
    }
    faults
}
