//! Which workload this proxy stands for: the node's facts, read once per configuration.

use throughline_model::attribute;
use throughline_model::mesh::{Malformed, Node, parse_resource_attributes};
use throughline_model::span::{Attribute, Resource, Value};

use crate::host::Host;

/// Attributes that the operator gives the resource, and the service's name, by OpenTelemetry's own variables.
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// Reads the node field by field, because `xds.node` as a whole may hold tens of kilobytes.
pub fn read_node(host: &mut impl Host) -> Node {
    let mut text = |path: &str| {
        let bytes = host.property(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Node {
        id: text("xds\0node\0id"),
        cluster: text("xds\0node\0cluster"),
        pod: text("xds\0node\0metadata\0NAME"),
        namespace: text("xds\0node\0metadata\0NAMESPACE"),
        workload: text("xds\0node\0metadata\0WORKLOAD_NAME"),
        canonical_name: text("xds\0node\0metadata\0LABELS\0service.istio.io/canonical-name"),
        canonical_revision: text("xds\0node\0metadata\0LABELS\0service.istio.io/canonical-revision"),
        version: text("xds\0node\0metadata\0LABELS\0app.kubernetes.io/version"),
        owner: text("xds\0node\0metadata\0OWNER"),
        node_name: text("xds\0node\0metadata\0NODE_NAME"),
        mesh_id: text("xds\0node\0metadata\0MESH_ID"),
        cluster_id: text("xds\0node\0metadata\0CLUSTER_ID"),
    }
}

/// The identity that spans carry: the node's, and what the environment says in its place. A variable that cannot be
/// read counts as absent, and is told with the second value.
pub fn read_resource(host: &mut impl Host, node: &Node) -> (Resource, Option<String>) {
    let mut resource = node.to_resource();
    let written = host.environment(RESOURCE_ATTRIBUTES).unwrap_or_default();
    let fault = match parse_resource_attributes(&written) {
        Ok(attributes) => {
            resource.override_with(attributes);
            None
        }
        Err(Malformed) => {
            Some(format!("`{RESOURCE_ATTRIBUTES}` is not a list such as `key=value,key=value`"))
        }
    };
    if let Some(name) = host.environment(SERVICE_NAME).filter(|name| !name.is_empty()) {
        let key = attribute::SERVICE_NAME.to_owned();
        resource.override_with(vec![Attribute { key, value: Value::Text(name) }]);
    }
    (resource, fault)
}
