//! Names of the attributes that both sides know: OpenTelemetry semantic conventions 1.44.0, and our own.

/// The semantic conventions these names are taken from.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The service a resource belongs to.
pub const SERVICE_NAME: &str = "service.name";
/// The namespace of the service.
pub const SERVICE_NAMESPACE: &str = "service.namespace";
/// The revision of the service.
pub const SERVICE_VERSION: &str = "service.version";
/// One instance of the service: `namespace.pod`.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// The pod the proxy runs in.
pub const K8S_POD_NAME: &str = "k8s.pod.name";
/// The Kubernetes namespace of the pod.
pub const K8S_NAMESPACE_NAME: &str = "k8s.namespace.name";

/// The request method.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// The response status code, an integer.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// The method as it came, where it is none of the known ones.
pub const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
/// The route that the request matched, such as `/users/{id}`.
pub const HTTP_ROUTE: &str = "http.route";
/// The path without query.
pub const URL_PATH: &str = "url.path";
/// The query, without what gives access to something.
pub const URL_QUERY: &str = "url.query";
/// The whole address that was asked for, on CLIENT spans; credentials are left out.
pub const URL_FULL: &str = "url.full";
/// `http` or `https`.
pub const URL_SCHEME: &str = "url.scheme";
/// The host that was asked for.
pub const SERVER_ADDRESS: &str = "server.address";
/// The port that was asked for, an integer.
pub const SERVER_PORT: &str = "server.port";
/// Who began the request, by the word of the proxies on the way.
pub const CLIENT_ADDRESS: &str = "client.address";
/// The address at the other end of the connection.
pub const NETWORK_PEER_ADDRESS: &str = "network.peer.address";
/// Its port, an integer.
pub const NETWORK_PEER_PORT: &str = "network.peer.port";
/// `1.0`, `1.1`, `2` or `3`.
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
/// The program that asked.
pub const USER_AGENT_ORIGINAL: &str = "user_agent.original";
/// The protocol of a remote procedure call: `grpc`.
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
/// `package.Service/Method`.
pub const RPC_METHOD: &str = "rpc.method";
/// The gRPC status by its name, such as `OK` or `UNAVAILABLE`.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
/// What kind of error ended the operation.
pub const ERROR_TYPE: &str = "error.type";
/// Prefix of captured request headers; the header's lower-case name follows.
pub const HTTP_REQUEST_HEADER_PREFIX: &str = "http.request.header.";

/// Envoy's name for the cluster the request was sent to.
pub const ENVOY_UPSTREAM_CLUSTER: &str = "envoy.upstream_cluster";
/// Envoy's response flags as short codes, such as `UF`.
pub const ENVOY_RESPONSE_FLAGS: &str = "envoy.response_flags";
/// Envoy's response code details, cut at `{`.
pub const ENVOY_RESPONSE_CODE_DETAILS: &str = "envoy.response_code_details";
/// The name of Envoy's route.
pub const ENVOY_ROUTE_NAME: &str = "envoy.route_name";
/// How often the request was sent on, retries included, an integer.
pub const ENVOY_UPSTREAM_ATTEMPT_COUNT: &str = "envoy.upstream.attempt_count";
/// Why no connection to the upstream came about.
pub const ENVOY_UPSTREAM_TRANSPORT_FAILURE_REASON: &str = "envoy.upstream.transport_failure_reason";
/// Nanoseconds from the request's first byte sent to the response's first byte received, an integer.
pub const ENVOY_UPSTREAM_FIRST_BYTE_NS: &str = "envoy.upstream.first_byte_ns";
/// Nanoseconds until a connection to the upstream was ready, an integer.
pub const ENVOY_UPSTREAM_CONNECT_NS: &str = "envoy.upstream.connect_ns";
/// The `x-request-id` of the request.
pub const ENVOY_REQUEST_ID: &str = "envoy.request_id";

/// How an outbound call was tied to the request that caused it: see [`crate::link::LinkKind`].
pub const LINK_KIND: &str = "throughline.link.kind";
/// How many inbound requests could have caused a call whose link is `none`, where that is known.
pub const LINK_CANDIDATES: &str = "throughline.link.candidates";
/// Those requests as `<trace id>-<span id>`, where they are known and at most 16.
pub const LINK_CANDIDATE_IDS: &str = "throughline.link.candidate_ids";
/// On a span link: why the other trace is linked, `restart` or `other-format`.
pub const LINKED_REASON: &str = "throughline.linked.reason";
/// Hops from the entry to here, an integer; the entry itself is 1.
pub const DEPTH: &str = "throughline.depth";
/// The workloads passed so far, joined by `>`.
pub const PATH: &str = "throughline.path";
/// Why a span is there although its trace is not recorded: `error`, `slow` or `descendant`.
pub const SAMPLED_REASON: &str = "throughline.sampled.reason";
/// `true` for a span that tells no more than ids, times, kind and route, because its trace is not recorded.
pub const STUB: &str = "throughline.stub";
/// On a span as the collector shows it: how many attributes, events, links, nested values and ends of long texts were left
/// out of it because they went beyond the limits, an integer.
pub const CUT: &str = "throughline.cut";
/// How many spans a proxy had to drop, an integer: on a span that it sends for that alone, named [`DROPPED_SPAN_NAME`], which
/// lasts from the end of the first of them to that of the last.
pub const DROPPED_SPANS: &str = "throughline.dropped_spans";
/// The name of such a span.
pub const DROPPED_SPAN_NAME: &str = "throughline.dropped_spans";
/// Nanoseconds from the request's headers to the response's headers, both as they passed the filter, an integer.
pub const FIRST_BYTE_NS: &str = "throughline.first_byte_ns";
/// The role of the proxy that made the span: `gateway`, `inbound` or `outbound`.
pub const ROLE: &str = "throughline.role";
