//! The ways a request can end, and the spans that are due.

/// How a request is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    /// A GET through the gateway.
    Http(&'static str),
    /// A GET of the application behind the sidecar, to a service that is not there.
    Outbound(&'static str),
    /// Bytes that Envoy refuses before any filter sees a request.
    Refused(&'static str),
    /// A gRPC call.
    Grpc(&'static str),
    /// A call by gRPC-Web.
    GrpcWeb(&'static str),
    /// A gRPC call that its caller cancels while the application is silent.
    Cancel(&'static str),
    /// A WebSocket.
    Socket(&'static str),
    /// The client goes away while the application is silent.
    Abort(&'static str),
}

/// One way.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) how: How,
    /// The HTTP status that the client sees.
    pub(crate) status: u16,
    /// Every span of the trace in one line each, sorted: service, kind, status, and what is not empty of the rest.
    pub(crate) spans: Vec<&'static str>,
}

fn case(name: &'static str, how: How, status: u16, spans: &[&'static str]) -> Case {
    Case { name, how, status, spans: spans.to_vec() }
}

pub(crate) fn all() -> Vec<Case> {
    let groups = [
        from_the_application(),
        after_retries(),
        upgraded(),
        without_an_answer(),
        grpc(),
        grpc_without_a_status(),
        refused(),
        from_the_proxy(),
    ];
    groups.into_iter().flatten().collect()
}

/// The application answered, as well or badly as it did.
fn from_the_application() -> Vec<Case> {
    vec![
        case(
            "success",
            How::Http("/status/200"),
            200,
            &["frontend server unset 200", "gateway client unset 200 attempts=1", "gateway server unset 200"],
        ),
        case(
            "not found by the application",
            How::Http("/status/404"),
            404,
            &[
                "frontend server unset 404 details=via_upstream attempts=1 route=default",
                "gateway client error 404 error=404 details=via_upstream attempts=1 route=s",
                "gateway server unset 404 details=via_upstream",
            ],
        ),
        case(
            "failure of the application",
            How::Http("/status/500"),
            500,
            &[
                "frontend server error 500 error=500 details=via_upstream attempts=1 route=default",
                "gateway client error 500 error=500 details=via_upstream attempts=1 route=s",
                "gateway server error 500 error=500 details=via_upstream",
            ],
        ),
        case(
            "a body that breaks off",
            How::Http("/broken"),
            200,
            &[
                "frontend server error 200 error=UPE flags=UPE details=upstream_reset_after_response_started attempts=1 route=default",
                "gateway client error 200 error=UPE flags=UPE details=upstream_reset_after_response_started attempts=1 route=broken",
                "gateway server error 200 error=UPE flags=UPE details=upstream_reset_after_response_started",
            ],
        ),
    ]
}

/// The gateway tried again.
fn after_retries() -> Vec<Case> {
    vec![
        case(
            "success after a retry",
            How::Http("/flaky"),
            200,
            &[
                "frontend server error 503 error=503 details=via_upstream attempts=1 route=default",
                "frontend server unset 200",
                "gateway client unset 200 attempts=2",
                "gateway server unset 200",
            ],
        ),
        case(
            "failure after all retries",
            How::Http("/status/503"),
            503,
            &[
                "frontend server error 503 error=503 details=via_upstream attempts=1 route=default",
                "frontend server error 503 error=503 details=via_upstream attempts=1 route=default",
                "frontend server error 503 error=503 details=via_upstream attempts=1 route=default",
                "gateway client error 503 error=503 flags=URX details=via_upstream attempts=3 route=status/503",
                "gateway server error 503 error=503 flags=URX details=via_upstream",
            ],
        ),
    ]
}

/// The request became something else.
fn upgraded() -> Vec<Case> {
    vec![case(
        "WebSocket",
        How::Socket("/socket"),
        101,
        &[
            "frontend server unset 101 flags=DC details=downstream_remote_disconnect attempts=1 route=default",
            "gateway client unset 101 flags=DC details=downstream_remote_disconnect attempts=1 route=s",
            "gateway server unset 101 flags=DC details=downstream_remote_disconnect",
        ],
    )]
}

/// The application gave no answer.
fn without_an_answer() -> Vec<Case> {
    vec![
        case(
            "upstream timeout",
            How::Http("/timeout"),
            504,
            &[
                "frontend server unset flags=DC details=downstream_remote_disconnect attempts=1 route=default",
                "gateway client error 504 error=UT flags=UT details=response_timeout attempts=1 route=timeout",
                "gateway server error 504 error=UT flags=UT details=response_timeout",
            ],
        ),
        case(
            "no healthy upstream",
            How::Http("/empty"),
            503,
            &[
                "gateway client error 503 error=UH flags=UH details=no_healthy_upstream attempts=1 route=empty",
                "gateway server error 503 error=UH flags=UH details=no_healthy_upstream",
            ],
        ),
        case(
            "connection refused",
            How::Http("/closed"),
            503,
            &[
                "gateway client error 503 error=UF flags=UF details=upstream_reset_before_response_started attempts=1 route=closed",
                "gateway server error 503 error=UF flags=UF details=upstream_reset_before_response_started",
            ],
        ),
        case(
            "connection refused behind the workload",
            How::Outbound("/"),
            503,
            &[
                "frontend client error 503 error=UF flags=UF details=upstream_reset_before_response_started attempts=1 route=default",
            ],
        ),
        case(
            "client abort",
            How::Abort("/silent"),
            0,
            &[
                "frontend server unset flags=DC details=downstream_remote_disconnect attempts=1 route=default",
                "gateway client unset flags=DC details=downstream_remote_disconnect attempts=1 route=s",
                "gateway server unset flags=DC details=downstream_remote_disconnect",
            ],
        ),
    ]
}

/// gRPC, whose status stands behind the body or in place of it.
fn grpc() -> Vec<Case> {
    vec![
        case(
            "gRPC success",
            How::Grpc("/shop.Cart/Get"),
            200,
            &[
                "frontend server unset 200 rpc=OK",
                "gateway client unset 200 rpc=OK attempts=1",
                "gateway server unset 200 rpc=OK",
            ],
        ),
        case(
            "gRPC failure of the caller, in trailers",
            How::Grpc("/shop.Cart/Find"),
            200,
            &[
                "frontend server unset 200 rpc=NOT_FOUND details=via_upstream attempts=1 route=default",
                "gateway client error 200 rpc=NOT_FOUND error=NOT_FOUND details=via_upstream attempts=1 route=s",
                "gateway server unset 200 rpc=NOT_FOUND details=via_upstream",
            ],
        ),
        case(
            "gRPC failure of the server, without trailers",
            How::Grpc("/shop.Cart/Fail"),
            200,
            &[
                "frontend server error 200 rpc=UNAVAILABLE error=UNAVAILABLE details=via_upstream attempts=1 route=default",
                "gateway client error 200 rpc=UNAVAILABLE error=UNAVAILABLE details=via_upstream attempts=1 route=s",
                "gateway server error 200 rpc=UNAVAILABLE error=UNAVAILABLE details=via_upstream",
            ],
        ),
    ]
}

/// What a proxy sees of gRPC and is not to take for an error.
fn grpc_without_a_status() -> Vec<Case> {
    vec![
        case(
            "gRPC-Web success, whose status is in the body",
            How::GrpcWeb("/shop.Cart/Web"),
            200,
            &["frontend server unset 200", "gateway client unset 200 attempts=1", "gateway server unset 200"],
        ),
        case(
            "gRPC cancelled by its caller",
            How::Cancel("/silent"),
            0,
            &[
                "frontend server unset flags=DR details=http2.remote_reset attempts=1 route=default",
                "gateway client unset flags=DR details=http2.remote_reset attempts=1 route=s",
                "gateway server unset flags=DR details=http2.remote_reset",
            ],
        ),
    ]
}

/// Refused before the request reached our filter, or by a filter behind it.
fn refused() -> Vec<Case> {
    vec![
        case(
            "rejected by jwt_authn",
            How::Http("/jwt"),
            401,
            &["gateway server unset 401 details=jwt_authn_access_denied"],
        ),
        case(
            "rejected by RBAC",
            How::Http("/rbac"),
            403,
            &["gateway server unset 403 details=rbac_access_denied_matched_policy[nobody]"],
        ),
        case(
            "within the rate limit",
            How::Http("/limited"),
            200,
            &["frontend server unset 200", "gateway client unset 200 attempts=1", "gateway server unset 200"],
        ),
        case(
            "rejected by the rate limit",
            How::Http("/limited"),
            429,
            &["gateway server unset 429 flags=RL details=local_rate_limited"],
        ),
        case(
            "no host",
            How::Refused("GET / HTTP/1.1\r\n\r\n"),
            400,
            &["gateway server unset 400 details=missing_host_header"],
        ),
        case(
            "too many headers",
            How::Refused(TOO_MANY_HEADERS),
            431,
            &["gateway server unset 431 flags=DPE details=http1.too_many_headers"],
        ),
    ]
}

/// The proxy answered by itself.
fn from_the_proxy() -> Vec<Case> {
    vec![
        case(
            "no route",
            How::Http("/unknown"),
            404,
            &["gateway server unset 404 flags=NR details=route_not_found"],
        ),
        case("an answer of the proxy itself", How::Http("/direct"), 200, &["gateway server unset 200"]),
        case("a redirect by the proxy itself", How::Http("/gone"), 301, &["gateway server unset 301"]),
    ]
}

/// One line more than the 100 that Envoy takes.
const TOO_MANY_HEADERS: &str = concat!(
    "GET / HTTP/1.1\r\nhost: shop.example.com\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n",
    "\r\n",
);
