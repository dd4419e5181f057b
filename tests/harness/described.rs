//! Answers of a running collector, held against the OpenAPI document.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::artefacts;
use crate::http::Client;

/// Asks for each path, and fails unless each answer is as the document says.
pub fn hold(url: &str, paths: &[String]) -> Result<()> {
    let client = Client::new();
    let mut answers = String::new();
    for path in paths {
        let answer = client.get(&format!("{url}{path}"))?;
        let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
        let (status, body) = (answer.status, String::from_utf8_lossy(&answer.body));
        let content_type = content_type.unwrap_or_default();
        let answer = json!({"method": "GET", "path": path, "status": status, "content_type": content_type, "body": body});
        answers.push_str(&format!("{answer}\n"));
    }
    let root = artefacts::root();
    let mut validator = Command::new(artefacts::python()?)
        .arg(root.join("collector/src/query/tests/answers.py"))
        .arg(root.join("docs/openapi.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = validator.stdin.take().context("its standard input")?;
    let writing = std::thread::spawn(move || input.write_all(answers.as_bytes()));
    let output = validator.wait_with_output()?;
    writing.join().expect("writing does not panic")?;
    let verdicts = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success() && verdicts.lines().count() == paths.len(),
        "{}: {verdicts}",
        output.status
    );
    for (path, verdict) in paths.iter().zip(verdicts.lines()) {
        ensure!(verdict.is_empty(), "the answer to {path} is not as docs/openapi.json has it: {verdict}");
    }
    Ok(())
}
