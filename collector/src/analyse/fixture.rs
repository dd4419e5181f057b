//! Small lifecycles for the tests of this room.

use std::sync::Arc;

use proptest::prelude::*;
use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanKind, StatusCode, Value};

use crate::assemble::{Lifecycle, assemble};

pub(super) fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

pub(super) fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

/// A span with id `id` under `parent` (0 = none) that lasts from `start` to `end`.
pub(super) fn span(id: u64, parent: u64, kind: SpanKind, service: &str, (start, end): (u64, u64)) -> Span {
    Span {
        trace_id: TraceId::from_bytes(&[7; 16]).unwrap(),
        span_id: span_id(id),
        parent_span_id: (parent != 0).then(|| span_id(parent)),
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind,
        start_unix_ns: start,
        end_unix_ns: end,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![text(attribute::SERVICE_NAME, service)] }),
    }
}

pub(super) fn with(mut span: Span, key: &str, value: &str) -> Span {
    span.attributes.push(text(key, value));
    span
}

pub(super) fn assembled(spans: Vec<Span>) -> Lifecycle {
    assemble(&spans.into_iter().map(Arc::new).collect::<Vec<_>>())
}

/// Few ids and times, so that duplicates, orphans, loops and shared ids are common.
pub(super) fn any_spans() -> impl Strategy<Value = Vec<Span>> {
    let kind = (0u64..6).prop_map(SpanKind::from_number);
    let one = (1u64..12, 0u64..12, kind, "[abc]", (0u64..40, 0u64..40), any::<bool>()).prop_map(
        |(id, parent, kind, service, times, is_error)| {
            let mut span = span(id, parent, kind, &service, times);
            span.status = if is_error { StatusCode::Error } else { StatusCode::Unset };
            span
        },
    );
    proptest::collection::vec(one, 0..30)
}
