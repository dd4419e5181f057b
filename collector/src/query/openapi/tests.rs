//! The document in the repository is the one that the code makes, and everything that can be asked stands in it.

use std::collections::BTreeSet;

use super::*;
use crate::query::tests::Collector;
use crate::query::{figures, parameter, tail};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

#[test]
fn the_document_equals_the_code() {
    let made = format!("{:#}\n", document());
    if std::env::var_os("WRITE_DOCUMENTS").is_some() {
        std::fs::write(PATH, &made).unwrap();
    }
    let kept = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(kept == made, "docs/openapi.json is not what the code makes: run `make documents`");
}

#[test]
fn every_parameter_that_is_taken_is_described() {
    let names = |path: &str| {
        let operation = operation::all().into_iter().find(|operation| operation.path == path).unwrap();
        operation.parameters.iter().map(|parameter| parameter.name).collect::<BTreeSet<_>>()
    };
    assert_eq!(names("/api/v1/traces"), BTreeSet::from(parameter::SEARCH_PARAMETERS));
    assert_eq!(names("/api/v1/tail"), BTreeSet::from(tail::TAIL_PARAMETERS));
    assert_eq!(names("/api/v1/edges"), BTreeSet::from(figures::PARAMETERS));
    for path in ["critical-path", "explain", "completeness", "doctor/propagation"] {
        assert_eq!(names(&format!("/api/v1/{path}")), BTreeSet::from(parameter::selection::OF_ONE), "{path}");
    }
    for path in ["suspects", "compare"] {
        assert_eq!(names(&format!("/api/v1/{path}")), BTreeSet::from(parameter::selection::OF_TWO), "{path}");
    }
}

#[test]
fn no_route_of_the_api_is_added_beside_the_operations() {
    let doors = [
        include_str!("../../query.rs"),
        include_str!("../insight.rs"),
        include_str!("../alerts.rs"),
        include_str!("../figures.rs"),
        include_str!("../trace.rs"),
    ];
    let beside = doors.iter().flat_map(|door| door.lines()).filter(|line| line.contains(".route(\"/api/v1/"));
    assert_eq!(beside.collect::<Vec<_>>(), [""; 0], "name it in operation.rs");
}

#[test]
fn one_path_may_be_asked_in_several_ways() {
    let document = document();
    let silences = &document["paths"]["/api/v1/silences"];
    assert!(silences["get"]["responses"]["200"].is_object() && silences["post"]["requestBody"].is_object());
    assert!(silences["post"]["responses"]["201"].is_object(), "{silences:#}");
    assert!(document["paths"]["/api/v1/silences/{id}"]["delete"]["responses"]["204"].is_object());
}

#[test]
fn each_name_is_given_once() {
    let mut seen = BTreeSet::new();
    assert!(operation::all().iter().all(|operation| seen.insert(operation.name)));
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let numbered = schemas.keys().filter(|name| name.ends_with(|last: char| last.is_ascii_digit()));
    assert_eq!(numbered.collect::<Vec<_>>(), [""; 0], "two types have one name: rename one for the document");
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'a>(value: &'a Json, references: &mut Vec<&'a str>) {
        match value {
            Json::Object(object) => {
                references.extend(object.get("$ref").and_then(Json::as_str));
                object.values().for_each(|value| walk(value, references));
            }
            Json::Array(list) => list.iter().for_each(|value| walk(value, references)),
            _ => {}
        }
    }
    let document = document();
    let mut references = Vec::new();
    walk(&document, &mut references);
    assert!(references.len() > 10);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_path_of_the_document_is_answered() {
    let collector = Collector::with(Vec::new());
    let asked = |operation: &&Operation| operation.method == "get" && !operation.path.contains('{');
    for operation in operation::all().iter().filter(asked) {
        let (status, _) = match operation.answer {
            Answer::Events(_) => continue,
            _ => collector.answer(operation.path, "*/*").await,
        };
        // The process of this test is never ready, and watches nothing.
        let needs_more = ["/readyz", "/api/v1/alerts", "/api/v1/alert-rules", "/api/v1/silences"];
        let expected = if needs_more.contains(&operation.path) { 503 } else { 200 };
        assert_eq!(status, expected, "{}", operation.path);
    }
}
