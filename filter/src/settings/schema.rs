//! The table of keys as documents: a JSON Schema, and the rows of the README.

use serde_json::{Value, json};

use super::{Key, Kind};

/// A JSON Schema (draft 2020-12) of the whole configuration, as the text of a file.
pub fn to_json_schema<'k>(keys: impl Iterator<Item = &'k Key>) -> String {
    let mut root = object_schema(keys);
    if let Some(members) = root.as_object_mut() {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("Configuration of the Throughline filter"));
    }
    format!("{root:#}\n")
}

/// The rows of a Markdown table: key, default, meaning with what the key takes.
pub fn to_readme_table<'k>(keys: impl Iterator<Item = &'k Key>) -> String {
    let rows = keys.map(|key| {
        let default = match key.default {
            "[]" | "\"\"" => "none".to_owned(),
            other => format!("`{}`", other.trim_matches('"')),
        };
        format!("| `{}` | {default} | {}{} |\n", key.path, key.meaning, range_of(key))
    });
    format!("| key | default | meaning |\n|---|---|---|\n{}", rows.collect::<String>())
}

fn range_of(key: &Key) -> String {
    let listed = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match key.kind {
        Kind::Number { least, most } => format!(", {least} to {most}"),
        Kind::Fraction => ", 0 to 1".to_owned(),
        Kind::Choice(words) | Kind::Choices(words) => format!(": {}", listed(words)),
        Kind::HeaderNames { most } | Kind::Objects { most, .. } => format!(", at most {most}"),
        Kind::Switch | Kind::Text { .. } | Kind::Secret { .. } => String::new(),
    }
}

fn object_schema<'k>(keys: impl Iterator<Item = &'k Key>) -> Value {
    let mut root = empty_object();
    for key in keys {
        let parts: Vec<&str> = key.path.split('.').collect();
        put(&mut root, &parts, key_schema(key));
    }
    root
}

fn empty_object() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

/// Puts a schema at its place, making the objects on the way.
fn put(object: &mut Value, path: &[&str], schema: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    let Some(members) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
    if rest.is_empty() {
        members.insert((*first).to_owned(), schema);
    } else {
        put(members.entry(*first).or_insert_with(empty_object), rest, schema);
    }
}

fn key_schema(key: &Key) -> Value {
    let mut schema = match key.kind {
        Kind::Switch => json!({"type": "boolean"}),
        Kind::Number { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Fraction => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Kind::Text { least, most } => json!({"type": "string", "minLength": least, "maxLength": most}),
        Kind::Secret { most } => {
            json!({"type": "string", "maxLength": most, "pattern": "^[!-~]*$", "writeOnly": true})
        }
        Kind::Choice(words) => json!({"enum": words}),
        Kind::Choices(words) => json!({"type": "array", "items": {"enum": words}}),
        Kind::HeaderNames { most } => json!({
            "type": "array",
            "maxItems": most,
            "items": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
        }),
        Kind::Objects { most, keys } => {
            json!({"type": "array", "maxItems": most, "items": object_schema(keys.iter())})
        }
    };
    if let Some(members) = schema.as_object_mut() {
        members.insert("description".to_owned(), json!(key.meaning));
        let default = serde_json::from_str(key.default).unwrap_or(Value::Null);
        members.insert("default".to_owned(), default);
    }
    schema
}
