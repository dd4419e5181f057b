//! Traces as the filter's proxies send them: a gateway and up to seven services, two spans for each hop.

use std::sync::Arc;

use throughline_model::attribute as names;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

const SERVICES: [&str; 10] =
    ["gateway", "frontend", "cart", "checkout", "payment", "shipping", "currency", "catalog", "ads", "email"];
const PODS: u64 = 3;
/// A call in so many fails.
const FAILING: u64 = 100;

/// Numbers that look random and are the same in every run.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// The id of a trace by its number, for those who ask for it later.
pub(crate) fn trace_id(number: u64) -> TraceId {
    let mut numbers = Numbers::new(number.wrapping_mul(2) + 1);
    let bytes: Vec<u8> =
        [numbers.next(), numbers.next() | 1].into_iter().flat_map(u64::to_be_bytes).collect();
    TraceId::from_bytes(&bytes).expect("its last bit is one")
}

/// Who sends spans.
pub(crate) struct Mesh {
    resources: Vec<Arc<Resource>>,
    numbers: Numbers,
}

impl Mesh {
    pub(crate) fn new() -> Self {
        let resources =
            SERVICES.iter().flat_map(|service| (0..PODS).map(|pod| Arc::new(resource(service, pod))));
        Self { resources: resources.collect(), numbers: Numbers::new(7) }
    }

    /// The spans of one trace that starts at a moment.
    pub(crate) fn trace(&mut self, number: u64, start_unix_ns: u64, spans: &mut Vec<Span>) {
        let hops = 2 + self.numbers.below(5);
        let request_id = self.uuid();
        let trace_id = trace_id(number);
        let mut path = String::from("gateway");
        let mut parent = None;
        let (mut start, mut duration) = (start_unix_ns, 1_000_000 + self.skewed(60_000_000));
        let mut service = 0;
        for depth in 1..=hops {
            let failed = self.numbers.below(FAILING) == 0;
            let mut call =
                Call { trace_id, request_id: &request_id, path: &path, depth, start, duration, failed };
            let server = call.span(self, service, SpanKind::Server, parent);
            parent = Some(server.span_id);
            spans.push(server);
            if depth == hops {
                break;
            }
            call.start += 50_000 + self.numbers.below(400_000);
            call.duration = duration - duration / 5 - self.numbers.below(duration / 10);
            let client = call.span(self, service, SpanKind::Client, parent);
            parent = Some(client.span_id);
            (start, duration) = (call.start + 100_000, call.duration - call.duration / 20);
            spans.push(client);
            service = 1 + self.numbers.below(SERVICES.len() as u64 - 1) as usize;
            path = format!("{path}>{}", SERVICES[service]);
        }
    }

    /// Mostly small, seldom near the limit.
    fn skewed(&mut self, limit: u64) -> u64 {
        let (one, other) = (self.numbers.below(1_000), self.numbers.below(1_000));
        limit * one * other / 1_000_000 * self.numbers.below(1_000) / 1_000
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.numbers.next(), self.numbers.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }
}

struct Call<'a> {
    trace_id: TraceId,
    request_id: &'a str,
    path: &'a str,
    depth: u64,
    start: u64,
    duration: u64,
    failed: bool,
}

impl Call<'_> {
    fn span(&self, mesh: &mut Mesh, service: usize, kind: SpanKind, parent: Option<SpanId>) -> Span {
        let id = (mesh.numbers.next() | 1).to_be_bytes();
        let (role, link) = match (kind, service) {
            (SpanKind::Client, _) => ("outbound", Some("propagated")),
            (_, 0) => ("gateway", None),
            _ => ("inbound", None),
        };
        let name = SERVICES[service];
        let status = if self.failed { 503 } else { 200 };
        let mut attributes = vec![
            text(names::HTTP_REQUEST_METHOD, "GET"),
            text(names::URL_PATH, &format!("/api/{name}/items/{}", mesh.numbers.below(20_000))),
            text(names::URL_SCHEME, "http"),
            text(names::SERVER_ADDRESS, &format!("{name}.shop.svc.cluster.local")),
            number(names::SERVER_PORT, 8080),
            number(names::HTTP_RESPONSE_STATUS_CODE, status),
            text(names::ENVOY_UPSTREAM_CLUSTER, &format!("outbound|8080||{name}.shop.svc.cluster.local")),
            text(names::ENVOY_RESPONSE_CODE_DETAILS, "via_upstream"),
            text(names::ENVOY_REQUEST_ID, self.request_id),
            number(names::DEPTH, self.depth as i64),
            text(names::PATH, self.path),
            text(names::ROLE, role),
        ];
        attributes.extend(link.map(|link| text(names::LINK_KIND, link)));
        attributes.extend(self.failed.then(|| text(names::ERROR_TYPE, "503")));
        let pod = mesh.numbers.below(PODS) as usize;
        Span {
            trace_id: self.trace_id,
            span_id: SpanId::from_bytes(&id).expect("its last bit is one"),
            parent_span_id: parent,
            trace_state: String::new(),
            flags: 1,
            name: format!("GET /api/{name}/items/{{id}}"),
            kind,
            start_unix_ns: self.start,
            end_unix_ns: self.start + self.duration,
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            status: if self.failed { StatusCode::Error } else { StatusCode::Unset },
            status_message: String::new(),
            resource: Arc::clone(&mesh.resources[service * PODS as usize + pod]),
        }
    }
}

fn resource(service: &str, pod: u64) -> Resource {
    let pod = format!("{service}-7c9f8d6b5-{pod:05}");
    Resource {
        attributes: vec![
            text(names::SERVICE_NAME, service),
            text(names::SERVICE_NAMESPACE, "shop"),
            text(names::SERVICE_VERSION, "v1"),
            text(names::SERVICE_INSTANCE_ID, &format!("shop.{pod}")),
            text(names::K8S_POD_NAME, &pod),
            text(names::K8S_NAMESPACE_NAME, "shop"),
        ],
    }
}

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

fn number(key: &str, value: i64) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Int(value) }
}
