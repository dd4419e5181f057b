//! Traces of a web shop whose services each sit behind a proxy, with the attributes that the filter sends.

use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use super::mix;

/// Spans of one trace: the entry, and a client and a server span for each call.
pub const SPANS_PER_TRACE: usize = 1 + 2 * CALLS.len();

/// Start of every template's time; patched before sending.
const EPOCH_UNIX_NS: u64 = 1_700_000_000_000_000_000;

const SERVICES: [&str; 10] =
    ["gateway", "frontend", "catalog", "cart", "checkout", "payment", "shipping", "currency", "email", "ads"];

/// Who calls whom, with which method and path; the caller was called by an earlier line, or is the gateway.
const CALLS: [(usize, usize, &str, &str); 11] = [
    (0, 1, "GET", "/shop/{}"),
    (1, 2, "GET", "/api/catalog/items/{}"),
    (1, 9, "GET", "/api/ads/placement/{}"),
    (1, 3, "POST", "/api/cart/{}/items"),
    (3, 7, "GET", "/api/currency/convert/{}"),
    (1, 4, "POST", "/api/checkout/{}"),
    (4, 3, "GET", "/api/cart/{}"),
    (4, 5, "POST", "/api/payment/{}/charge"),
    (4, 6, "POST", "/api/shipping/{}/quote"),
    (6, 7, "GET", "/api/currency/rates/{}"),
    (4, 8, "POST", "/api/email/{}/confirmation"),
];

/// The spans of some traces, by the proxy that sends them.
pub(super) fn spans(variant: u64, traces: usize) -> Vec<Vec<Span>> {
    let resources: Vec<Arc<Resource>> = SERVICES.iter().map(|service| Arc::new(resource(service))).collect();
    let mut by_sender: Vec<Vec<Span>> = SERVICES.iter().map(|_| Vec::new()).collect();
    for trace in 0..traces {
        let seed = mix(variant << 32 | trace as u64);
        let mut plan = Plan { seed, drawn: 0, resources: &resources, by_sender: &mut by_sender };
        plan.trace();
    }
    by_sender
}

fn resource(service: &str) -> Resource {
    let attributes = [
        (attribute::SERVICE_NAME, service.to_owned()),
        (attribute::SERVICE_NAMESPACE, "shop".to_owned()),
        (attribute::SERVICE_VERSION, "v1".to_owned()),
        (attribute::SERVICE_INSTANCE_ID, format!("shop.{service}-6f7c9d5b8-x2x7k")),
        (attribute::K8S_NAMESPACE_NAME, "shop".to_owned()),
        (attribute::K8S_POD_NAME, format!("{service}-6f7c9d5b8-x2x7k")),
    ];
    Resource { attributes: attributes.map(|(key, value)| text(key, value)).into() }
}

fn text(key: &str, value: impl Into<String>) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.into()) }
}

fn number(key: &str, value: i64) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Int(value) }
}

/// One trace in the making.
struct Plan<'a> {
    seed: u64,
    drawn: u64,
    resources: &'a [Arc<Resource>],
    by_sender: &'a mut [Vec<Span>],
}

/// What both ends of a call say of it.
struct Call<'a> {
    method: &'a str,
    path: String,
    callee: &'a str,
    request_id: &'a str,
    depth: i64,
    is_error: bool,
}

impl Plan<'_> {
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        // Far apart, so that no two traces ever draw the same.
        mix(self.seed.wrapping_add(self.drawn.wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }

    fn span_id(&mut self) -> SpanId {
        SpanId::from_bytes(&self.draw().to_be_bytes()).unwrap_or(SpanId::ONE)
    }

    fn trace(&mut self) {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.draw().to_be_bytes());
        bytes[8..].copy_from_slice(&self.draw().to_be_bytes());
        let trace_id = TraceId::from_bytes(&bytes).unwrap_or(TraceId::ONE);
        let (one, two) = (self.draw(), self.draw());
        let request_id = format!(
            "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
            one >> 32,
            one & 0xffff,
            one >> 20 & 0xfff,
            two & 0xfff,
            two >> 16
        );
        // Every start and end is of its own, so that they can be found again in the encoded message.
        let begin_ns = EPOCH_UNIX_NS + self.draw() % 1_000_000_000;
        let total_ns = 20_000_000 + self.draw() % 80_000_000;
        let is_failing = self.draw().is_multiple_of(50);
        let mut servers: Vec<(usize, SpanId, u64, u64, i64)> = Vec::new();
        let entry = self.span_id();
        let shop = Call {
            method: "GET",
            path: format!("/shop/{}", self.draw() % 10_000),
            callee: "gateway",
            request_id: &request_id,
            depth: 1,
            is_error: is_failing,
        };
        let end_ns = begin_ns + total_ns;
        self.push(0, trace_id, entry, None, SpanKind::Server, (begin_ns, end_ns), &shop);
        servers.push((0, entry, begin_ns, end_ns, 1));
        for (line, (caller, callee, method, path)) in CALLS.iter().enumerate() {
            let known = servers.iter().rev().find(|(service, ..)| service == caller).copied();
            let Some((_, parent, from_ns, to_ns, depth)) = known else { continue };
            let path = path.replace("{}", &(self.draw() % 10_000).to_string());
            let callee_name = SERVICES.get(*callee).copied().unwrap_or_default();
            let is_error = is_failing && line == 7;
            let call = Call {
                method,
                path,
                callee: callee_name,
                request_id: &request_id,
                depth: depth + 1,
                is_error,
            };
            let (client, server) = (self.span_id(), self.span_id());
            let step = (to_ns - from_ns) / 16;
            let client_times = (from_ns + step + self.draw() % step, to_ns - step - self.draw() % step);
            let server_times = (
                client_times.0 + 200_000 + self.draw() % 100_000,
                client_times.1 - 200_000 - self.draw() % 100_000,
            );
            self.push(*caller, trace_id, client, Some(parent), SpanKind::Client, client_times, &call);
            self.push(*callee, trace_id, server, Some(client), SpanKind::Server, server_times, &call);
            servers.push((*callee, server, server_times.0, server_times.1, depth + 1));
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a span, each once")]
    fn push(
        &mut self,
        sender: usize,
        trace_id: TraceId,
        span_id: SpanId,
        parent_span_id: Option<SpanId>,
        kind: SpanKind,
        (start_unix_ns, end_unix_ns): (u64, u64),
        call: &Call<'_>,
    ) {
        let is_client = kind == SpanKind::Client;
        let status = if call.is_error { 503 } else { 200 };
        let mut attributes = vec![
            text(attribute::HTTP_REQUEST_METHOD, call.method),
            number(attribute::HTTP_RESPONSE_STATUS_CODE, status),
            text(attribute::URL_PATH, call.path.as_str()),
            text(attribute::URL_SCHEME, "http"),
            text(attribute::SERVER_ADDRESS, format!("{}.shop.svc.cluster.local", call.callee)),
            number(attribute::SERVER_PORT, 8080),
            text(attribute::NETWORK_PROTOCOL_VERSION, "1.1"),
            text(attribute::ENVOY_REQUEST_ID, call.request_id),
            text(attribute::ROLE, if is_client { "outbound" } else { "inbound" }),
            number(attribute::DEPTH, call.depth),
        ];
        if is_client {
            attributes.push(text(attribute::LINK_KIND, "propagated"));
            attributes.push(text(
                attribute::ENVOY_UPSTREAM_CLUSTER,
                format!("outbound|8080||{}.shop.svc.cluster.local", call.callee),
            ));
        }
        if call.is_error {
            attributes.push(text(attribute::ERROR_TYPE, "503"));
        }
        let span = Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state: String::new(),
            flags: 0x101,
            name: call.method.to_owned(),
            kind,
            start_unix_ns,
            end_unix_ns,
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            status: if call.is_error { StatusCode::Error } else { StatusCode::Unset },
            status_message: String::new(),
            resource: Arc::clone(self.resources.get(sender).unwrap_or(&self.resources[0])),
        };
        self.by_sender[sender].push(span);
    }
}
