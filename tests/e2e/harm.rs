//! The filter never harms traffic: whatever comes and whatever fails, each request gets the answer that it gets without
//! the filter, and the proxy stays as large as it was.

mod collectors;
mod dead;
mod matrix;
mod memory;
mod odd;
mod parallel;
mod updates;

use std::path::PathBuf;

use anyhow::Result;
use harness::echo_server::EchoServer;
use harness::faulty_collector::{Behaviour, FaultyCollector};
use harness::run_directory::RunDirectory;
use harness::single_proxy::{CollectorCluster, Filter, Listeners, Setup, SingleProxy};
use serde_json::{Value, json};

use crate::runner::{Fixture, Runner, scenario};
use matrix::Matrix;

/// Two proxies that differ in the filter alone, before the same application.
struct Pair {
    run: RunDirectory,
    application: EchoServer,
    collector: FaultyCollector,
    plain: SingleProxy,
    filtered: SingleProxy,
    matrix: Matrix,
}

impl Fixture for Pair {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

/// The group of these scenarios.
pub(crate) fn run(runner: &mut Runner) {
    runner.group(
        "no harm to traffic",
        start,
        &[
            scenario("odd_requests_get_the_answer_they_get_without_the_filter", odd::odd_requests),
            scenario("trailers_pass_in_both_directions", parallel::trailers),
            scenario("ten_thousand_streams_at_one_moment_all_succeed", parallel::parallel_streams),
            scenario("no_collector_however_faulty_fails_a_request", collectors::faulty_collectors),
            scenario(
                "a_configuration_changed_100_times_under_load_fails_no_request",
                updates::updates_under_load,
            ),
            scenario("a_dead_module_fails_no_request", dead::dead_module),
            scenario("memory_is_flat_over_many_requests", memory::memory_is_flat),
        ],
    );
}

fn start() -> Result<Pair> {
    let (run, application) = (RunDirectory::create()?, EchoServer::start()?);
    let collector = FaultyCollector::start(Behaviour::Takes)?;
    let start = |name, filter| {
        let collector = CollectorCluster::To(collector.port());
        let application_port = application.port();
        let listeners = Listeners::Static;
        SingleProxy::start(&Setup { name, filter, collector, application_port, listeners }, &run)
    };
    let plain = start("plain", Filter::Absent)?;
    let filtered =
        start("filtered", Filter::shipped(json!({"batch": {"interval_ms": 100}, "path_log": "off"}))?)?;
    Ok(Pair { run, application, collector, plain, filtered, matrix: Matrix::new() })
}

/// Batches leave soon, and the bound on what waits is reached soon.
fn small_buffers() -> Value {
    json!({"batch": {"max_spans": 64, "interval_ms": 100, "max_buffer_bytes": 64 * 1024}, "path_log": "off"})
}

impl Pair {
    /// A proxy of its own beside the two, for what would spoil them.
    fn another(&self, name: &str, filter: Filter, collector: CollectorCluster) -> Result<SingleProxy> {
        let application_port = self.application.port();
        let setup = Setup { name, filter, collector, application_port, listeners: Listeners::Static };
        SingleProxy::start(&setup, &self.run)
    }

    /// A place for a file of this run.
    fn file(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }
}

/// Where a request enters a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// It meets the filter once.
    Inbound,
    /// It meets the filter twice.
    Outbound,
}

impl Door {
    const BOTH: [Self; 2] = [Self::Inbound, Self::Outbound];

    fn of(self, proxy: &SingleProxy) -> u16 {
        match self {
            Self::Inbound => proxy.inbound_port(),
            Self::Outbound => proxy.outbound_port(),
        }
    }
}
