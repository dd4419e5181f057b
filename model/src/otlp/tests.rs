//! Decoding gives back what was encoded, and no bytes do harm.

use std::sync::Arc;

use super::wire::{Field, Reader, close_message, open_message, put_bytes, put_number};
use super::*;
use crate::attribute::{CUT, STUB};
use crate::id::{SpanId, TraceId};
use crate::span::Span;
use crate::span::{Attribute, Resource, SpanEvent, SpanKind, SpanLink, StatusCode, Value};
use wasm_bindgen_test::wasm_bindgen_test;

fn attribute(key: &str, value: Value) -> Attribute {
    Attribute { key: key.to_owned(), value }
}

fn full_span() -> Span {
    let trace_id = TraceId::from_bytes(&[7; 16]).unwrap();
    let span_id = SpanId::from_bytes(&[9; 8]).unwrap();
    let nested =
        Value::Map(vec![attribute("list", Value::List(vec![Value::Bool(true), Value::Double(1.5)]))]);
    Span {
        trace_id,
        span_id,
        parent_span_id: SpanId::from_bytes(&[3; 8]),
        trace_state: "tl=d:1;p:gateway".into(),
        flags: 0x301,
        name: "GET".into(),
        kind: SpanKind::Client,
        start_unix_ns: 1_790_000_000_000_000_001,
        end_unix_ns: 1_790_000_000_000_000_999,
        attributes: vec![
            attribute("text", Value::Text("é".repeat(200))),
            attribute("int", Value::Int(-1)),
            attribute("bytes", Value::Bytes(vec![0, 255])),
            attribute("nested", nested),
        ],
        events: vec![SpanEvent { time_unix_ns: 5, name: "retry".into(), attributes: vec![] }],
        links: vec![SpanLink { trace_id, span_id, attributes: vec![attribute("why", Value::Int(1))] }],
        status: StatusCode::Error,
        status_message: "no".into(),
        resource: Arc::new(Resource {
            attributes: vec![attribute("service.name", Value::Text("cart".into()))],
        }),
    }
}

fn request_with_span(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let resource_spans = open_message(&mut bytes, 1);
    let scope_spans = open_message(&mut bytes, 2);
    let span = open_message(&mut bytes, 2);
    write(&mut bytes);
    close_message(&mut bytes, span);
    close_message(&mut bytes, scope_spans);
    close_message(&mut bytes, resource_spans);
    bytes
}

#[wasm_bindgen_test(unsupported = test)]
fn decoding_what_was_encoded_gives_the_same_spans() {
    let mut plain = full_span();
    plain.parent_span_id = None;
    plain.status = StatusCode::Unset;
    plain.status_message = String::new();
    plain.resource = Arc::default();
    let spans = vec![full_span(), plain, full_span()];
    let decoded = decode_export_request(&encode_export_request(&spans)).unwrap();
    assert_eq!(decoded, Decoded { spans, tally: Tally { spans: 3, ..Tally::default() } });
}

#[wasm_bindgen_test(unsupported = test)]
fn a_span_without_usable_ids_is_refused_alone() {
    let mut bytes = encode_export_request(&[full_span()]);
    bytes.extend(request_with_span(|span| put_bytes(span, 1, &[1; 15])));
    bytes.extend(request_with_span(|span| {
        put_bytes(span, 1, &[1; 16]);
        put_bytes(span, 2, &[0; 8]);
    }));
    let decoded = decode_export_request(&bytes).unwrap();
    assert_eq!((decoded.spans.len(), decoded.tally.rejected), (1, 2));
    assert_eq!(decoded.tally.reason, Some("trace_id is not 16 bytes, or all zero"));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_parent_of_zero_bytes_is_no_parent() {
    let bytes = request_with_span(|span| {
        put_bytes(span, 1, &[1; 16]);
        put_bytes(span, 2, &[1; 8]);
        put_bytes(span, 4, &[0; 8]);
    });
    assert_eq!(decode_export_request(&bytes).unwrap().spans[0].parent_span_id, None);
}

#[wasm_bindgen_test(unsupported = test)]
fn malformed_messages_are_refused_with_the_reason() {
    let wrong_type = request_with_span(|span| put_number(span, 1, 5));
    let deep = request_with_span(|span| {
        let opened: Vec<_> =
            [9, 2].into_iter().chain([5, 1].repeat(20)).map(|n| open_message(span, n)).collect();
        opened.into_iter().rev().for_each(|message| close_message(span, message));
    });
    let cases: [(&[u8], DecodeError); 7] = [
        (&[0x0a], DecodeError::Truncated),
        (&[0x0a, 0x05, 0x00], DecodeError::Truncated),
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x00], DecodeError::Truncated),
        (&[0xff; 11], DecodeError::VarintTooLong),
        (&[0x0b, 0x00], DecodeError::WireType(3)),
        (&wrong_type, DecodeError::WrongType { message: "Span", field: 1 }),
        (&deep, DecodeError::TooDeep),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode_export_request(bytes), Err(error), "{bytes:02x?}");
    }
}

/// The fields of one usable span, followed by `count` copies of a field.
fn request_with_many(field: u32, body: &[u8], count: usize) -> Vec<u8> {
    request_with_span(|span| {
        put_bytes(span, 1, &[1; 16]);
        put_bytes(span, 2, &[1; 8]);
        (0..count).for_each(|_| put_bytes(span, field, body));
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_too_many_in_one_span_is_left_out_and_counted() {
    let value = [0x10, 1];
    let key_value = [&[0x12, 2], value.as_slice()].concat();
    let link = [&[0x0a, 16], [1; 16].as_slice(), &[0x12, 8], &[1; 8]].concat();
    let cases = [(9, key_value.as_slice()), (11, &[0x12, 1, b'e']), (13, &link)];
    for (field, body) in cases {
        for (sent, kept, cut) in [(1_024, 1_024, 0), (1_030, 1_024, 6)] {
            let decoded = decode_export_request(&request_with_many(field, body, sent)).unwrap();
            let span = &decoded.spans[0];
            let mark = span.attribute(CUT).and_then(Value::as_int).unwrap_or(0);
            let found = span.attributes.len() + span.events.len() + span.links.len() - usize::from(cut > 0);
            assert_eq!(
                (found, decoded.tally.cut, mark),
                (kept, cut, cut as i64),
                "field {field}, {sent} times"
            );
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_too_many_in_a_resource_or_a_value_is_left_out_and_counted() {
    let mut resource = Vec::new();
    let resource_spans = open_message(&mut resource, 1);
    let attributes = open_message(&mut resource, 1);
    (0..300).for_each(|_| put_bytes(&mut resource, 1, &[0x12, 2, 0x10, 1]));
    close_message(&mut resource, attributes);
    close_message(&mut resource, resource_spans);
    assert_eq!(decode_export_request(&resource).unwrap().tally.cut, 300 - 256);
    let mut list = full_span();
    list.attributes = vec![attribute("list", Value::List(vec![Value::Bool(true); 1_500]))];
    let decoded = decode_export_request(&encode_export_request(&[list])).unwrap();
    assert_eq!(decoded.tally.cut, 1_500 - 1_024);
    assert!(matches!(&decoded.spans[0].attributes[0].value, Value::List(values) if values.len() == 1_024));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_too_many_in_one_span_together_is_left_out_and_counted() {
    let mut wide = full_span();
    let list = Value::List(vec![Value::Bool(true); 1_000]);
    wide.attributes = (0..20).map(|number| attribute(&number.to_string(), list.clone())).collect();
    let decoded = decode_export_request(&encode_export_request(&[wide])).unwrap();
    let kept: usize = decoded.spans[0].attributes.iter().filter(|found| found.key != CUT).count();
    let values = decoded.spans[0].attributes.iter().filter_map(|found| match &found.value {
        Value::List(values) => Some(values.len()),
        _ => None,
    });
    // The event and the link come behind the attributes and find no room either.
    assert_eq!((kept, values.sum::<usize>() + kept), (17, 16_384));
    assert_eq!(decoded.tally.cut, 17_000 + 3 + 2 - 16_384 + 17);
}

#[wasm_bindgen_test(unsupported = test)]
fn texts_over_the_limit_are_shortened_between_characters_and_counted() {
    for (text, kept) in
        [("x".repeat(65_536), 65_536), ("x".repeat(65_537), 65_536), ("é".repeat(33_000), 65_536)]
    {
        let mut long = full_span();
        long.attributes = vec![attribute("long", Value::Text(text.clone()))];
        long.name = format!("{text}é");
        let decoded = decode_export_request(&encode_export_request(&[long])).unwrap();
        let span = &decoded.spans[0];
        assert_eq!(span.attribute("long").and_then(Value::as_text).map(str::len), Some(kept));
        assert!(span.name.len() == 65_536 && !span.name.contains('\u{fffd}'));
        assert_eq!(decoded.tally.cut, 1 + u64::from(text.len() > kept));
    }
    let odd = format!("x{}", "é".repeat(33_000));
    let mut long = full_span();
    long.name = odd;
    let decoded = decode_export_request(&encode_export_request(&[long])).unwrap();
    assert!(decoded.spans[0].name.len() == 65_535 && !decoded.spans[0].name.contains('\u{fffd}'));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_span_of_too_many_bytes_is_rejected_alone() {
    let mut large = full_span();
    large.attributes = (0..20).map(|n| attribute(&n.to_string(), Value::Text("x".repeat(60_000)))).collect();
    let decoded = decode_export_request(&encode_export_request(&[large, full_span()])).unwrap();
    assert_eq!((decoded.spans.len(), decoded.tally.rejected), (1, 1));
    assert_eq!(decoded.tally.reason, Some("a span may have 1,048,576 bytes"));
}

#[wasm_bindgen_test(unsupported = test)]
fn an_outline_has_what_tells_who_called_whom() {
    let mut whole = full_span();
    whole.attributes.push(attribute("http.route", Value::Text("/r".into())));
    whole.attributes.push(attribute("server.address", Value::Text("cart".into())));
    whole.attributes.push(attribute("throughline.link.kind", Value::Text("sole".into())));
    let bytes = encode_export_request(&[whole.clone()]);
    scan_export_request(&bytes, |head| {
        let (begin, end) = head.place.span();
        let outline = read_span_outline(&bytes[begin..end]).unwrap();
        assert_eq!(outline.name, whole.name.as_bytes());
        assert_eq!(outline.text("http.route"), Some(&b"/r"[..]));
        assert_eq!(outline.text("server.address"), Some(&b"cart"[..]));
        assert_eq!(outline.text("throughline.link.kind"), Some(&b"sole"[..]));
        assert_eq!(outline.text("envoy.route_name"), None);
        assert_eq!(outline.attributes.len(), 3);
    })
    .unwrap();
}

/// A value as it is when it is owned.
fn owned_value(value: &ValueRef<'_>) -> Value {
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    match value {
        ValueRef::Text(raw) => Value::Text(text(raw)),
        ValueRef::Bool(truth) => Value::Bool(*truth),
        ValueRef::Int(number) => Value::Int(*number),
        ValueRef::Double(number) => Value::Double(*number),
        ValueRef::Bytes(raw) => Value::Bytes(raw.to_vec()),
        ValueRef::List(values) => Value::List(values.iter().map(owned_value).collect()),
        ValueRef::Map(attributes) => Value::Map(owned_attributes(attributes)),
    }
}

fn owned_attributes(attributes: &[AttributeRef<'_>]) -> Vec<Attribute> {
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    attributes.iter().map(|one| Attribute { key: text(one.key), value: owned_value(&one.value) }).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_span_that_is_read_in_place_says_what_a_decoded_one_says() {
    let mut many = full_span();
    many.attributes = (0..1_030).map(|number| attribute(&number.to_string(), Value::Int(1))).collect();
    let bytes = encode_export_request(&[full_span(), many]);
    let mut read = Vec::new();
    scan_export_request(&bytes, |head| {
        let (begin, end) = head.place.span();
        let (from, to) = head.place.resource();
        let resource = owned_attributes(&read_resource(&bytes[from..to]).unwrap());
        read.push((read_span(&bytes[begin..end], head.place).unwrap(), resource));
    })
    .unwrap();
    let decoded = decode_export_request(&bytes).unwrap().spans;
    assert_eq!(read.len(), 2);
    for ((read, resource), decoded) in read.iter().zip(decoded) {
        assert_eq!(owned_attributes(&read.attributes), decoded.attributes);
        assert_eq!(*resource, decoded.resource.attributes);
        assert_eq!((read.name, read.flags), (decoded.name.as_bytes(), decoded.flags));
        assert_eq!(read.trace_state, decoded.trace_state.as_bytes());
        assert_eq!(read.status_message, decoded.status_message.as_bytes());
        let events =
            read.events.iter().map(|event| (event.time_unix_ns, owned_attributes(&event.attributes)));
        let expected = decoded.events.iter().map(|event| (event.time_unix_ns, event.attributes.clone()));
        assert_eq!(events.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        let links = read.links.iter().map(|link| (link.span_id, owned_attributes(&link.attributes)));
        let expected = decoded.links.iter().map(|link| (link.span_id, link.attributes.clone()));
        assert_eq!(links.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_resource_spans_with_two_resources_is_refused() {
    let mut bytes = Vec::new();
    let resource_spans = open_message(&mut bytes, 1);
    (0..2).for_each(|_| put_bytes(&mut bytes, 1, &[0x0a, 4, 0x12, 2, 0x10, 1]));
    close_message(&mut bytes, resource_spans);
    assert_eq!(decode_export_request(&bytes), Err(DecodeError::TwoResources));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_scan_tells_what_decoding_gives() {
    let mut child = full_span();
    child.resource = Arc::default();
    child.parent_span_id = None;
    let bytes = encode_export_request(&[full_span(), child]);
    let spans = decode_export_request(&bytes).unwrap().spans;
    let mut heads = Vec::new();
    scan_export_request(&bytes, |head| heads.push(head)).unwrap();
    assert_eq!(heads.len(), spans.len());
    for (head, span) in heads.iter().zip(&spans) {
        assert_eq!(
            (head.trace_id, head.span_id, head.parent_span_id),
            (span.trace_id, span.span_id, span.parent_span_id)
        );
        assert_eq!((head.kind, head.status, head.name), (span.kind, span.status, span.name.as_bytes()));
        assert_eq!((head.start_unix_ns, head.end_unix_ns), (span.start_unix_ns, span.end_unix_ns));
        assert_eq!(head.service_name.unwrap_or(b"unknown_service"), span.service_name().as_bytes());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn spans_beyond_the_limit_of_a_message_are_rejected_with_the_reason() {
    let request = request_with_many(11, &[], 0).repeat(100_007);
    let decoded = decode_export_request(&request).unwrap();
    assert_eq!((decoded.spans.len(), decoded.tally.rejected, decoded.tally.too_many), (100_000, 7, 7));
    assert_eq!(decoded.tally.reason, Some("a message may have 100,000 spans; send smaller batches"));
}

#[wasm_bindgen_test(unsupported = test)]
fn any_damage_to_a_message_is_survived() {
    let good = encode_export_request(&[full_span(), full_span()]);
    for at in 0..good.len() {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            if let Ok(decoded) = decode_export_request(&bad) {
                assert!(decoded.spans.len() as u64 + decoded.tally.rejected <= good.len() as u64);
            }
        }
        assert!(decode_export_request(&good[..at]).map_or(0, |decoded| decoded.spans.len()) <= 1);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_full_success_needs_no_bytes_and_a_partial_one_says_how_many() {
    assert!(encode_export_response(0, "").is_empty());
    assert_eq!(decode_rejected_spans(b""), 0);
    assert_eq!(decode_rejected_spans(&encode_export_response(3, "too late")), 3);
    assert_eq!(decode_rejected_spans(b"\xff\xff"), 0);
    let bytes = encode_export_response(3, "too late");
    assert!(bytes.ends_with(b"too late") && bytes.windows(2).any(|pair| pair == [0x08, 3]), "{bytes:02x?}");
}

#[wasm_bindgen_test(unsupported = test)]
fn stubs_are_as_small_as_they_claim_and_are_told_apart_by_their_scope() {
    let resource = Resource { attributes: vec![attribute("service.name", Value::Text("cart".into()))] };
    let (trace_id, span_id) = (TraceId::ONE, SpanId::ONE);
    let stub = |parent, route| Stub {
        trace_id,
        span_id,
        parent,
        route,
        kind: SpanKind::Server,
        start_unix_ns: 1_700_000_000_000_000_000,
        end_unix_ns: 1_700_000_000_000_000_001,
    };
    let cases = [
        (stub(None, ""), 50, "a root without a route"),
        (stub(Some(SpanId::ONE), ""), Stub::MAX_BYTES, "a child without a route"),
        (stub(Some(SpanId::ONE), "checkout"), Stub::MAX_BYTES + 2 + 8, "a child with a route"),
    ];
    for (stub, bytes, reason) in cases {
        let mut batch = BatchWriter::for_stubs(&resource, "filter", "1");
        let empty = batch.byte_count();
        batch.push_stub(&stub);
        assert_eq!(batch.byte_count() - empty, bytes, "{reason}");
        let mut spans = BatchWriter::new(&resource, "filter", "1");
        spans.begin_span(trace_id, span_id).name("whole");
        // Two messages one behind the other are one.
        let message = [spans.finish(), batch.finish()].concat();
        let decoded = decode_export_request(&message).unwrap().spans;
        let [whole, small] = decoded.as_slice() else { panic!("{decoded:?}") };
        assert_eq!((whole.name.as_str(), whole.attribute(STUB)), ("whole", None));
        assert_eq!((small.name.as_str(), small.attribute(STUB)), (stub.route, Some(&Value::Bool(true))));
        assert_eq!((small.parent_span_id, small.kind), (stub.parent, stub.kind));
        assert_eq!((small.start_unix_ns, small.end_unix_ns), (stub.start_unix_ns, stub.end_unix_ns));
        assert_eq!(small.resource.attributes, resource.attributes, "{reason}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_plain_span_says_what_a_decoded_one_says() {
    let mut plain = full_span();
    (plain.events, plain.links) = (Vec::new(), Vec::new());
    plain.attributes.push(attribute("long", Value::Text("x".repeat(300))));
    let mut large = plain.clone();
    large.name = "x".repeat(2_000);
    let bytes = encode_export_request(&[plain.clone(), full_span(), large]);
    let mut read = Vec::new();
    scan_export_request(&bytes, |head| {
        let (begin, end) = head.place.span();
        read.push(read_plain_span(&bytes[begin..end], head.place).unwrap());
        let stub = SpanPlace { is_stub: true, ..head.place };
        assert_eq!(read_plain_span(&bytes[begin..end], stub), Ok(None));
    })
    .unwrap();
    let [Some(read), None, None] = read.as_slice() else { panic!("{read:?}") };
    let attributes: Vec<_> =
        read.attributes.iter().map(|raw| read_plain_attribute(raw).unwrap().unwrap()).collect();
    assert_eq!(owned_attributes(&attributes), plain.attributes);
    assert_eq!((read.name, read.flags), (plain.name.as_bytes(), plain.flags));
    assert_eq!(read.trace_state, plain.trace_state.as_bytes());
    assert_eq!(read.status_message, plain.status_message.as_bytes());
    assert_eq!(read_plain_attribute(&[0x0a, 1, b'k']), Ok(None), "a key without a value says nothing");
}

#[wasm_bindgen_test(unsupported = test)]
fn an_attribute_of_the_usual_shape_is_read_like_any_other() {
    type Read = Result<Option<Value>, DecodeError>;
    // What comes from a sender, and what is to be found under the key `k`; of two keys the second counts.
    let text = |text: &str| Some(Value::Text(text.into()));
    let cases: [(&[u8], Read); 9] = [
        (b"\x0a\x01k\x12\x03\x0a\x01v", Ok(text("v"))),
        (b"\x0a\x81\x80\x80\x00k\x12\x83\x80\x00\x0a\x01v", Ok(text("v"))),
        (b"\x0a\x01k\x12\x02\x0a\x00", Ok(text(""))),
        (b"\x0a\x01k\x12\x02\x18\x05", Ok(Some(Value::Int(5)))),
        (b"\x0a\x01o\x12\x03\x0a\x01v\x0a\x01k", Ok(text("v"))),
        (b"\x0a\x01k\x12\x05\x18\x05\x0a\x01v", Ok(text("v"))),
        (b"\x0a\x01k\x12\x04\x0a\x7f\x18\x05", Err(DecodeError::Truncated)),
        (b"\x0a\x01k\x12\x7f\x0a\x01v", Err(DecodeError::Truncated)),
        (b"\x0a\x01k\x12\x02\x08\x05", Err(DecodeError::WrongType { message: "AnyValue", field: 1 })),
    ];
    for (raw, expected) in cases {
        let found = read_plain_attribute(raw).map(|found| {
            found.map(|found| {
                assert_eq!(found.key, b"k", "{raw:02x?}");
                owned_value(&found.value)
            })
        });
        assert_eq!(found, expected, "{raw:02x?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn numbers_of_every_length_are_read_padded_or_not() {
    for value in (0..64).flat_map(|bits| [1u64 << bits, (1u64 << bits) - 1]) {
        let mut plain = Vec::new();
        put_number(&mut plain, 1, value);
        for padding in 0..11 - (plain.len() - 1) {
            let mut padded = plain.clone();
            if padding > 0 {
                *padded.last_mut().unwrap() |= 0x80;
                padded.extend(std::iter::repeat_n(0x80, padding - 1));
                padded.push(0);
            }
            // With something behind it, and without.
            assert_eq!(Reader::new(&padded).next(), Ok(Some((1, Field::Varint(value)))), "{padded:02x?}");
            padded.extend([0xff; 8]);
            assert_eq!(Reader::new(&padded).next(), Ok(Some((1, Field::Varint(value)))), "{padded:02x?}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn attributes_of_every_length_are_read_back() {
    let numbers = [0, 1, 127, 128, 16_383, 16_384, i64::MAX, -1, i64::MIN];
    let texts = (0..140).map(|length| Value::Text("x".repeat(length)));
    for value in numbers.into_iter().map(Value::Int).chain(texts) {
        for key_length in (1..8).chain(100..140) {
            let expected = attribute(&"k".repeat(key_length), value.clone());
            let mut batch = BatchWriter::new(&Resource::default(), "", "");
            let mut span = batch.begin_span(TraceId::ONE, SpanId::ONE);
            match &value {
                Value::Int(number) => drop(span.int(&expected.key, *number)),
                Value::Text(text) => drop(span.text(&expected.key, text)),
                _ => {}
            }
            drop(span);
            let spans = decode_export_request(&batch.finish()).unwrap().spans;
            assert_eq!(spans[0].attributes, [expected], "a key of {key_length} bytes");
        }
    }
}
