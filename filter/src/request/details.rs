//! Facts that Envoy has to be asked for one by one. Each costs as much as all headers together, so they are asked for
//! where somebody will look: when a request failed or was slow, unless the operator wants them always.

use throughline_model::attribute;
use throughline_model::otlp::SpanWriter;

use super::{Begun, Outcome, Role};
use crate::attributes::{Convention, EnvoyDetails, cut, host_and_port};
use crate::host::Host;

/// From here on an upstream was slow.
const SLOW_UPSTREAM_NS: u64 = 100_000_000;

/// What Envoy knows of both ends; what was not asked for or is not known is absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    attempts: Option<i64>,
    route: Option<String>,
    transport_failure: Option<String>,
    protocol: Option<String>,
    caller: Option<String>,
    upstream: Option<String>,
    first_byte_ns: Option<i64>,
    connect_ns: Option<i64>,
}

impl Details {
    /// Asks the host for what the outcome calls for.
    pub(super) fn read(host: &mut impl Host, begun: &Begun, outcome: &Outcome, wanted: EnvoyDetails) -> Self {
        let is_slow = begun.first_byte_ns.is_some_and(|time| time >= SLOW_UPSTREAM_NS);
        let is_wanted = wanted == EnvoyDetails::All || !outcome.is_good() || is_slow;
        // Only this tells whether a gateway sent the request on.
        let is_in_doubt = begun.role == Role::Gateway;
        let mut details = Self::default();
        if is_wanted || is_in_doubt {
            details.attempts = number(host, "upstream\0request_attempt_count");
        }
        if !is_wanted {
            return details;
        }
        details.route = text(host, "xds\0route_name");
        details.upstream = text(host, "upstream\0address");
        details.first_byte_ns = number(host, "response\0backend_latency");
        details.connect_ns = number(host, "upstream\0cx_pool_ready_duration");
        if outcome.has_failed_to_connect() {
            details.transport_failure = text(host, "upstream\0transport_failure_reason");
        }
        if begun.server.is_some() {
            details.protocol = text(host, "request\0protocol");
            details.caller = text(host, "source\0address");
        }
        details
    }

    /// Whether the request was sent on, or would have been but for the upstream.
    pub(super) fn was_sent_on(&self, outcome: &Outcome) -> bool {
        self.attempts.is_some_and(|attempts| attempts > 0) || outcome.has_upstream_failed()
    }

    /// Writes what concerns the caller.
    pub(super) fn write_downstream(&self, span: &mut SpanWriter<'_>) {
        if let Some(version) = self.protocol.as_deref().and_then(protocol_version) {
            span.text(attribute::NETWORK_PROTOCOL_VERSION, version);
        }
        write_peer(span, self.caller.as_deref());
    }

    /// Writes what concerns the upstream as the peer of a CLIENT span.
    pub(super) fn write_peer_upstream(&self, span: &mut SpanWriter<'_>, convention: Convention) {
        if convention == Convention::Grpc {
            span.text(attribute::NETWORK_PROTOCOL_VERSION, "2");
        }
        write_peer(span, self.upstream.as_deref());
    }

    /// Writes how it went with the upstream, on the innermost span.
    pub(super) fn write_upstream(&self, span: &mut SpanWriter<'_>) {
        let texts = [
            (attribute::ENVOY_ROUTE_NAME, &self.route),
            (attribute::ENVOY_UPSTREAM_TRANSPORT_FAILURE_REASON, &self.transport_failure),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                span.text(key, cut(value));
            }
        }
        let numbers = [
            (attribute::ENVOY_UPSTREAM_ATTEMPT_COUNT, self.attempts.filter(|attempts| *attempts > 0)),
            (attribute::ENVOY_UPSTREAM_FIRST_BYTE_NS, self.first_byte_ns),
            (attribute::ENVOY_UPSTREAM_CONNECT_NS, self.connect_ns),
        ];
        for (key, value) in numbers {
            if let Some(value) = value {
                span.int(key, value);
            }
        }
    }
}

fn write_peer(span: &mut SpanWriter<'_>, address: Option<&str>) {
    let Some(address) = address else { return };
    let (host, port) = host_and_port(address);
    span.text(attribute::NETWORK_PEER_ADDRESS, cut(host));
    if let Some(port) = port {
        span.int(attribute::NETWORK_PEER_PORT, i64::from(port));
    }
}

/// `network.protocol.version` from Envoy's name of the protocol.
fn protocol_version(protocol: &str) -> Option<&'static str> {
    match protocol {
        "HTTP/1.0" => Some("1.0"),
        "HTTP/1.1" => Some("1.1"),
        "HTTP/2" => Some("2"),
        "HTTP/3" => Some("3"),
        _ => None,
    }
}

fn number(host: &mut impl Host, path: &str) -> Option<i64> {
    let bytes: [u8; 8] = host.property(path)?.try_into().ok()?;
    Some(i64::from_le_bytes(bytes))
}

fn text(host: &mut impl Host, path: &str) -> Option<String> {
    let bytes = host.property(path).filter(|bytes| !bytes.is_empty())?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
