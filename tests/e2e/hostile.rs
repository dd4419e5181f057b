//! Requests that no well-behaved client sends: they succeed, and their traces are right all the same.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::collector::Api;
use harness::load::Visitor;
use harness::mesh::Mesh;
use harness::truth::CALL_HEADER;
use harness::wait;
use throughline_model::id::TraceId;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
/// What a well-behaved caller would send.
const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const READ_TIMEOUT: Duration = Duration::from_secs(20);
const ARRIVAL_DEADLINE: Duration = Duration::from_secs(40);

/// What must become of the trace that the request claims to belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It is continued.
    Continued,
    /// It is ignored: the request begins a trace, and nobody is told of the claim.
    Ignored,
}

/// One request: its name, its header lines besides the usual ones, and its claim.
struct Hostile {
    name: &'static str,
    lines: Vec<Vec<u8>>,
    claim: Claim,
}

pub(crate) fn hostile_requests(mesh: &mut Mesh) -> Result<()> {
    let (visitor, api) = (mesh.visitor(), mesh.api()?);
    let cases = cases();
    for (number, case) in cases.iter().enumerate() {
        check_case(&visitor, &api, case, &format!("hostile-{number}"))
            .with_context(|| format!("a request with {}", case.name))?;
    }
    let malformed = mesh.stat_sum(&["throughline_contexts_malformed"])?;
    println!(
        "  {} hostile requests succeeded, each with its trace; {malformed} malformed contexts counted",
        cases.len()
    );
    let due =
        cases.iter().filter(|case| case.name.contains("traceparent") && case.claim == Claim::Ignored).count();
    ensure!(malformed >= due as u64, "only {malformed} of {due} malformed contexts were counted");
    Ok(())
}

fn cases() -> Vec<Hostile> {
    let traceparent = |name, value: &str, claim| hostile(name, &[&format!("traceparent: {value}")], claim);
    let many: Vec<String> = (0..97).map(|number| format!("x-many-{number}: {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = format!("x-long: {}", "a".repeat(8 * 1024));
    let mut odd_bytes = hostile("bytes above 0x7f in a header", &[], Claim::Ignored);
    odd_bytes.lines.push(b"x-odd: caf\xe9 \xff\xfe\x80".to_vec());
    let mut odd_context = hostile("bytes above 0x7f in the traceparent", &[], Claim::Ignored);
    odd_context
        .lines
        .push(b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e47\xff6-00f067aa0ba902b7-01".to_vec());
    let valid = format!("traceparent: {VALID}");
    let second = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    vec![
        odd_bytes,
        odd_context,
        hostile("100 headers", &many, Claim::Ignored),
        hostile("a header of 8 KiB", &[&long], Claim::Ignored),
        hostile("two traceparents", &[valid.as_str(), second], Claim::Ignored),
        hostile("the same traceparent twice", &[valid.as_str(); 2], Claim::Ignored),
        traceparent("a valid traceparent", VALID, Claim::Continued),
        traceparent("a traceparent of version ff", &VALID.replacen("00", "ff", 1), Claim::Ignored),
        traceparent("a traceparent in capitals", &VALID.to_uppercase(), Claim::Ignored),
        traceparent("a traceparent without parent", &format!("00-{TRACE}-01"), Claim::Ignored),
        traceparent(
            "a traceparent with a zero trace id",
            &VALID.replace(TRACE, &"0".repeat(32)),
            Claim::Ignored,
        ),
        traceparent(
            "a traceparent with a zero parent",
            &VALID.replace(PARENT, &"0".repeat(16)),
            Claim::Ignored,
        ),
        traceparent("a traceparent with a tail", &format!("{VALID}-tail"), Claim::Ignored),
        traceparent("two traceparents on one line", &format!("{VALID}, {VALID}"), Claim::Ignored),
        traceparent("an empty traceparent", "", Claim::Ignored),
        traceparent("a traceparent of 8 KiB", &"0".repeat(8 * 1024), Claim::Ignored),
    ]
}

fn hostile(name: &'static str, lines: &[&str], claim: Claim) -> Hostile {
    Hostile { name, lines: lines.iter().map(|line| line.as_bytes().to_vec()).collect(), claim }
}

/// The request succeeds, the application sees one valid context, and that is the trace the collector has.
fn check_case(visitor: &Visitor, api: &Api, case: &Hostile, key: &str) -> Result<()> {
    let headers = echo(visitor, &case.lines, key)?;
    let seen: Vec<&str> =
        headers.iter().filter(|(name, _)| name == "traceparent").map(|(_, value)| value.as_str()).collect();
    let [traceparent] = seen[..] else { bail!("the application got the traceparents {seen:?}") };
    let trace_id = traceparent.split('-').nth(1).unwrap_or_default();
    ensure!(TraceId::from_hex(trace_id.as_bytes()).is_some(), "the application got `{traceparent}`");
    let is_continued = trace_id == TRACE;
    ensure!(is_continued == (case.claim == Claim::Continued), "the application got `{traceparent}`");
    wait::until("its trace with gateway and service", ARRIVAL_DEADLINE, || {
        let spans = api.lifecycle(trace_id)?.map(|found| found.spans).unwrap_or_default();
        let is_mine = |span: &&harness::collector::api::Span| span.call_key() == Some(key);
        let kinds: Vec<_> = spans.iter().filter(is_mine).map(|span| (&*span.service, &*span.kind)).collect();
        let due = [("gateway", "server"), ("gateway", "client"), ("frontend", "server")];
        Ok((kinds == due).then_some(()))
    })
}

/// Sends the bytes as they are and gives the headers that the application got.
fn echo(visitor: &Visitor, lines: &[Vec<u8>], key: &str) -> Result<Vec<(String, String)>> {
    let mut request =
        format!("GET /echo HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", visitor.domain()).into_bytes();
    request.extend_from_slice(format!("{CALL_HEADER}: {key}\r\n").as_bytes());
    for line in lines {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", visitor.gateway_port()))?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.write_all(&request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no answer but `{answer}`"))?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "the answer is {head}");
    serde_json::from_str(body).with_context(|| format!("the application echoed `{body}`"))
}
