//! Counts over a store in memory.

use serde_json::json;
use throughline_model::span::StatusCode;

use crate::query::tests::{Collector, pair_of_hops, trace_id};

#[tokio::test]
async fn operations_and_edges_are_counted_from_a_moment_on() {
    let mut failed = pair_of_hops(2);
    failed[2].status = StatusCode::Error;
    let collector = Collector::with([pair_of_hops(1), failed].concat());
    let since = "since=2026-09-21T14:00:00Z";
    let edges = collector.json(&format!("/api/v1/edges?{since}")).await["edges"].clone();
    let edge = edges.as_array().unwrap().iter().find(|edge| edge["client"] == "gateway").unwrap();
    assert_eq!((&edge["server"], &edge["calls"], &edge["errors"]), (&json!("cart"), &json!(2), &json!(1)));
    assert_eq!(edge["slowest_error"]["trace_id"], trace_id(2).to_hex());
    let p50 = edge["p50_ns"].as_u64().unwrap();
    assert!((40_000_000..50_000_000).contains(&p50), "{p50}");
    let operations = collector.json(&format!("/api/v1/operations?{since}&service=cart")).await;
    let operation = &operations["operations"][0];
    assert_eq!(operations["operations"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&operation["kind"], &operation["name"], &operation["calls"]),
        (&json!("server"), &json!("GET"), &json!(2))
    );
    let none = collector.json("/api/v1/edges?since=2026-09-21T15:00:00Z").await;
    assert_eq!(none, json!({"edges": []}));
    collector.check_problem("/api/v1/edges?until=soon", 400, "an age such as 15m").await;
    collector.check_problem("/api/v1/operations?kind=server", 400, "unknown parameter").await;
}
