//! Each way in which a request can end, once through a gateway and a sidecar: one right span for each side.

mod application;
mod cases;
mod client;
mod proxies;
mod updates;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::collector::api::Span;
use harness::collector::{Api, Collector, Ports};
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::runner::Fixture;
use application::Application;
use cases::{Case, How};
use client::Call;
use proxies::{Proxies, Targets};

pub(crate) use updates::updates_lose_no_span;

const ARRIVAL_DEADLINE: Duration = Duration::from_secs(30);
/// After the expected spans have come, one more would come within this time.
const QUIET: Duration = Duration::from_millis(600);

/// A gateway, a sidecar, an application behind both, and a collector.
pub(crate) struct Small {
    run: RunDirectory,
    collector: Collector,
    collector_ports: Ports,
    application: Application,
    proxies: Proxies,
}

impl Fixture for Small {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

pub(crate) fn start() -> Result<Small> {
    let (run, application, ports) = (RunDirectory::create()?, Application::start()?, Ports::free()?);
    let collector = Collector::start(ports, &run)?;
    let targets = Targets {
        module: &artefacts::module()?,
        application_port: application.port(),
        otlp_grpc_port: ports.otlp_grpc,
        otlp_http_port: ports.otlp_http,
    };
    let proxies = Proxies::start(&targets, &run)?;
    Ok(Small { run, collector, collector_ports: ports, application, proxies })
}

/// All requests are sent first; then each trace is held against what is due.
pub(crate) fn each_end_is_one_span_per_side(small: &mut Small) -> Result<()> {
    let cases = cases::all();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        if let Err(error) = send(small, case, number) {
            wrong.push(format!("{}: {error:#}", case.name));
        }
    }
    let api = small.collector.api();
    let known: BTreeSet<String> = (0..cases.len()).map(trace_id).collect();
    for (number, case) in cases.iter().enumerate() {
        let trace = match case.how {
            How::Refused(_) => find_refused(&api, &known, case)?,
            _ => trace_id(number),
        };
        let seen = summaries_of(&api, &trace, case).with_context(|| case.name.to_owned())?;
        if seen == case.spans {
            println!("  {}: {} spans as they should be", case.name, seen.len());
        } else {
            wrong.push(format!("{}:\n    is  {seen:#?}\n    due {:#?}", case.name, case.spans));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn send(small: &Small, case: &Case, number: usize) -> Result<()> {
    let traceparent = format!("00-{}-00f067aa0ba902b7-01", trace_id(number));
    let port = small.proxies.gateway_port;
    match case.how {
        How::Http(path) => client::get(port, proxies::DOMAIN, path, &traceparent, case.status),
        How::Outbound(path) => {
            let host = "catalog.shop.svc.cluster.local";
            client::get(small.proxies.outbound_port, host, path, &traceparent, case.status)
        }
        How::Refused(head) => client::raw(port, head.as_bytes(), case.status),
        How::Grpc(path) => client::grpc(call(port, path, "application/grpc", &traceparent)),
        How::GrpcWeb(path) => client::grpc(call(port, path, "application/grpc-web+proto", &traceparent)),
        How::Cancel(path) => {
            let before = small.application.silent_requests();
            let has_arrived = || small.application.silent_requests() > before;
            let ping = call(port, "/shop.Cart/Get", "application/grpc", "");
            client::cancel(call(port, path, "application/grpc", &traceparent), ping, has_arrived)
        }
        How::Socket(path) => client::open_and_close_socket(port, proxies::DOMAIN, path, &traceparent),
        How::Abort(path) => {
            let before = small.application.silent_requests();
            let stream = client::begin(port, proxies::DOMAIN, path, &traceparent)?;
            wait::until("the application has the request", ARRIVAL_DEADLINE, || {
                Ok((small.application.silent_requests() > before).then_some(()))
            })?;
            drop(stream);
            Ok(())
        }
    }
}

fn call<'a>(port: u16, path: &'a str, content_type: &'a str, traceparent: &'a str) -> Call<'a> {
    Call { port, host: proxies::DOMAIN, path, content_type, traceparent }
}

/// The trace of case `number`.
fn trace_id(number: usize) -> String {
    format!("5eed0000000000000000{number:012x}")
}

/// A request that the filter never saw has a trace of its own: the only one besides ours with this status.
fn find_refused(api: &Api, known: &BTreeSet<String>, case: &Case) -> Result<String> {
    wait::until(&format!("a trace of {}", case.name), ARRIVAL_DEADLINE, || {
        for summary in api.search("service=gateway&limit=1000")? {
            let spans = api.lifecycle(&summary.trace_id)?.map(|found| found.spans).unwrap_or_default();
            let has_status = spans
                .iter()
                .any(|span| number(span, "http.response.status_code") == Some(case.status.into()));
            if has_status && !known.contains(&summary.trace_id) {
                return Ok(Some(summary.trace_id));
            }
        }
        Ok(None)
    })
}

/// What a trace has once as many spans have come as are due, and no further one came.
fn summaries_of(api: &Api, trace: &str, case: &Case) -> Result<Vec<String>> {
    let summaries = || -> Result<Vec<String>> {
        let spans = api.lifecycle(trace)?.map(|found| found.spans).unwrap_or_default();
        let mut lines: Vec<String> = spans.iter().map(summary).collect();
        lines.sort_unstable();
        Ok(lines)
    };
    let arrived = wait::until("as many spans as are due", ARRIVAL_DEADLINE, || {
        Ok((summaries()?.len() >= case.spans.len()).then_some(()))
    });
    if arrived.is_err() {
        wait::stop_if_interrupted()?;
        return summaries();
    }
    wait::until_quiet("no further span", QUIET, ARRIVAL_DEADLINE, summaries)
}

/// What of a span is held against what is due, in one line.
fn summary(span: &Span) -> String {
    let mut line = format!("{} {} {}", span.service, span.kind, span.status);
    if let Some(status) = number(span, "http.response.status_code") {
        line.push_str(&format!(" {status}"));
    }
    for (label, key) in [
        ("rpc", "rpc.response.status_code"),
        ("error", "error.type"),
        ("flags", "envoy.response_flags"),
        ("details", "envoy.response_code_details"),
        ("attempts", "envoy.upstream.attempt_count"),
        ("route", "envoy.route_name"),
    ] {
        match span.attributes.get(key) {
            Some(Value::String(text)) => line.push_str(&format!(" {label}={text}")),
            Some(other) => line.push_str(&format!(" {label}={other}")),
            None => {}
        }
    }
    line
}

fn number(span: &Span, key: &str) -> Option<i64> {
    span.attributes.get(key).and_then(Value::as_i64)
}
