//! Listeners are replaced under load, and with them the filter's configuration: no span is lost by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::single_proxy::{CollectorCluster, Filter, Listeners, Setup, SingleProxy};
use harness::streams::{Content, Load, Version};
use harness::wait;
use serde_json::json;

use super::Small;

const UPDATES: u64 = 20;
/// Each request goes out through the proxy and comes in again.
const SPANS_PER_REQUEST: u64 = 2;
const QUIET: Duration = Duration::from_secs(3);
const DEADLINE: Duration = Duration::from_secs(40);

pub(crate) fn updates_lose_no_span(small: &mut Small) -> Result<()> {
    let api = small.collector.api();
    let received = || Ok(api.status()?.spans_received);
    let before = wait::until_quiet("earlier spans", QUIET, DEADLINE, received)?;
    let setup = Setup {
        name: "updated",
        filter: Filter::shipped(json!({"batch": {"interval_ms": 1000}, "path_log": "off"}))?,
        collector: CollectorCluster::To(small.collector_ports.otlp_grpc),
        application_port: small.application.port(),
        listeners: Listeners::Replaceable,
    };
    let mut proxy = SingleProxy::start(&setup, &small.run)?;
    let load = Load {
        port: proxy.outbound_port(),
        path: "/".to_owned(),
        version: Version::Http1,
        content: Content::Empty,
        clients: 1,
        streams: 4,
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let tally = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.run_until(&is_over));
        let changed = (1..=UPDATES).try_for_each(|number| proxy.change_listeners(number));
        is_over.store(true, Ordering::Relaxed);
        let tally = loading.join().expect("the load does not panic");
        changed.and(tally)
    })?;
    let after = wait::until_quiet("the last spans", QUIET, DEADLINE, received)?;
    let (requests, spans) = (tally.requests() as u64, after - before);
    let dropped = proxy.stat_sum(&["throughline_spans_dropped"])?;
    println!("  {requests} requests through {UPDATES} updates, {spans} spans arrived, {dropped} dropped");
    ensure!(tally.failures() == 0, "{} requests failed", tally.failures());
    ensure!(spans == SPANS_PER_REQUEST * requests, "{spans} spans of {requests} requests arrived");
    ensure!(dropped == 0, "{dropped} spans were dropped");
    proxy.ensure_no_trap()
}
