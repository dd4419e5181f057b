//! Alerts as people at a terminal read them, and what scripts get.

use serde_json::json;

use super::super::client::ClientError;
use super::super::tests::{answering, http};
use super::*;

const ID: &str = "00f067aa0ba902b7";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SINCE: u64 = 1_790_000_000;

/// One alert as the API answers it.
fn alert() -> Value {
    json!({
        "id": ID, "rule": "error-rate", "kind": "error_rate", "scope": "edge", "subject": "front -> pay",
        "service": "pay", "client": "front", "route": null, "suspect": "pay", "group": ID, "state": "firing",
        "severity": "critical", "summary": "front -> pay: 40 % of requests fail, usually 5.00 %",
        "since_unix_s": SINCE, "fired_unix_s": SINCE + 70, "resolved_unix_s": null, "is_silenced": false,
        "evidence": {
            "why": "24 errors among 60 requests in 1 min, where 3.0 were to be expected, give or take 1.8",
            "window_minutes": 1, "requests": 60.0, "observed": 24.0, "expected": 3.0, "variance": 3.2, "score": 14.0,
            "baseline": "learned", "chart": [{"unix_s": SINCE, "requests": 60.0, "share": 0.4, "expected": 0.05, "high": 0.1}],
            "exemplars": [TRACE], "first_bad_hop": "front -> pay POST /pay",
            "entry_routes": ["gateway GET /", "gateway POST /orders"],
            "critical_path": [
                {"service": "gateway", "operation": "GET /", "kind": "server", "depth": 0, "share": 1.0, "self_share": 0.1},
                {"service": "pay", "operation": "POST /pay", "kind": "server", "depth": 1, "share": 0.9, "self_share": 0.9}
            ],
            "suspects": [
                {"service": "pay", "score": 3.5, "reason": "errors began in 40 % of its calls, in 5 % before"},
                {"service": "bank", "score": 0.5, "reason": "slower"}
            ]
        }
    })
}

fn ask(
    id: Option<&str>,
    output: ListOutput,
    answers: Vec<String>,
) -> (Result<(), ClientError>, String, Vec<String>) {
    let (url, asked) = answering(answers);
    let options =
        AlertsOptions { id: id.map(str::to_owned), server: ServerOption { server: url.clone() }, output };
    let mut printed = Vec::new();
    let outcome = try_show_alerts(&options, &mut printed);
    let printed = String::from_utf8(printed).unwrap().replace(&url, "http://collector");
    (outcome, printed, asked.try_iter().collect())
}

fn ok(body: &Value) -> String {
    http("200 OK", &body.to_string())
}

#[test]
fn one_alert_is_told_in_a_few_lines() {
    let (outcome, printed, asked) = ask(Some(ID), ListOutput::Table, vec![ok(&alert())]);
    outcome.unwrap();
    assert_eq!(asked, [format!("GET /api/v1/alerts/{ID} HTTP/1.1")]);
    let lines: Vec<&str> = printed.lines().collect();
    let (since, rest) = (lines[1], [&lines[..1], &lines[2..]].concat());
    assert!(since.starts_with("  since          2026-09-21 14:13:20 UTC, "), "{since}");
    assert!(since.ends_with(" ago; fired 2026-09-21 14:14:30 UTC"), "{since}");
    assert_eq!(
        rest,
        [
            "firing critical: front -> pay: 40 % of requests fail, usually 5.00 %",
            "  why            24 errors among 60 requests in 1 min, where 3.0 were to be expected, give or take 1.8",
            "  suspect        pay: errors began in 40 % of its calls, in 5 % before",
            "                 bank: slower",
            "  first bad hop  front -> pay POST /pay",
            "  entries        gateway GET /",
            "                 gateway POST /orders",
            "  time is spent  90 % pay POST /pay (server)",
            "                 10 % gateway GET / (server)",
            "  traces         throughline trace 4bf92f3577b34da6a3ce929d0e0e4736 --server http://collector",
            "  silenced       no",
            "  alert          00f067aa0ba902b7, rule error-rate (error_rate)",
        ]
    );
}

#[test]
fn a_command_names_only_a_server_that_is_not_the_usual_one() {
    let alert: one::OneAlert = serde_json::from_value(alert()).unwrap();
    let text = one::draw(&alert, &[], "http://127.0.0.1:16686", (SINCE + 720) * 1_000_000_000);
    assert!(text.contains(&format!("\n  traces         throughline trace {TRACE}\n")), "{text}");
    assert!(text.contains(", 12.0 min ago; fired"), "{text}");
}

#[test]
fn an_alert_that_rose_says_when() {
    let mut risen = alert();
    risen["risen_unix_s"] = json!(SINCE + 130);
    let risen: one::OneAlert = serde_json::from_value(risen).unwrap();
    let text = one::draw(&risen, &[], "http://127.0.0.1:16686", (SINCE + 720) * 1_000_000_000);
    assert!(text.contains("fired 2026-09-21 14:14:30 UTC; rose 2026-09-21 14:15:30 UTC\n"), "{text}");
}

#[test]
fn a_silenced_alert_says_until_when_and_why() {
    let mut silenced = alert();
    silenced["is_silenced"] = json!(true);
    let silence = |service: &str, comment: &str| json!({"id": "1", "rule": null, "service": service, "suspect": null, "until_unix_s": SINCE + 600, "comment": comment});
    let silences =
        json!({"silences": [silence("cart", "another one"), silence("pay", "known, see the ticket")]});
    let (outcome, printed, asked) = ask(Some(ID), ListOutput::Table, vec![ok(&silenced), ok(&silences)]);
    outcome.unwrap();
    assert_eq!(asked[1], "GET /api/v1/silences HTTP/1.1");
    assert!(
        printed.contains("\n  silenced       until 2026-09-21 14:23:20 UTC: known, see the ticket\n"),
        "{printed}"
    );
    assert!(!printed.contains("another one"), "{printed}");
}

#[test]
fn an_alert_without_findings_leaves_their_lines_out() {
    let mut bare = alert();
    bare["state"] = json!("resolved");
    bare["resolved_unix_s"] = json!(SINCE + 600);
    for key in ["exemplars", "entry_routes", "critical_path", "suspects"] {
        bare["evidence"][key] = json!([]);
    }
    bare["evidence"]["first_bad_hop"] = Value::Null;
    let (outcome, printed, _) = ask(Some(ID), ListOutput::Table, vec![ok(&bare)]);
    outcome.unwrap();
    assert!(printed.contains("; resolved 2026-09-21 14:23:20 UTC\n"), "{printed}");
    assert!(printed.contains("\n  suspect        pay\n"), "{printed}");
    let names: Vec<&str> = printed.lines().skip(1).filter_map(|line| Some(line.get(..16)?.trim())).collect();
    assert_eq!(names, ["since", "why", "suspect", "silenced", "alert"]);
}

#[test]
fn many_entries_are_cut_and_names_cannot_steer_the_terminal() {
    let mut crowded = alert();
    crowded["evidence"]["entry_routes"] =
        (0..30).map(|number| json!(format!("gateway /{number}\u{1b}[2J\n"))).collect();
    let (outcome, printed, _) = ask(Some(ID), ListOutput::Table, vec![ok(&crowded)]);
    outcome.unwrap();
    assert!(!printed.contains('\u{1b}'), "{printed}");
    assert!(printed.contains("gateway /9\u{fffd}[2J\u{fffd}\n                 and 20 more\n"), "{printed}");
}

#[test]
fn scripts_get_one_alert_as_json() {
    for (output, lines) in [(ListOutput::Json, 60..100), (ListOutput::Ndjson, 1..2)] {
        let (outcome, printed, _) = ask(Some(ID), output, vec![ok(&alert())]);
        outcome.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), alert());
        assert!(lines.contains(&printed.lines().count()), "{printed}");
    }
}

#[test]
fn the_list_marks_silenced_alerts() {
    let mut silenced = alert();
    silenced["is_silenced"] = json!(true);
    let (outcome, printed, _) =
        ask(None, ListOutput::Table, vec![ok(&json!({"alerts": [alert(), silenced]}))]);
    outcome.unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    let summary = "suspect pay: front -> pay: 40 % of requests fail, usually 5.00 %";
    assert_eq!(
        lines,
        [
            format!("firing   critical 2026-09-21 14:13:20 {ID} {summary}"),
            format!("firing   critical 2026-09-21 14:13:20 {ID} silenced, {summary}"),
        ]
    );
}

fn test_receivers(text: &str, only: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, text).unwrap();
    let error = test_notification(&file, only, &mut Vec::new()).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string().replace(&file.display().to_string(), "rules.yaml")
}

#[test]
fn a_test_without_receivers_says_what_to_write() {
    for only in [None, Some("slack")] {
        let told = test_receivers("rules: []\n", only);
        assert!(told.starts_with("rules.yaml has no receivers: add such as"), "{told}");
        let right = told.split_once("such as\n").unwrap().1;
        assert_eq!(rules::parse(right).unwrap().receivers.len(), 1, "what it says can be used: {right}");
    }
    let two =
        "receivers:\n- {kind: slack, url: 'http://h'}\n- {kind: webhook, name: hook, url: 'http://h'}\n";
    let told = test_receivers(two, Some("slak"));
    assert_eq!(told, "rules.yaml has no receiver named `slak`: it has `slack`, `hook`");
}
