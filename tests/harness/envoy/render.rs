//! Fills ports, names and addresses into the Envoy files that users run; everything else stays as it is in the files.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::Surroundings;
use crate::artefacts;
use crate::topology::Protocol;

/// Names that the files use for the workload itself and for the services it calls.
const EXAMPLE_NAMESPACE: &str = "shop";
const EXAMPLE_GATEWAY: &str = "gateway";
const EXAMPLE_SERVICE: &str = "frontend";
const EXAMPLE_HTTP_CALLEE: &str = "catalog";
const EXAMPLE_GRPC_CALLEE: &str = "currency";
const COLLECTOR: &str = "throughline-collector";
const FILTER: &str = "throughline";

/// Who a proxy says that it is, and where it listens.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The workload.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The last part of its pod's address.
    pub pod_number: u8,
    /// Envoy's admin port.
    pub admin_port: u16,
    /// Where others reach it.
    pub inbound_port: u16,
}

/// A service that a proxy sends requests to.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// The inbound port of its proxy.
    pub port: u16,
}

/// The gateway's file, filled in.
pub fn render_gateway(
    identity: &Identity,
    domain: &str,
    upstream: &Upstream,
    around: &Surroundings<'_>,
) -> Result<Value> {
    if upstream.protocol != Protocol::Http {
        bail!("the gateway's file sends HTTP/1.1, and `{}` speaks something else", upstream.name);
    }
    let mut file = read("gateway.yaml")?;
    let names = [(EXAMPLE_GATEWAY, identity.name.as_str()), (EXAMPLE_NAMESPACE, identity.namespace.as_str())];
    rename(at(&mut file, "/node")?, &names);
    let names = [(EXAMPLE_SERVICE, upstream.name.as_str()), (EXAMPLE_NAMESPACE, identity.namespace.as_str())];
    rename(at(&mut file, "/static_resources")?, &names);
    fill_identity(&mut file, identity)?;
    let listener = at(&mut file, "/static_resources/listeners/0")?;
    listen_on(listener, identity.inbound_port)?;
    let host = at(listener, &format!("{MANAGER}/route_config/virtual_hosts/0"))?;
    *at(host, "/name")? = json!(format!("{domain}:80"));
    *at(host, "/domains")? = json!([domain, format!("{domain}:*")]);
    let cluster = named(at(&mut file, "/static_resources/clusters")?, |name| name.starts_with("outbound|"))?;
    send_to(cluster, upstream.port)?;
    fill_surroundings(&mut file, around)?;
    Ok(file)
}

/// The sidecar's file, filled in; `outbound_port` is where the application sends its calls.
pub fn render_sidecar(
    identity: &Identity,
    application_port: u16,
    outbound_port: u16,
    upstreams: &[Upstream],
    around: &Surroundings<'_>,
) -> Result<Value> {
    let mut file = read("sidecar.yaml")?;
    repeat_callees(&mut file, upstreams, &identity.namespace)?;
    let names = [(EXAMPLE_SERVICE, identity.name.as_str()), (EXAMPLE_NAMESPACE, identity.namespace.as_str())];
    rename(at(&mut file, "/node")?, &names);
    let listeners = at(&mut file, "/static_resources/listeners")?;
    let inbound = named(listeners, |name| name == "virtualInbound")?;
    rename(inbound, &names);
    listen_on(inbound, identity.inbound_port)?;
    listen_on(named(listeners, |name| name == "0.0.0.0_8080")?, outbound_port)?;
    let cluster = named(at(&mut file, "/static_resources/clusters")?, |name| name == "inbound|8080||")?;
    rename(cluster, &names);
    send_to(cluster, application_port)?;
    fill_identity(&mut file, identity)?;
    fill_surroundings(&mut file, around)?;
    Ok(file)
}

/// The admin port of a filled-in file.
pub(super) fn admin_port(configuration: &Value) -> Result<u16> {
    let port = configuration.pointer("/admin/address/socket_address/port_value").and_then(Value::as_u64);
    port.and_then(|port| u16::try_from(port).ok()).context("the file has no admin port")
}

const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";

/// Puts one virtual host and one cluster for each upstream in the place of the two examples of the file.
fn repeat_callees(file: &mut Value, upstreams: &[Upstream], namespace: &str) -> Result<()> {
    let listeners = at(file, "/static_resources/listeners")?;
    let outbound = named(listeners, |name| name == "0.0.0.0_8080")?;
    let hosts = at(outbound, &format!("{MANAGER}/route_config/virtual_hosts"))?;
    *hosts = Value::Array(repeat(hosts, upstreams, namespace)?);
    let clusters = at(file, "/static_resources/clusters")?.as_array_mut().context("clusters")?;
    let (examples, mut kept): (Vec<Value>, Vec<Value>) =
        clusters.drain(..).partition(|cluster| name_of(cluster).starts_with("outbound|"));
    let mut repeated = repeat(&Value::Array(examples), upstreams, namespace)?;
    for (cluster, upstream) in repeated.iter_mut().zip(upstreams) {
        send_to(cluster, upstream.port)?;
    }
    kept.append(&mut repeated);
    *clusters = kept;
    Ok(())
}

/// One copy of the fitting example for each upstream, in the upstream's name.
fn repeat(examples: &Value, upstreams: &[Upstream], namespace: &str) -> Result<Vec<Value>> {
    let examples = examples.as_array().context("examples")?;
    let copies = upstreams.iter().map(|upstream| {
        let example_name = match upstream.protocol {
            Protocol::Http => EXAMPLE_HTTP_CALLEE,
            Protocol::Grpc => EXAMPLE_GRPC_CALLEE,
        };
        let example = examples.iter().find(|example| name_of(example).contains(example_name));
        let mut copy = example.with_context(|| format!("sidecar.yaml has no `{example_name}`"))?.clone();
        rename(&mut copy, &[(example_name, &upstream.name), (EXAMPLE_NAMESPACE, namespace)]);
        Ok(copy)
    });
    copies.collect()
}

fn fill_identity(file: &mut Value, identity: &Identity) -> Result<()> {
    let address = format!("10.0.0.{}", identity.pod_number);
    let id = at(file, "/node/id")?;
    let parts: Vec<&str> = id.as_str().context("node id")?.split('~').collect();
    let [kind, _, pod, domain] = parts[..] else { bail!("the node id has no four parts") };
    *id = json!([kind, &address, pod, domain].join("~"));
    *at(file, "/node/metadata/INSTANCE_IPS")? = json!(address);
    *at(file, "/admin/address/socket_address/port_value")? = json!(identity.admin_port);
    Ok(())
}

/// Tells every copy of the filter its module and its configuration, and the collector's cluster its address.
fn fill_surroundings(file: &mut Value, around: &Surroundings<'_>) -> Result<()> {
    let listeners = at(file, "/static_resources/listeners")?.as_array_mut().context("listeners")?;
    for listener in listeners {
        let filter = named(at(listener, &format!("{MANAGER}/http_filters"))?, |name| name == FILTER)?;
        let module = around.module.to_str().context("the module's path is not UTF-8")?;
        *at(filter, "/typed_config/config/vm_config/code/local/filename")? = json!(module);
        if let Some(configuration) = around.filter_configuration {
            let text = json!({"@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration.to_string()});
            let config = at(filter, "/typed_config/config")?.as_object_mut().context("config")?;
            config.insert("configuration".to_owned(), text);
        }
    }
    let clusters = at(file, "/static_resources/clusters")?;
    send_to(named(clusters, |name| name == COLLECTOR)?, around.collector_port)
}

fn read(name: &str) -> Result<Value> {
    let path = artefacts::root().join("envoy-config").join(name);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

/// The value at a place that the file must have.
fn at<'a>(value: &'a mut Value, pointer: &str) -> Result<&'a mut Value> {
    value.pointer_mut(pointer).with_context(|| format!("the Envoy file has no {pointer}"))
}

fn named(list: &mut Value, is_meant: impl Fn(&str) -> bool) -> Result<&mut Value> {
    let items = list.as_array_mut().context("a list of named things")?;
    items.iter_mut().find(|item| is_meant(name_of(item))).context("the Envoy file lacks a named part")
}

fn name_of(value: &Value) -> &str {
    value.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn listen_on(listener: &mut Value, port: u16) -> Result<()> {
    *at(listener, "/address/socket_address")? = json!({"address": "127.0.0.1", "port_value": port});
    Ok(())
}

fn send_to(cluster: &mut Value, port: u16) -> Result<()> {
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    *at(cluster, endpoint)? = json!({"address": "127.0.0.1", "port_value": port});
    Ok(())
}

/// Replaces whole words in every text below a value.
fn rename(value: &mut Value, names: &[(&str, &str)]) {
    match value {
        Value::String(text) => *text = rename_words(text, names),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Value::Object(members) => rename_members(members, names),
        _ => {}
    }
}

fn rename_members(members: &mut Map<String, Value>, names: &[(&str, &str)]) {
    members.values_mut().for_each(|member| rename(member, names));
}

fn rename_words(text: &str, names: &[(&str, &str)]) -> String {
    let pieces = text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
    let renamed = pieces.map(|piece| {
        let word = piece.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let rest = &piece[word.len()..];
        let new = names.iter().find(|(old, _)| *old == word).map_or(word, |(_, new)| new);
        format!("{new}{rest}")
    });
    renamed.collect()
}

#[cfg(test)]
mod tests;
