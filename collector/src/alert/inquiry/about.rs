//! Which spans of a trace an alert is about: calls are told apart as the rollups count them, from which alerts are made.

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, Value};

use crate::alert::subject::Subject;
use crate::analyse::call::{called_host, caller_of};
use crate::assemble::{Lifecycle, PlacedSpan};

/// Service and operation with which a trace begins, as far as its spans arrived.
pub(in crate::alert) fn entry_of(trace: &Lifecycle) -> Option<(&str, &str)> {
    trace.spans.first().map(|placed| (placed.span.service_name(), placed.span.name.as_str()))
}

/// The spans of the service, of the calls on the edge or route, or the first one of the entry.
pub(in crate::alert) fn spans_about<'a>(
    trace: &'a Lifecycle,
    subject: &'a Subject,
) -> impl Iterator<Item = &'a PlacedSpan> {
    trace.spans.iter().enumerate().filter_map(move |(place, placed)| {
        let is_about = match subject {
            Subject::Service(service) => placed.span.service_name() == &**service,
            Subject::Entry(service, operation) => place == 0 && entry_of(trace) == Some((service, operation)),
            Subject::Edge(client, server) => is_call(trace, placed, client, server),
            Subject::Route(client, server, route) => {
                route_of(&placed.span) == &**route && is_call(trace, placed, client, server)
            }
        };
        is_about.then_some(placed)
    })
}

/// The callee tells who called it; where it sent no span, the caller tells whom it called.
fn is_call(trace: &Lifecycle, placed: &PlacedSpan, client: &str, server: &str) -> bool {
    let span = &placed.span;
    let above = placed.parent.and_then(|parent| trace.spans.get(parent));
    // An application and its proxy that both report a request are one end of it.
    let is_seen_twice = above.is_some_and(|above| {
        above.span.kind == span.kind && above.span.service_name() == span.service_name()
    });
    !is_seen_twice
        && match span.kind {
            SpanKind::Server => span.service_name() == server && caller_of(trace, placed) == Some(client),
            SpanKind::Client => span.service_name() == client && called_host(span) == server,
            _ => false,
        }
}

fn route_of(span: &Span) -> &str {
    span.attribute(attribute::HTTP_ROUTE).and_then(Value::as_text).unwrap_or(&span.name)
}
