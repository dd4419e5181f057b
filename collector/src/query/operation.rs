//! Every question of our own API: its path, its parameters, what it answers and who does. The router and the OpenAPI document are both
//! made of this, so neither knows what the other does not.

mod alerts;
mod insight;

use axum::routing::{MethodRouter, get};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{QueryState, answer, figures, openapi, status, tail, trace};

/// One question.
pub(super) struct Operation {
    pub(super) path: &'static str,
    /// In lower case.
    pub(super) method: &'static str,
    /// Its name for those who generate clients.
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// What has to be sent along.
    pub(super) body: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(super) answer: Answer,
    pub(super) handler: MethodRouter<QueryState>,
}

/// What comes back.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// JSON, or with the right `Accept` each element of a list on a line of its own: the whole, and what a line may be.
    JsonOrLines(fn(&mut SchemaGenerator) -> Schema, fn(&mut SchemaGenerator) -> Schema),
    /// Server-sent events; the data of each is this JSON.
    Events(fn(&mut SchemaGenerator) -> Schema),
    Text(&'static str),
    /// 201 and JSON.
    Created(fn(&mut SchemaGenerator) -> Schema),
    /// 204.
    Nothing,
}

/// Something that can be asked along.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) meaning: &'static str,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// May be given several times.
    Texts,
    /// An age such as `15m`, or RFC 3339.
    Moment,
    Decimal,
    Whole,
    Truth,
    /// The name of a span kind.
    Span,
    /// The name of a link.
    Link,
}

const fn parameter(name: &'static str, kind: Kind, meaning: &'static str) -> Parameter {
    Parameter { name, kind, meaning }
}

const SEARCH: [Parameter; 15] = [
    parameter("service", Kind::Text, "A span of this service takes part."),
    parameter("operation", Kind::Text, "A span of this name takes part."),
    parameter("min_duration_ms", Kind::Decimal, "The matching span lasted at least this long."),
    parameter("max_duration_ms", Kind::Decimal, "The matching span lasted at most this long."),
    parameter("errors", Kind::Truth, "The matching span is in error."),
    parameter("since", Kind::Moment, "The matching span started at or after this."),
    parameter("until", Kind::Moment, "The matching span started at or before this."),
    parameter("limit", Kind::Whole, "At most so many traces, 1 to 1000; 20 by default."),
    parameter("attribute", Kind::Texts, "KEY=VALUE: the matching span or its resource has this attribute."),
    parameter("kind", Kind::Span, "The matching span is of this kind."),
    parameter("link", Kind::Link, "The matching span was tied to its cause by this."),
    parameter("min_depth", Kind::Whole, "The trace is at least this many hops deep."),
    parameter("max_depth", Kind::Whole, "The trace is at most this many hops deep."),
    parameter("q", Kind::Text, "A TraceQL query that the trace satisfies as well."),
    parameter("after", Kind::Text, "The `next` of an earlier answer to the same question."),
];

const VIEW: [Parameter; 2] = [
    parameter("clock", Kind::Text, "`corrected` (default) or `raw`: on whose clocks spans are placed."),
    parameter("joined", Kind::Truth, "With the traces that were joined to it; `true` by default."),
];

const TAIL: [Parameter; 7] = [
    parameter("service", Kind::Text, "The service takes part."),
    parameter("errors", Kind::Truth, "A span is in error."),
    parameter("complete", Kind::Truth, "Nothing is missing, or something is."),
    parameter("min_duration_ms", Kind::Decimal, "The trace lasted at least this long."),
    parameter("min_depth", Kind::Whole, "The trace is at least this many hops deep."),
    parameter("link", Kind::Link, "The weakest link of the trace."),
    parameter("max_per_second", Kind::Whole, "Traces told in a second, 1 to 10000; 500 by default."),
];

const FIGURES: [Parameter; 3] = [
    parameter("service", Kind::Text, "Of this service; an edge has it at either end."),
    parameter("since", Kind::Moment, "From the minute of this moment on; 15m by default."),
    parameter("until", Kind::Moment, "Minutes that begin before this; until now by default."),
];

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A trace that was found; the last line says how the search went, or why it failed.
fn line_of_a_search(generator: &mut SchemaGenerator) -> Schema {
    let kinds = [
        schema::<answer::Summary>(generator),
        schema::<answer::Search>(generator),
        schema::<answer::Problem>(generator),
    ];
    schemars::json_schema!({"anyOf": kinds})
}

fn operation(
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    answer: Answer,
    handler: MethodRouter<QueryState>,
) -> Operation {
    Operation { path, method: "get", name, summary, parameters, body: None, answer, handler }
}

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    [of_traces(), of_services(), insight::all(), alerts::all(), of_the_process()]
        .into_iter()
        .flatten()
        .collect()
}

fn of_traces() -> Vec<Operation> {
    vec![
        operation(
            "/api/v1/traces",
            "searchTraces",
            "The newest traces that match.",
            &SEARCH,
            Answer::JsonOrLines(schema::<answer::Traces>, line_of_a_search),
            get(trace::search),
        ),
        operation(
            "/api/v1/traces/{trace_id}",
            "showTrace",
            "One trace put together, with what is missing.",
            &VIEW,
            Answer::Json(schema::<answer::Trace>),
            get(trace::one),
        ),
        operation(
            "/api/v1/tail",
            "followTraces",
            "Each trace once it has been quiet for a second, or for three where it lacks something.",
            &TAIL,
            Answer::Events(schema::<answer::Summary>),
            get(tail::events),
        ),
    ]
}

fn of_services() -> Vec<Operation> {
    vec![
        operation(
            "/api/v1/services",
            "listServices",
            "The names of all services.",
            &[],
            Answer::Json(schema::<answer::Services>),
            get(trace::services),
        ),
        operation(
            "/api/v1/operations",
            "countOperations",
            "What each operation of the services did, from counts by minute.",
            &FIGURES,
            Answer::Json(schema::<answer::Operations>),
            get(figures::operations),
        ),
        operation(
            "/api/v1/edges",
            "countEdges",
            "Calls from one service to another, from counts by minute.",
            &FIGURES,
            Answer::Json(schema::<answer::Edges>),
            get(figures::edges),
        ),
    ]
}

fn of_the_process() -> Vec<Operation> {
    vec![
        operation(
            "/api/v1/status",
            "showStatus",
            "The collector's own numbers.",
            &[],
            Answer::Json(schema::<answer::Status>),
            get(status::status),
        ),
        operation(
            "/api/openapi.json",
            "describe",
            "This document.",
            &[],
            Answer::Json(|_| schemars::json_schema!({"type": "object"})),
            get(openapi::serve),
        ),
        operation(
            "/metrics",
            "scrapeMetrics",
            "Counters of the process and of the mesh, with exemplars.",
            &[],
            Answer::Text("application/openmetrics-text"),
            get(status::metrics),
        ),
        operation(
            "/healthz",
            "isAlive",
            "200 while the process lives.",
            &[],
            Answer::Text("text/plain"),
            get(status::alive),
        ),
        operation(
            "/readyz",
            "isReady",
            "200 once questions are answered and spans taken.",
            &[],
            Answer::Text("text/plain"),
            get(status::ready),
        ),
    ]
}
