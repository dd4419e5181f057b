//! The OpenAPI 3.1 document of our own API, made of its operations and of the types of its answers.

use axum::Json as JsonAnswer;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::answer::Problem;
use super::operation::{self, Answer, Kind, Operation, Parameter};

/// `GET /api/openapi.json`
pub(super) async fn serve() -> JsonAnswer<Json> {
    JsonAnswer(document())
}

/// The whole document.
pub(super) fn document() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in operation::all() {
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Json::Object(methods) = methods {
            methods.insert(operation.method.to_owned(), describe(&operation, &mut generator));
        }
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Throughline",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Traces of a service mesh. docs/api.md says what each answer means.",
        },
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Json {
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let parameters: Vec<Json> = in_path.chain(operation.parameters.iter().map(parameter)).collect();
    let problem = generator.subschema_for::<Problem>();
    let mut description = json!({
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            "default": {
                "description": "A problem; its detail says what was wrong and what would be right.",
                "content": {"application/problem+json": {"schema": problem}},
            },
        },
    });
    let (status, success) = success(operation.answer, generator);
    if let Some(responses) = description.get_mut("responses").and_then(Json::as_object_mut) {
        responses.insert(status.to_owned(), success);
    }
    if let (false, Json::Object(object)) = (parameters.is_empty(), &mut description) {
        object.insert("parameters".to_owned(), Json::Array(parameters));
    }
    if let (Some(body), Json::Object(object)) = (operation.body, &mut description) {
        let content = json!({"application/json": {"schema": body(generator)}});
        object.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    description
}

/// The status of an answer that went well, and what it holds.
fn success(answer: Answer, generator: &mut SchemaGenerator) -> (&'static str, Json) {
    match answer {
        Answer::Nothing => ("204", json!({"description": "It is done."})),
        Answer::Created(_) => {
            ("201", json!({"description": "It is made.", "content": content(answer, generator)}))
        }
        _ => ("200", json!({"description": "The answer.", "content": content(answer, generator)})),
    }
}

fn content(answer: Answer, generator: &mut SchemaGenerator) -> Json {
    match answer {
        Answer::Json(schema) | Answer::Created(schema) => {
            json!({"application/json": {"schema": schema(generator)}})
        }
        Answer::Nothing => json!({}),
        Answer::JsonOrLines(whole, line) => json!({
            "application/json": {"schema": whole(generator)},
            "application/x-ndjson": sequence(line(generator), "Each line is JSON of `x-item-schema`."),
        }),
        Answer::Events(schema) => json!({
            "text/event-stream":
                sequence(schema(generator), "The data of each event is JSON of `x-item-schema`; comments say what was skipped."),
        }),
        Answer::Text(content_type) => json!({content_type: {"schema": {"type": "string"}}}),
    }
}

/// OpenAPI 3.1 has no word for the items of an endless answer; `x-item-schema` is what later versions call `itemSchema`.
fn sequence(item: Schema, description: &str) -> Json {
    json!({"schema": {"type": "string", "description": description}, "x-item-schema": item})
}

fn parameter(parameter: &Parameter) -> Json {
    let text = |examples: &[&str]| json!({"type": "string", "examples": examples});
    let schema = match parameter.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Moment => text(&["15m", "2026-01-31T12:00:00Z"]),
        Kind::Decimal => json!({"type": "number", "minimum": 0}),
        Kind::Whole => json!({"type": "integer", "minimum": 0}),
        Kind::Truth => json!({"type": "boolean"}),
        Kind::Span => {
            json!({"enum": ["server", "client", "internal", "producer", "consumer", "unspecified"]})
        }
        Kind::Link => json!({"enum": ["propagated", "request-id", "token", "sole", "none"]}),
    };
    json!({"name": parameter.name, "in": "query", "description": parameter.meaning, "schema": schema})
}

#[cfg(test)]
mod tests;
