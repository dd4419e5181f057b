//! Pods keep to the restricted profile, name their images for good, and mount what is there.

use serde_json::{Value, json};

use super::{Faults, of_kind, workloads};
use crate::objects::{describe, items, name, namespace};

pub(super) fn faults(objects: &[Value]) -> Faults {
    workloads(objects).flat_map(|workload| workload_faults(workload, objects)).collect()
}

fn workload_faults(workload: &Value, objects: &[Value]) -> Faults {
    let who = describe(workload);
    let pod = &workload["spec"]["template"]["spec"];
    let mut faults = Vec::new();
    if workload["spec"]["replicas"] != 1 {
        faults
            .push(format!("{who}: the spans of a trace meet in one replica, so there has to be exactly one"));
    }
    for (pointer, right) in [
        ("/securityContext/runAsNonRoot", json!(true)),
        ("/securityContext/seccompProfile/type", json!("RuntimeDefault")),
        ("/automountServiceAccountToken", json!(false)),
    ] {
        if pod.pointer(pointer) != Some(&right) {
            faults.push(format!("{who}: {pointer} of its pod is not {right}"));
        }
    }
    for container in items(&pod["containers"]) {
        faults.extend(container_faults(&who, container));
        faults.extend(mount_faults(&who, container, workload));
    }
    faults.extend(volume_faults(&who, workload, objects));
    faults
}

fn container_faults(who: &str, container: &Value) -> Faults {
    let mut faults = Vec::new();
    for (pointer, right) in [
        ("/securityContext/allowPrivilegeEscalation", json!(false)),
        ("/securityContext/readOnlyRootFilesystem", json!(true)),
        ("/securityContext/capabilities/drop", json!(["ALL"])),
    ] {
        if container.pointer(pointer) != Some(&right) {
            faults.push(format!("{who}: {pointer} of a container is not {right}"));
        }
    }
    for pointer in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"] {
        if container.pointer(pointer).is_none() {
            faults.push(format!("{who}: a container has no {pointer}"));
        }
    }
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let port = &container[probe]["httpGet"]["port"];
        if !items(&container["ports"]).any(|one| one["name"] == *port) {
            faults.push(format!("{who}: the {probe} asks at a port {port} that the container has not"));
        }
    }
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    if tag.is_none_or(|tag| tag.is_empty() || tag == "latest") {
        faults.push(format!("{who}: the image `{image}` has no tag of its own and no digest"));
    }
    faults
}

/// What a container mounts is a volume or a claim of its pod.
fn mount_faults(who: &str, container: &Value, workload: &Value) -> Faults {
    let volumes = items(&workload["spec"]["template"]["spec"]["volumes"]).map(|one| &one["name"]);
    let claims = items(&workload["spec"]["volumeClaimTemplates"]).map(|one| &one["metadata"]["name"]);
    let known: Vec<&Value> = volumes.chain(claims).collect();
    let mounts = items(&container["volumeMounts"]).map(|mount| &mount["name"]);
    mounts
        .filter(|mount| !known.contains(mount))
        .map(|mount| format!("{who} mounts {mount}, which is not a volume of its pod"))
        .collect()
}

/// The ConfigMaps, Secrets and accounts that a pod names are applied with it.
fn volume_faults(who: &str, workload: &Value, objects: &[Value]) -> Faults {
    let place = namespace(workload);
    let pod = &workload["spec"]["template"]["spec"];
    let maps = items(&pod["volumes"]).filter_map(|volume| volume["configMap"]["name"].as_str());
    let variables = items(&pod["containers"]).flat_map(|container| items(&container["envFrom"]));
    let maps = maps.chain(variables.filter_map(|source| source["configMapRef"]["name"].as_str()));
    let account = pod["serviceAccountName"].as_str().map(|account| ("ServiceAccount", account));
    let named = maps.map(|map| ("ConfigMap", map)).chain(account);
    named
        .filter(|(kind, wanted)| {
            !of_kind(objects, kind).any(|one| name(one) == *wanted && namespace(one) == place)
        })
        .map(|(kind, wanted)| format!("{who}: there is no {kind} {wanted}"))
        .collect()
}
