//! Attributes and their values.

use serde::Deserialize;
use throughline_model::span::{Attribute, Value};

use super::number::{self, Number};

#[derive(Deserialize)]
pub(super) struct KeyValue {
    key: Option<String>,
    value: Option<AnyValue>,
}

/// One of these is set.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyValue {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Number>,
    double_value: Option<Number>,
    array_value: Option<ArrayValue>,
    kvlist_value: Option<KvlistValue>,
    bytes_value: Option<String>,
}

#[derive(Deserialize)]
struct ArrayValue {
    values: Option<Vec<AnyValue>>,
}

#[derive(Deserialize)]
struct KvlistValue {
    values: Option<Vec<KeyValue>>,
}

/// Attributes without a value say nothing and are left out.
pub(super) fn attributes(attributes: Option<Vec<KeyValue>>) -> Vec<Attribute> {
    let attributes = attributes.unwrap_or_default().into_iter();
    attributes
        .filter_map(|KeyValue { key, value }| {
            Some(Attribute { key: key.unwrap_or_default(), value: value?.into_value()? })
        })
        .collect()
}

impl AnyValue {
    fn into_value(self) -> Option<Value> {
        let text = self.string_value.map(Value::Text);
        let list = |array: ArrayValue| {
            let values = array.values.unwrap_or_default().into_iter();
            Value::List(values.filter_map(Self::into_value).collect())
        };
        text.or_else(|| self.bool_value.map(Value::Bool))
            .or_else(|| self.int_value.as_ref().map(|number| Value::Int(number::signed(number))))
            .or_else(|| self.double_value.as_ref().map(|number| Value::Double(number::double(number))))
            .or_else(|| self.array_value.map(list))
            .or_else(|| self.kvlist_value.map(|list| Value::Map(attributes(list.values))))
            .or_else(|| self.bytes_value.map(|text| Value::Bytes(base64(&text))))
    }
}

/// Base64 of either alphabet, with or without padding; ends at the first character that is in neither.
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for character in text.bytes() {
        let digit = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
