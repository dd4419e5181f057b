//! Holds every answer that a test of the API gets against the schema that the OpenAPI document has for it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::*;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// A process that knows the document: PyPI's `jsonschema`, as `make tools` installs it. It ends with its standard input, that is
/// with us.
struct Validator {
    process: Child,
    verdicts: BufReader<ChildStdout>,
}

impl Validator {
    fn start() -> Self {
        let python = Path::new(FOLDER).join("../.tools/python/bin/python");
        assert!(python.is_file(), "{} is missing: make tools", python.display());
        let mut process = Command::new(python)
            .arg(Path::new(FOLDER).join("src/query/tests/answers.py"))
            .arg(Path::new(FOLDER).join("../docs/openapi.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let verdicts = BufReader::new(process.stdout.take().unwrap());
        Self { process, verdicts }
    }

    fn verdict(&mut self, answer: &Json) -> String {
        writeln!(self.process.stdin.as_mut().unwrap(), "{answer}").unwrap();
        let mut verdict = String::new();
        assert!(self.verdicts.read_line(&mut verdict).unwrap() > 0, "the validator has ended");
        verdict.trim().to_owned()
    }
}

fn validator() -> MutexGuard<'static, Validator> {
    static VALIDATOR: OnceLock<Mutex<Validator>> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| Mutex::new(Validator::start()));
    validator.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the document says against an answer; empty where it says nothing.
fn verdict(method: &str, path: &str, status: u16, content_type: &str, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let answer =
        json!({"method": method, "path": path, "status": status, "content_type": content_type, "body": body});
    validator().verdict(&answer)
}

/// Fails unless the answer is as the document says; what the document does not speak of is anything.
pub(super) fn check(method: &str, path: &str, status: u16, content_type: &str, body: &[u8]) {
    let verdict = verdict(method, path, status, content_type, body);
    assert_eq!(verdict, "", "{method} {path}: {status} {content_type}");
}

#[test]
fn answers_that_are_not_as_described_are_found() {
    let json = "application/json";
    for (path, status, content_type, body, words) in [
        ("/api/v1/services", 200, json, "{\"services\": [\"a\"]}", ""),
        (
            "/api/v1/services?x=y",
            200,
            json,
            "{\"services\": [1]}",
            "$.services[0]: 1 is not of type 'string'",
        ),
        ("/api/v1/services", 200, json, "{}", "'services' is a required property"),
        ("/api/v1/services", 200, json, "{\"services\": [], \"more\": 1}", "('more' was unexpected)"),
        ("/api/v1/services", 200, "text/html", "", "text/html is not among"),
        ("/api/v1/services", 404, json, "{}", "application/json is not among ['application/problem+json']"),
        (
            "/api/v1/services",
            404,
            "application/problem+json",
            "{\"type\": \"about:blank\"}",
            "'title' is a required",
        ),
        ("/api/v1/traces/0123", 200, json, "{\"spans\": []}", "'summary' is a required property"),
        ("/api/v1/traces/0123/hops", 200, json, "{\"trace_id\": \"1\", \"hops\": [{}]}", "$.hops[0]"),
        ("/api/services", 200, json, "[]", ""),
    ] {
        expect("GET", path, status, content_type, body, words);
    }
}

#[test]
fn streams_are_looked_at_piece_by_piece() {
    const SUMMARY: &str = r#"{"trace_id":"1","start_unix_ns":"1","duration_ns":1,"root":null,"services":[],"spans":1,"hops":1,
        "errors":0,"depth":1,"link":null,"confidence":1.0,"complete":true,"gaps":0,"percent_complete":100.0}"#;
    let summary = SUMMARY.replace(['\n', ' '], "");
    let end = r#"{"next":null,"stopped":null,"inspected":{"traces":1,"spans":1,"bytes":1}}"#;
    let check = |path: &str, content_type: &str, body: String, words: &str| {
        expect("GET", path, 200, content_type, &body, words);
    };
    let lines = "application/x-ndjson";
    check("/api/v1/traces", lines, format!("{summary}\n{summary}\n{end}\n"), "");
    check("/api/v1/traces", lines, format!("{summary}\n{end}"), "the last line has no end");
    check("/api/v1/traces", lines, format!("{summary}\n\n{end}\n"), "piece 2 is no JSON");
    check("/api/v1/traces", lines, format!("{summary}\n{{\"more\":1}}\n"), "piece 2: ");
    let events = "text/event-stream";
    check("/api/v1/tail", events, format!(": following\n\nevent: trace\ndata: {summary}\n\n"), "");
    check("/api/v1/tail", events, format!("event: trace\ndata: {end}\n\n"), "piece 1: ");
    check("/api/v1/tail", events, format!("event: trace\ndata: {summary}"), "the last event has no end");
    check(
        "/api/v1/tail",
        events,
        format!("even: trace\ndata: {summary}\n\n"),
        "'even: trace' is no line of an event",
    );
}

#[test]
fn what_was_made_or_ended_is_looked_at_too() {
    let json = "application/json";
    expect("POST", "/api/v1/silences", 201, json, r#"{"id": "1"}"#, "");
    expect("POST", "/api/v1/silences", 201, json, "{}", "'id' is a required property");
    expect("POST", "/api/v1/silences", 200, json, r#"{"id": "1"}"#, "application/json is not among");
    expect("DELETE", "/api/v1/silences/1", 204, "", "", "");
    expect("DELETE", "/api/v1/silences/1", 204, json, "{}", "application/json is not among []");
}

/// Fails unless the verdict has these words, or is empty when there are none.
fn expect(method: &str, path: &str, status: u16, content_type: &str, body: &str, words: &str) {
    let found = verdict(method, path, status, content_type, body.as_bytes());
    assert!(found.contains(words) && found.is_empty() == words.is_empty(), "{path}: {found}");
}
