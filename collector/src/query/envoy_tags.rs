//! The tags that Envoy's own tracers write and that Kiali reads, derived from what the filter records.
//!
//! Names and values: Envoy 1.40, "Tracing" architecture page, and Istio's `istio.*` custom tags. A span that carries a tag of such
//! a name keeps its own.

use std::borrow::Cow;

use throughline_model::attribute as names;
use throughline_model::span::{Attribute, Span, Value, find};

/// Where a derived tag comes from.
enum Source {
    /// An attribute of the span, as text.
    Span(&'static str),
    /// An attribute of the resource.
    Resource(&'static str),
    /// Made of several facts.
    Made(fn(&Span) -> Option<String>),
}

const TAGS: [(&str, Source); 20] = [
    ("component", Source::Made(component)),
    ("guid:x-request-id", Source::Span(names::ENVOY_REQUEST_ID)),
    ("http.method", Source::Span(names::HTTP_REQUEST_METHOD)),
    ("http.protocol", Source::Made(protocol)),
    ("http.status_code", Source::Span(names::HTTP_RESPONSE_STATUS_CODE)),
    ("http.url", Source::Made(url)),
    ("istio.canonical_revision", Source::Resource("istio.canonical_revision")),
    ("istio.canonical_service", Source::Resource("istio.canonical_service")),
    ("istio.cluster_id", Source::Resource("istio.cluster_id")),
    ("istio.mesh_id", Source::Resource("istio.mesh_id")),
    ("istio.namespace", Source::Resource("istio.namespace")),
    ("node_id", Source::Made(node_id)),
    ("peer.address", Source::Span(names::NETWORK_PEER_ADDRESS)),
    ("response_flags", Source::Made(response_flags)),
    ("upstream_cluster", Source::Span(names::ENVOY_UPSTREAM_CLUSTER)),
    ("upstream_cluster.name", Source::Span(names::ENVOY_UPSTREAM_CLUSTER)),
    ("user_agent", Source::Span(names::USER_AGENT_ORIGINAL)),
    ("grpc.path", Source::Made(grpc_path)),
    ("grpc.status_code", Source::Span(names::RPC_RESPONSE_STATUS_CODE)),
    ("request_id", Source::Span(names::ENVOY_REQUEST_ID)),
];

/// The value that a span has under a name: its own attribute, else the derived tag.
pub(super) fn value<'a>(span: &'a Span, key: &str) -> Option<Cow<'a, Value>> {
    if let Some(own) = span.attribute(key) {
        return Some(Cow::Borrowed(own));
    }
    let (_, source) = TAGS.iter().find(|(name, _)| *name == key)?;
    derive(span, source).map(|text| Cow::Owned(Value::Text(text)))
}

/// What a tag is made of, for those who look where no span is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// No tag of Envoy has this name.
    Nowhere,
    /// An attribute of the span.
    Span(&'static str),
    /// An attribute of the resource.
    Resource(&'static str),
    /// Several facts.
    Made,
}

/// Where the tag of this name comes from.
pub(super) fn origin(key: &str) -> Origin {
    match TAGS.iter().find(|(name, _)| *name == key) {
        None => Origin::Nowhere,
        Some((_, Source::Span(key))) => Origin::Span(key),
        Some((_, Source::Resource(key))) => Origin::Resource(key),
        Some((_, Source::Made(_))) => Origin::Made,
    }
}

/// The names of all tags.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TAGS.iter().map(|(name, _)| *name)
}

/// The derived tags that a span does not carry itself.
pub(super) fn derived(span: &Span) -> Vec<Attribute> {
    TAGS.iter()
        .filter(|(name, _)| span.attribute(name).is_none())
        .filter_map(|(name, source)| {
            Some(Attribute { key: (*name).to_owned(), value: Value::Text(derive(span, source)?) })
        })
        .collect()
}

fn derive(span: &Span, source: &Source) -> Option<String> {
    // Only a proxy's span may look like one.
    span.attribute(names::ROLE)?;
    match source {
        Source::Span(key) => span.attribute(key).and_then(text),
        Source::Resource(key) => of_resource(span, key),
        Source::Made(make) => make(span),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn own(span: &Span, key: &str) -> Option<String> {
    span.attribute(key).and_then(text)
}

fn of_resource(span: &Span, key: &str) -> Option<String> {
    find(&span.resource.attributes, key).and_then(text)
}

fn component(_: &Span) -> Option<String> {
    Some("proxy".to_owned())
}

fn protocol(span: &Span) -> Option<String> {
    own(span, names::NETWORK_PROTOCOL_VERSION).map(|version| format!("HTTP/{version}"))
}

/// The flags as Envoy writes them: `-` for none.
fn response_flags(span: &Span) -> Option<String> {
    Some(own(span, names::ENVOY_RESPONSE_FLAGS).unwrap_or_else(|| "-".to_owned()))
}

fn grpc_path(span: &Span) -> Option<String> {
    own(span, names::RPC_METHOD).map(|method| format!("/{method}"))
}

fn url(span: &Span) -> Option<String> {
    if let Some(full) = own(span, names::URL_FULL) {
        return Some(full);
    }
    let host = own(span, names::SERVER_ADDRESS)?;
    let scheme = own(span, names::URL_SCHEME).unwrap_or_else(|| "http".to_owned());
    let port = own(span, names::SERVER_PORT).map(|port| format!(":{port}")).unwrap_or_default();
    let path = own(span, names::URL_PATH).unwrap_or_default();
    let query = own(span, names::URL_QUERY).map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{scheme}://{host}{port}{path}{query}"))
}

/// `sidecar~ip~pod.namespace~namespace.svc.cluster.local`; the address is empty where nobody told it.
fn node_id(span: &Span) -> Option<String> {
    let pod = of_resource(span, names::K8S_POD_NAME)?;
    let namespace = of_resource(span, names::K8S_NAMESPACE_NAME)?;
    let kind = match span.attribute(names::ROLE).and_then(Value::as_text) {
        Some("gateway") => "router",
        _ => "sidecar",
    };
    let address = of_resource(span, "k8s.pod.ip").unwrap_or_default();
    Some(format!("{kind}~{address}~{pod}.{namespace}~{namespace}.svc.cluster.local"))
}

#[cfg(test)]
mod tests;
