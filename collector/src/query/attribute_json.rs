//! Attributes as JSON.

use serde_json::{Map, Number, Value as Json};
use throughline_model::span::{Attribute, Value};

/// Integers beyond this do not fit the doubles of JSON readers.
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// An object of attributes; of several with one key the first counts, as it does everywhere.
pub(super) fn object(attributes: &[Attribute]) -> Map<String, Json> {
    let mut object = Map::new();
    for attribute in attributes {
        object.entry(attribute.key.as_str()).or_insert_with(|| json(&attribute.value));
    }
    object
}

/// Large integers, and numbers that JSON lacks, become text; bytes become lower-case hexadecimal digits.
fn json(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::String(text.clone()),
        Value::Bool(is_true) => Json::Bool(*is_true),
        Value::Int(number) if number.unsigned_abs() > MAX_EXACT_INTEGER => Json::String(number.to_string()),
        Value::Int(number) => Json::Number((*number).into()),
        Value::Double(number) => {
            Number::from_f64(*number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        Value::Bytes(bytes) => Json::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        Value::List(values) => Json::Array(values.iter().map(json).collect()),
        Value::Map(attributes) => Json::Object(object(attributes)),
    }
}

#[cfg(test)]
mod tests;
