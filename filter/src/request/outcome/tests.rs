//! What is made of the answer and of Envoy's word on it.

use super::*;
use crate::engine::Engine;
use crate::host::fake::FakeHost;
use crate::request::Request;

/// What came back, and what it makes of a SERVER and a CLIENT span.
#[test]
fn status_follows_the_semantic_conventions() {
    let unset = StatusCode::Unset;
    let error = StatusCode::Error;
    let outcome = |http: Option<i64>, grpc: Option<i64>, flags: u64, details: &str| Outcome {
        http_status: http,
        grpc_status: grpc,
        flags,
        details: details.to_owned(),
        ..Outcome::default()
    };
    let cases = [
        (outcome(Some(200), None, 0, ""), unset, unset, "", "success"),
        (outcome(Some(404), None, 0, "via_upstream"), unset, error, "404", "4xx is the client's error"),
        (outcome(Some(500), None, 0, "via_upstream"), error, error, "500", "5xx is both's"),
        (outcome(Some(503), None, 32, "upstream_reset"), error, error, "UF", "Envoy's own answer"),
        (outcome(Some(200), Some(0), 0, ""), unset, unset, "", "gRPC success"),
        (outcome(Some(200), Some(5), 0, "via_upstream"), unset, error, "NOT_FOUND", "gRPC caller's error"),
        (outcome(Some(200), Some(14), 0, "via_upstream"), error, error, "UNAVAILABLE", "gRPC server's error"),
        (
            outcome(None, None, 1 << 14, "downstream_remote_disconnect"),
            unset,
            unset,
            "",
            "the caller went away",
        ),
        (outcome(None, None, 1 << 28, "http2.remote_reset"), unset, unset, "", "the caller reset its stream"),
        (
            outcome(Some(200), None, 1 << 28, "http2.remote_reset"),
            unset,
            unset,
            "",
            "the caller had enough of a stream",
        ),
        (
            outcome(Some(500), None, 1 << 14, "downstream_remote_disconnect"),
            error,
            error,
            "500",
            "the caller saw the error and went away",
        ),
        (outcome(None, None, 0, ""), error, error, "_OTHER", "no answer and no word why"),
        (
            outcome(Some(200), None, 1 << 6, "upstream_reset_after_response_started"),
            error,
            error,
            "UC",
            "broke off",
        ),
        (
            outcome(Some(200), None, 1 << 14, "downstream_remote_disconnect"),
            unset,
            unset,
            "",
            "went away late",
        ),
        (
            outcome(Some(431), None, 1 << 18, "http1.too_many_headers"),
            unset,
            error,
            "DPE",
            "refused before the filter saw it: 4xx is the client's error",
        ),
    ];
    for (outcome, server, client, error_type, reason) in cases {
        assert_eq!(outcome.status_of(SpanKind::Server), server, "{reason}");
        assert_eq!(outcome.status_of(SpanKind::Client), client, "{reason}");
        if client == error {
            assert_eq!(outcome.error_type(), error_type, "{reason}");
        }
    }
}

/// The flags and the gRPC status as Envoy tells them, and the status that the span has.
#[test]
fn a_grpc_status_that_nobody_sent_is_none() {
    let cases = [
        (1 << 14, 2, None, "the caller went away within the stream"),
        (1 << 28, 2, None, "the caller reset the stream"),
        (1 << 4, 2, None, "the upstream reset the stream"),
        (1 << 6, 14, Some("UNAVAILABLE"), "the proxy answered by itself"),
        (0, 2, Some("UNKNOWN"), "an answer that ended without a status is that for every client"),
        (0, 0, Some("OK"), "success"),
    ];
    for (flags, status, expected, reason) in cases {
        let mut host = FakeHost::sidecar("cart");
        let mut engine = Engine::start(&mut host);
        host.receive(1, &[("content-type", b"application/grpc")]);
        host.set_property("response.flags", i64::to_le_bytes(flags));
        host.set_property("response.grpc_status", i64::to_le_bytes(status));
        let mut request = Request::default();
        request.on_headers(&mut engine, &mut host);
        request.on_end(&mut engine, &mut host);
        engine.on_done(&mut host);
        let spans = host.exported();
        let shown = spans[0].attribute("rpc.response.status_code").and_then(|value| value.as_text());
        assert_eq!(shown, expected, "{reason}");
    }
}

#[test]
fn every_flag_of_envoy_has_a_name() {
    let all = Outcome { flags: (1 << 30) - 1, ..Outcome::default() };
    assert_eq!(all.flag_names().split(',').count(), 30);
    assert_eq!(Outcome { flags: 1 << 29, ..Outcome::default() }.flag_names(), "UDO");
}
