//! Streams of events, whole and cut.

use super::*;

const SUMMARY: &str = "{\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"start_unix_ns\":\"1790000000000000000\",\
    \"duration_ns\":48200000,\"root\":null,\"services\":[],\"spans\":3,\"hops\":2,\"errors\":0,\"depth\":2,\
    \"link\":null,\"complete\":true,\"gaps\":0}";

fn print(stream: &str, left: Option<u64>, style: ListOutput) -> (Result<Ended, ClientError>, String) {
    let mut printer = Printer { left, style, paint: Paint::Plain, is_headed: false };
    let mut printed = Vec::new();
    let ended = printer.print_all(stream.as_bytes(), &mut printed);
    (ended, String::from_utf8(printed).unwrap())
}

#[test]
fn prints_summaries_and_passes_over_comments() {
    let stream = format!(
        ": following\n\nevent: trace\ndata: {SUMMARY}\n\n: alive\n\nevent: trace\ndata: {SUMMARY}\n\n"
    );
    let (ended, printed) = print(&stream, None, ListOutput::Ndjson);
    assert_eq!((ended.unwrap(), printed), (Ended::ByServer, format!("{SUMMARY}\n{SUMMARY}\n")));
}

#[test]
fn heads_the_table_once() {
    let (_, printed) = print(&format!("data: {SUMMARY}\ndata: {SUMMARY}\n"), None, ListOutput::Table);
    let first_words: Vec<_> = printed.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        first_words,
        ["TRACE", "4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"]
    );
}

#[test]
fn ends_at_the_limit() {
    let (ended, printed) = print(&format!("data: {SUMMARY}\n").repeat(3), Some(2), ListOutput::Ndjson);
    assert_eq!((ended.unwrap(), printed.lines().count()), (Ended::ByLimit, 2));
}

#[test]
fn does_not_take_a_line_that_was_cut_off() {
    let (ended, printed) = print("data: {\"trace_id\":", None, ListOutput::Ndjson);
    assert_eq!((ended.unwrap(), printed), (Ended::ByServer, String::new()));
}

#[test]
fn refuses_an_event_that_is_no_summary() {
    let (ended, _) = print("data: {}\n", None, ListOutput::Table);
    assert_eq!(ended.unwrap_err().exit_code(), 3);
}

#[test]
fn hears_that_traces_were_skipped() {
    assert!(matches!(hear(": 5 traces skipped: this reader is too slow"), Heard::Remark(_)));
    assert!(matches!(hear(": alive"), Heard::Nothing));
}
