//! Marks are valid contexts, and wrong usage is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use super::probe::Mark;
use super::*;
use crate::query::terminal::tests::http;

/// A trace of which the root never came.
const WITHOUT_ROOT: &str = r#"{"summary":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",
    "start_unix_ns":"1790000000000000000","duration_ns":48200000,"root":null,"services":["gateway"],"spans":1,
    "hops":1,"errors":0,"depth":1,"link":null,"complete":false,"gaps":1},"spans":[],"omitted_spans":0,
    "gaps":[{"span_id":"00f067aa0ba902b7","service":"gateway","reason":"missing-parent","cause":"unknown",
    "detail":"its parent did not arrive"}]}"#;

/// Answers every request by its path and the length of its body, for as long as the tests run.
fn serving(answer: impl Fn(&str, u64) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut input = BufReader::new(stream.try_clone().unwrap());
            let lines = input.by_ref().lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let lengths = head.iter().filter_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<u64>().ok()
            });
            let length = lengths.sum();
            std::io::copy(&mut input.take(length), &mut std::io::sink()).unwrap();
            let path = head[0].split(' ').nth(1).unwrap();
            stream.write_all(answer(path, length).as_bytes()).unwrap();
        }
    });
    url
}

/// The collector takes nothing but the question whether it takes spans.
#[test]
fn what_was_found_is_told_where_the_root_cannot_be_sent() {
    let collector = serving(|path, _| match path {
        "/api/v1/status" => http("200 OK", &status()),
        _ => http("200 OK", WITHOUT_ROOT),
    });
    let otlp =
        serving(|_, length| http(if length == 0 { "200 OK" } else { "503 Service Unavailable" }, "{}"));
    let options = VerifyOptions {
        entry: format!("{}/products", serving(|_, _| http("200 OK", "{}"))),
        host: None,
        header: Vec::new(),
        wait: 1,
        pairs: 1,
        admin: Vec::new(),
        otlp: Some(otlp),
        server: ServerOption { server: collector },
    };
    let mut output = Vec::new();
    let error = try_verify(&options, &mut output).unwrap_err();
    let output = String::from_utf8(output).unwrap();
    assert!(output.contains("missing at gateway: its parent did not arrive"), "{output}");
    assert!(output.contains("this command's own span, the root, could not be sent"), "{output}");
    assert!(!output.contains("is another one listening there") && !output.contains("overhead"), "{output}");
    let told = error.to_string();
    assert!(told.contains("status 503") && told.contains("--otlp URL"), "{told}");
    assert_eq!(error.exit_code(), 3);
}

fn status() -> String {
    let numbers = ["uptime_s", "spans_received", "spans_rejected", "spans_live", "blocks", "bytes_on_disk"];
    let mut status: serde_json::Map<String, serde_json::Value> =
        numbers.into_iter().map(|name| (name.to_owned(), 0.into())).collect();
    status.extend(["traces_complete", "traces_incomplete"].map(|name| (name.to_owned(), 0.into())));
    status.insert("version".to_owned(), "0".into());
    serde_json::Value::Object(status).to_string()
}

#[test]
fn a_mark_is_a_trace_context() {
    let mark = Mark::new();
    assert_eq!(mark.traceparent(Recording::On).len(), 55);
    assert!(
        mark.traceparent(Recording::On).ends_with("-01") && mark.traceparent(Recording::Off).ends_with("-00")
    );
    assert_ne!(mark, Mark::new());
}

#[test]
fn wrong_usage_tells_what_is_right() {
    let words =
        |entry: &str, header: &str| Probe::new(entry, None, &[header.to_owned()]).unwrap_err().to_string();
    assert!(words("https://a/", "a: b").contains("write http://HOST:PORT/PATH"));
    assert!(words("http://a/", "a").contains("write NAME: VALUE"));
}

#[test]
fn the_median_is_the_middle() {
    let times = [30, 10, 20].map(Duration::from_nanos).to_vec();
    assert_eq!((overhead::median(times), overhead::median(Vec::new())), (20, 0));
}
