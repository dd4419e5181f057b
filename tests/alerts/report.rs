//! The page with the figures.

use std::fmt::Write;

use anyhow::Result;

use crate::scoring::{Score, quantile};

pub const OURS: &str = "**throughline**";
/// Nothing that can be run on a mesh: what the counts allow.
pub const ORACLE: &str = "*oracle*";

/// One rule at one level of traffic.
pub struct Row {
    pub level: f64,
    pub rule: &'static str,
    pub score: Score,
}

/// The whole page.
pub fn write(rows: &[Row], seed: u64, series: usize, per_second: f64) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# What the error-rate detector finds\n")?;
    writeln!(
        page,
        "Written by `make bench-alerts SEED={seed} SERIES={series}`. Simulated minutes of requests and errors, {series} series of a \
         week to learn and three\nto score at each level; what they are made of is told in `tests/alerts/simulator.rs`. A \
         fault is *detectable* where its expected excess is at\nleast eight deviations of the usual count (of one error where \
         that is less). Alarms up to 15 minutes apart are one episode; one that touches\nno fault nor the 70 minutes after \
         is false. Delays are minutes from the start of a fault; *large steps* are steps and outages of ten times the\nusual \
         share and more.\n\nThe *oracle* is no rule that anybody could run: it is told the true usual share of each minute and the true excess \
         of each fault, and\nfinds out only when it begins, by a cumulative sum of likelihood ratios. Its threshold is the lowest that raises \
         0.05 false alarms per week of\nsearching for one fault. For steps and outages no rule with as few false alarms has a smaller worst \
         mean delay (Moustakides 1986); of ramps and\nintermittent faults it knows the mean excess only, and is no bound there. A rule that \
         raises more false alarms may well be earlier.\n"
    )?;
    writeln!(
        page,
        "| requests/s | rule | detectable | recall | false alarms per series-week | precision | delay p50 / p90 | large steps p50 / \
         p90 |\n|---|---|---|---|---|---|---|---|"
    )?;
    for Row { level, rule, score } in rows {
        let minutes = |delays: &[usize], share| match quantile(delays, share) {
            Some(delay) => delay.to_string(),
            None => "-".to_owned(),
        };
        let alarms = score.right_alarms + score.false_alarms;
        let precision = match (*rule, alarms) {
            (ORACLE, _) | (_, 0) => "-".to_owned(),
            _ => format!("{:.3}", score.right_alarms as f64 / alarms as f64),
        };
        writeln!(
            page,
            "| {level} | {rule} | {} | {:.3} | {:.3} | {precision} | {} / {} | {} / {} |",
            score.detectable,
            score.detected as f64 / score.detectable.max(1) as f64,
            score.false_alarms as f64 / score.series_weeks,
            minutes(&score.delays, 0.5),
            minutes(&score.delays, 0.9),
            minutes(&score.delays_of_large_steps, 0.5),
            minutes(&score.delays_of_large_steps, 0.9),
        )?;
    }
    writeln!(
        page,
        "\nGoals: recall 0.95 and 0.05 false alarms at every level, large steps within 1 minute (p50) and 15 minutes (p90), \
         100,000 series a\nsecond and core. Scored here, with reading of results and without reading of the file: {:.0} \
         series-minutes a second on one core.",
        per_second
    )?;
    Ok(page)
}
