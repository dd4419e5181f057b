//! The text that Prometheus reads.

use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;

use super::*;

fn figures(durations_ns: &[u64], errors: u64) -> Figures {
    let mut figures = Figures { calls: durations_ns.len() as u64, errors, ..Figures::default() };
    durations_ns.iter().for_each(|duration| figures.durations.observe(*duration));
    figures.slowest = Some(Exemplar {
        trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[2; 8]).unwrap(),
        start_unix_ns: 0,
        duration_ns: *durations_ns.iter().max().unwrap(),
    });
    figures
}

fn check(totals: &[(Series, Figures)], expected: &[&str]) {
    let mut text = "# TYPE a counter\n# EOF\n".to_owned();
    insert(&mut text, totals);
    for line in expected {
        assert!(text.lines().any(|found| found == *line), "{line} is missing in:\n{text}");
    }
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
}

#[test]
fn operations_are_spanmetrics() {
    let series =
        Series::Operation { service: "ca\"rt".into(), kind: SpanKind::Server, operation: "GET".into() };
    let labels = r#"service="ca\"rt",span_name="GET",span_kind="SPAN_KIND_SERVER""#;
    let trace = "01".repeat(16);
    check(
        &[(series, figures(&[500_000, 3_000_000], 1))],
        &[
            "# TYPE traces_spanmetrics_calls counter",
            &format!("traces_spanmetrics_calls_total{{{labels},status_code=\"STATUS_CODE_UNSET\"}} 1"),
            &format!("traces_spanmetrics_calls_total{{{labels},status_code=\"STATUS_CODE_ERROR\"}} 1"),
            &format!("traces_spanmetrics_latency_bucket{{{labels},le=\"0.001048576\"}} 1"),
            &format!(
                "traces_spanmetrics_latency_bucket{{{labels},le=\"0.004194304\"}} 2 # {{trace_id=\"{trace}\"}} 0.003"
            ),
            &format!("traces_spanmetrics_latency_bucket{{{labels},le=\"+Inf\"}} 2"),
            &format!("traces_spanmetrics_latency_sum{{{labels}}} 0.0035"),
            &format!("traces_spanmetrics_latency_count{{{labels}}} 2"),
        ],
    );
}

#[test]
fn calls_are_told_by_their_links() {
    let series = Series::Edge { client: "front".into(), server: "cart".into(), route: "/".into() };
    let mut figures = figures(&[1, 1, 1], 0);
    figures.links.observe(LinkKind::Propagated, 2);
    figures.links.observe(LinkKind::None, 1);
    let edge = r#"client="front",server="cart",connection_type="""#;
    check(
        &[(series, figures)],
        &[
            "# TYPE throughline_calls_by_link counter",
            &format!("throughline_calls_by_link_total{{{edge},link=\"propagated\"}} 2"),
            &format!("throughline_calls_by_link_total{{{edge},link=\"none\"}} 1"),
        ],
    );
}

#[test]
fn edges_are_a_service_graph_whatever_their_routes() {
    let edge = |client: &str, route: &str| Series::Edge {
        client: client.into(),
        server: "cart".into(),
        route: route.into(),
    };
    check(
        &[
            (edge("front", "/a"), figures(&[1], 1)),
            (edge("front", "/b"), figures(&[1, 1 << 40], 0)),
            (edge("", "/a"), figures(&[1], 0)),
        ],
        &[
            r#"traces_service_graph_request_total{client="front",server="cart",connection_type=""} 3"#,
            r#"traces_service_graph_request_failed_total{client="front",server="cart",connection_type=""} 1"#,
            r#"traces_service_graph_request_total{client="user",server="cart",connection_type="virtual_node"} 1"#,
            r#"traces_service_graph_request_server_seconds_count{client="front",server="cart",connection_type=""} 3"#,
        ],
    );
}
