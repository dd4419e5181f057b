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
    let client = Client::new();
    let (envoy, _) = start_sidecar("wrong-key", run, &module, &configuration, &client)?;
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

/// A plugin that is told to stand on the wrong side says so, and follows Envoy.
pub(crate) fn wrong_role_is_not_followed(run: &mut RunDirectory) -> Result<()> {
    let (module, configuration) = (artefacts::module()?, json!({"role": "outbound", "path_log": "all"}));
    let client = Client::new();
    let (envoy, inbound_port) = start_sidecar("wrong-role", run, &module, &configuration, &client)?;
    for _ in 0..2 {
        // Nobody is behind it, which is no matter here.
        let status = client.get(&format!("http://127.0.0.1:{inbound_port}/"))?.status;
        ensure!(status == 503, "status {status}");
    }
    let lines = wait::until("a line for each request", LOG_DEADLINE, || {
        let log = envoy.process().log_text()?;
        let lines: Vec<String> =
            log.lines().filter(|line| line.contains("\"throughline\":\"hop\"")).map(str::to_owned).collect();
        Ok((lines.len() == 2).then_some(lines))
    })
    .with_context(|| envoy.process().log_tail())?;
    ensure!(lines.iter().all(|line| line.contains("\"role\":\"inbound\"")), "{lines:?}");
    let log = envoy.process().log_text()?;
    let told = log.lines().filter(|line| line.contains("configuration: role does not fit")).count();
    ensure!(told == 1, "it was told {told} times\n{}", envoy.process().log_tail());
    println!("  `role: outbound` on an inbound listener is told once, and its requests are inbound ones");
    Ok(())
}

/// The Envoy, and the port of its inbound listener.
fn start_sidecar(
    name: &str,
    run: &RunDirectory,
    module: &Path,
    configuration: &serde_json::Value,
    client: &Client,
) -> Result<(Envoy, u16)> {
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
    let mut envoy = Envoy::start(name, &file, 1, run)?;
    envoy.wait_ready(client)?;
    Ok((envoy, identity.inbound_port))
}
