//! Finds what a trace lacks, and says why it is thought to be missing.

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, Value};

use super::tree::{Node, Place};
use super::{Gap, GapCause, GapReason};

/// Envoy's flags of requests that ended before a server saw them: no host, no route, no connection, refused by a filter.
const NEVER_SENT_FLAGS: [&str; 14] =
    ["UH", "UF", "NR", "UO", "NC", "DPE", "RL", "UAEX", "LR", "DF", "FI", "NFCF", "OM", "IH"];

/// Whether a server span stands under a span.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Arrived,
    Absent,
}

pub(super) fn find(nodes: &[Node]) -> Vec<Gap> {
    let mut servers = vec![Server::Absent; nodes.len()];
    for node in nodes.iter().filter(|node| node.span.kind == SpanKind::Server) {
        if let Place::Under(parent) = node.place
            && let Some(server) = servers.get_mut(parent)
        {
            *server = Server::Arrived;
        }
    }
    nodes.iter().zip(servers).filter_map(|(node, server)| gap_at(node, server)).collect()
}

fn gap_at(node: &Node, server: Server) -> Option<Gap> {
    let span = &node.span;
    let (reason, detail) = match node.place {
        Place::Missing => (GapReason::MissingParent, missing_parent(span)),
        Place::Loop => (
            GapReason::MissingParent,
            "its chain of parents leads back to itself, so one of the parent ids is wrong".to_owned(),
        ),
        Place::Root | Place::Under(_) if server == Server::Absent && expects_server(span) => {
            (GapReason::NoServerSpan, no_server(span))
        }
        Place::Root | Place::Under(_) => return None,
    };
    let target = (reason == GapReason::NoServerSpan).then(|| target_of(span)).flatten();
    let senders = match reason {
        GapReason::NoServerSpan => addresses_of(span).collect(),
        GapReason::MissingParent => vec![sender_of_parent(span)],
    };
    Some(Gap {
        span_id: span.span_id,
        service: span.service_name().to_owned(),
        reason,
        cause: GapCause::default(),
        target: target.map(str::to_owned),
        senders: senders.into_iter().map(str::to_owned).collect(),
        times_unix_ns: (span.start_unix_ns, span.end_unix_ns),
        dropped_spans: 0,
        detail,
    })
}

/// Only proxies of the mesh promise a server span: what an application calls may well have no proxy.
fn expects_server(span: &Span) -> bool {
    span.kind == SpanKind::Client && span.attribute(attribute::ROLE).is_some() && !ended_before_server(span)
}

fn ended_before_server(span: &Span) -> bool {
    [attribute::ENVOY_RESPONSE_FLAGS, attribute::ERROR_TYPE]
        .into_iter()
        .filter_map(|key| span.attribute(key).and_then(Value::as_text))
        .flat_map(|text| text.split(|letter: char| !letter.is_ascii_alphanumeric()))
        .any(|flag| NEVER_SENT_FLAGS.contains(&flag))
}

fn missing_parent(span: &Span) -> String {
    match span.parent_span_id {
        Some(parent) => format!("its parent {parent} did not arrive"),
        None => "its parent did not arrive".to_owned(),
    }
}

fn target_of(span: &Span) -> Option<&str> {
    addresses_of(span).next()
}

/// Under which addresses the server of a call is known to its caller, that of the request first.
fn addresses_of(span: &Span) -> impl Iterator<Item = &str> {
    [attribute::SERVER_ADDRESS, attribute::ENVOY_UPSTREAM_CLUSTER]
        .into_iter()
        .filter_map(|key| span.attribute(key).and_then(Value::as_text))
}

/// A request was sent by the workload before this one on its path; a call was caused by a request to the same workload.
fn sender_of_parent(span: &Span) -> &str {
    let path = span.attribute(attribute::PATH).and_then(Value::as_text).unwrap_or_default();
    let before = path.rsplit('>').nth(1).filter(|_| span.kind == SpanKind::Server);
    before.unwrap_or_else(|| span.service_name())
}

fn no_server(span: &Span) -> String {
    match target_of(span) {
        Some(target) => format!("no span arrived from {target}"),
        None => "no span arrived from the server it called".to_owned(),
    }
}
