//! A span that is read back equals the span that was written, and damage is an error.

mod lookup;
mod merged;

use std::collections::BTreeSet;

use proptest::prelude::*;
use throughline_model::attribute;
use throughline_model::id::SpanId;
use throughline_model::span::{Attribute, Resource, SpanEvent, SpanKind, SpanLink, StatusCode, Value};

use super::*;
use crate::store::batch::Batch;
use crate::store::contract::{span, trace_id};
use crate::store::window::{Payload, Window};
use crate::store::{Comparison, Condition, Field, FieldValue, Scope, Test};

fn write_block(spans: &[Span]) -> (tempfile::TempDir, Block) {
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::default();
    for spans in spans.chunks(50_000) {
        let batch = Batch::of_spans(spans).unwrap().0;
        window.push(batch.heads, &batch.payload, Payload::Memory(batch.payload.clone()));
    }
    let contents = Contents {
        spans: window.sorted(),
        services: window.services(),
        segments: (3, 7),
        written_unix_ns: 1_000_000,
    };
    let path = write(folder.path(), contents).unwrap();
    let block = Block::open(&path).unwrap();
    (folder, block)
}

fn traces(block: &Block, wanted: BTreeSet<TraceId>) -> Result<Vec<Arc<Span>>, BlockError> {
    let mut found = Vec::new();
    block.traces(&wanted, &mut |span| {
        found.push(span);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn trace(block: &Block, trace_id: TraceId) -> Result<Vec<Arc<Span>>, BlockError> {
    traces(block, [trace_id].into())
}

fn search(block: &Block, filter: &SpanFilter, limit: usize) -> Vec<TraceId> {
    let mut newest = NewestTraces::new(limit);
    assert!(block.search(filter, &mut newest, &Budget::unlimited()).unwrap());
    newest.into_traces()
}

/// Whatever a condition says of a span, it says of its row.
fn check_fields(block: &Block, span: &Span) {
    let keys =
        span.attributes.iter().chain(&span.resource.attributes).map(|attribute| attribute.key.as_str());
    let keys: BTreeSet<&str> = keys.chain([attribute::URL_PATH, attribute::DEPTH, "nowhere"]).collect();
    let of_scopes = |key: &&str| {
        [Scope::Span, Scope::Resource, Scope::Any].map(|scope| Field::Attribute(scope, (*key).to_owned()))
    };
    let plain =
        [Field::Name, Field::Service, Field::Kind, Field::Status, Field::StatusMessage, Field::IsRoot];
    for field in keys.iter().flat_map(of_scopes).chain(plain).chain([Field::DurationNs]) {
        let test = match field.of(span) {
            None => Test::Absent,
            Some(FieldValue::Other) => Test::Exists,
            Some(FieldValue::Text(text)) => Test::Is(Comparison::Equal, Value::Text(text.into_owned())),
            Some(FieldValue::Int(number)) => Test::Is(Comparison::Equal, Value::Int(number)),
            Some(FieldValue::Double(number)) => Test::Is(Comparison::Equal, Value::Double(number)),
            Some(FieldValue::Bool(truth)) => Test::Is(Comparison::Equal, Value::Bool(truth)),
        };
        let holds = Condition::Field(field, test);
        for (condition, expected) in [(holds.clone(), true), (Condition::Not(Box::new(holds)), false)] {
            let of_trace =
                Condition::Field(Field::Name, Test::Is(Comparison::Equal, Value::Text(span.name.clone())));
            let filter = SpanFilter {
                since_unix_ns: Some(span.start_unix_ns),
                until_unix_ns: Some(span.start_unix_ns),
                conditions: vec![condition.clone(), of_trace],
                ..SpanFilter::default()
            };
            let found = search(block, &filter, 10).contains(&span.trace_id);
            assert_eq!(found, expected, "{condition:?} of {span:?}");
        }
    }
}

fn arbitrary_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        ".{0,12}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        // NaN is not equal to itself, so it would prove nothing here.
        any::<f64>().prop_filter("a number", |number| !number.is_nan()).prop_map(Value::Double),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            proptest::collection::vec((".{0,6}", inner), 0..4).prop_map(|pairs| {
                Value::Map(pairs.into_iter().map(|(key, value)| Attribute { key, value }).collect())
            }),
        ]
    })
}

fn arbitrary_attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let key = prop_oneof![
        Just(attribute::HTTP_REQUEST_METHOD.to_owned()),
        Just(attribute::HTTP_RESPONSE_STATUS_CODE.to_owned()),
        Just(attribute::URL_PATH.to_owned()),
        Just(attribute::DEPTH.to_owned()),
        Just(attribute::LINK_KIND.to_owned()),
        ".{0,8}",
    ];
    let one = (key, arbitrary_value()).prop_map(|(key, value)| Attribute { key, value });
    proptest::collection::vec(one, 0..8)
}

fn arbitrary_id() -> impl Strategy<Value = SpanId> {
    any::<[u8; 8]>().prop_filter_map("not zero", |bytes| SpanId::from_bytes(&bytes))
}

fn arbitrary_trace_id() -> impl Strategy<Value = TraceId> {
    any::<[u8; 16]>().prop_filter_map("not zero", |bytes| TraceId::from_bytes(&bytes))
}

prop_compose! {
    fn arbitrary_span()(
        (trace_id, span_id) in (arbitrary_trace_id(), arbitrary_id()),
        parent_span_id in proptest::option::of(arbitrary_id()),
        (trace_state, name, status_message) in (".{0,20}", ".{0,20}", ".{0,20}"),
        (flags, kind, status) in (any::<u32>(), 0u64..6, 0u64..3),
        (start_unix_ns, end_unix_ns) in (any::<u64>(), any::<u64>()),
        attributes in arbitrary_attributes(),
        events in proptest::collection::vec((any::<u64>(), ".{0,8}", arbitrary_attributes()), 0..3),
        links in proptest::collection::vec((arbitrary_trace_id(), arbitrary_id(), arbitrary_attributes()), 0..3),
        resource in arbitrary_attributes(),
    ) -> Span {
        Span {
            trace_id, span_id, parent_span_id, trace_state, flags, name, start_unix_ns, end_unix_ns, attributes,
            kind: SpanKind::from_number(kind),
            status: StatusCode::from_number(status),
            status_message,
            events: events.into_iter().map(|(time_unix_ns, name, attributes)| SpanEvent { time_unix_ns, name, attributes }).collect(),
            links: links.into_iter().map(|(trace_id, span_id, attributes)| SpanLink { trace_id, span_id, attributes }).collect(),
            resource: Arc::new(Resource { attributes: resource }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_span_read_back_equals_the_span_written(spans in proptest::collection::vec(arbitrary_span(), 1..8)) {
        let (_folder, block) = write_block(&spans);
        for span in &spans {
            let found = trace(&block, span.trace_id).unwrap();
            prop_assert!(found.iter().any(|found| **found == *span), "{span:?} is not in {found:?}");
        }
        for span in &spans {
            check_fields(&block, span);
        }
        let matching: BTreeSet<TraceId> = search(&block, &SpanFilter::default(), 100).into_iter().collect();
        prop_assert_eq!(matching, spans.iter().map(|span| span.trace_id).collect::<BTreeSet<_>>());
    }

    #[test]
    fn any_bytes_are_attributes_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(attributes) = blob::read_attributes(&bytes, |_| None) {
            prop_assert!(attributes.len() <= bytes.len());
        }
    }
}

#[test]
fn of_several_attributes_with_one_key_all_are_kept_in_order() {
    let text =
        |text: &str| Attribute { key: attribute::URL_PATH.to_owned(), value: Value::Text(text.to_owned()) };
    let number = Attribute { key: attribute::URL_PATH.to_owned(), value: Value::Int(7) };
    let sent = Span { attributes: vec![number, text("/a"), text("/b")], ..span(1, 1, "cart", 100) };
    let (_folder, block) = write_block(std::slice::from_ref(&sent));
    assert_eq!(*trace(&block, trace_id(1)).unwrap()[0], sent);
}

#[test]
fn keeps_the_first_of_equal_spans() {
    let first = span(1, 1, "cart", 200);
    let copy = Span { start_unix_ns: 100, ..first.clone() };
    let (_folder, block) = write_block(&[first.clone(), copy]);
    let found = trace(&block, trace_id(1)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(*found[0], first);
}

#[test]
fn finds_every_trace_among_several_row_groups_and_pages() {
    const TRACES: u64 = 70_000;
    let spans: Vec<Span> = (1..=TRACES)
        .flat_map(|trace| {
            [1, 2].map(|id| span(trace, id, if trace % 1_000 == 0 { "rare" } else { "cart" }, trace))
        })
        .collect();
    let (_folder, block) = write_block(&spans);
    assert_eq!(block.metadata.metadata().num_row_groups(), 2);
    for number in [1, 2, 4_096, 35_000, 65_535, 65_536, 65_537, TRACES] {
        let found = trace(&block, trace_id(number)).unwrap();
        assert_eq!(found.len(), 2, "trace {number}");
        assert!(found.iter().all(|span| span.trace_id == trace_id(number)));
    }
    for absent in [TRACES + 1, u64::MAX] {
        assert!(trace(&block, trace_id(absent)).unwrap().is_empty());
    }
    let several = traces(&block, [1, 4_096, 4_097, TRACES, TRACES + 1].map(trace_id).into()).unwrap();
    let found: Vec<TraceId> = several.iter().map(|span| span.trace_id).collect();
    assert_eq!(found, [1, 1, 4_096, 4_096, 4_097, 4_097, TRACES, TRACES].map(trace_id));
    let rare =
        SpanFilter { service: Some("rare".to_owned()), until_unix_ns: Some(60_500), ..SpanFilter::default() };
    assert_eq!(search(&block, &rare, 3), [60_000, 59_000, 58_000].map(trace_id));
}

#[test]
fn columns_in_which_all_rows_are_alike_are_not_compressed() {
    let path =
        |path: &str| Attribute { key: attribute::PATH.to_owned(), value: Value::Text(path.to_owned()) };
    let status =
        |code| Attribute { key: attribute::HTTP_RESPONSE_STATUS_CODE.to_owned(), value: Value::Int(code) };
    let spans = [("a>b", 1), ("a>c", 2)]
        .map(|(taken, id)| Span { attributes: vec![path(taken), status(200)], ..span(id, id, "cart", 100) });
    let (_folder, block) = write_block(&spans);
    let is_compressed = |name: &str| {
        let index = schema::SCHEMA.index_of(name).unwrap();
        let column = block.metadata.metadata().row_group(0).column(index);
        column.compression() != parquet::basic::Compression::UNCOMPRESSED
    };
    assert!(is_compressed("path") && is_compressed(columns::TRACE_ID));
    for name in ["http_response_status_code", "rpc_method", columns::EVENTS, columns::SPAN_ID] {
        assert!(!is_compressed(name), "{name}");
    }
    for span in &spans {
        assert_eq!(**trace(&block, span.trace_id).unwrap().first().unwrap(), *span);
    }
}

#[test]
fn says_what_it_holds_without_reading_rows() {
    let (_folder, block) = write_block(&[span(1, 1, "cart", 100), span(2, 1, "payment", 2_000_000)]);
    assert_eq!(block.segments(), (3, 7));
    assert_eq!(block.max_start_unix_ns(), 2_000_000);
    assert_eq!(block.newest_unix_ns(), 1_000_000, "a clock that runs ahead must not keep a block for longer");
    assert_eq!(block.services().names().iter().collect::<Vec<_>>(), ["cart", "payment"]);
    assert_eq!(block.file_name(), "00000000000000000100-00000000000002000000-00000007.parquet");
}

#[test]
fn a_damaged_file_is_an_error() {
    let (folder, block) = write_block(&[span(1, 1, "cart", 100)]);
    let bytes = std::fs::read(block.path()).unwrap();
    let path = folder.path().join("damaged.parquet");
    for cut in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(Block::open(&path).is_err(), "cut at {cut}");
    }
    std::fs::write(&path, b"not a block at all").unwrap();
    assert!(Block::open(&path).is_err());
}
