//! The filter in a real Envoy, configured as each manifest does.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::envoy::{Envoy, Identity, Surroundings, render_sidecar};
use harness::http::Client;
use harness::ports::free_port;
use harness::run_directory::RunDirectory;
use serde_json::Value;

use crate::objects::{Rendered, plugin_configurations};

/// Envoy with one configuration of the filter, ready.
pub(super) fn start_envoy(configuration: &Value, name: &str, run: &RunDirectory) -> Result<(Envoy, Client)> {
    let identity = Identity {
        name: "frontend".to_owned(),
        namespace: "shop".to_owned(),
        pod_number: 1,
        admin_port: free_port()?,
        inbound_port: free_port()?,
    };
    let module = artefacts::module()?;
    let around = Surroundings {
        module: &module,
        filter_configuration: Some(configuration),
        collector_port: free_port()?,
    };
    let file = render_sidecar(&identity, free_port()?, free_port()?, &[], &around)?;
    let mut envoy = Envoy::start(name, &file, 1, run)?;
    let client = Client::new();
    envoy.wait_ready(&client)?;
    Ok((envoy, client))
}

pub(crate) fn filter_takes_configuration(rendered: &mut Rendered) -> Result<()> {
    let all = rendered.objects().flat_map(plugin_configurations).map(Value::to_string);
    let distinct: BTreeSet<String> = all.collect();
    ensure!(!distinct.is_empty(), "no manifest configures the filter");
    for (number, text) in distinct.iter().enumerate() {
        let configuration: Value = serde_json::from_str(text)?;
        let faults = faults_counted(&configuration, &format!("plugin-{number}"), &rendered.run)?;
        ensure!(faults == 0, "the filter finds {faults} faults in {text}");
        println!("  taken: {text}");
    }
    let mut wrong: Value = serde_json::from_str(distinct.first().context("one configuration")?)?;
    wrong["colector"] = Value::Bool(true);
    let faults = faults_counted(&wrong, "plugin-wrong", &rendered.run)?;
    ensure!(faults > 0, "the filter finds nothing wrong with {wrong}");
    Ok(())
}

/// What the filter counts; an error when it does not run at all, which would count nothing.
fn faults_counted(configuration: &Value, name: &str, run: &RunDirectory) -> Result<u64> {
    let (envoy, client) = start_envoy(configuration, name, run)?;
    let stats = envoy.stats(&client)?;
    let counter = stats.iter().find(|(name, _)| name.ends_with("throughline_config_errors"));
    Ok(counter.context("the filter does not run: it has no counters")?.1)
}
