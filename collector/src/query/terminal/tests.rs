//! Commands against a server that answers as told: what is printed, and which exit code follows.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use super::client::ClientError;
use super::*;

const SUMMARY: &str = r#"{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","start_unix_ns":"1790000000000000000",
    "duration_ns":48200000,"root":{"service":"gateway","name":"GET"},"services":["gateway","cart"],"spans":3,
    "hops":2,"errors":1,"depth":2,"link":null,"complete":false,"gaps":1}"#;

/// Answers one request, and returns its first line when joined.
pub(super) fn server(answer: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, thread::spawn(move || answer_one(&listener, &answer)))
}

/// Answers requests one after the other; their first lines can be had as soon as they are answered.
pub(super) fn answering(answers: Vec<String>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, first_lines) = channel();
    thread::spawn(move || {
        for answer in answers {
            answer_with(&listener, &answer, |line| asked.send(line.to_owned()).unwrap());
        }
    });
    (url, first_lines)
}

fn answer_one(listener: &TcpListener, answer: &str) -> String {
    let mut request_line = String::new();
    answer_with(listener, answer, |line| line.clone_into(&mut request_line));
    request_line
}

fn answer_with(listener: &TcpListener, answer: &str, asked: impl FnOnce(&str)) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    asked(&lines.next().unwrap());
    let _headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    stream.write_all(answer.as_bytes()).unwrap();
}

pub(super) fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn problem(status: &str, detail: &str) -> String {
    let code: u16 = status.split(' ').next().unwrap().parse().unwrap();
    let body = serde_json::json!({"type": "about:blank", "title": "", "status": code, "detail": detail});
    http(status, &body.to_string())
}

pub(super) fn search_options(server: &str) -> SearchOptions {
    SearchOptions {
        service: Some("cart two".to_owned()),
        operation: None,
        min_duration_ms: Some("0.5".to_owned()),
        max_duration_ms: None,
        errors: true,
        since: None,
        until: None,
        limit: None,
        q: Some("{ status = error }".to_owned()),
        attribute: vec!["a=b".to_owned(), "c=d".to_owned()],
        kind: None,
        link: None,
        min_depth: Some("2".to_owned()),
        max_depth: None,
        after: None,
        server: ServerOption { server: server.to_owned() },
        output: ListOutput::Table,
    }
}

fn search(answer: String, output: ListOutput) -> (Result<(), ClientError>, String, String) {
    let (url, answering) = server(answer);
    let mut printed = Vec::new();
    let outcome = search::search(&SearchOptions { output, ..search_options(&url) }, &mut printed);
    (outcome, String::from_utf8(printed).unwrap(), answering.join().unwrap())
}

fn show(trace_id: &str, server: &str) -> ClientError {
    let options = TraceOptions {
        trace_id: trace_id.to_owned(),
        alone: false,
        server: ServerOption { server: server.to_owned() },
        output: TraceOutput::Tree,
    };
    try_show_trace(&options, &mut Vec::new()).unwrap_err()
}

fn check_error(error: &ClientError, exit_code: u8, words: &str) {
    assert_eq!(error.exit_code(), exit_code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn asks_with_the_parameters_of_the_api() {
    let (outcome, printed, request) =
        search(http("200 OK", &format!("{{\"traces\":[{SUMMARY}]}}")), ListOutput::Table);
    outcome.unwrap();
    assert_eq!(
        request,
        "GET /api/v1/traces?service=cart%20two&min_duration_ms=0.5&q=%7B%20status%20%3D%20error%20%7D&min_depth=2&attribute=a%3Db&attribute=c%3Dd&errors=true HTTP/1.1"
    );
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            "TRACE                            START (UTC)    DURATION HOPS DEPTH  ROOT                     FOUND",
            "4bf92f3577b34da6a3ce929d0e0e4736 09-21 14:13:20  48.2 ms    2     2  gateway GET              ✗1 ⚠1",
        ]
    );
}

#[test]
fn prints_one_object_a_line() {
    let summary = SUMMARY.replace('\n', " ");
    let last = "{\"next\":null,\"stopped\":null,\"inspected\":{\"traces\":2,\"spans\":6,\"bytes\":9}}";
    let body = format!("{summary}\n{summary}\n{last}\n");
    let (outcome, printed, _) = search(http("200 OK", &body), ListOutput::Ndjson);
    outcome.unwrap();
    let ids: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["hops"].clone()).collect();
    assert_eq!(ids, [2, 2]);
}

#[test]
fn prints_the_spans_of_a_trace_one_a_line() {
    let (url, answering) =
        server(http("200 OK", "{\"summary\":{},\"spans\":[{\"span_id\":\"1\"},{\"span_id\":\"2\"}]}"));
    let options = TraceOptions {
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        alone: false,
        server: ServerOption { server: url },
        output: TraceOutput::Ndjson,
    };
    let mut printed = Vec::new();
    try_show_trace(&options, &mut printed).unwrap();
    answering.join().unwrap();
    assert_eq!(String::from_utf8(printed).unwrap(), "{\"span_id\":\"1\"}\n{\"span_id\":\"2\"}\n");
}

#[test]
fn ends_with_1_when_nothing_was_found() {
    let (outcome, printed, _) = search(http("200 OK", "{\"traces\":[]}"), ListOutput::Json);
    check_error(&outcome.unwrap_err(), 1, "no trace matches");
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), serde_json::json!({"traces": []}));
    let (url, answering) = server(problem("404 Not Found", "trace is not known"));
    check_error(&show("4bf92f3577b34da6a3ce929d0e0e4736", &url), 1, "not known");
    assert_eq!(answering.join().unwrap(), "GET /api/v1/traces/4bf92f3577b34da6a3ce929d0e0e4736 HTTP/1.1");
}

#[test]
fn ends_with_2_on_wrong_usage() {
    check_error(&show("4bf9", "http://127.0.0.1:1"), 2, "32 hexadecimal digits");
    for server in ["127.0.0.1:16686", "https://localhost", "http://", "http://a b", "http://host?x"] {
        check_error(&show("4bf92f3577b34da6a3ce929d0e0e4736", server), 2, "http://HOST:PORT");
    }
    let (outcome, ..) = search(problem("400 Bad Request", "`limit` is wrong"), ListOutput::Table);
    check_error(&outcome.unwrap_err(), 2, "`limit` is wrong");
}

#[test]
fn ends_with_3_when_the_collector_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = show("4bf92f3577b34da6a3ce929d0e0e4736", &url);
    check_error(&error, 3, &url);
    check_error(&error, 3, "throughline serve");
}

#[test]
fn ends_with_3_when_the_answer_is_none() {
    for (answer, words) in [
        (http("200 OK", "<html>"), "not JSON"),
        (http("200 OK", "{\"spans\":3}"), "another version"),
        (http("502 Bad Gateway", "sorry"), "status 502"),
        (problem("503 Service Unavailable", "too many questions"), "too many questions"),
        (http("503 Service Unavailable", "the log is being replayed"), "the log is being replayed"),
        (problem("500 Internal Server Error", "store failed"), "store failed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned(), "cannot be reached"),
    ] {
        let (outcome, ..) = search(answer, ListOutput::Table);
        check_error(&outcome.unwrap_err(), 3, words);
    }
}

#[test]
fn follows_again_after_the_collector_went_away_and_came_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let event = format!("event: trace\ndata: {}\n\n", SUMMARY.replace('\n', " "));
    let stream = http("200 OK", &event);
    let answering = thread::spawn(move || {
        for answer in [stream.clone(), http("503 Service Unavailable", "replaying"), stream] {
            answer_one(&listener, &answer);
        }
    });
    let mut printed = Vec::new();
    let client = Client::new(&url).unwrap();
    follow::follow(&client, &[], Some(2), ListOutput::Ndjson, Paint::Plain, &mut printed).unwrap();
    answering.join().unwrap();
    assert_eq!(String::from_utf8(printed).unwrap().lines().count(), 2);
}
