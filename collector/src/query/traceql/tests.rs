//! What queries find, what they refuse, and that nothing written makes them panic.

mod any_text;
mod refusals;

use std::collections::BTreeSet;
use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::span::{Attribute, Resource, Span, SpanEvent, SpanKind, StatusCode, Value};

use super::*;
use crate::assemble::{Lifecycle, assemble};
use crate::store::SpanFilter;

const MILLISECOND: u64 = 1_000_000;

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

fn span(id: u64, parent: u64, kind: SpanKind, service: &str, name: &str) -> Span {
    let span_id = |id: u64| SpanId::from_bytes(&id.to_be_bytes());
    Span {
        trace_id: TraceId::ONE,
        span_id: span_id(id).unwrap(),
        parent_span_id: span_id(parent),
        trace_state: String::new(),
        flags: 1,
        name: name.to_owned(),
        kind,
        start_unix_ns: 1_000_000_000 + id * MILLISECOND,
        end_unix_ns: 1_000_000_000 + (200 - id) * MILLISECOND,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource {
            attributes: vec![text(attribute::SERVICE_NAME, service), text("k8s.namespace.name", "shop")],
        }),
    }
}

/// gateway (1) -> cart (2, 3) -> db (4, 5, in error), and beside it gateway (6) -> user (7); names are the ids.
fn shop() -> Lifecycle {
    use SpanKind::{Client, Server};
    let mut spans = vec![
        span(1, 0, Server, "gateway", "one"),
        span(2, 1, Client, "gateway", "two"),
        span(3, 2, Server, "cart", "three"),
        span(4, 3, Client, "cart", "four"),
        span(5, 4, Server, "db", "five"),
        span(6, 1, Client, "gateway", "six"),
        span(7, 6, Server, "user", "seven"),
    ];
    spans[4].status = StatusCode::Error;
    spans[4].status_message = "no space".to_owned();
    spans[4].attributes = vec![
        text(attribute::ROLE, "inbound"),
        Attribute { key: attribute::HTTP_RESPONSE_STATUS_CODE.to_owned(), value: Value::Int(503) },
        Attribute { key: "ratio".to_owned(), value: Value::Double(0.25) },
        text("x y", "blank"),
    ];
    spans[3].attributes = vec![
        text(attribute::LINK_KIND, "sole"),
        Attribute {
            key: "ids".to_owned(),
            value: Value::List(vec![Value::Text("a".to_owned()), Value::Text("b".to_owned())]),
        },
    ];
    spans[2].events = vec![SpanEvent {
        time_unix_ns: 1,
        name: "exception".to_owned(),
        attributes: vec![text("code", "7")],
    }];
    spans[6].attributes = vec![Attribute { key: "cached".to_owned(), value: Value::Bool(true) }];
    assemble(&spans.into_iter().map(Arc::new).collect::<Vec<_>>())
}

fn run(query: &str, lifecycle: &Lifecycle) -> Found {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    query.run(&View::new(TraceId::ONE, lifecycle), &|| true).unwrap()
}

/// Checks the names of the spans that are found, over all spansets.
fn check(query: &str, expected: &[&str]) {
    let lifecycle = shop();
    let found = run(query, &lifecycle);
    let names: BTreeSet<&str> = found
        .iter()
        .flat_map(|set| &set.spans)
        .map(|index| lifecycle.spans[*index].span.name.as_str())
        .collect();
    assert_eq!(names, expected.iter().copied().collect(), "{query}");
}

const ALL: [&str; 7] = ["one", "two", "three", "four", "five", "six", "seven"];

#[test]
fn conditions_select_spans() {
    check("{}", &ALL);
    check("{ }", &ALL);
    check("{ true }", &ALL);
    check("{ false }", &[]);
    check("{ name = \"two\" }", &["two"]);
    check("{ \"two\" = name }", &["two"]);
    check("{ name != `two` && name != `one` }", &["three", "four", "five", "six", "seven"]);
    check("{ status = error }", &["five"]);
    check("{ span:statusMessage = \"no space\" }", &["five"]);
    check("{ kind = server && resource.service.name = \"cart\" }", &["three"]);
    check("{ .service.name = \"db\" }", &["five"]);
    check("{ span.service.name = \"db\" }", &[]);
    check("{ duration > 197ms }", &["one"]);
    check("{ duration >= 194ms && duration < 198ms }", &["two", "three"]);
    check("{ duration > 0.19s }", &["one", "two", "three", "four"]);
    check("{ .cached }", &["seven"]);
    check("{ !.cached }", &[]);
    check("{ .cached = true || status = error }", &["five", "seven"]);
    check("{ .ratio * 4 = 1 }", &["five"]);
    check("{ -.ratio < 0 && 2 ^ 3 ^ 2 = 512 && 7 % 4 = 3 }", &["five"]);
    check("{ .\"x y\" = \"blank\" }", &["five"]);
    check("{ span.\"x y\" = \"blank\" }", &["five"]);
    check("{ .ids = \"b\" }", &["four"]);
    check("{ event.code = 7 }", &["three"]);
    check("{ event:name = \"exception\" }", &["three"]);
    check("{ span:link = \"sole\" }", &["four"]);
    check("{ parent.ids = \"a\" }", &["five"]);
    check("{ parent.resource.service.name = \"gateway\" && resource.service.name = \"user\" }", &["seven"]);
    check("{ span:id = \"0000000000000003\" }", &["three"]);
}

#[test]
fn what_a_span_lacks_is_nil_and_matches_nothing_else() {
    check("{ .ratio != 1 }", &["five"]);
    check("{ .ratio = nil && kind = server }", &["one", "three", "seven"]);
    check("{ .ratio != nil }", &["five"]);
    check("{ .nothing =~ \".*\" }", &[]);
    check("{ .nothing !~ \".*\" }", &[]);
    check("{ .ratio = \"many\" }", &[]);
}

#[test]
fn numbers_are_found_as_texts_too_and_tags_of_envoy_are_derived() {
    check("{ .http.status_code = 503 }", &["five"]);
    check("{ .http.status_code = \"503\" }", &["five"]);
    check("{ .http.status_code != \"200\" }", &["five"]);
    check("{ .http.status_code >= 500 }", &["five"]);
    check("{ span.http.response.status_code =~ \"5..\" }", &["five"]);
    check("{ .component = \"proxy\" }", &["five"]);
}

#[test]
fn regular_expressions_match_whole_texts() {
    check("{ name =~ \"t.*\" }", &["two", "three"]);
    check("{ name =~ \"o\" }", &[]);
    check("{ name !~ \"t.*|f.*|s.*\" }", &["one"]);
    check("{ name =~ \"one|two\" }", &["one", "two"]);
}

#[test]
fn structure_is_seen() {
    check("{ resource.service.name = \"gateway\" } >> { status = error }", &["five"]);
    check("{ name = \"one\" } > { kind = client }", &["two", "six"]);
    check("{ name = \"one\" } > { name = \"five\" }", &[]);
    check("{ status = error } << { kind = server }", &["one", "three"]);
    check("{ status = error } < {}", &["four"]);
    check("{ name = \"two\" } ~ {}", &["six"]);
    check("{ name = \"two\" } ~ { name = \"two\" }", &[]);
    check("{ name = \"one\" } !>> {}", &["one"]);
    check("{ name = \"two\" } !> { kind = server }", &["one", "five", "seven"]);
    check("{ kind = client } &> { status = error }", &["four", "five"]);
    check("{ name = \"one\" } &>> { name = \"seven\" }", &["one", "seven"]);
    check("{ name = \"one\" } > { name = \"two\" } >> { name = \"five\" }", &["five"]);
}

#[test]
fn spansets_are_joined_from_the_left() {
    check("{ name = \"one\" } && { name = \"two\" }", &["one", "two"]);
    check("{ name = \"one\" } && { name = \"nobody\" }", &[]);
    check("{ name = \"one\" } || { name = \"nobody\" }", &["one"]);
    check("{ name = \"nobody\" } && {} || { name = \"six\" }", &["six"]);
    check("{ name = \"six\" } || {} && { name = \"nobody\" }", &[]);
    check("{ name = \"six\" } || ({} && { name = \"nobody\" })", &["six"]);
    check("({ name = \"one\" } | count() = 1) && { name = \"two\" }", &["one", "two"]);
}

#[test]
fn pipelines_filter_and_aggregate() {
    check("{ kind = server } | { status = error }", &["five"]);
    check("{ kind = client } | count() > 2", &["two", "four", "six"]);
    check("{ kind = client } | count() > 3", &[]);
    check(
        "{ kind = server } | avg(duration) > 100ms && max(duration) < 199ms",
        &["one", "three", "five", "seven"],
    );
    check("{ kind = server } | min(duration) > 190ms", &[]);
    check("{} | sum(.ratio) = 0.25", &ALL);
    check("{} | avg(.nothing) > 0", &[]);
    check("{} | by(resource.service.name) | count() = 2", &["three", "four"]);
    check("{} | by(kind) | count() > 3 | coalesce() | { name = \"one\" }", &["one"]);
    check("{ status = error } | select(.http.status_code, name)", &["five"]);
}

#[test]
fn traces_have_intrinsics() {
    check("{ trace:depth = 3 && name = \"one\" }", &["one"]);
    check("{ trace:depth > 3 }", &[]);
    check("{ trace:hops = 4 && trace:spans = 7 && trace:errors = 1 && status = error }", &["five"]);
    check(
        "{ rootServiceName = \"gateway\" && rootName = \"one\" && trace:complete && name = \"one\" }",
        &["one"],
    );
    check("{ trace:link = \"sole\" && name = \"six\" }", &["six"]);
    check("{ nestedSetParent < 0 }", &["one"]);
    check("{ nestedSetParent<0 && true }", &["one"]);
    check("{ span:childCount = 2 }", &["one"]);
    check("{ span:level = 4 && traceDuration > 100ms }", &["five"]);
    check("{ trace:id = \"00000000000000000000000000000001\" && name = \"one\" }", &["one"]);
}

#[test]
fn the_queries_of_kiali_and_grafana_are_understood() {
    check(
        "({.service.name = \"db\" && .http.status_code != \"200\"} && {  })| select(status, .service_name, .node_id, \
         .component, .upstream_cluster, .http.method, .response_flags, resource.hostname)",
        &ALL,
    );
    check("{resource.service.name=\"cart\" && name=\"three\" && duration>1ms && duration<5s}", &["three"]);
    check("{nestedSetParent<0 && true && status=error}", &[]);
    check("{true} >> {status=error && kind=server} | select(span:name)", &["five"]);
}

#[test]
fn answers_name_the_values_that_were_asked_for() {
    let lifecycle = shop();
    let query =
        Query::parse("{ status = error && resource.service.name != nil } | select(.http.status_code)")
            .unwrap();
    let view = View::new(TraceId::ONE, &lifecycle);
    let values = query.values(&view, 4);
    assert_eq!(
        values,
        [
            ("status".to_owned(), Operand::Status(StatusCode::Error)),
            ("service.name".to_owned(), Operand::text("db")),
            ("http.status_code".to_owned(), Operand::text("503")),
        ]
    );
    let found = run("{ kind = client } | avg(duration) > 1ms | count() > 0", &lifecycle);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["avg(duration)", "count()"]
    );
    assert_eq!(found[0].values[1].1, Operand::Int(3));
}

#[test]
fn a_withdrawn_question_ends() {
    let lifecycle = shop();
    let query = Query::parse("{ name != nil }").unwrap();
    assert_eq!(query.run(&View::new(TraceId::ONE, &lifecycle), &|| false), Err(Interrupted));
}

#[test]
fn the_store_is_asked_for_what_every_match_needs() {
    let none = SpanFilter::default;
    let service = |name: &str| SpanFilter { service: Some(name.to_owned()), ..none() };
    for (query, expected) in [
        ("{}", none()),
        ("{ resource.service.name = \"cart\" }", service("cart")),
        ("{ trace:depth > 3 }", none()),
        ("{ resource.service.name = \"cart\" || trace:depth > 3 }", none()),
        ("{ !(status = error) }", none()),
        ("{ .node_id = \"x\" }", none()),
        (
            "{ status = error && duration > 5ms && name = \"GET\" }",
            SpanFilter {
                errors_only: true,
                min_duration_ns: Some(5 * MILLISECOND),
                operation: Some("GET".to_owned()),
                ..none()
            },
        ),
        ("{ 5ms >= duration }", SpanFilter { max_duration_ns: Some(5 * MILLISECOND), ..none() }),
        (
            "{ resource.service.name = \"a\" } >> { status = error && name = \"x\" }",
            SpanFilter { errors_only: true, operation: Some("x".to_owned()), ..none() },
        ),
        (
            "{ resource.service.name = \"a\" } !>> { name = \"x\" }",
            SpanFilter { operation: Some("x".to_owned()), ..none() },
        ),
        ("{ resource.service.name = \"a\" } && {}", service("a")),
        ("{ resource.service.name = \"a\" } || { resource.service.name = \"a\" }", none()),
        ("count() > 2", none()),
    ] {
        assert_eq!(Query::parse(query).unwrap().filter(), expected, "{query}");
    }
}

#[test]
fn conditions_for_the_store_leave_nothing_out_and_much_aside() {
    let lifecycle = shop();
    // How many of the seven spans the store would still offer.
    for (query, offered) in [
        ("{ .service.name = \"db\" }", 1),
        ("{ .service.name =~ \"d.*\" }", 1),
        ("{ .http.status_code = 503 }", 1),
        ("{ .http.status_code != \"200\" }", 1),
        ("{ span.http.response.status_code >= 500 && kind = server }", 1),
        ("{ .ids = \"b\" }", 1),
        ("{ .cached }", 7),
        ("{ .cached = true }", 1),
        ("{ .ratio < 1 }", 1),
        ("{ kind = server }", 4),
        ("{ kind = server || status = error }", 4),
        ("{ nestedSetParent < 0 }", 1),
        ("{ span:link = \"sole\" }", 1),
        ("{ .nothing != nil }", 0),
        ("{ name =~ \"t.*\" && trace:depth > 1 }", 2),
    ] {
        let filter = Query::parse(query).unwrap().filter();
        let found = lifecycle.spans.iter().filter(|placed| filter.matches(&placed.span)).count();
        assert_eq!(found, offered, "{query}: {filter:?}");
    }
}
