//! What is taken, what is in force when something is wrong, and that the documents say what the table of keys says.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::settings::{to_json_schema, to_readme_table};

/// Set to 1, the test of a document writes it anew instead.
const WRITE_DOCUMENTS: &str = "WRITE_DOCUMENTS";
const TABLE_BEGINS: &str = "<!-- settings: begin -->\n";
const TABLE_ENDS: &str = "<!-- settings: end -->\n";

#[test]
fn nothing_is_a_configuration() {
    for written in ["", "  \n", "{}", r#"{"batch": {}, "collector": {}}"#] {
        let expected = Resolved { config: Config::default(), faults: Vec::new() };
        assert_eq!(resolve(written.as_bytes()), expected, "{written}");
    }
    assert!(Config::default().is_enabled);
}

#[test]
fn every_room_reads_its_keys() {
    let written = br#"{"enabled": false, "path_log": "all",
        "collector": {"cluster": "outbound|4318||otel.svc", "protocol": "http", "token": "abc"},
        "batch": {"max_spans": 1, "interval_ms": 100, "max_buffer_bytes": 65536},
        "attributes": {"request_headers": ["X-Tenant"], "url_query": "off"}}"#;
    let Resolved { config, faults } = resolve(written);
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!((config.is_enabled, config.path_log), (false, PathLog::All));
    assert_eq!(config.collector.cluster, "outbound|4318||otel.svc");
    assert_eq!(config.batch.max_buffer_bytes, 65_536);
    assert_eq!(config.attributes.request_headers, ["x-tenant"]);
}

#[test]
fn every_fault_is_told_and_the_other_keys_are_in_force() {
    let written = br#"{"colector": {}, "path_log": "none", "batch": {"max_span": 1, "interval_ms": 5,
        "max_spans": 7}, "attributes": {"request_headers": ["\u00e4"]}, "collector": 7}"#;
    let Resolved { config, faults } = resolve(written);
    let expected = [
        "unknown key `colector`: did you mean `collector`?",
        "unknown key `batch.max_span`: did you mean `batch.max_spans`?",
        "`collector` is 7, should be an object",
        "`path_log` is \"none\", should be one of \"off\", \"errors\", \"sampled\", \"all\"",
        "`batch.interval_ms` is 5, should be a whole number from 100 to 60000",
        "`attributes.request_headers` is [\"\u{e4}\"], should be a list of at most 16 header names",
    ];
    assert_eq!(faults, expected);
    let mut right = Config::default();
    right.batch.max_spans = 7;
    assert_eq!(config, right);
}

#[test]
fn every_default_is_right_by_its_own_key_and_no_key_is_there_twice() {
    let mut paths = HashSet::new();
    for key in keys() {
        assert!(paths.insert(key.path), "{} is there twice", key.path);
        let value: Value = serde_json::from_str(key.default).unwrap_or_else(|_| panic!("{}", key.path));
        let mut written = value;
        for part in key.path.rsplit('.') {
            written = serde_json::json!({ part: written });
        }
        let resolved = resolve(written.to_string().as_bytes());
        assert_eq!(resolved, Resolved { config: Config::default(), faults: Vec::new() }, "{}", key.path);
        let is_half_a_sentence = !key.meaning.is_empty() && !key.meaning.ends_with('.');
        assert!(is_half_a_sentence, "{}: {}", key.path, key.meaning);
    }
}

#[test]
fn the_json_schema_is_what_the_table_of_keys_says() {
    check_document("docs/filter-config.schema.json", |_| to_json_schema(keys()));
}

#[test]
fn the_table_in_the_readme_is_what_the_table_of_keys_says() {
    check_document("README.md", |text| {
        let (before, rest) = text.split_once(TABLE_BEGINS).expect("the README marks where the table begins");
        let (_, after) = rest.split_once(TABLE_ENDS).expect("the README marks where the table ends");
        format!("{before}{TABLE_BEGINS}{}{TABLE_ENDS}{after}", to_readme_table(keys()))
    });
}

fn check_document(name: &str, make: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let expected = make(&text);
    if std::env::var(WRITE_DOCUMENTS).is_ok_and(|value| value == "1") && text != expected {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(text == expected, "{name} is stale: run `make documents`");
}
