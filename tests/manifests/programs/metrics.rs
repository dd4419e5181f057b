//! The names of metrics in rules and dashboards are those that the collector and Envoy really answer with.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use serde_json::json;

use super::filter::start_envoy;
use crate::objects::{Rendered, kind};

/// What begins the names of our metrics; Envoy leaves its own prefix away from what modules define.
const PREFIX: &str = "throughline_";

pub(crate) fn metrics_exist(rendered: &mut Rendered) -> Result<()> {
    let collector = Collector::start(Ports::free()?, &rendered.run)?;
    let (envoy, client) = start_envoy(&json!({}), "metrics", &rendered.run)?;
    let of_collector = Client::new().get(&format!("{}/metrics", collector.url()))?.text()?;
    let of_envoy = client.get(&envoy.admin_url("/stats/prometheus"))?.text()?;
    let known: BTreeSet<&str> = of_collector.lines().chain(of_envoy.lines()).filter_map(family).collect();
    let with_rules =
        rendered.sets.get("components/monitoring").context("there is a component for monitoring")?;
    let watchers = with_rules.iter().filter(|object| ["PrometheusRule", "ConfigMap"].contains(&kind(object)));
    let used: BTreeSet<String> = watchers.clone().flat_map(|object| names_in(&expressions(object))).collect();
    ensure!(used.len() > 10, "only {used:?} are used: are expressions still found as they are written?");
    let unknown: Vec<&String> = used.iter().filter(|name| !is_known(&known, name)).collect();
    ensure!(unknown.is_empty(), "nobody answers with {unknown:?}");
    ensure!(!is_known(&known, "throughline_spans_recieved_total"), "any name would do");
    let all = of_collector.lines().chain(of_envoy.lines());
    let gauges: BTreeSet<&str> = all.filter(|line| line.ends_with(" gauge")).filter_map(family).collect();
    let rated: BTreeSet<String> = watchers.flat_map(|object| rated_in(&expressions(object))).collect();
    let wrong: Vec<&String> = rated.iter().filter(|name| gauges.contains(name.as_str())).collect();
    ensure!(
        wrong.is_empty(),
        "a gauge that goes down passes for a restart, and its rate is nonsense: {wrong:?}"
    );
    ensure!(
        rated.len() > 5 && gauges.contains("throughline_traces_incomplete"),
        "of {rated:?} none would be a gauge"
    );
    println!(
        "  {} metrics, each is answered; rates are taken of {}, none of them a gauge",
        used.len(),
        rated.len()
    );
    Ok(())
}

/// `# TYPE name kind`, with the ending that samples of a counter have in OpenMetrics.
fn family(line: &str) -> Option<&str> {
    line.strip_prefix("# TYPE ")?.split(' ').next()
}

/// A name is a family, or a counter's family with `_total`; one that ends in `_` is the begin of a pattern.
fn is_known(known: &BTreeSet<&str>, name: &str) -> bool {
    let base = name.strip_suffix("_total").unwrap_or(name);
    known.contains(name)
        || known.contains(base)
        || name.ends_with('_') && known.iter().any(|one| one.starts_with(name))
}

/// Everything that may hold an expression, as one text.
fn expressions(object: &serde_json::Value) -> String {
    let rules = object.pointer("/spec/groups").map(ToString::to_string).unwrap_or_default();
    let dashboards = object["data"].as_object().into_iter().flatten();
    let dashboards =
        dashboards.filter(|(file, _)| file.ends_with(".json")).filter_map(|(_, text)| text.as_str());
    rules + &dashboards.collect::<String>()
}

/// What `increase`, `rate` and `irate` are taken of.
fn rated_in(text: &str) -> Vec<String> {
    let begins = ["increase(", "rate("].into_iter().flat_map(|function| text.split(function).skip(1));
    let arguments = begins.filter_map(|rest| rest.split(')').next());
    arguments.flat_map(names_in).collect()
}

fn names_in(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with(PREFIX)).map(str::to_owned).collect()
}
