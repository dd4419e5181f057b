//! What receivers read, held against the contracts of their makers, and receivers that do not answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::Value;

use super::body;
use super::*;
use crate::alert::book::{Book, Calls, Signal};
use crate::alert::error_rate::Severity;
use crate::alert::evidence::{Evidence, PathPart};
use crate::alert::rules;
use crate::alert::subject::Subject;
use crate::alert::{Alerts, Config};
use crate::store::MemoryStore;

fn receiver(yaml: &str) -> Receiver {
    rules::parse(&format!("receivers:\n- {yaml}\n")).unwrap().receivers.remove(0)
}

/// Takes one request and gives back its head and body.
fn answering(status: &'static str) -> (String, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            input.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head += &line;
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body).unwrap();
        answer(stream, status);
        (head, String::from_utf8(body).unwrap())
    });
    (url, taken)
}

fn answer(mut stream: TcpStream, status: &str) {
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno").unwrap();
}

fn example() -> Message {
    Message::example(1_800_000_000)
}

fn json_for(yaml: &str, message: &Message) -> Value {
    serde_json::from_str(&body::of(&receiver(yaml), message, "http://tl").text).unwrap()
}

#[test]
fn a_signed_body_reaches_a_webhook() {
    let (url, taken) = answering("200 OK");
    let receiver = receiver(&format!("{{kind: webhook, url: '{url}/hook', secret: key}}"));
    send::send(&receiver, &example(), "http://tl").unwrap();
    let (head, text) = taken.join().unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    let signature = body::sign(b"key", text.as_bytes());
    assert!(head.contains(&format!("x-throughline-signature: {signature}")), "{head}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((body["status"].as_str(), body["version"].as_u64()), (Some("firing"), Some(1)));
}

#[test]
fn the_signature_is_that_of_rfc_4231() {
    let signed = body::sign(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(signed, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#[test]
fn a_refusal_says_who_refused_and_why() {
    let (url, taken) = answering("500 Internal Server Error");
    let receiver = receiver(&format!("{{kind: slack, url: '{url}/services/secret'}}"));
    let error = send::send(&receiver, &example(), "").unwrap_err().to_string();
    taken.join().unwrap();
    assert!(error.contains("500") && error.contains("no") && !error.contains("secret"), "{error}");
}

#[test]
fn alertmanager_gets_a_list_of_alerts_with_labels_and_times() {
    let alerts = json_for("{kind: alertmanager, url: 'http://am'}", &example());
    let alert = &alerts[0];
    assert_eq!(alert["labels"]["alertname"], "test-notification");
    assert_eq!(alert["labels"]["suspect"], "no-service");
    assert_eq!(alert["startsAt"], "2027-01-15T08:00:00Z");
    assert!(alert["labels"].as_object().unwrap().values().all(Value::is_string));
    assert!(alert["annotations"].as_object().unwrap().values().all(Value::is_string));
}

/// Alertmanager tells alerts apart by their labels, of which the severity is one.
#[test]
fn alertmanager_hears_the_end_of_an_alert_under_the_severity_that_it_had() {
    let signal = |severity| Signal {
        rule: "burn".to_owned(),
        kind: "burn_rate",
        subject: Subject::Service(Arc::from("pay")),
        severity,
        since_unix_s: 1_800_000_000,
        for_s: 0,
        keep_firing_for_s: 0,
        summary: String::new(),
        evidence: Evidence::default(),
    };
    let yaml = "{kind: alertmanager, name: am, url: 'http://am'}";
    let mut book = Book::default();
    let mut posted = |severity, seconds: u64| {
        let now = 1_800_000_000 + seconds;
        book.update(now, &[signal(severity)], &Calls::new());
        let id = book.alerts()[0].id.clone();
        book.complete(&id, |evidence| evidence.critical_path = vec![PathPart::default()]);
        let message = book.next_message("am", Telling::SingleAlerts, now)?;
        book.told("am", &message, now);
        let alerts = json_for(yaml, &message);
        let now = now_unix_s();
        let seen = alerts.as_array().unwrap().iter().map(|alert| {
            let is_over = alert["endsAt"].as_str().unwrap() <= body::rfc3339(now).as_str();
            (alert["labels"]["severity"].as_str().unwrap().to_owned(), is_over)
        });
        Some(seen.collect::<Vec<_>>())
    };
    assert_eq!(posted(Severity::Warning, 0), None);
    let (warning, critical) = ("warning".to_owned(), "critical".to_owned());
    assert_eq!(posted(Severity::Warning, 10), Some(vec![(warning.clone(), false)]));
    assert_eq!(posted(Severity::Critical, 12), Some(vec![(warning, true), (critical.clone(), false)]));
    assert_eq!(posted(Severity::Critical, 80), Some(vec![(critical, false)]));
}

/// A receiver that was added to the rules, in a process that begins with the book of another one.
#[test]
fn a_receiver_that_was_added_is_told_of_what_fires_and_not_of_what_is_over() {
    let now = now_unix_s();
    let signal = |service: &str| Signal {
        rule: "burn".to_owned(),
        kind: "burn_rate",
        subject: Subject::Service(Arc::from(service)),
        severity: Severity::Warning,
        since_unix_s: now - 600,
        for_s: 0,
        keep_firing_for_s: 0,
        summary: format!("{service} burns"),
        evidence: Evidence::default(),
    };
    let mut book = Book::default();
    book.update(now - 600, &[signal("cart")], &Calls::new());
    book.update(now - 300, &[], &Calls::new());
    book.update(now - 60, &[Signal { keep_firing_for_s: 3_600, ..signal("pay") }], &Calls::new());
    let folder = tempfile::tempdir().unwrap();
    let (book_file, rules_file) = (folder.path().join("alerts.json"), folder.path().join("rules.yaml"));
    std::fs::write(&book_file, serde_json::to_vec(&book).unwrap()).unwrap();
    let (url, taken) = answering("200 OK");
    std::fs::write(&rules_file, format!("receivers:\n- {{kind: webhook, url: '{url}'}}\n")).unwrap();
    let config = Config { rules_file: Some(rules_file), book_file, ..Config::default() };
    let (_alerts, running) = Alerts::start(config, Arc::new(MemoryStore::new())).unwrap();
    let (_head, text) = taken.join().unwrap();
    running.stop();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((body["status"].as_str(), body["suspect"].as_str()), (Some("firing"), Some("pay")));
}

#[test]
fn pagerduty_gets_trigger_and_resolve_with_one_key() {
    let yaml = "{kind: pagerduty, routing_key: k}";
    let firing = json_for(yaml, &example());
    let resolved = json_for(yaml, &Message { status: Status::Resolved, ..example() });
    assert_eq!(
        (firing["event_action"].as_str(), resolved["event_action"].as_str()),
        (Some("trigger"), Some("resolve"))
    );
    assert_eq!(firing["dedup_key"], resolved["dedup_key"]);
    for required in ["summary", "source", "severity"] {
        assert!(firing["payload"][required].is_string(), "{required} is required");
    }
}

#[test]
fn slack_gets_text_without_its_control_characters() {
    let mut message = example();
    message.alerts[0].summary = "a <b> & c".to_owned();
    let text = json_for("{kind: slack, url: 'http://s'}", &message)["text"].as_str().unwrap().to_owned();
    assert!(text.contains("a &lt;b&gt; &amp; c"), "{text}");
}

#[test]
fn a_template_makes_the_body() {
    let yaml = r#"{kind: webhook, url: 'http://h', template: '{"t": "{{status}} {{suspect}} {{count}}"}'}"#;
    assert_eq!(json_for(yaml, &example())["t"], "firing no-service 1");
}

#[test]
fn a_relay_takes_a_mail() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let relay = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        stream.write_all(b"220 here\r\n").unwrap();
        let (mut said, mut is_mail) = (String::new(), false);
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap() == 0 {
                return said;
            }
            said += &line;
            let reply = match line.trim_end() {
                "." => Some("250-queued\r\n250 as 1\r\n"),
                _ if is_mail => None,
                "DATA" => Some("354 go on\r\n"),
                _ => Some("250 fine\r\n"),
            };
            is_mail = (is_mail || line.trim_end() == "DATA") && line.trim_end() != ".";
            if let Some(reply) = reply {
                stream.write_all(reply.as_bytes()).unwrap();
            }
        }
    });
    let receiver = receiver(&format!("{{kind: smtp, url: '{url}', from: a@b.c, to: [d@e.f, g@h.i]}}"));
    send::send(&receiver, &example(), "http://tl").unwrap();
    let said = relay.join().unwrap();
    for expected in ["MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "RCPT TO:<g@h.i>", "Subject: [throughline] info"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn times_are_written_as_rfc_3339() {
    let cases = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_767_225_599, "2025-12-31T23:59:59Z"),
    ];
    for (unix_s, text) in cases {
        assert_eq!(body::rfc3339(unix_s), text);
    }
}
