//! Questions about where time went, what changed and who is to blame.

use axum::routing::get;

use super::{Answer, FIGURES, Kind, Operation, Parameter, VIEW, operation, parameter, schema};
use crate::query::insight::{completeness, doctor, graph, groups, one_trace, together};

const ONE: [Parameter; 9] = [
    parameter("service", Kind::Text, "A span of this service takes part."),
    parameter("operation", Kind::Text, "A span of this name takes part."),
    parameter("min_duration_ms", Kind::Decimal, "The matching span lasted at least this long."),
    parameter("max_duration_ms", Kind::Decimal, "The matching span lasted at most this long."),
    parameter("errors", Kind::Truth, "The matching span is in error."),
    parameter("since", Kind::Moment, "The begin of the group; 5m by default."),
    parameter("until", Kind::Moment, "Its end; now by default."),
    parameter(
        "version",
        Kind::Text,
        "A span of this `service.version` or `istio.canonical_revision` takes part.",
    ),
    parameter("limit", Kind::Whole, "At most so many traces, 1 to 2000; 500 by default."),
];

const TWO: [Parameter; 9] = [
    parameter("service", Kind::Text, "A span of this service takes part, in both groups."),
    parameter("operation", Kind::Text, "A span of this name takes part, in both groups."),
    parameter("since", Kind::Moment, "The begin of the group; 5m by default."),
    parameter("until", Kind::Moment, "Its end; now by default."),
    parameter("version", Kind::Text, "The version of the group."),
    parameter(
        "baseline_since",
        Kind::Moment,
        "The begin of the baseline; an hour before its end by default.",
    ),
    parameter("baseline_until", Kind::Moment, "Its end; `since` by default."),
    parameter("baseline_version", Kind::Text, "The version of the baseline, by default at the same time."),
    parameter(
        "limit",
        Kind::Whole,
        "At most so many traces of each, from all over its time, 1 to 2000; 500 by default.",
    ),
];

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    [of_one_trace(), of_a_group(), of_two_groups()].into_iter().flatten().collect()
}

fn of_one_trace() -> Vec<Operation> {
    vec![
        operation(
            "/api/v1/traces/{trace_id}/critical-path",
            "showCriticalPath",
            "At every moment of a trace, the span whose own work was waited for.",
            &VIEW,
            Answer::Json(schema::<one_trace::CriticalPath>),
            get(one_trace::critical_path),
        ),
        operation(
            "/api/v1/traces/{trace_id}/hops",
            "listHops",
            "The hops of a trace by start, and where the time of each went.",
            &VIEW,
            Answer::Json(schema::<one_trace::Hops>),
            get(one_trace::hops),
        ),
    ]
}

fn of_a_group() -> Vec<Operation> {
    vec![
        operation(
            "/api/v1/graph",
            "showGraph",
            "Who called whom, with what appeared and what vanished since the window before.",
            &FIGURES,
            Answer::Json(schema::<graph::Graph>),
            get(graph::graph),
        ),
        operation(
            "/api/v1/critical-path",
            "addUpCriticalPaths",
            "The critical paths of a group of traces as a flame graph.",
            &ONE,
            Answer::Json(schema::<together::FlameGraph>),
            get(together::critical_path),
        ),
        operation(
            "/api/v1/explain",
            "explain",
            "What holds more often in a group of traces than in the others of its service and time.",
            &ONE,
            Answer::Json(schema::<together::Explanations>),
            get(together::explain),
        ),
        operation(
            "/api/v1/completeness",
            "showCompleteness",
            "Of the spans that were due, how many arrived, and why the others did not.",
            &ONE,
            Answer::Json(schema::<completeness::Completeness>),
            get(completeness::completeness),
        ),
        operation(
            "/api/v1/doctor/propagation",
            "examinePropagation",
            "Which workloads forward the context of their requests, and which break traces.",
            &ONE,
            Answer::Json(schema::<doctor::Propagation>),
            get(doctor::propagation),
        ),
    ]
}

fn of_two_groups() -> Vec<Operation> {
    vec![
        operation(
            "/api/v1/suspects",
            "rankSuspects",
            "Services and edges by how much they explain what changed.",
            &TWO,
            Answer::Json(schema::<groups::Suspects>),
            get(groups::suspects),
        ),
        operation(
            "/api/v1/compare",
            "compare",
            "What changed between two groups of traces and is hardly chance.",
            &TWO,
            Answer::Json(schema::<groups::Comparison>),
            get(groups::compare),
        ),
    ]
}
