//! Names are legal, unique and in a namespace that exists.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Faults, of_kind, workloads};
use crate::objects::{describe, items, kind, name, namespace};

/// The namespaces that an installation finds there.
const EXISTING: [&str; 1] = ["istio-system"];
const MOST_LETTERS: usize = 63;
const MOST_LETTERS_OF_PORT: usize = 15;

pub(super) fn faults(objects: &[Value]) -> Faults {
    let made: Vec<&str> = of_kind(objects, "Namespace").map(name).collect();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for object in objects {
        let who = describe(object);
        if !is_label(name(object)) {
            faults.push(format!("{who}: the name is not one by RFC 1123"));
        }
        let place = namespace(object);
        if kind(object) != "Namespace" && !made.contains(&place) && !EXISTING.contains(&place) {
            faults.push(format!("{who}: nobody makes its namespace `{place}`"));
        }
        if !seen.insert((kind(object), place, name(object))) {
            faults.push(format!("{who} is there twice"));
        }
        if object["metadata"]["labels"]["app.kubernetes.io/part-of"] != "throughline" && !is_generated(object)
        {
            faults.push(format!("{who} has no label `app.kubernetes.io/part-of: throughline`"));
        }
    }
    let services = of_kind(objects, "Service").flat_map(|service| items(&service["spec"]["ports"]));
    let pods = workloads(objects).flat_map(|one| items(&one["spec"]["template"]["spec"]["containers"]));
    for port in services.chain(pods.flat_map(|container| items(&container["ports"]))) {
        let port = port["name"].as_str().unwrap_or_default();
        if !is_label(port) || port.len() > MOST_LETTERS_OF_PORT {
            faults.push(format!("the name `{port}` of a port is not legal"));
        }
    }
    faults
}

/// Generators of kustomize run after the labels of a base were set.
fn is_generated(object: &Value) -> bool {
    kind(object) == "ConfigMap"
}

fn is_label(text: &str) -> bool {
    let is_edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let legal = text.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-');
    legal && text.len() <= MOST_LETTERS && is_edge(text.chars().next()) && is_edge(text.chars().last())
}
