//! The Kubernetes manifests: rendered, held against schemas and our own rules, and given to the programs they are for.

mod api_server;
mod dockerfiles;
mod image;
mod objects;
mod programs;
mod readme;
mod rules;
mod schemas;

use std::process::ExitCode;

use harness::runner::{Runner, scenario};

use crate::objects::Rendered;

fn main() -> ExitCode {
    let mut runner = match Runner::new(std::env::args().skip(1)) {
        Ok(runner) => runner,
        Err(error) => {
            eprintln!("manifests: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    runner.group(
        "manifests",
        Rendered::start,
        &[
            scenario("every_overlay_and_every_component_renders", objects::everything_renders),
            scenario("objects_fit_together", rules::objects_fit_together),
            scenario("each_rule_finds_the_fault_it_is_for", rules::faults_are_found),
            scenario("built_in_kinds_fit_three_versions_of_kubernetes", schemas::built_in_kinds),
            scenario("custom_kinds_fit_their_definitions_and_rules", schemas::custom_kinds),
            scenario("an_api_server_takes_everything", api_server::takes_everything),
            scenario("the_collector_takes_every_flag_and_key", programs::collector_starts),
            scenario("the_filter_in_envoy_takes_every_plugin_config", programs::filter_takes_configuration),
            scenario("rules_and_dashboard_use_metrics_that_exist", programs::metrics_exist),
            scenario(
                "promtool_finds_that_incomplete_traces_alert_when_they_should",
                programs::incomplete_traces_alert,
            ),
            scenario("grafana_gets_answers_from_each_data_source", programs::data_sources_answer),
            scenario("the_same_module_gives_the_same_digest", image::image_is_deterministic),
            scenario("a_registry_gives_the_module_back", image::registry_gives_the_module_back),
            scenario("dockerfiles_fit_the_tree", dockerfiles::dockerfiles_fit_the_tree),
            scenario("the_build_of_the_image_gets_the_module", dockerfiles::context_holds_the_module),
            scenario("images_are_built_as_far_as_nothing_is_pulled", dockerfiles::images_are_built),
            scenario("components_pin_the_module_by_its_checksum", image::pins_are_applied),
            scenario("the_overlay_that_users_are_told_to_write_is_sound", readme::overlay_of_the_readme),
            scenario(
                "the_patches_that_users_are_told_to_apply_do_what_is_said",
                readme::patches_of_the_readme,
            ),
        ],
    );
    runner.finish()
}
