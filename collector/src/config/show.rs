//! Shows the configuration: as it is in effect, and as a JSON Schema. The example file is the source of both, because a test holds
//! it against the defaults and the list of keys.

use saphyr::{LoadableYamlNode as _, YamlOwned};
use serde_json::{Map, Value as Json, json};

use super::written::{Key, Written};

/// Every setting with its default and a comment.
const EXAMPLE: &str = include_str!("example.yaml");

/// The example with what was written in place of the defaults.
pub(super) fn in_effect(written: &Written) -> String {
    let mut text = String::new();
    for line in lines() {
        match (line.key, line.key.and_then(|key| written.find(key))) {
            (Some(_), Some(setting)) => {
                let comment = line.comment.map(|comment| format!("  # {comment}")).unwrap_or_default();
                let indent = " ".repeat(line.indent);
                let shown =
                    if setting.key.is_secret() { "'(not shown)'".to_owned() } else { quoted(&setting.text) };
                text.push_str(&format!("{indent}{}: {shown}{comment}\n", line.name));
            }
            _ if line.is_remark => {}
            _ => {
                text.push_str(line.whole);
                text.push('\n');
            }
        }
    }
    text
}

/// A value as YAML takes it back: plain where nothing in it has a meaning of its own, and no variable where it was none.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/:+".contains(letter))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/' || first == '.')
        && !text.ends_with(':');
    if is_plain { text.to_owned() } else { json!(text.replace('$', "$$")).to_string() }
}

/// The same as JSON.
pub(super) fn as_json(yaml: &str) -> Option<Json> {
    let documents = YamlOwned::load_from_str(yaml).ok()?;
    documents.first().map(to_json)
}

fn to_json(node: &YamlOwned) -> Json {
    match node {
        YamlOwned::Mapping(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), to_json(value)))
                .collect(),
        ),
        YamlOwned::Sequence(values) => values.iter().map(to_json).collect(),
        other => match (other.as_integer(), other.as_bool(), other.as_str()) {
            (Some(number), ..) => json!(number),
            (_, Some(truth), _) => json!(truth),
            (.., Some(text)) => json!(text),
            _ => Json::Null,
        },
    }
}

/// A JSON Schema (2020-12) of the file.
pub(super) fn schema() -> Json {
    let mut root = Map::new();
    for line in lines() {
        let Some(key) = line.key else { continue };
        let names: Vec<&str> = key.path().split('.').collect();
        insert(&mut root, &names, leaf(&line));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Throughline configuration",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": root,
    })
}

fn insert(properties: &mut Map<String, Json>, names: &[&str], leaf: Json) {
    let Some((name, rest)) = names.split_first() else { return };
    if rest.is_empty() {
        properties.insert((*name).to_owned(), leaf);
        return;
    }
    let branch = properties.entry((*name).to_owned()).or_insert_with(
        || json!({"type": ["object", "null"], "additionalProperties": false, "properties": {}}),
    );
    if let Some(Json::Object(inner)) = branch.get_mut("properties") {
        insert(inner, rest, leaf);
    }
}

/// A reference to the environment is a text, whatever it stands for.
fn leaf(line: &Line<'_>) -> Json {
    let (kind, default) = match line.value.parse::<u64>() {
        Ok(number) => (json!(["integer", "string", "null"]), json!(number)),
        Err(_) => (json!(["string", "null"]), json!(line.value)),
    };
    let mut schema = json!({"type": kind, "default": default});
    if let (Some(comment), Json::Object(object)) = (line.comment, &mut schema) {
        object.insert("description".to_owned(), json!(comment));
    }
    schema
}

/// A line of the example.
struct Line<'a> {
    whole: &'a str,
    indent: usize,
    name: &'a str,
    value: &'a str,
    comment: Option<&'a str>,
    /// A line that is nothing but a comment.
    is_remark: bool,
    /// The key whose value stands here.
    key: Option<Key>,
}

fn lines() -> Vec<Line<'static>> {
    let mut path: Vec<(usize, &str)> = Vec::new();
    let read = |whole: &'static str| {
        let (content, comment) = whole
            .split_once(" # ")
            .map_or((whole, None), |(content, comment)| (content, Some(comment.trim())));
        let indent = content.len() - content.trim_start().len();
        let (name, value) = content.trim().split_once(':').unwrap_or((content.trim(), ""));
        path.retain(|(above, _)| *above < indent);
        let names: Vec<&str> = path.iter().map(|(_, name)| *name).chain([name]).collect();
        let full = names.join(".");
        path.push((indent, name));
        let is_remark = whole.trim_start().starts_with('#');
        let key = Key::ALL.into_iter().find(|key| key.path() == full).filter(|_| !is_remark);
        Line { whole, indent, name, value: value.trim(), comment, is_remark, key }
    };
    EXAMPLE.lines().map(read).collect()
}
