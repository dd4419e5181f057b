//! Alerts, rules and silences as a client meets them; every answer is held against the OpenAPI document.

use std::fs;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use serde_json::{Value as Json, json};

use crate::alert::book::{Calls, Signal};
use crate::alert::error_rate::Severity;
use crate::alert::evidence::{Evidence, PathPart, Point, Suspected};
use crate::alert::subject::Subject;
use crate::alert::{Alerts, Config};
use crate::query::tests::{Collector, described_body_of};

const SILENCES: &str = "/api/v1/silences";
const NOW: u64 = 1_800_000_000;
/// Far behind the day on which any test runs.
const LATER: u64 = 32_000_000_000;
const RULES: &str = "\
rules:
- {name: strict, kind: error_rate, services: [pay], severity: critical, min_errors: 5}
receivers:
- {kind: webhook, url: 'http://127.0.0.1:9/hook'}
";

struct Watched {
    collector: Collector,
    alerts: Alerts,
    _folder: tempfile::TempDir,
}

/// Has to be made within a runtime.
fn watched() -> Watched {
    let folder = tempfile::tempdir().unwrap();
    let rules_file = folder.path().join("rules.yaml");
    fs::write(&rules_file, RULES).unwrap();
    let book_file = folder.path().join("alerts.json");
    let config = Config { rules_file: Some(rules_file), book_file, ..Config::default() };
    let alerts = Alerts::without_watch(&config).unwrap();
    let collector = Collector::with(Vec::new()).with_alerts(alerts.clone());
    Watched { collector, alerts, _folder: folder }
}

/// With everything that evidence may have.
fn evidence() -> Evidence {
    Evidence {
        why: "far above the baseline".to_owned(),
        baseline: "learned".to_owned(),
        chart: vec![Point::default()],
        exemplars: vec!["01".repeat(16)],
        first_bad_hop: Some("cart -> pay".to_owned()),
        entry_routes: vec!["GET /".to_owned()],
        critical_path: vec![PathPart::default()],
        suspects: vec![Suspected::default()],
        ..Evidence::default()
    }
}

fn signal(subject: Subject, for_s: u64, evidence: Evidence) -> Signal {
    Signal {
        rule: "strict".to_owned(),
        kind: "error_rate",
        subject,
        severity: Severity::Warning,
        since_unix_s: NOW,
        for_s,
        keep_firing_for_s: 0,
        summary: "errors".to_owned(),
        evidence,
    }
}

impl Watched {
    /// Sends a body and gives back status and JSON of the answer, null where it has none.
    async fn send(&self, method: &str, path: &str, body: &str) -> (StatusCode, Json) {
        let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
        let response = self.collector.send(request).await;
        let status = response.status();
        let is_problem =
            response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
        assert_eq!(is_problem, !status.is_success(), "{method} {path}: {status}");
        let body = described_body_of(method, path, response).await;
        (status, if body.is_empty() { Json::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    async fn ids(&self) -> Vec<Json> {
        let silences = self.collector.json(SILENCES).await;
        silences["silences"].as_array().unwrap().iter().map(|silence| silence["id"].clone()).collect()
    }
}

#[tokio::test]
async fn alerts_of_every_state_are_listed_and_each_is_told_with_all_its_evidence() {
    let watched = watched();
    let name = |text: &str| Arc::<str>::from(text);
    let over = signal(Subject::Entry(name("gateway"), name("GET /")), 0, Evidence::default());
    let fires = signal(Subject::Route(name("cart"), name("pay"), name("/pay")), 0, evidence());
    let waits = signal(Subject::Service(name("pay")), 600, Evidence::default());
    {
        let mut book = watched.alerts.shared().book();
        book.update(NOW, &[over, fires.clone(), waits.clone()], &Calls::new());
        book.update(NOW + 1, &[fires, waits], &Calls::new());
    }
    let list = watched.collector.json("/api/v1/alerts").await;
    let alerts = list["alerts"].as_array().unwrap();
    let states: Vec<&Json> = alerts.iter().map(|alert| &alert["state"]).collect();
    assert_eq!(states, ["firing", "pending", "resolved"]);
    assert_eq!(
        (&alerts[0]["evidence"]["chart"], &alerts[0]["evidence"]["critical_path"]),
        (&Json::Null, &Json::Null)
    );
    for alert in alerts {
        let whole =
            watched.collector.json(&format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap())).await;
        assert_eq!((&whole["id"], &whole["subject"]), (&alert["id"], &alert["subject"]));
        assert!(whole["evidence"]["chart"].is_array() && whole["told"].is_null(), "{whole}");
    }
    watched.collector.check_problem("/api/v1/alerts/0", 404, "GET /api/v1/alerts").await;
    watched.collector.check_problem("/api/v1/alerts?state=firing", 400, "takes none").await;
}

#[tokio::test]
async fn rules_and_receivers_are_told() {
    let watched = watched();
    let rules = watched.collector.json("/api/v1/alert-rules").await;
    assert_eq!(
        (&rules["rules"][0]["name"], &rules["rules"][0]["severity"], &rules["rules"][0]["services"]),
        (&json!("strict"), &json!("critical"), &json!(["pay"]))
    );
    assert_eq!(
        (&rules["receivers"][0]["kind"], &rules["receivers"][0]["delivered"]),
        (&json!("webhook"), &json!(0))
    );
    assert_eq!(rules["faults"], json!([]));
    watched.collector.check_problem("/api/v1/alert-rules?name=strict", 400, "takes none").await;
}

#[tokio::test]
async fn a_silence_is_made_listed_and_ended() {
    let watched = watched();
    let silence = json!({"service": "pay", "until_unix_s": LATER, "comment": "known"}).to_string();
    let (status, made) = watched.send("POST", SILENCES, &silence).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(watched.ids().await, [made["id"].clone()]);
    let path = format!("{SILENCES}/{}", made["id"].as_str().unwrap());
    assert_eq!(watched.send("DELETE", &path, "").await, (StatusCode::NO_CONTENT, Json::Null));
    assert_eq!(watched.ids().await, [Json::Null; 0]);
    assert_eq!(watched.send("DELETE", &path, "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_silence_is_refused_and_says_what_is_right() {
    let watched = watched();
    let large = format!("{{\"comment\": \"{}\"}}", "x".repeat(20_000));
    for (body, words) in [
        ("", "write such as"),
        ("{\"service\": \"pay\", \"until_unix_s\": 1, \"comment\": \"\"}", "later second"),
        ("{\"until_unix_s\": 32000000000, \"comment\": \"\"}", "rule, service or suspect"),
        ("{\"servise\": \"pay\", \"until_unix_s\": 32000000000, \"comment\": \"\"}", "`servise`"),
        (&large, "at most 16384 bytes"),
    ] {
        let (status, problem) = watched.send("POST", SILENCES, body).await;
        assert_eq!((status, &problem["status"]), (StatusCode::BAD_REQUEST, &json!(400)));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    watched.collector.check_problem("/api/v1/silences?id=1", 400, "takes none").await;
}
