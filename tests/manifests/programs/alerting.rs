//! Alerting rules as Prometheus' own promtool plays them through: they fire when they should, and only then.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::objects::{Rendered, kind};

const ALERT: &str = "ThroughlineTracesIncomplete";

/// What the collector's totals did while late spans completed traces: up and down without end, about the same value.
const UP_AND_DOWN: &str = "301-30x1 ";

pub(crate) fn incomplete_traces_alert(rendered: &mut Rendered) -> Result<()> {
    let set = rendered.sets.get("components/monitoring").context("there is a component for monitoring")?;
    let object = set.iter().find(|object| kind(object) == "PrometheusRule").context("it has rules")?;
    let groups = object["spec"]["groups"].as_array().context("groups")?;
    let mut rules = groups.iter().filter_map(|group| group["rules"].as_array()).flatten();
    let rule = rules.find(|rule| rule["alert"] == ALERT).with_context(|| format!("{ALERT} is gone"))?;
    let fires = json!([{"exp_labels": {"severity": rule["labels"]["severity"], "pod": "collector"},
        "exp_annotations": rule["annotations"]}]);
    let quiet = json!([]);
    let cases = [
        ("a twentieth lacks something", "0+57x120", "0+3x120", &quiet),
        ("a third lacks something", "0+40x120", "0+20x120", &fires),
        ("the collector begins anew", "0+57x40 0+57x80", "0+3x40 0+3x80", &quiet),
        ("nothing happens", "0x120", "0x120", &quiet),
    ];
    let cases: Vec<Value> =
        cases.into_iter().map(|(name, whole, torn, alerts)| case(name, whole, torn, alerts)).collect();
    let run = rendered.run.join("promtool");
    std::fs::create_dir_all(&run)?;
    // JSON is YAML.
    std::fs::write(run.join("rules.yaml"), object["spec"].to_string())?;
    let tests = json!({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": cases});
    std::fs::write(run.join("tests.yaml"), tests.to_string())?;
    let binary = std::env::var("PROMTOOL_BIN").unwrap_or_else(|_| "promtool".to_owned());
    let output = Command::new(&binary).args(["test", "rules", "tests.yaml"]).current_dir(&run).output();
    let output =
        output.with_context(|| format!("{binary}: apt-get install prometheus, or set PROMTOOL_BIN"))?;
    let told = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&told));
    println!("  {} courses of two hours, the alert fires in that of a third", cases.len());
    Ok(())
}

/// Two hours, a value a minute.
fn case(name: &str, complete: &str, incomplete: &str, alerts: &Value) -> Value {
    let judged =
        |verdict: &str| format!("throughline_traces_judged_total{{verdict=\"{verdict}\",pod=\"collector\"}}");
    let total = |verdict: &str| format!("throughline_traces_{verdict}{{pod=\"collector\"}}");
    let up_and_down = UP_AND_DOWN.repeat(60);
    let at = |minutes: &str| json!({"eval_time": minutes, "alertname": ALERT, "exp_alerts": alerts});
    json!({"name": name, "interval": "1m",
        "input_series": [
            {"series": judged("complete"), "values": complete},
            {"series": judged("incomplete"), "values": incomplete},
            {"series": total("complete"), "values": "400+1x120"},
            {"series": total("incomplete"), "values": up_and_down.trim()},
        ],
        "alert_rule_test": [at("65m"), at("90m"), at("119m")]})
}
