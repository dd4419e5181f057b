//! What the mesh did since the process started, in the OpenMetrics text format.
//!
//! Names and labels are those of Grafana Tempo's metrics-generator, so dashboards and Grafana's service graph work unchanged. The
//! buckets are powers of two of a nanosecond, from about a millisecond to about 17 seconds, and exact. `status_code` stands on
//! the calls and not on the latency.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use throughline_model::span::SpanKind;

use crate::store::{Exemplar, Figures, Histogram, Series};

const END: &str = "# EOF\n";
const FIRST_BUCKET_BIT: u32 = 20;
const LAST_BUCKET_BIT: u32 = 34;
const NANOSECONDS_PER_SECOND: f64 = 1e9;

/// Puts the families in front of the end of an exposition.
pub(super) fn insert(text: &mut String, totals: &[(Series, Figures)]) {
    if let Some(rest) = text.strip_suffix(END).map(str::len) {
        text.truncate(rest);
    }
    let mut written = Written { text };
    written.operations(totals);
    written.edges(totals);
    text.push_str(END);
}

struct Written<'a> {
    text: &'a mut String,
}

impl Written<'_> {
    fn operations(&mut self, totals: &[(Series, Figures)]) {
        let operations: Vec<(String, &Figures)> = totals
            .iter()
            .filter_map(|(series, figures)| match series {
                Series::Operation { service, kind, operation } => {
                    Some((operation_labels(service, *kind, operation), figures))
                }
                Series::Edge { .. } => None,
            })
            .collect();
        self.family("traces_spanmetrics_calls", "counter", "Spans");
        for (labels, figures) in &operations {
            let counts = [
                ("STATUS_CODE_UNSET", figures.calls - figures.errors, figures.slowest),
                ("STATUS_CODE_ERROR", figures.errors, figures.slowest_error),
            ];
            for (status, count, exemplar) in counts.into_iter().filter(|(_, count, _)| *count > 0) {
                let exemplar = if status == "STATUS_CODE_ERROR" { exemplar } else { None };
                let labels = format!("{labels},status_code=\"{status}\"");
                self.sample("traces_spanmetrics_calls_total", &labels, count, exemplar);
            }
        }
        self.family("traces_spanmetrics_latency", "histogram", "Durations of spans in seconds");
        for (labels, figures) in &operations {
            self.histogram("traces_spanmetrics_latency", labels, &figures.durations, figures.slowest);
        }
    }

    fn edges(&mut self, totals: &[(Series, Figures)]) {
        let mut edges: BTreeMap<String, Figures> = BTreeMap::new();
        for (series, figures) in totals {
            if let Series::Edge { client, server, .. } = series {
                edges.entry(edge_labels(client, server)).or_default().add(figures);
            }
        }
        for (name, help, count) in [
            ("request", "Calls", (|figures| figures.calls) as fn(&Figures) -> u64),
            ("request_failed", "Calls that failed", |figures| figures.errors),
            ("unpaired_spans", "Calls of which one end sent no span", |figures| figures.one_sided),
        ] {
            let family = format!("traces_service_graph_{name}");
            self.family(&family, "counter", help);
            for (labels, figures) in &edges {
                let exemplar = if name == "request_failed" { figures.slowest_error } else { None };
                self.sample(&format!("{family}_total"), labels, count(figures), exemplar);
            }
        }
        let links = "throughline_calls_by_link";
        self.family(links, "counter", "Calls by what ties them to the request that caused them");
        for (labels, figures) in &edges {
            for (kind, calls) in figures.links.iter() {
                let labels = format!("{labels},link=\"{}\"", kind.as_str());
                self.sample(&format!("{links}_total"), &labels, calls, None);
            }
        }
        let server = "traces_service_graph_request_server_seconds";
        self.family(server, "histogram", "Durations of calls as the callee saw them");
        for (labels, figures) in &edges {
            self.histogram(server, labels, &figures.durations, figures.slowest);
        }
        let client = "traces_service_graph_request_client_seconds";
        self.family(client, "histogram", "Durations of calls as the caller saw them");
        for (labels, figures) in &edges {
            self.histogram(client, labels, &figures.client_durations, None);
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        write!(self.text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n").ok();
    }

    fn sample(&mut self, name: &str, labels: &str, value: u64, exemplar: Option<Exemplar>) {
        write!(self.text, "{name}{{{labels}}} {value}").ok();
        if let Some(exemplar) = exemplar {
            let seconds = exemplar.duration_ns as f64 / NANOSECONDS_PER_SECOND;
            write!(self.text, " # {{trace_id=\"{}\"}} {seconds}", exemplar.trace_id).ok();
        }
        self.text.push('\n');
    }

    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram, exemplar: Option<Exemplar>) {
        if histogram.count() == 0 {
            return;
        }
        let bounds = (FIRST_BUCKET_BIT..=LAST_BUCKET_BIT).map(|bit| 1u64 << bit);
        let mut below = 0;
        for bound_ns in bounds {
            let count = histogram.count_below(bound_ns);
            let exemplar = exemplar.filter(|exemplar| (below..bound_ns).contains(&exemplar.duration_ns));
            let seconds = bound_ns as f64 / NANOSECONDS_PER_SECOND;
            self.sample(&format!("{name}_bucket"), &format!("{labels},le=\"{seconds}\""), count, exemplar);
            below = bound_ns;
        }
        let exemplar = exemplar.filter(|exemplar| exemplar.duration_ns >= below);
        let count = histogram.count();
        self.sample(&format!("{name}_bucket"), &format!("{labels},le=\"+Inf\""), count, exemplar);
        let sum = histogram.sum_ns() as f64 / NANOSECONDS_PER_SECOND;
        write!(self.text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}\n").ok();
    }
}

fn operation_labels(service: &str, kind: SpanKind, operation: &str) -> String {
    let kind = kind.as_str().to_ascii_uppercase();
    format!(
        "service=\"{}\",span_name=\"{}\",span_kind=\"SPAN_KIND_{kind}\"",
        escaped(service),
        escaped(operation)
    )
}

/// As Tempo has it, an unknown caller is a `user`.
fn edge_labels(client: &str, server: &str) -> String {
    let (client, connection_type) = if client.is_empty() { ("user", "virtual_node") } else { (client, "") };
    let server = if server.is_empty() { "unknown" } else { server };
    format!(
        "client=\"{}\",server=\"{}\",connection_type=\"{connection_type}\"",
        escaped(client),
        escaped(server)
    )
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
