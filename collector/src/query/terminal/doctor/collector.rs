//! What the collector shows: hops without a proxy, spans that got lost, clocks that disagree, another version.

use std::collections::{BTreeMap, BTreeSet};

use super::super::client::{self, Client, ClientError};
use super::finding::Finding;
use crate::query::answer::{Services, Span, Status, Trace, Traces};

/// How many of the newest traces of each service are looked at: the newest of all may come from one busy proxy.
const TRACES_OF_SERVICE: &str = "10";
/// Most services whose traces are looked at.
const MAX_SERVICES: usize = 100;
/// Spans of younger traces may still be on their way.
const SETTLED_AFTER: &str = "3s";
/// Clocks of one machine and rounding differ by less.
const SKEW_NS: u64 = 2_000_000;
const PLACE: &str = "the collector";

pub(super) fn examine(client: &Client) -> Vec<Finding> {
    match read(client) {
        Ok((status, traces)) => judge(&status, &traces),
        Err(error) => vec![Finding::error(
            "collector-unreachable",
            PLACE,
            error.to_string().lines().next().unwrap_or_default(),
            "name the address of its API with --server, or start it",
        )],
    }
}

fn read(client: &Client) -> Result<(Status, Vec<Trace>), ClientError> {
    let status: Status = client::read_as(client.get("/api/v1/status", &[])?)?;
    let known: Services = client::read_as(client.get("/api/v1/services", &[])?)?;
    let mut trace_ids = BTreeSet::new();
    for service in known.services.iter().take(MAX_SERVICES) {
        let asked = [("service", service.as_str()), ("limit", TRACES_OF_SERVICE), ("until", SETTLED_AFTER)];
        let list: Traces = client::read_as(client.get("/api/v1/traces", &asked)?)?;
        trace_ids.extend(list.traces.into_iter().map(|summary| summary.trace_id));
    }
    let mut traces = Vec::new();
    for trace_id in trace_ids {
        match client.get(&format!("/api/v1/traces/{trace_id}"), &[]) {
            Ok(answer) => traces.push(client::read_as(answer)?),
            // Retention may have come in between.
            Err(ClientError::NothingFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((status, traces))
}

pub(super) fn judge(status: &Status, traces: &[Trace]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = env!("CARGO_PKG_VERSION");
    if status.version != own {
        let what = format!("it is version {}, and this command is {own}", status.version);
        findings.push(Finding::warning(
            "version-mismatch",
            PLACE,
            what,
            "use the command of the collector's version",
        ));
    }
    if status.spans_rejected > 0 {
        let what = format!("{} spans were not usable and were rejected", status.spans_rejected);
        findings.push(Finding::warning(
            "spans-rejected",
            PLACE,
            what,
            "look for `rejected` in its log and in /metrics",
        ));
    }
    if status.spans_received == 0 {
        let what = "no span has arrived since it started";
        findings.push(Finding::note(
            "no-spans",
            PLACE,
            what,
            "send a request through the mesh: throughline verify --entry URL",
        ));
    }
    findings.extend(gaps(traces));
    findings.extend(skew(traces));
    findings
}

fn gaps(traces: &[Trace]) -> Vec<Finding> {
    let mut found: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for gap in traces.iter().flat_map(|trace| &trace.gaps) {
        let words = if gap.reason == "no-server-span" { gap.detail.as_str() } else { "" };
        *found.entry((&gap.service, &gap.reason, words)).or_default() += 1;
    }
    let findings = found.into_iter().map(|((service, reason, words), number)| match reason {
        "no-server-span" => Finding::warning(
            "hop-without-proxy",
            service,
            format!("{number} calls of the newest traces have no other side: {words}"),
            "give the workload it calls a sidecar or a waypoint with the filter; where it has one, run doctor with its --admin",
        ),
        _ => Finding::warning(
            "parent-missing",
            service,
            format!("{number} spans of the newest traces name a parent that did not arrive"),
            "look for a caller that makes a context and exports no span (native tracing elsewhere), or for dropped spans",
        ),
    });
    findings.collect()
}

/// A server span that begins before or after the client span that it answers was measured by another clock.
fn skew(traces: &[Trace]) -> Vec<Finding> {
    let mut worst: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for trace in traces {
        let by_id: BTreeMap<&str, &Span> =
            trace.spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
        for server in trace.spans.iter().filter(|span| span.kind == "server") {
            let client = server.parent_span_id.as_deref().and_then(|parent| by_id.get(parent));
            let Some(client) = client.filter(|client| client.kind == "client") else { continue };
            let early = client.start_unix_ns.saturating_sub(server.start_unix_ns);
            let late = server.start_unix_ns.saturating_sub(end(client));
            let entry = worst.entry((&client.service, &server.service)).or_default();
            *entry = (*entry).max(early.max(late));
        }
    }
    let findings = worst.into_iter().filter(|(_, by)| *by > SKEW_NS).map(|((client, server), by)| {
        Finding::warning(
            "clock-skew",
            server,
            format!("its clock and that of {client} differ by at least {} ms", by / 1_000_000),
            "look at time synchronisation (chrony, NTP) on the nodes of both",
        )
    });
    findings.collect()
}

fn end(span: &Span) -> u64 {
    span.start_unix_ns.saturating_add(span.duration_ns)
}
