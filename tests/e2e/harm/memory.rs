//! Memory after many requests is what it was after a tenth of them.

use anyhow::{Context, Result, ensure};
use harness::single_proxy::{CollectorCluster, Filter};
use harness::streams::{Content, Load, Version};
use serde_json::json;

use super::Pair;
use super::matrix::Before;

/// What fits into the suite; `make soak` sends a million.
const REQUESTS: usize = 100_000;
const MOST_GROWTH_PERCENT: f64 = 10.0;

pub(super) fn memory_is_flat(pair: &mut Pair) -> Result<()> {
    let requests = match std::env::var("SOAK_REQUESTS") {
        Ok(text) => text.parse().context("SOAK_REQUESTS is a number of requests, such as 1000000")?,
        Err(_) => REQUESTS,
    };
    let collector = CollectorCluster::To(pair.collector.port());
    let filter = Filter::shipped(json!({"path_log": "off"}))?;
    let proxy = pair.another("memory", filter, collector)?;
    let load = Load {
        port: proxy.inbound_port(),
        path: "/".to_owned(),
        version: Version::Http2,
        content: Content::Empty,
        clients: 8,
        streams: 16,
    };
    let first = load.run(requests / 10)?;
    let before = Before::of(&proxy)?;
    let rest = load.run(requests - requests / 10)?;
    let mut with = first;
    with.merge(&rest);
    let all_well = harness::streams::Tally { statuses: [(200, requests)].into(), broken: 0 };
    let case = format!("memory after {requests} requests, against {}", requests / 10);
    let row = pair.matrix.row(&case, &proxy, &before, &with, &all_well)?;
    ensure!(row.growth_percent <= MOST_GROWTH_PERCENT, "the proxy grew by {:.1} %", row.growth_percent);
    ensure!(with == all_well, "{with:?}");
    proxy.ensure_no_trap()
}
