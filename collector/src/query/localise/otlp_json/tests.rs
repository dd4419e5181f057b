//! OTLP JSON as different writers have it, and what is wrong with some.

use throughline_model::span::{SpanKind, StatusCode, Value};

use super::{Read, read};

fn request(span: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"cart"}}}}]}},"scopeSpans":[{{"scope":{{}},"spans":[{span}]}}]}}]}}"#
    )
}

fn span(rest: &str) -> String {
    format!(
        r#"{{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","name":"GET",{rest}}}"#
    )
}

fn reads(text: &str) -> Read {
    read(text.as_bytes()).unwrap()
}

#[test]
fn reads_numbers_as_text_and_as_numbers() {
    let with_text = request(&span(
        r#""parentSpanId":"eee19b7ec3c1b173","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","kind":2,"status":{"code":2},"attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"d","value":{"doubleValue":1.5}}]"#,
    ));
    let with_names = request(&span(
        r#""startTimeUnixNano":1544712660000000000,"endTimeUnixNano":1544712661000000000,"kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_ERROR"}"#,
    ));
    for text in [&with_text, &with_names] {
        let read = reads(text);
        let found = &read.spans[0];
        assert_eq!((found.kind, found.status), (SpanKind::Server, StatusCode::Error));
        assert_eq!((found.start_unix_ns, found.duration_ns()), (1_544_712_660_000_000_000, 1_000_000_000));
        assert_eq!(found.service_name(), "cart");
    }
    let with_text = &reads(&with_text).spans[0];
    assert!(with_text.parent_span_id.is_some());
    assert_eq!((with_text.attributes.len(), with_text.attribute("n")), (1, Some(&Value::Int(7))));
    assert!(reads(&with_names).spans[0].parent_span_id.is_none());
}

#[test]
fn reads_a_request_a_line() {
    let line = request(&span(r#""startTimeUnixNano":"1","endTimeUnixNano":"2""#));
    assert_eq!(reads(&format!("{line}\n{line}\n")).spans.len(), 2);
    assert_eq!(reads("").spans.len(), 0);
}

#[test]
fn leaves_out_spans_with_a_fault_and_says_which() {
    for (span, words) in [
        (span(r#""startTimeUnixNano":"soon","endTimeUnixNano":"2""#), "startTimeUnixNano is \"soon\""),
        (span(r#""startTimeUnixNano":"1""#), "endTimeUnixNano is null"),
        (r#"{"traceId":"5b","spanId":"eee19b7ec3c1b174"}"#.to_owned(), "traceId is \"5b\""),
    ] {
        let read = reads(&request(&span));
        assert_eq!((read.spans.len(), read.faults), (0, 1));
        assert!(read.first_fault.as_ref().is_some_and(|fault| fault.contains(words)), "{read:?}");
    }
}

#[test]
fn refuses_what_is_no_otlp_json() {
    assert!(read(b"[1]").unwrap_err().starts_with("it is no OTLP JSON"));
    assert!(read(br#"{"resourceSpans": 1}"#).is_err());
}
