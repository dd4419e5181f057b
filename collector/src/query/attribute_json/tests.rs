//! Each kind of value as JSON.

use serde_json::json;
use throughline_model::span::{Attribute, Value};

use super::object;

fn attribute(key: &str, value: Value) -> Attribute {
    Attribute { key: key.to_owned(), value }
}

#[test]
fn writes_every_kind_of_value() {
    let nested = vec![attribute("inner", Value::List(vec![Value::Int(1), Value::Bool(true)]))];
    let attributes = [
        attribute("text", Value::Text("é\u{0}".to_owned())),
        attribute("int", Value::Int(-200)),
        attribute("exact", Value::Int(9_007_199_254_740_991)),
        attribute("large", Value::Int(i64::MIN)),
        attribute("double", Value::Double(0.5)),
        attribute("infinite", Value::Double(f64::INFINITY)),
        attribute("bytes", Value::Bytes(vec![0, 255])),
        attribute("map", Value::Map(nested)),
    ];
    assert_eq!(
        serde_json::Value::Object(object(&attributes)),
        json!({
            "text": "é\u{0}", "int": -200, "exact": 9_007_199_254_740_991_i64, "large": "-9223372036854775808",
            "double": 0.5, "infinite": "inf", "bytes": "00ff", "map": {"inner": [1, true]},
        })
    );
}

#[test]
fn keeps_the_first_of_one_key() {
    let twice = [attribute("key", Value::Int(1)), attribute("key", Value::Int(2))];
    assert_eq!(serde_json::Value::Object(object(&twice)), json!({"key": 1}));
}
