//! What became of each fault, as a table that people can read.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::alertmanager::Held;

/// What is aimed at between a fault and the page; printed, not asserted: a busy machine may take longer.
const GOAL_S: f64 = 60.0;

/// One fault and the alert that told of it first.
#[derive(Clone, Debug)]
pub(super) struct Episode {
    pub(super) fault: &'static str,
    pub(super) service: &'static str,
    pub(super) injected_unix_s: f64,
    pub(super) healed_unix_s: f64,
    pub(super) alert_id: String,
}

/// Prints a row for each.
pub(super) fn print(episodes: &[Episode], alerts: &[Value], held: &BTreeMap<String, Held>) -> Result<()> {
    println!(
        "  | fault | injected into | alert | fired after | suspect | at Alertmanager after | within {GOAL_S:.0} s | resolved after the \
         end | gone from Alertmanager after |\n  |---|---|---|---|---|---|---|---|---|"
    );
    for episode in episodes {
        let alert = alerts.iter().find(|alert| alert["id"] == *episode.alert_id);
        let alert = alert.with_context(|| format!("the alert of {} is no more", episode.fault))?;
        let told = held.get(&episode.alert_id).context("Alertmanager was never told")?;
        let at = |key: &str| alert[key].as_f64().with_context(|| format!("{key} of {alert}"));
        let delivered = told.first_unix_s - episode.injected_unix_s;
        println!(
            "  | {} | {} | {} ({}) | {:.0} s | {} | {delivered:.0} s | {} | {:.0} s | {:.0} s |",
            episode.fault,
            episode.service,
            alert["kind"].as_str().unwrap_or_default(),
            alert["subject"].as_str().unwrap_or_default(),
            at("fired_unix_s")? - episode.injected_unix_s,
            alert["suspect"].as_str().unwrap_or_default(),
            if delivered <= GOAL_S { "yes" } else { "no" },
            at("resolved_unix_s")? - episode.healed_unix_s,
            told.last_unix_s - episode.healed_unix_s,
        );
    }
    Ok(())
}
