//! Real SDKs, told nothing but the address.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::wait;

use super::Alone;

const DEADLINE: Duration = Duration::from_secs(30);

pub(super) fn python(alone: &mut Alone) -> Result<()> {
    let python = artefacts::python_sdk()?;
    let script = artefacts::root().join("tests/e2e/intake/sdk.py");
    for (protocol, port) in [("grpc", alone.ports.otlp_grpc), ("http/protobuf", alone.ports.otlp_http)] {
        let service = format!("python-{}", protocol.replace('/', "-"));
        let output = Command::new(&python)
            .arg(&script)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_SERVICE_NAME", &service)
            .output()
            .context("start Python")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && words.is_empty(), "{protocol}: {} {words}", output.status);
        let trace_id = String::from_utf8(output.stdout)?.trim().to_owned();
        let api = alone.collector.api();
        let lifecycle = wait::until("the SDK's trace", DEADLINE, || api.lifecycle(&trace_id))?;
        let found: Vec<(&str, &str)> =
            lifecycle.spans.iter().map(|span| (span.service.as_str(), span.status.as_str())).collect();
        ensure!(found == [(service.as_str(), "unset"), (service.as_str(), "error")], "{protocol}: {found:?}");
        let parent = lifecycle.spans.first().map(|span| span.span_id.clone());
        let child = lifecycle.spans.get(1).context("a child")?;
        ensure!(child.parent_span_id == parent, "the child is not under its parent: {child:?}");
        ensure!(child.attributes.get("answer").is_some_and(|value| value == 42), "{:?}", child.attributes);
        ensure!(!api.search(&format!("service={service}"))?.is_empty(), "the search does not find {service}");
    }
    println!("  two spans with attributes, an event and an error, over gRPC and over HTTP");
    Ok(())
}
