//! What `throughline localise` reads, prints and refuses.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{Span, SpanKind};

use super::{LocaliseError, LocaliseOptions, Method, try_localise};
use crate::store::contract::span;

const HEADING: &str =
    "trace,span,parent_server_span,pod,operation,start_us,end_us,client_start_us,client_end_us";

/// Twenty traces of `front-1-a` that calls `back-end-2-b`, which takes `back_us`.
fn table(back_us: u64) -> String {
    let mut table = HEADING.to_owned();
    for trace in 0..20 {
        let end = 1_100 + back_us + trace;
        table += &format!("\n{trace},1,,front-1-a,GET,1000,{},,", end + 300);
        table += &format!("\n{trace},2,1,back-end-2-b,\"POST /a,b\",1100,{end},1050,{}", end + 50);
    }
    table
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn add(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// What is printed and warned of.
fn run(normal: PathBuf, abnormal: Vec<PathBuf>, method: Method) -> Result<(String, String), LocaliseError> {
    let options = LocaliseOptions { normal: vec![normal], abnormal, method };
    let (mut output, mut warnings) = (Vec::new(), Vec::new());
    try_localise(&options, &mut output, &mut warnings)?;
    Ok((String::from_utf8(output).unwrap(), String::from_utf8(warnings).unwrap()))
}

fn refusal(normal: PathBuf) -> String {
    run(normal.clone(), vec![normal], Method::Evidence).unwrap_err().to_string()
}

#[test]
fn prints_a_line_for_each_service_by_rank() {
    let files = Files::new();
    let (normal, abnormal) = (files.add("n.csv", table(500)), files.add("a.csv.gz", gzip(&table(90_000))));
    let (output, warnings) = run(normal, vec![abnormal.clone(), abnormal], Method::Evidence).unwrap();
    let lines: Vec<serde_json::Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = lines.iter().map(|line| (line["rank"].as_u64(), line["service"].as_str())).collect();
    assert_eq!(names, [(Some(1), Some("back-end")), (Some(2), Some("front"))]);
    assert_eq!(lines[0]["reason"], "own time of POST /a,b: 90.0 ms, 509.5 us before");
    assert!(lines[0]["score"].as_f64() > lines[1]["score"].as_f64());
    assert_eq!(warnings, "");
}

#[test]
fn ranks_by_duration_when_asked_to() {
    let files = Files::new();
    let (normal, abnormal) = (files.add("n.csv", table(500)), files.add("a.csv", table(90_000)));
    let (output, _) = run(normal, vec![abnormal], Method::Duration).unwrap();
    assert!(output.starts_with(r#"{"rank":1,"service":"back-end","score":17"#), "{output}");
}

#[test]
fn reads_one_otlp_message_and_several_with_lengths() {
    let files = Files::new();
    let span = Span { kind: SpanKind::Server, ..span(1, 1, "cart", 5) };
    let message = encode_export_request(&[span]);
    let framed = [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat();
    for (name, bytes) in [("one.pb", message.clone()), ("none", message), ("several.bin", framed)] {
        let file = files.add(name, bytes);
        let (output, _) = run(file.clone(), vec![file], Method::Evidence).unwrap();
        assert!(output.contains(r#""service":"cart""#), "{name}: {output}");
    }
}

#[test]
fn leaves_out_rows_with_a_fault_and_says_so() {
    let files = Files::new();
    let broken = format!("{}\n9,1,,front-1-a,GET,abc,5,,\n9,2,,,GET,1,5,,\n", table(500));
    let file = files.add("n.csv", broken);
    let (output, warnings) =
        run(file.clone(), vec![files.add("a.csv", table(500))], Method::Evidence).unwrap();
    assert_eq!(output.lines().count(), 2);
    assert!(warnings.contains("2 parts left out; the first: line 42: start_us is \"abc\""), "{warnings}");
}

/// Nothing can have changed against a time of which nothing is known.
#[test]
fn a_side_without_calls_is_nothing_to_compare_with() {
    let files = Files::new();
    let (filled, empty) = (files.add("n.csv", table(500)), files.add("e.csv", HEADING));
    for (normal, abnormal, side) in [(&filled, &empty, "abnormal"), (&empty, &filled, "normal")] {
        let refused = run(normal.clone(), vec![abnormal.clone()], Method::Evidence).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("the {side} files hold no calls: there is nothing to compare")
        );
    }
}

/// The sum of no evidence at all would be the negative zero.
#[test]
fn what_did_not_change_scores_a_plain_zero() {
    let files = Files::new();
    let file = files.add("n.csv", table(500));
    let (output, _) = run(file.clone(), vec![file], Method::Evidence).unwrap();
    assert!(output.contains("\"score\":0.0") && !output.contains("-0.0"), "{output}");
}

#[test]
fn refuses_what_it_cannot_use_and_says_what_would_be_right() {
    let files = Files::new();
    for (name, content, expected) in [
        ("a.csv", "trace,span\n1,2\n", "the column \"parent_server_span\" is missing"),
        (
            "b.csv",
            &format!("{HEADING}\n1,1,,a-b-c,GET,x,5,,\n"),
            "no row can be used; line 2: start_us is \"x\"",
        ),
        ("c.pb", "no message", "it is no OTLP message"),
        ("d.csv.gz", "\u{1f}\u{8b}", "the column"),
        ("e.csv", HEADING, "the normal files hold no calls"),
    ] {
        let message = refusal(files.add(name, content));
        assert!(message.contains(expected), "{name}: {message}");
    }
    assert!(refusal(files.0.path().join("absent.csv")).contains("absent.csv cannot be used"));
    assert!(refusal(files.add("f.csv.gz", [0x1f, 0x8b, 0, 0])).contains("it begins as gzip"));
}
