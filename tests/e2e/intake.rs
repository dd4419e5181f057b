//! What the collector promises those who send: nothing acknowledged is lost, and no client harms the others.

mod full_disk;
mod hostile_clients;
mod kills;
mod loud_pod;
mod many_connections;
mod reload;
mod sdk;

use anyhow::Result;
use harness::collector::{Collector, Ports};
use harness::run_directory::RunDirectory;

use crate::runner::{Fixture, Runner, scenario};

/// A collector without a mesh.
pub(crate) struct Alone {
    run: RunDirectory,
    collector: Collector,
    ports: Ports,
}

impl Fixture for Alone {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

fn start() -> Result<Alone> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let collector = Collector::start(ports, &run)?;
    Ok(Alone { run, collector, ports })
}

/// Blocks of few spans, so that kills meet the log, the blocks and the manifest alike.
fn start_with_small_blocks() -> Result<Alone> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let settings = run.join("small-blocks.yaml");
    std::fs::write(&settings, "storage: {block: {max_spans: 400}}\n")?;
    let collector = Collector::start_with(ports, &run, Some(settings))?;
    Ok(Alone { run, collector, ports })
}

pub(crate) fn run(runner: &mut Runner) {
    runner.group(
        "a collector that is killed again and again",
        start_with_small_blocks,
        &[scenario("a_hundred_kills_lose_no_acknowledged_span_and_show_none_twice", kills::a_hundred_kills)],
    );
    runner.group(
        "a collector and ten thousand sidecars",
        start,
        &[scenario("each_connection_is_served_and_memory_stays_bounded", many_connections::ten_thousand)],
    );
    runner.group(
        "a collector with few files",
        many_connections::start_with_few_files,
        &[scenario(
            "connections_beyond_are_closed_counted_and_told_and_it_recovers",
            many_connections::more_than_files,
        )],
    );
    runner.group(
        "a collector whose configuration changes",
        reload::start,
        &[scenario("sighup_takes_what_can_change_and_names_the_rest", reload::what_can_change_does)],
    );
    runner.group(
        "a collector and its senders",
        start,
        &[scenario("opentelemetrys_python_sdk_is_understood_over_grpc_and_http", sdk::python)],
    );
    runner.group(
        "a collector with little memory and hostile clients",
        hostile_clients::start,
        &[scenario(
            "they_harm_nobody_else_and_memory_stays_under_its_limit",
            hostile_clients::nobody_else_is_harmed,
        )],
    );
    runner.group(
        "a collector with little memory and a loud pod",
        loud_pod::start,
        &[scenario("it_is_told_to_wait_and_the_others_are_served", loud_pod::others_are_served)],
    );
    runner.group(
        "a collector with a small disk",
        full_disk::start,
        &[scenario(
            "a_full_disk_refuses_what_is_new_answers_all_the_same_and_recovers",
            full_disk::refuses_answers_and_recovers,
        )],
    );
}
