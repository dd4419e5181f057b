//! The filter as istiod feeds it to a proxy: by extension discovery, changed, replaced, stubbed and removed under load.

mod proxy;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::runner::did_not_run;
use harness::streams::{Content, Load, Version};
use harness::xds::{Extension, Module};
use serde_json::{Value, json};

use proxy::DISCOVERY_NAME;
pub(crate) use proxy::{Fed, start, start_without_filter};

const CHANGES: u64 = 20;
const NEW_MODULES: u8 = 5;
/// Where the answers of a real istiod are, when they are at hand.
const REAL_ANSWERS: &str = "ISTIOD_ANSWERS";

/// A module that differs from the one that ships in nothing but its bytes: a section for notes at its end.
fn module(fed: &Fed, number: u8) -> Result<Module> {
    let mut bytes = std::fs::read(artefacts::module()?)?;
    if number > 0 {
        bytes.extend_from_slice(&[0, 3, 1, b'n', number]);
    }
    let file = fed.run.join(format!("module-{number}.wasm"));
    std::fs::write(&file, bytes)?;
    Ok(Module { file, configuration: configuration(100) })
}

fn configuration(interval_ms: u64) -> Value {
    json!({"batch": {"interval_ms": interval_ms}, "path_log": "off"})
}

/// Each scenario may run alone, and then begins with the filter too.
fn ensure_loaded(fed: &mut Fed) -> Result<()> {
    if !fed.is_ready()? {
        let module = module(fed, 0)?;
        fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module))?;
    }
    fed.wait_ready()
}

/// Runs changes while requests go through; none of them may fail.
fn under_load(fed: &mut Fed, what: &str, changes: impl FnOnce(&mut Fed) -> Result<()>) -> Result<()> {
    let load = Load {
        port: fed.outbound_port,
        path: "/".to_owned(),
        version: Version::Http1,
        content: Content::Empty,
        clients: 1,
        streams: 4,
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let tally = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.run_until(&is_over));
        let outcome = changes(fed);
        is_over.store(true, Ordering::Relaxed);
        let tally = loading.join().expect("the load does not panic");
        outcome.and(tally)
    })?;
    println!("  {what}: {} requests, {} failed", tally.requests(), tally.failures());
    ensure!(tally.requests() > 0, "no request was sent");
    ensure!(tally.failures() == 0, "{} requests failed: {tally:?}", tally.failures());
    fed.ensure_no_trap()
}

/// The listener waits for the filter, and then serves with it.
pub(crate) fn first_load(fed: &mut Fed) -> Result<()> {
    ensure!(!fed.is_ready()?, "the listener did not wait for its filter");
    let module = module(fed, 0)?;
    fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module))?;
    fed.wait_ready()?;
    under_load(fed, "first load", |fed| fed.wait_spans("the first spans"))
}

pub(crate) fn configuration_changes(fed: &mut Fed) -> Result<()> {
    ensure_loaded(fed)?;
    let mut module = module(fed, 0)?;
    under_load(fed, "configuration changed 20 times", |fed| {
        for number in 1..=CHANGES {
            module.configuration = configuration(100 + number);
            fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module.clone()))?;
        }
        fed.wait_spans("spans after the changes")
    })
}

pub(crate) fn module_changes(fed: &mut Fed) -> Result<()> {
    ensure_loaded(fed)?;
    under_load(fed, "module replaced 5 times", |fed| {
        for number in 1..=NEW_MODULES {
            let module = module(fed, number)?;
            fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module))?;
            fed.wait_spans("spans of the new module")?;
        }
        Ok(())
    })
}

/// What the agent serves when the registry is down, and the filter again when it is back.
pub(crate) fn fetch_failed(fed: &mut Fed) -> Result<()> {
    ensure_loaded(fed)?;
    under_load(fed, "fetch failed, then mended", |fed| {
        fed.control.serve(DISCOVERY_NAME, &Extension::AllowAll)?;
        fed.wait_no_spans()?;
        let module = module(fed, 0)?;
        fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module))?;
        fed.wait_spans("spans after the mending")
    })
}

/// The switch that needs no fetch: the settings say that nothing is to be traced, and then again that all is.
pub(crate) fn switched_off(fed: &mut Fed) -> Result<()> {
    ensure_loaded(fed)?;
    let mut module = module(fed, 0)?;
    under_load(fed, "switched off, then on", |fed| {
        module.configuration["enabled"] = json!(false);
        fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module.clone()))?;
        fed.wait_no_spans()?;
        module.configuration["enabled"] = json!(true);
        fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module))?;
        fed.wait_spans("spans after the switch")
    })
}

/// A plugin that comes to a mesh with traffic: listeners name the filter before the agent has it, the first fetch fails, and the
/// second does not.
pub(crate) fn applied_later(fed: &mut Fed) -> Result<()> {
    fed.wait_ready()?;
    under_load(fed, "applied under load, fetched at the second try", |fed| {
        fed.replace_listeners(proxy::Listeners::WithFilter)?;
        fed.wait_no_spans().context("before there is a filter")?;
        fed.control.serve(DISCOVERY_NAME, &Extension::AllowAll)?;
        fed.wait_no_spans().context("with the stand-in")?;
        let module = module(fed, 0)?;
        fed.control.serve(DISCOVERY_NAME, &Extension::Filter(module))?;
        fed.wait_spans("the first spans")?;
        fed.wait_drained()
    })
}

pub(crate) fn module_removed(fed: &mut Fed) -> Result<()> {
    ensure_loaded(fed)?;
    under_load(fed, "filter removed, then back", |fed| {
        fed.replace_listeners(proxy::Listeners::WithoutFilter)?;
        fed.wait_no_spans()?;
        fed.replace_listeners(proxy::Listeners::WithFilter)?;
        fed.wait_spans("spans of the filter that is back")?;
        fed.wait_drained()
    })
}

/// What the tests serve has the form that an istiod really sent.
pub(crate) fn as_istiod_does(_: &mut Fed) -> Result<()> {
    let beside = artefacts::root().join("../shared/data/istiod");
    let folder = std::env::var_os(REAL_ANSWERS).map_or(beside, std::path::PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("sidecar.json")) else {
        let reason =
            format!("no answers of a real istiod here; set {REAL_ANSWERS} to a folder with sidecar.json");
        return Err(did_not_run(reason));
    };
    let answers: Value = serde_json::from_str(&text)?;
    let mut found = 0;
    for filter in filters_in(&answers["LDS"]) {
        let Some(discovery) = filter.get("config_discovery") else { continue };
        ensure!(*discovery == proxy::config_discovery(), "istiod sends {discovery}");
        found += 1;
    }
    ensure!(found > 0, "istiod's listeners hold no discovered filter");
    let plugin = answers.pointer("/ECDS/0/typed_config/config").context("istiod sent a filter")?;
    ensure!(plugin["vm_config"].get("vm_id").is_none(), "istiod sends a vm_id");
    ensure!(
        plugin["configuration"]["@type"].as_str().is_some_and(|kind| kind.ends_with("StringValue")),
        "{plugin}"
    );
    println!("  {found} filters of a real istiod have the same form");
    Ok(())
}

/// Every HTTP filter below a value.
fn filters_in(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(filters_in).collect(),
        Value::Object(members) => {
            let own = members.get("http_filters").and_then(Value::as_array).into_iter().flatten();
            own.chain(members.values().flat_map(filters_in)).collect()
        }
        _ => Vec::new(),
    }
}
