//! The end-to-end suites: real Envoys, the real module and the real collector, held against what really happened.

mod absent;
mod alerts;
mod blocks;
mod changes;
mod command_line;
mod crash;
mod dropped;
mod files;
mod forwarding;
mod harm;
mod hop_lines;
mod hostile;
mod insight;
mod intake;
mod istiod;
mod joining;
mod linking;
mod matching;
mod objects;
mod operating;
mod outcomes;
mod page;
mod panics;
mod prometheus;
mod sampling;

use std::process::ExitCode;

use anyhow::Result;
use harness::artefacts;
use harness::mesh::Mesh;
use harness::run_directory::RunDirectory;
use harness::runner;
use harness::topology::{Forwards, Topology};
use serde_json::{Value, json};

use crate::runner::{Runner, scenario};

fn main() -> ExitCode {
    let mut runner = match Runner::new(std::env::args().skip(1)) {
        Ok(runner) => runner,
        Err(error) => {
            eprintln!("e2e: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    first_light(&mut runner);
    objects::run(&mut runner);
    command_line::run(&mut runner);
    filter(&mut runner);
    intake::run(&mut runner);
    operation(&mut runner);
    alerting(&mut runner);
    runner.finish()
}

/// A request is traced from end to end, whatever it looks like and whatever becomes of the collector.
fn first_light(runner: &mut Runner) {
    runner.group(
        "users' files",
        RunDirectory::create,
        &[
            scenario("the_files_that_users_run_are_valid", files::users_files_are_valid),
            scenario("a_wrong_filter_key_is_named_and_stops_nothing", files::wrong_key_is_named),
            scenario("a_role_that_envoy_contradicts_is_not_followed", files::wrong_role_is_not_followed),
            scenario("the_module_can_panic_at_no_unlisted_place", panics::only_listed_panics),
        ],
    );
    runner.group(
        "services that forward headers",
        || Mesh::start_for_test(forwarding_shop()?, Some(filter_configuration())),
        &[
            scenario("each_of_200_requests_in_sequence_is_one_trace", forwarding::sequential_requests),
            scenario("each_of_200_requests_16_at_a_time_is_one_trace", forwarding::parallel_requests),
            scenario("each_hop_is_one_line_in_the_log_of_its_proxy", hop_lines::each_hop_is_one_line),
            scenario("hostile_requests_succeed_and_are_traced", hostile::hostile_requests),
        ],
    );
    runner.group(
        "a service that forwards nothing",
        || Mesh::start_for_test(shop()?, Some(filter_configuration())),
        &[
            scenario("its_calls_are_traces_of_their_own_and_none_is_misplaced", forwarding::unlinked_calls),
            scenario("the_graph_has_every_call_once", insight::graph_is_exact),
            scenario(
                "the_doctor_names_the_service_that_forwards_nothing",
                insight::doctor_names_who_breaks_traces,
            ),
            scenario("the_page_shows_the_traces_in_a_browser", page::page_shows_the_traces),
        ],
    );
    runner.group(
        "a collector that crashes",
        || Mesh::start_for_test(forwarding_shop()?, Some(filter_configuration())),
        &[scenario("no_acknowledged_span_is_lost_and_no_request_fails", crash::kill_and_restart)],
    );
    runner.group(
        "a Prometheus",
        prometheus::start,
        &[scenario(
            "it_scrapes_the_figures_of_the_mesh_and_exemplars",
            prometheus::scrapes_figures_and_exemplars,
        )],
    );
    runner.group(
        "a collector alone",
        blocks::start,
        &[scenario("any_parquet_reader_counts_the_spans_of_the_blocks", blocks::duckdb_counts)],
    );
    runner.group(
        "no collector",
        absent::start,
        &[scenario("requests_succeed_memory_stays_bounded_and_drops_are_counted", absent::memory_is_bounded)],
    );
}

/// What the filter does beyond that.
fn filter(runner: &mut Runner) {
    runner.group(
        "services that forward nothing at all",
        linking::start,
        &[
            scenario("every_call_linked_to_the_only_request_in_flight_is_its_own", linking::sole_links),
            scenario("no_call_in_the_background_is_joined_to_a_request", linking::background_calls),
            scenario(
                "the_collector_joins_calls_to_the_requests_that_made_them",
                joining::unlinked_calls_are_joined,
            ),
            scenario(
                "the_collector_joins_no_call_in_the_background",
                joining::background_calls_are_joined_to_nothing,
            ),
        ],
    );
    runner.group(
        "ends of requests",
        outcomes::start,
        &[
            scenario(
                "however_a_request_ends_each_side_has_one_right_span",
                outcomes::each_end_is_one_span_per_side,
            ),
            scenario("listeners_replaced_20_times_under_load_lose_no_span", outcomes::updates_lose_no_span),
        ],
    );
    harm::run(runner);
    runner.group(
        "one trace in a hundred",
        sampling::start,
        &[scenario(
            "every_failed_request_is_a_whole_trace_and_no_client_sees_the_mark",
            sampling::failures_are_kept,
        )],
    );
}

/// What operators do: look at a mesh, and let istiod change it.
fn operation(runner: &mut Runner) {
    runner.group(
        "a mesh whose calls change",
        || Mesh::start_for_test(forwarding_shop()?, Some(filter_configuration())),
        &[
            scenario("edges_that_come_and_go_are_told", changes::edges_come_and_go),
            scenario("diff_ends_with_4_where_a_service_became_slower", changes::diff_stops_a_regression),
        ],
    );
    runner.group(
        "a collector that was away for long",
        dropped::start,
        &[scenario("spans_that_proxies_dropped_are_told_and_named_as_the_cause", dropped::drops_are_told)],
    );
    runner.group(
        "a sound mesh, operated",
        || Mesh::start_for_test(forwarding_shop()?, Some(filter_configuration())),
        &[
            scenario("verify_follows_a_request_from_hop_to_hop", operating::verify_follows_a_request),
            scenario("doctor_finds_nothing_wrong_with_a_sound_mesh", operating::doctor_finds_nothing),
            scenario(
                "verify_and_doctor_end_with_the_codes_that_are_documented",
                operating::exit_codes_are_as_documented,
            ),
        ],
    );
    runner.group(
        "a mesh broken on purpose",
        operating::start_broken,
        &[
            scenario("doctor_finds_each_fault_of_a_broken_mesh", operating::faults_are_found),
            scenario("doctor_tells_each_finding_and_what_to_do", operating::findings_are_told),
            scenario("verify_names_what_is_missing_and_why", operating::verify_names_the_missing_hop),
        ],
    );
    runner.group(
        "a proxy that istiod feeds",
        istiod::start,
        &[
            scenario("the_filter_is_served_in_the_form_that_istiod_serves_it", istiod::as_istiod_does),
            scenario("a_listener_waits_for_its_filter_from_istiod_and_then_serves", istiod::first_load),
            scenario("a_configuration_changed_by_istiod_fails_no_request", istiod::configuration_changes),
            scenario("a_module_replaced_by_istiod_fails_no_request", istiod::module_changes),
            scenario("a_module_that_cannot_be_fetched_by_istiod_fails_no_request", istiod::fetch_failed),
            scenario("a_filter_switched_off_by_istiod_fails_no_request", istiod::switched_off),
            scenario("a_filter_removed_by_istiod_fails_no_request", istiod::module_removed),
        ],
    );
    runner.group(
        "a proxy that runs before istiod feeds it",
        istiod::start_without_filter,
        &[scenario("a_filter_applied_to_a_running_proxy_fails_no_request", istiod::applied_later)],
    );
}

/// Faults in a running mesh are told to a real Alertmanager, with the service that has them as the suspect.
fn alerting(runner: &mut Runner) {
    runner.group(
        "a fault that grows",
        alerts::start_outage,
        &[scenario("an_outage_is_told_to_who_knows_of_a_slight_fault", alerts::outage_is_told)],
    );
    runner.group(
        "a mesh that is watched",
        alerts::start,
        &[
            scenario("quiet_minutes_raise_nothing", alerts::quiet_minutes),
            scenario("errors_are_alerted_and_their_service_is_suspected", alerts::errors),
            scenario("slowness_is_alerted_and_its_service_is_suspected", alerts::slowness),
            scenario("a_call_loop_is_alerted_and_its_service_is_suspected", alerts::call_loop),
            scenario("a_vanished_dependency_is_alerted_and_suspected", alerts::vanished),
            scenario("a_receiver_that_hung_all_the_time_lost_no_episode", alerts::recovery),
            scenario("alerts_resolve_by_themselves_and_survive_a_crash", alerts::resolution),
        ],
    );
}

/// The shop as the demo has it: one service fails, one is slow, one forwards nothing.
fn shop() -> Result<Topology> {
    Topology::read(&artefacts::root().join("tests/topology/shop.yaml"))
}

/// The shop where every service forwards trace headers or the request id, and all goes well.
fn forwarding_shop() -> Result<Topology> {
    shop()?.without_failures().without_slowness().with_forwarding("recommendations", Forwards::TraceHeaders)
}

/// Spans carry the shop's own key, and do not wait long.
fn filter_configuration() -> Value {
    json!({
        "attributes": {"request_headers": [harness::truth::CALL_HEADER]},
        "batch": {"interval_ms": 200},
        "path_log": "sampled",
    })
}
