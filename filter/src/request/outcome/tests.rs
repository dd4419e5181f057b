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

#[test]
fn who_goes_away_is_no_error_and_undoes_none() {
    let cases = [
        (None, 1 << 14, None, "closed its connection before the answer"),
        (None, 1 << 28, None, "reset its stream before the answer"),
        (Some(200), 1 << 28, None, "had enough of a stream"),
        (Some(500), 1 << 14, Some("500"), "saw the error first"),
        (Some(503), 1 << 28 | 1 << 6, Some("UC"), "saw the proxy's error first"),
    ];
    for (http_status, flags, expected, reason) in cases {
        let details = if flags & CALLER_GONE == flags { "downstream" } else { "upstream_reset" }.to_owned();
        let outcome = Outcome { http_status, flags, details, ..Outcome::default() };
        for kind in [SpanKind::Server, SpanKind::Client] {
            assert_eq!(outcome.status_of(kind) == StatusCode::Error, expected.is_some(), "{reason}");
        }
        if let Some(expected) = expected {
            assert_eq!(outcome.error_type(), expected, "{reason}");
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

/// What the request said of its body, what stood in headers and trailers, what Envoy makes of it, and what is true.
#[test]
fn a_grpc_status_is_that_of_the_server_wherever_it_stands() {
    const NOTHING: &[(&str, &[u8])] = &[];
    const INTERNAL: &[(&str, &[u8])] = &[("grpc-status", b"13")];
    let cases = [
        ("application/grpc-web+proto", NOTHING, NOTHING, 2, None, "the status is in the body"),
        ("application/grpc-web-text", INTERNAL, NOTHING, 2, Some("INTERNAL"), "an answer of headers alone"),
        (
            "application/grpc-web",
            NOTHING,
            INTERNAL,
            2,
            Some("INTERNAL"),
            "a filter makes a body of them later",
        ),
        ("application/grpc", NOTHING, INTERNAL, 2, Some("INTERNAL"), "a filter took the trailers away"),
        ("application/grpc", NOTHING, NOTHING, 13, Some("INTERNAL"), "Envoy knows"),
        ("application/grpc+proto", NOTHING, &[("grpc-status", b"x")], 0, Some("OK"), "no number"),
        ("application/json", INTERNAL, INTERNAL, 2, None, "no gRPC"),
    ];
    for (content_type, headers, trailers, derived, expected, reason) in cases {
        let mut host = FakeHost::gateway();
        let mut engine = Engine::start(&mut host);
        host.receive(2, &[("content-type", content_type.as_bytes())]);
        host.set_property("response.grpc_status", i64::to_le_bytes(derived));
        let owned = |pairs: &[(&str, &[u8])]| -> Vec<(String, Vec<u8>)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
        };
        host.response.extend(owned(headers));
        host.trailers = owned(trailers);
        let mut request = Request::default();
        request.on_headers(&mut engine, &mut host);
        request.on_response_headers(&mut engine, &mut host);
        request.on_response_trailers(&mut engine, &mut host);
        host.trailers.clear();
        request.on_end(&mut engine, &mut host);
        engine.on_done(&mut host);
        for span in host.exported() {
            let shown = span.attribute("rpc.response.status_code").and_then(|value| value.as_text());
            assert_eq!(shown, expected, "{reason}");
            let is_error = expected == Some("INTERNAL");
            assert_eq!(span.status == StatusCode::Error, is_error, "{reason}");
        }
    }
}

#[test]
fn every_flag_of_envoy_has_a_name() {
    let all = Outcome { flags: (1 << 30) - 1, ..Outcome::default() };
    assert_eq!(all.flag_names().split(',').count(), 30);
    assert_eq!(Outcome { flags: 1 << 29, ..Outcome::default() }.flag_names(), "UDO");
}

#[test]
fn a_proxy_that_waited_no_longer_says_so_by_status_or_flag() {
    let cases = [
        (Some(504), 0, true, "for HTTP"),
        (Some(200), 1 << 2, true, "for gRPC, whose answer says 200"),
        (Some(200), 1 << 16, true, "a stream that was silent for too long"),
        (Some(200), 0, false, "answered"),
        (Some(503), 1 << 6, false, "the upstream is gone"),
    ];
    for (http_status, flags, expected, reason) in cases {
        let outcome = Outcome { http_status, flags, ..Outcome::default() };
        assert_eq!(outcome.has_given_up(), expected, "{reason}");
    }
}

#[test]
fn a_call_that_failed_names_the_cluster_that_it_went_to_in_the_end() {
    for (status, expected) in [("200", "outbound|8080||cart"), ("503", "outbound|8080||basket")] {
        let mut host = FakeHost::sidecar("frontend");
        let mut engine = Engine::start(&mut host);
        host.receive(2, &[]);
        let mut request = Request::default();
        request.on_headers(&mut engine, &mut host);
        host.set_property("xds.cluster_name", "outbound|8080||basket");
        host.response = vec![(":status".to_owned(), status.as_bytes().to_vec())];
        request.on_end(&mut engine, &mut host);
        engine.on_done(&mut host);
        let spans = host.exported();
        let cluster = spans[0].attribute("envoy.upstream_cluster").and_then(|value| value.as_text());
        assert_eq!(cluster, Some(expected), "{status}");
    }
}
