//! The page: of each case how much of the time is attributed to the same operations.

use std::fmt::Write as _;

use crate::case::{Case, Shares};

pub(crate) fn write(outcomes: &[(Case, Shares)]) -> String {
    let mut page = "# Critical paths: how far they agree with labelled ones\n\n\
        Written by `make bench-critical-path` from CRISP's test cases (Apache-2.0): small traces with the self time of each operation on the\n\
        path. *Agreement* is the share of the time that is given to the same operation, of the labelled time or of ours, whichever is more;\n\
        *identical* cases agree in every number.\n\
        The steps of every path sum up to the duration of its root exactly; a run in which they did not fails.\n\n"
        .to_owned();
    let agreements: Vec<f64> = outcomes.iter().map(|(case, ours)| agreement(&case.labelled, ours)).collect();
    let identical = outcomes.iter().filter(|(case, ours)| without_zeros(&case.labelled) == *ours).count();
    let mean = agreements.iter().sum::<f64>() / agreements.len().max(1) as f64;
    let least = agreements.iter().copied().fold(100.0, f64::min);
    // Writing to a string cannot fail.
    writeln!(page, "**{identical} of {} cases are identical; the agreement is {mean:.1} % in the mean and {least:.1} % at least.**\n", outcomes.len()).ok();
    writeln!(
        page,
        "| case | spans | agreement | where it differs, labelled against ours, in µs |\n|---|---|---|---|"
    )
    .ok();
    for ((case, ours), agreement) in outcomes.iter().zip(&agreements) {
        let differences = differences(&case.labelled, ours);
        writeln!(page, "| {} | {} | {agreement:.1} % | {differences} |", case.name, case.spans.len()).ok();
    }
    page
}

fn without_zeros(shares: &Shares) -> Shares {
    shares.iter().filter(|(_, time)| **time > 0).map(|(name, time)| (name.clone(), *time)).collect()
}

/// Percent of the labelled time, or of ours where that is more: who gives time to everything does not agree with everybody.
fn agreement(labelled: &Shares, ours: &Shares) -> f64 {
    let sum = |shares: &Shares| shares.values().sum::<u64>();
    let all = sum(labelled).max(sum(ours));
    let same: u64 = labelled.iter().map(|(name, time)| ours.get(name).copied().unwrap_or(0).min(*time)).sum();
    100.0 * same as f64 / all.max(1) as f64
}

fn differences(labelled: &Shares, ours: &Shares) -> String {
    let mut names: Vec<&String> = labelled.keys().chain(ours.keys()).collect();
    names.sort();
    names.dedup();
    let time = |shares: &Shares, name: &String| shares.get(name).copied().unwrap_or(0) / 1_000;
    let differing = names.into_iter().filter(|name| time(labelled, name) != time(ours, name));
    let parts: Vec<String> =
        differing.map(|name| format!("{name} {} : {}", time(labelled, name), time(ours, name))).collect();
    if parts.is_empty() { "nowhere".to_owned() } else { parts.join("; ") }
}
