//! OTLP as JSON, as SDKs and people write it.

use throughline_model::span::Value;

use super::*;

/// What the OTLP specification shows, with more of everything.
pub(crate) const EXAMPLE: &str = r#"{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
 "schemaUrl": "x", "scopeSpans": [{"scope": {"name": "lib"}, "spans": [
 {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "parentSpanId": "EEE19B7EC3C1B173", "flags": 257,
  "traceState": "a=1", "name": "GET", "kind": 2, "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
  "attributes": [{"key": "int", "value": {"intValue": "-7"}}, {"key": "small", "value": {"intValue": 7}},
   {"key": "double", "value": {"doubleValue": 1.5}}, {"key": "yes", "value": {"boolValue": true}},
   {"key": "bytes", "value": {"bytesValue": "AP8="}}, {"key": "none"},
   {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}]}}}],
  "events": [{"timeUnixNano": "5", "name": "retry"}], "links": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b175"}, {"traceId": "x"}],
  "status": {"code": 2, "message": "no"}, "droppedAttributesCount": 0}]}]}]}"#;

#[test]
fn reads_every_field() {
    let converted = read(EXAMPLE.as_bytes()).unwrap();
    assert_eq!((converted.spans.len(), converted.rejected), (1, 0));
    let span = &converted.spans[0];
    assert_eq!(span.trace_id.to_hex(), "5b8efff798038103d269b633813fc60c");
    assert_eq!(span.parent_span_id.map(SpanId::to_hex).as_deref(), Some("eee19b7ec3c1b173"));
    assert_eq!((span.start_unix_ns, span.duration_ns()), (1_544_712_660_000_000_000, 1_000_000_000));
    assert_eq!(
        (span.kind, span.status, span.status_message.as_str()),
        (SpanKind::Server, StatusCode::Error, "no")
    );
    assert_eq!((span.flags, span.trace_state.as_str(), span.service_name()), (257, "a=1", "cart"));
    let map = Value::Map(vec![throughline_model::span::Attribute {
        key: "k".into(),
        value: Value::Text("v".into()),
    }]);
    for (key, value) in [
        ("int", Some(Value::Int(-7))),
        ("small", Some(Value::Int(7))),
        ("double", Some(Value::Double(1.5))),
        ("yes", Some(Value::Bool(true))),
        ("bytes", Some(Value::Bytes(vec![0, 255]))),
        ("none", None),
        ("list", Some(Value::List(vec![Value::Text("a".into()), map]))),
    ] {
        assert_eq!(span.attribute(key), value.as_ref(), "{key}");
    }
    assert_eq!((span.events.len(), span.links.len()), (1, 1));
}

#[test]
fn a_span_without_usable_ids_is_rejected_alone() {
    for (ids, reason) in [
        (r#""spanId": "eee19b7ec3c1b174""#, "traceId is not 32 hexadecimal digits, or all zero"),
        (
            r#""traceId": "5b8efff798038103d269b633813fc60c", "spanId": "é""#,
            "spanId is not 16 hexadecimal digits, or all zero",
        ),
        (
            r#""traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "parentSpanId": "1""#,
            "parentSpanId is not 16 hexadecimal digits",
        ),
    ] {
        let good = r#"{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "parentSpanId": ""}"#;
        let body = format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{{{ids}}}, {good}]}}]}}]}}"#);
        let converted = read(body.as_bytes()).unwrap();
        assert_eq!((converted.spans.len(), converted.rejected, converted.reason), (1, 1, Some(reason)));
    }
}

#[test]
fn what_is_no_otlp_is_refused_with_the_place() {
    let deep = "[".repeat(100_000);
    for (body, words) in [
        ("", "EOF"),
        ("[]", "line 1"),
        (r#"{"resourceSpans": 5}"#, "expected a sequence at line 1 column 19"),
        (deep.as_str(), "line 1"),
        (r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\ud800"}]}]}]}"#, "line 1"),
    ] {
        let error = read(body.as_bytes()).unwrap_err();
        assert!(error.contains("the body is not OTLP as JSON") && error.contains(words), "{error}");
    }
    assert!(
        read(b"{\"a\": \"\xff\"}").is_ok_and(|converted| converted.spans.is_empty())
            || read(b"{\"a\": \"\xff\"}").is_err()
    );
    assert!(read(br#"{"resourceSpans": null, "unknown": [1]}"#).unwrap().spans.is_empty());
}

#[test]
fn says_what_was_rejected_as_the_mapping_has_it() {
    assert_eq!(response(0, ""), "{}");
    assert_eq!(response(3, "why"), r#"{"partialSuccess":{"errorMessage":"why","rejectedSpans":"3"}}"#);
}
