//! Queries run on lifecycles made of any bytes: for the fuzzer and for tests.

use std::sync::Arc;

use throughline_model::attribute::SERVICE_NAME;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanEvent, SpanKind, SpanLink, StatusCode, Value};

use super::{Query, SyntaxError, View};
use crate::assemble::{Lifecycle, assemble};

/// Spans of a lifecycle at most: enough for every shape of a tree.
const MAX_SPANS: usize = 12;
const BYTES_OF_SPAN: usize = 8;
/// Names that queries ask for: as keys, as values and as names of services.
const WORDS: [&str; 8] = ["x", "ids", "cart", "gateway", "GET", "http.status_code", "a.b", "é"];

/// Reads a text, and runs it where it is a query; a promise that does not hold ends the process.
pub(in crate::query) fn try_out(text: &str, bytes: &[u8]) -> Result<(), SyntaxError> {
    let query = Query::parse(text)?;
    let lifecycle = lifecycle(bytes);
    let view = View::new(TraceId::ONE, &lifecycle);
    let found = query.run(&view, &|| true).unwrap_or_default();
    assert!(found.iter().all(|set| !set.spans.is_empty() && set.spans.is_sorted()), "{text}");
    assert!(found.iter().all(|set| set.spans.iter().all(|index| *index < lifecycle.spans.len())), "{text}");
    let filter = query.filter();
    let is_possible = lifecycle.spans.iter().any(|placed| filter.matches(&placed.span));
    assert!(found.is_empty() || is_possible, "{text}: the store would not have found it");
    (0..lifecycle.spans.len()).for_each(|index| drop(query.values(&view, index)));
    Ok(())
}

/// A span for every few bytes: whole trees, parents that are missing or lead in circles, values of every type.
fn lifecycle(bytes: &[u8]) -> Lifecycle {
    let spans = bytes.chunks(BYTES_OF_SPAN).take(MAX_SPANS).enumerate();
    assemble(&spans.map(|(number, bytes)| Arc::new(span(number as u64 + 1, bytes))).collect::<Vec<_>>())
}

fn word(byte: u8) -> String {
    WORDS.get(usize::from(byte) % WORDS.len()).copied().unwrap_or_default().to_owned()
}

fn value(byte: u8) -> Value {
    match byte % 8 {
        0 => Value::Bool(byte > 100),
        1 => Value::Int(i64::from(byte) - 100),
        2 => Value::Int(if byte > 100 { i64::MAX } else { i64::MIN }),
        3 => Value::Double(if byte > 100 { f64::NAN } else { f64::from(byte) / 3.0 }),
        4 => Value::List(vec![Value::Int(i64::from(byte)), Value::Text(word(byte / 8))]),
        5 => Value::Map(vec![Attribute { key: word(byte / 8), value: Value::Bool(true) }]),
        6 => Value::Bytes(vec![byte]),
        _ => Value::Text(word(byte / 8)),
    }
}

fn span(id: u64, bytes: &[u8]) -> Span {
    let byte = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let attribute = |index: usize| Attribute { key: word(byte(index)), value: value(byte(index + 1)) };
    let span_id = |id: u64| SpanId::from_bytes(&id.to_be_bytes());
    let start_unix_ns = 1_000 + u64::from(byte(1)) * 10;
    Span {
        trace_id: TraceId::ONE,
        span_id: span_id(id).unwrap_or(SpanId::ONE),
        // Zero is no parent; the largest ones are missing.
        parent_span_id: span_id(u64::from(byte(0)) % (MAX_SPANS as u64 + 3)),
        trace_state: String::new(),
        flags: 1,
        name: word(byte(2)),
        kind: SpanKind::from_number(u64::from(byte(3)) % 6),
        start_unix_ns,
        // Some end before they start.
        end_unix_ns: (start_unix_ns + u64::from(byte(4)) * 100).saturating_sub(50),
        attributes: vec![attribute(4), attribute(5)],
        events: vec![SpanEvent {
            time_unix_ns: start_unix_ns,
            name: word(byte(6)),
            attributes: vec![attribute(6)],
        }],
        links: vec![SpanLink {
            trace_id: TraceId::ONE,
            span_id: SpanId::ONE,
            attributes: vec![attribute(5)],
        }],
        status: [StatusCode::Unset, StatusCode::Ok, StatusCode::Error]
            .get(usize::from(byte(7)) % 3)
            .copied()
            .unwrap_or_default(),
        status_message: word(byte(7)),
        resource: Arc::new(Resource {
            attributes: vec![
                Attribute { key: SERVICE_NAME.to_owned(), value: Value::Text(word(byte(3) / 8)) },
                attribute(2),
            ],
        }),
    }
}
