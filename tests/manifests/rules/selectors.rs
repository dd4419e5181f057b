//! Selectors meet pods, and ports that are named exist.

use serde_json::{Map, Value};

use super::{Faults, of_kind, workloads};
use crate::objects::{describe, items, kind, name, namespace};

pub(super) fn faults(objects: &[Value]) -> Faults {
    let mut faults = Vec::new();
    for workload in workloads(objects) {
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        if !is_met(&workload["spec"]["selector"]["matchLabels"], labels) {
            faults.push(format!("{}: its selector does not match its pods", describe(workload)));
        }
    }
    faults.extend(of_kind(objects, "Service").flat_map(|service| service_faults(service, objects)));
    for (kind, pointer) in [
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
        ("PeerAuthentication", "/spec/selector/matchLabels"),
    ] {
        for object in of_kind(objects, kind) {
            let selector = object.pointer(pointer).unwrap_or(&Value::Null);
            if pod_of(objects, namespace(object), selector).is_none() {
                faults.push(format!("{} matches no pod", describe(object)));
            }
        }
    }
    faults.extend(of_kind(objects, "NetworkPolicy").flat_map(|policy| policy_faults(policy, objects)));
    faults.extend(of_kind(objects, "DestinationRule").filter_map(|rule| rule_fault(rule, objects)));
    faults.extend(of_kind(objects, "ServiceMonitor").flat_map(|monitor| monitor_faults(monitor, objects)));
    faults
}

/// Whether labels have everything that a selector asks for; an empty selector asks for nothing and is not meant here.
fn is_met(selector: &Value, labels: &Value) -> bool {
    let empty = Map::new();
    let wanted = selector.as_object().unwrap_or(&empty);
    !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The workload whose pods a selector meets.
fn pod_of<'a>(objects: &'a [Value], place: &str, selector: &Value) -> Option<&'a Value> {
    workloads(objects).find(|one| {
        namespace(one) == place && is_met(selector, &one["spec"]["template"]["metadata"]["labels"])
    })
}

/// The ports of a workload's containers.
fn ports_of(workload: &Value) -> impl Iterator<Item = &Value> {
    items(&workload["spec"]["template"]["spec"]["containers"]).flat_map(|one| items(&one["ports"]))
}

/// A rule for a host that no Service has does nothing, and says nothing.
fn rule_fault(rule: &Value, objects: &[Value]) -> Option<String> {
    let host_of = |service: &Value| format!("{}.{}.svc.cluster.local", name(service), namespace(service));
    let is_met = of_kind(objects, "Service").any(|service| rule["spec"]["host"] == host_of(service).as_str());
    (!is_met).then(|| format!("{}: no Service has the host {}", describe(rule), rule["spec"]["host"]))
}

fn service_faults(service: &Value, objects: &[Value]) -> Faults {
    let who = describe(service);
    let Some(workload) = pod_of(objects, namespace(service), &service["spec"]["selector"]) else {
        return vec![format!("{who} matches no pod")];
    };
    let mut faults = Vec::new();
    for port in items(&service["spec"]["ports"]) {
        let label = port["name"].as_str().unwrap_or_default();
        if !ports_of(workload).any(|one| one["name"] == port["targetPort"]) {
            faults.push(format!("{who}: no container has the port {}", port["targetPort"]));
        }
        // Istio makes an HTTP/2 cluster of a port only where its name or appProtocol says gRPC.
        let by_name = label == "grpc" || label.starts_with("grpc-");
        if by_name != (port["appProtocol"] == "grpc") {
            faults
                .push(format!("{who}: the name and the appProtocol of port `{label}` contradict each other"));
        }
        if label.split('-').next().is_none_or(|first| !["grpc", "http"].contains(&first)) {
            faults.push(format!("{who}: the name of port `{label}` does not begin with its protocol"));
        }
    }
    faults
}

fn policy_faults(policy: &Value, objects: &[Value]) -> Faults {
    let selector = &policy["spec"]["podSelector"]["matchLabels"];
    let Some(workload) = pod_of(objects, namespace(policy), selector) else { return Vec::new() };
    let rules = || items(&policy["spec"]["ingress"]);
    let allowed: Vec<&Value> =
        rules().flat_map(|rule| items(&rule["ports"])).map(|one| &one["port"]).collect();
    let known: Vec<&Value> = ports_of(workload).map(|one| &one["name"]).collect();
    let unknown = allowed.iter().filter(|port| port.is_string() && !known.contains(port));
    let closed = known.iter().filter(|port| !allowed.contains(port));
    let who = describe(policy);
    unknown
        .map(|port| format!("{who} allows a port {port} that no container has"))
        .chain(closed.map(|port| format!("{who} lets nobody reach the port {port}")))
        .collect()
}

fn monitor_faults(monitor: &Value, objects: &[Value]) -> Faults {
    let service = of_kind(objects, "Service").find(|service| {
        namespace(service) == namespace(monitor)
            && is_met(&monitor["spec"]["selector"]["matchLabels"], &service["metadata"]["labels"])
    });
    let Some(service) = service else { return vec![format!("{} matches no service", describe(monitor))] };
    let has_port = |port: &Value| items(&service["spec"]["ports"]).any(|one| one["name"] == *port);
    let endpoints = items(&monitor["spec"]["endpoints"]);
    endpoints
        .filter(|endpoint| !has_port(&endpoint["port"]))
        .map(|endpoint| {
            format!(
                "{}: {} {} has no port {}",
                describe(monitor),
                kind(service),
                name(service),
                endpoint["port"]
            )
        })
        .collect()
}
