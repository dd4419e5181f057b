//! Zipkin spans as Zipkin's documentation shows them, and as they should not be.

use super::*;

pub(crate) const EXAMPLE: &str = r#"[{"traceId": "5982fe77008310cc80f1da5e10147517", "parentId": "90394f6bcffb5d13", "id": "67fae42571535f60",
 "kind": "SERVER", "name": "/m/n/2.6.1", "timestamp": 1516781775726000, "duration": 26000,
 "localEndpoint": {"serviceName": "api", "ipv4": "10.0.0.1", "port": 8080}, "remoteEndpoint": {"serviceName": "apip", "ipv4": "10.0.0.2", "port": 1},
 "annotations": [{"timestamp": 1516781775727000, "value": "ws"}], "tags": {"http.method": "GET", "error": "broken"}, "shared": true, "debug": true},
 {"traceId": "80f1da5e10147517", "id": "90394f6bcffb5d13", "localEndpoint": {"serviceName": "api"}}]"#;

#[test]
fn says_it_in_the_words_of_opentelemetry() {
    let converted = read(EXAMPLE.as_bytes()).unwrap();
    assert_eq!((converted.spans.len(), converted.rejected), (2, 0));
    let span = &converted.spans[0];
    assert_eq!(span.trace_id.to_hex(), "5982fe77008310cc80f1da5e10147517");
    assert_eq!((span.name.as_str(), span.kind, span.service_name()), ("/m/n/2.6.1", SpanKind::Server, "api"));
    assert_eq!((span.start_unix_ns, span.duration_ns()), (1_516_781_775_726_000_000, 26_000_000));
    assert_eq!((span.status, span.status_message.as_str()), (StatusCode::Error, "broken"));
    assert_eq!(span.attribute("peer.service"), Some(&Value::Text("apip".into())));
    assert_eq!(span.attribute("network.peer.port"), Some(&Value::Int(1)));
    assert_eq!(span.attribute("http.method"), Some(&Value::Text("GET".into())));
    assert_eq!(
        (span.events[0].name.as_str(), span.events[0].time_unix_ns),
        ("ws", 1_516_781_775_727_000_000)
    );
    let short = &converted.spans[1];
    assert_eq!(short.trace_id.to_hex(), "000000000000000080f1da5e10147517");
    assert!(Arc::ptr_eq(&short.resource, &span.resource));
    assert_eq!(
        (short.kind, short.status, short.parent_span_id),
        (SpanKind::Internal, StatusCode::Unset, None)
    );
}

#[test]
fn what_is_no_zipkin_is_refused_and_a_bad_id_costs_one_span() {
    for body in ["", "{}", r#"[{"id": "1"}]"#, "[[[[", r#"[{"traceId": 5, "id": "67fae42571535f60"}]"#] {
        assert!(read(body.as_bytes()).unwrap_err().contains("not a list of Zipkin spans"), "{body}");
    }
    let mixed = r#"[{"traceId": "1", "id": "67fae42571535f60"}, {"traceId": "80f1da5e10147517", "id": "67fae42571535f60"}]"#;
    let converted = read(mixed.as_bytes()).unwrap();
    assert_eq!((converted.spans.len(), converted.rejected), (1, 1));
    assert_eq!(converted.reason, Some("traceId is not 16 or 32 hexadecimal digits, or all zero"));
}
