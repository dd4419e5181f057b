//! What pure rooms must not touch, where Envoy is asked, and where trace context headers are read and written.

use crate::rust_source::RustSource;
use crate::tree::{SourceFile, Violation, hold};

/// Rooms that take time and randomness as arguments and give results back as values.
const PURE: [&str; 15] = [
    "model/src/",
    "filter/src/",
    "collector/src/assemble/",
    "collector/src/assemble.rs",
    "collector/src/alert/error_rate",
    "collector/src/alert/book",
    "collector/src/alert/burn",
    "collector/src/alert/latency",
    "collector/src/alert/rules",
    "collector/src/alert/sample",
    "collector/src/alert/shape",
    "collector/src/alert/traffic",
    "collector/src/alert/watch",
    "collector/src/analyse/",
    "collector/src/analyse.rs",
];
/// The one room of the filter that talks to Envoy.
const HOST: [&str; 2] = ["filter/src/host/", "filter/src/host.rs"];
/// The one room that knows the headers of W3C Trace Context by name.
const CONTEXT: [&str; 2] = ["model/src/context/", "model/src/context.rs"];

const IMPURE_PATHS: [&str; 11] = [
    "std::net",
    "std::fs",
    "std::env",
    "std::io::stdin",
    "std::io::stdout",
    "std::process",
    "std::thread",
    "tokio",
    "tracing",
    "log",
    "getrandom",
];
const IMPURE_WORDS: [&str; 7] =
    ["Instant::now", "SystemTime", "UNIX_EPOCH", "println!", "eprintln!", "print!", "eprint!"];

fn lies_in(file: &SourceFile, rooms: &[&str]) -> bool {
    rooms.iter().any(|room| file.path.starts_with(room))
}

fn begins_with_path(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn pure_rooms(file: &SourceFile) -> Vec<Violation> {
    if !file.is_product_code() || !lies_in(file, &PURE) || lies_in(file, &HOST) {
        return Vec::new();
    }
    let source = RustSource::read(&file.text);
    let by_path = source.paths().into_iter().filter_map(|(offset, path)| {
        IMPURE_PATHS.into_iter().find(|prefix| begins_with_path(&path, prefix)).map(|prefix| (offset, prefix))
    });
    let by_word = IMPURE_WORDS
        .into_iter()
        .flat_map(|word| source.find_word(word).into_iter().map(move |offset| (offset, word)));
    by_path
        .chain(by_word)
        .map(|(offset, what)| {
            let remedy =
                format!("a pure room takes this as an argument or leaves it to its caller: `{what}`");
            Violation::new(file, source.line(offset), "purity", remedy)
        })
        .collect()
}

fn host_calls(file: &SourceFile) -> Vec<Violation> {
    if !file.is_product_code() || lies_in(file, &HOST) {
        return Vec::new();
    }
    let source = RustSource::read(&file.text);
    source
        .find_word("proxy_wasm")
        .into_iter()
        .map(|offset| {
            let remedy = "only filter/src/host/ talks to Envoy: use its trait";
            Violation::new(file, source.line(offset), "host calls", remedy)
        })
        .collect()
}

fn context_headers(file: &SourceFile) -> Vec<Violation> {
    if !file.is_product_code() || lies_in(file, &CONTEXT) {
        return Vec::new();
    }
    let source = RustSource::read(&file.text);
    let names = source.literals.iter().filter(|literal| {
        ["traceparent", "tracestate"].iter().any(|name| literal.text.eq_ignore_ascii_case(name))
    });
    names
        .map(|literal| {
            let remedy =
                format!("model/src/context/ alone knows the header `{}`: use its constant", literal.text);
            Violation::new(file, source.line(literal.start), "context headers", remedy)
        })
        .collect()
}

#[test]
fn pure_rooms_stay_pure() {
    hold(pure_rooms);
}

#[test]
fn an_impure_room_is_found() {
    let check = |path: &str, text: &str| pure_rooms(&SourceFile::example(path, text)).len();
    assert_eq!(check("model/src/span.rs", "fn f() { std::time::SystemTime::now(); }"), 1);
    assert_eq!(check("model/src/span.rs", "use std::{fmt, fs};"), 1);
    assert_eq!(check("collector/src/assemble/tree.rs", "fn f() { tokio::spawn(g()); println!(\"x\"); }"), 2);
    assert_eq!(check("filter/src/batch.rs", "fn f() { log::warn!(\"x\"); getrandom::fill(&mut b); }"), 2);
    assert_eq!(check("filter/src/host/envoy.rs", "fn f() { std::time::Instant::now(); }"), 0);
    assert_eq!(check("collector/src/store.rs", "use std::fs;"), 0);
    assert_eq!(check("model/src/span/tests.rs", "use std::fs;"), 0);
    assert_eq!(check("model/src/span.rs", "// std::fs\nuse std::fmt; use std::networking::x;"), 0);
}

#[test]
fn one_room_talks_to_envoy() {
    hold(host_calls);
}

#[test]
fn a_host_call_elsewhere_is_found() {
    let text = "use proxy_wasm::hostcalls;";
    assert_eq!(host_calls(&SourceFile::example("filter/src/request.rs", text)).len(), 1);
    assert_eq!(host_calls(&SourceFile::example("filter/src/host/envoy.rs", text)).len(), 0);
}

#[test]
fn one_room_knows_the_trace_context_headers() {
    hold(context_headers);
}

#[test]
fn a_context_header_elsewhere_is_found() {
    let text = "let name = \"traceparent\"; // \"tracestate\"";
    assert_eq!(context_headers(&SourceFile::example("filter/src/request.rs", text)).len(), 1);
    assert_eq!(context_headers(&SourceFile::example("model/src/context/parse.rs", text)).len(), 0);
    assert_eq!(context_headers(&SourceFile::example("filter/src/request/tests.rs", text)).len(), 0);
}
