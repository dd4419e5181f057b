//! The Envoy files that users run, as they stand, and what becomes of a mistake in the filter's configuration.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::envoy::{Envoy, Identity, Surroundings, render_sidecar, validate};
use harness::http::Client;
use harness::ports::free_port;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::json;

/// Envoy writes its log from time to time.
const LOG_DEADLINE: Duration = Duration::from_secs(20);

/// Where the users' files expect the module.
const INSTALLED_MODULE: &str = "/etc/throughline/filter.wasm";

pub(crate) fn users_files_are_valid(run: &mut RunDirectory) -> Result<()> {
    let module = artefacts::module()?;
    let module = module.to_str().context("the module's path is not UTF-8")?;
    for name in ["gateway.yaml", "sidecar.yaml"] {
        let text =
            std::fs::read_to_string(artefacts::root().join("envoy-config").join(name)).context(name)?;
        ensure!(text.contains(INSTALLED_MODULE), "{name} does not load {INSTALLED_MODULE}");
        let file = run.join(name);
        std::fs::write(&file, text.replace(INSTALLED_MODULE, module))?;
        validate(&file).with_context(|| format!("Envoy refuses {name}"))?;
        println!("  {name} is valid");
    }
    Ok(())
}

/// Envoy starts and serves; its log names the key and the nearest one, and a statistic counts it.
pub(crate) fn wrong_key_is_named(run: &mut RunDirectory) -> Result<()> {
    let (module, configuration) = (artefacts::module()?, json!({"path_logs": "off"}));
    let mut envoy = start_sidecar(run, &module, &configuration)?;
    let client = Client::new();
    envoy.wait_ready(&client)?;
    wait::until("a log line with both keys", LOG_DEADLINE, || {
        let log = envoy.process().log_text()?;
        Ok(log.lines().any(|line| line.contains("`path_logs`") && line.contains("`path_log`")).then_some(()))
    })
    .with_context(|| envoy.process().log_tail())?;
    let counted = envoy.stat_sum(&client, &["throughline_config_errors"])?;
    ensure!(counted >= 1, "config_errors is {counted}");
    println!("  `path_logs` is named with `path_log` in the log, config_errors is {counted}");
    Ok(())
}

fn start_sidecar(run: &RunDirectory, module: &Path, configuration: &serde_json::Value) -> Result<Envoy> {
    let identity = Identity {
        name: "frontend".to_owned(),
        namespace: "shop".to_owned(),
        pod_number: 1,
        admin_port: free_port()?,
        inbound_port: free_port()?,
    };
    let collector_port = free_port()?;
    let around = Surroundings { module, filter_configuration: Some(configuration), collector_port };
    let file = render_sidecar(&identity, free_port()?, free_port()?, &[], &around)?;
    Envoy::start("wrong-key", &file, 1, run)
}
