//! Who a proxy stands for: workload identity and proxy role, from what Envoy knows of its own node.

mod environment;

use crate::attribute;
use crate::span::{Attribute, Resource, Value};

pub use environment::{Malformed, parse_resource_attributes};

/// What a proxy is in the mesh, from the first part of an Istio node id (`sidecar~ip~pod.ns~domain`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// Beside one workload, with an inbound and an outbound listener.
    Sidecar,
    /// Where requests enter the mesh.
    Gateway,
    /// Between workloads, for many of them.
    Waypoint,
    /// No Istio node id: the listener's direction decides.
    Plain,
}

impl ProxyKind {
    /// The kind that a node id names.
    pub fn from_node_id(node_id: &str) -> Self {
        match node_id.split('~').next() {
            Some("sidecar") => Self::Sidecar,
            Some("router") => Self::Gateway,
            Some("waypoint") => Self::Waypoint,
            _ => Self::Plain,
        }
    }
}

/// What Envoy's node says; empty strings where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// `node.id`.
    pub id: String,
    /// `node.cluster`: in Istio `<app>.<namespace>`.
    pub cluster: String,
    /// `node.metadata.NAME`: the pod.
    pub pod: String,
    /// `node.metadata.NAMESPACE`.
    pub namespace: String,
    /// `node.metadata.WORKLOAD_NAME`.
    pub workload: String,
    /// Label `service.istio.io/canonical-name`.
    pub canonical_name: String,
    /// Label `service.istio.io/canonical-revision`.
    pub canonical_revision: String,
    /// Label `app.kubernetes.io/version`.
    pub version: String,
    /// `node.metadata.OWNER`: in Istio the path of the workload's own Kubernetes object.
    pub owner: String,
    /// `node.metadata.NODE_NAME`: the machine.
    pub node_name: String,
    /// `node.metadata.MESH_ID`.
    pub mesh_id: String,
    /// `node.metadata.CLUSTER_ID`.
    pub cluster_id: String,
}

impl Node {
    /// The service: canonical name, else workload, else the cluster without its namespace, else the pod, else
    /// the node id, else `unknown_service`.
    pub fn service_name(&self) -> &str {
        let cluster = self.cluster.split('.').next().unwrap_or_default();
        [&self.canonical_name, &self.workload, cluster, self.pod_name(), &self.id]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("unknown_service")
    }

    /// The pod from the metadata, else from the node id.
    pub fn pod_name(&self) -> &str {
        if self.pod.is_empty() { self.pod_and_namespace().0 } else { &self.pod }
    }

    /// The namespace from the metadata, else from the node id.
    pub fn namespace_name(&self) -> &str {
        if self.namespace.is_empty() { self.pod_and_namespace().1 } else { &self.namespace }
    }

    fn pod_and_namespace(&self) -> (&str, &str) {
        let third = if ProxyKind::from_node_id(&self.id) == ProxyKind::Plain {
            None
        } else {
            self.id.split('~').nth(2)
        };
        third.and_then(|name| name.rsplit_once('.')).unwrap_or_default()
    }

    /// The version label, else the canonical revision.
    fn service_version(&self) -> &str {
        if self.version.is_empty() { &self.canonical_revision } else { &self.version }
    }

    /// The key and name of the Kubernetes object that made the pod.
    fn owner_fact(&self) -> (&'static str, &str) {
        let mut parts = self.owner.rsplit('/');
        let (name, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let key = match kind {
            "deployments" => "k8s.deployment.name",
            "replicasets" => "k8s.replicaset.name",
            "statefulsets" => "k8s.statefulset.name",
            "daemonsets" => "k8s.daemonset.name",
            "cronjobs" => "k8s.cronjob.name",
            "jobs" => "k8s.job.name",
            _ => return ("", ""),
        };
        (key, name)
    }

    /// The identity as OpenTelemetry resource attributes; facts that are not known are left out.
    pub fn to_resource(&self) -> Resource {
        let (namespace, pod) = (self.namespace_name(), self.pod_name());
        let instance = if pod.is_empty() { String::new() } else { format!("{namespace}.{pod}") };
        let facts = [
            (attribute::SERVICE_NAME, self.service_name()),
            (attribute::SERVICE_NAMESPACE, namespace),
            (attribute::SERVICE_VERSION, self.service_version()),
            (attribute::SERVICE_INSTANCE_ID, instance.as_str()),
            (attribute::K8S_NAMESPACE_NAME, namespace),
            (attribute::K8S_POD_NAME, pod),
            self.owner_fact(),
            ("k8s.node.name", self.node_name.as_str()),
            ("k8s.cluster.name", self.cluster_id.as_str()),
            ("istio.mesh_id", self.mesh_id.as_str()),
            ("istio.cluster_id", self.cluster_id.as_str()),
            ("istio.namespace", self.namespace.as_str()),
            ("istio.canonical_service", self.canonical_name.as_str()),
            ("istio.canonical_revision", self.canonical_revision.as_str()),
        ];
        let attributes = facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) })
            .collect();
        Resource { attributes }
    }
}

#[cfg(test)]
mod tests;
