//! The line that each proxy writes for each hop before it sends the request on, held against the spans of the same hops.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::collector::api::{Lifecycle, Span};
use harness::mesh::Mesh;
use harness::wait;
use serde_json::{Value, json};

use crate::matching::{check_run, lifecycles_of, spans_received};

const REQUESTS: usize = 20;
/// Envoy keeps its log to itself for a moment.
const DEADLINE: Duration = Duration::from_secs(20);
const BEGIN: &str = "{\"throughline\":\"hop\"";

/// What the lines say, by the proxy that wrote them and the id of the span.
type Lines = BTreeMap<(String, String), Vec<Value>>;

/// A gateway writes one line for the request that it serves and sends on, with the id of the span that it sends.
pub(crate) fn each_hop_is_one_line(mesh: &mut Mesh) -> Result<()> {
    let prefix = "hop-lines-";
    let spans_before = spans_received(mesh)?;
    let outcome = mesh.visitor().visit_often(prefix, &["/", "/checkout"], REQUESTS, 4)?;
    ensure!(outcome.succeeded() == REQUESTS, "statuses {:?}", outcome.statuses);
    check_run(mesh, &crate::forwarding_shop()?, prefix, spans_before)?;
    let lifecycles = lifecycles_of(&mesh.api()?, prefix)?;
    let gateway = mesh.gateway_name();
    let is_sent_or_taken = |span: &&Span| !(span.service == gateway && span.kind == "server");
    let due: usize = lifecycles.iter().map(|found| found.spans.iter().filter(is_sent_or_taken).count()).sum();
    wait::until("a line for every hop", DEADLINE, || {
        let written: usize = lines_of(mesh, &lifecycles)?.values().map(Vec::len).sum();
        Ok((written >= due).then_some(()))
    })?;
    let mut lines = lines_of(mesh, &lifecycles)?;
    for lifecycle in &lifecycles {
        for span in lifecycle.spans.iter().filter(is_sent_or_taken) {
            let found = lines.remove(&(span.service.clone(), span.span_id.clone())).unwrap_or_default();
            check_line(&lifecycle.summary.trace_id, span, &found).with_context(|| {
                format!("the log of {}: {} span {}", span.service, span.kind, span.span_id)
            })?;
        }
    }
    ensure!(lines.is_empty(), "lines of no span: {lines:?}");
    println!(
        "  {due} hops of {REQUESTS} requests: one line each, with ids, depth, path and link of the span"
    );
    Ok(())
}

fn check_line(trace_id: &str, span: &Span, found: &[Value]) -> Result<()> {
    let [line] = found else { anyhow::bail!("{} lines, but 1 is due: {found:?}", found.len()) };
    let due = [
        ("trace_id", json!(trace_id)),
        ("role", json!(span.attributes.get("throughline.role").context("the span has no role")?)),
        ("depth", json!(span.trace_depth.context("the span has no depth")?)),
        ("path", json!(span.path.as_ref().context("the span has no path")?)),
    ];
    for (name, value) in due {
        ensure!(line.get(name) == Some(&value), "{name} {value} is due in {line}");
    }
    if let Some(link) = &span.link {
        ensure!(line.get("link") == Some(&json!(link)), "link {link} is due in {line}");
    }
    Ok(())
}

/// The hop lines of these traces in the logs of all Envoys.
fn lines_of(mesh: &Mesh, lifecycles: &[Lifecycle]) -> Result<Lines> {
    let mut lines = Lines::new();
    for (name, envoy) in mesh.envoys() {
        let log = envoy.process().log_text()?;
        for text in log.lines().filter_map(|line| line.find(BEGIN).and_then(|at| line.get(at..))) {
            let line: Value =
                serde_json::from_str(text).with_context(|| format!("the log of {name}: {text}"))?;
            let of = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if lifecycles.iter().any(|lifecycle| lifecycle.summary.trace_id == of("trace_id")) {
                lines.entry((name.to_owned(), of("span_id"))).or_default().push(line);
            }
        }
    }
    Ok(lines)
}
