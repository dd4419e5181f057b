//! Folds the spans of a trace to the lines of its tree: a client span and the one server span it reached are one line.

use std::collections::HashSet;

use serde_json::Value;
use throughline_model::attribute;

use super::clean_name;
use crate::query::answer::{Seam, Span, Trace};

/// Trace and span id.
type SpanKey<'a> = (&'a str, &'a str);

/// One line of the tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    pub(super) level: usize,
    /// The service, with its caller where the tree does not show it.
    pub(super) who: String,
    pub(super) operation: String,
    pub(super) status: String,
    pub(super) link: Option<String>,
    /// How long the call took for the caller.
    pub(super) caller_ns: Option<u64>,
    /// How long it took in the server, or the work in its process.
    pub(super) server_ns: Option<u64>,
    pub(super) offset_ns: u64,
    pub(super) is_error: bool,
    pub(super) has_gap: bool,
    /// What is said above it of a parent that the tree does not show there.
    pub(super) no_parent: Option<String>,
}

impl Line {
    pub(super) fn longest_ns(&self) -> u64 {
        self.caller_ns.max(self.server_ns).unwrap_or(0)
    }
}

/// The lines in tree order.
pub(super) fn fold(trace: &Trace) -> Vec<Line> {
    let gaps: HashSet<&str> = trace.gaps.iter().map(|gap| gap.span_id.as_str()).collect();
    let arrived: HashSet<SpanKey> =
        trace.spans.iter().map(|span| (&*span.trace_id, &*span.span_id)).collect();
    let mut lines = Vec::new();
    // The spans above the current one: their line's level, and their service.
    let mut above: Vec<(usize, &str)> = Vec::new();
    let mut spans = trace.spans.iter().enumerate();
    while let Some((index, span)) = spans.next() {
        above.truncate(span.level);
        let (level, caller) = above.last().map_or((0, None), |(level, service)| (level + 1, Some(*service)));
        let server = trace.spans.get(index + 1..).and_then(|rest| only_server(span, rest));
        let mut line = match server {
            Some(server) => hop(span, server),
            None if span.kind == "client" => call(span),
            None => work(span),
        };
        line.level = level;
        if let Some(seam) = trace.seams.iter().find(|seam| seam.joined && begins_at(seam, span)) {
            line.link = Some(clean_name(&seam.kind));
        }
        if span.kind == "client" && caller != Some(span.service.as_str()) {
            line.who = format!("{} {}", clean_name(&span.service), arrow_to(&line.who));
        }
        line.has_gap = std::iter::once(span).chain(server).any(|span| gaps.contains(span.span_id.as_str()));
        line.no_parent = no_parent(span, &arrived);
        above.push((level, &span.service));
        if let Some(server) = server {
            spans.next();
            above.push((level, &server.service));
        }
        lines.push(line);
    }
    lines
}

/// A parent that arrived and is not above its child is below it, in a circle.
fn no_parent(span: &Span, arrived: &HashSet<SpanKey>) -> Option<String> {
    let parent = span.parent_span_id.as_deref().filter(|_| span.missing_parent)?;
    Some(if arrived.contains(&(&*span.trace_id, parent)) {
        "the chain of parents of the next line leads back to it".to_owned()
    } else {
        format!("the parent of the next line, {}, did not arrive", clean_name(parent))
    })
}

fn begins_at(seam: &Seam, span: &Span) -> bool {
    (&seam.trace_id, &seam.span_id) == (&span.trace_id, &span.span_id)
}

/// The server span right below a client span, when it is the only child and of another service. `rest` follows `client`
/// in tree order.
fn only_server<'a>(client: &Span, rest: &'a [Span]) -> Option<&'a Span> {
    let is_child = |span: &&Span| span.level == client.level + 1;
    let mut children = rest.iter().take_while(|span| span.level > client.level).filter(is_child);
    let server = children.next()?;
    let is_pair = client.kind == "client" && server.kind == "server" && client.service != server.service;
    (is_pair && children.next().is_none()).then_some(server)
}

fn hop(client: &Span, server: &Span) -> Line {
    Line {
        who: clean_name(&server.service),
        operation: clean_name(&server.name),
        // What the caller saw counts, unless only the server knows.
        status: status_code(client).or_else(|| status_code(server)).unwrap_or_else(|| client.status.clone()),
        link: client.link.clone().or_else(|| server.link.clone()),
        caller_ns: Some(client.duration_ns),
        server_ns: Some(server.duration_ns),
        offset_ns: client.offset_ns,
        is_error: client.status == "error" || server.status == "error",
        ..Line::default()
    }
}

/// A client span on its own: its server is known by address only, or answered more than once.
fn call(client: &Span) -> Line {
    let target = [attribute::SERVER_ADDRESS, attribute::ENVOY_UPSTREAM_CLUSTER]
        .into_iter()
        .find_map(|key| client.attributes.get(key).and_then(Value::as_str))
        .unwrap_or("?");
    Line {
        who: format!("→ {}", clean_name(target)),
        caller_ns: Some(client.duration_ns),
        server_ns: None,
        ..work(client)
    }
}

fn work(span: &Span) -> Line {
    Line {
        who: clean_name(&span.service),
        operation: clean_name(&span.name),
        status: status_code(span).unwrap_or_else(|| clean_name(&span.status)),
        link: span.link.clone(),
        server_ns: Some(span.duration_ns),
        offset_ns: span.offset_ns,
        is_error: span.status == "error",
        ..Line::default()
    }
}

/// The protocol's own status, else what kind of error ended the operation.
fn status_code(span: &Span) -> Option<String> {
    let codes =
        [attribute::RPC_RESPONSE_STATUS_CODE, attribute::HTTP_RESPONSE_STATUS_CODE, attribute::ERROR_TYPE];
    let value = codes.into_iter().find_map(|key| span.attributes.get(key))?;
    Some(clean_name(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
}

fn arrow_to(target: &str) -> String {
    if target.starts_with('→') { target.to_owned() } else { format!("→ {target}") }
}
