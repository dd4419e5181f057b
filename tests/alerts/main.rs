//! What the error-rate detector finds, misses and costs, on simulated series, with simpler rules beside it: the real command
//! `throughline backtest` replays them.

mod oracle;
mod ours;
mod random;
mod report;
mod rules;
mod scoring;
mod simulator;

use anyhow::{Context, Result, bail};
use harness::artefacts;

use random::Random;
use report::Row;
use scoring::Score;
use simulator::{MINUTES, Series};

const LEVELS: [f64; 5] = [0.1, 1.0, 10.0, 100.0, 1000.0];
/// Of one minute to the next: the wander forgets in about an hour and a half.
const PERSISTENCE: f64 = 0.99;

struct Arguments {
    seed: u64,
    series: usize,
    levels: Vec<f64>,
}

fn main() -> Result<()> {
    let arguments = read_arguments(std::env::args().skip(1))?;
    let mut random = Random::new(arguments.seed);
    let mut rows = Vec::new();
    let mut rate = f64::INFINITY;
    let needed = LEVELS.into_iter().filter(|level| arguments.levels.iter().any(|last| level <= last));
    for level in needed {
        // Those of a level that is left out are drawn all the same, so that a level has the same series in every run of a seed.
        let all: Vec<Series> = (0..arguments.series)
            .map(|number| {
                simulator::simulate(format!("{level}rps-{number}"), level, PERSISTENCE, &mut random)
            })
            .collect();
        if !arguments.levels.contains(&level) {
            continue;
        }
        eprintln!("bench-alerts: {level} requests/s, {} series of {MINUTES} minutes", all.len());
        for rule in rules::ALL {
            let episodes = all.iter().map(|series| scoring::join(rules::alarms(rule, &series.counts)));
            rows.push(Row { level, rule: rule.name(), score: Score::of(&all, episodes) });
        }
        let replayed = ours::backtest(&all)?;
        rate = rate.min(replayed.per_second);
        rows.push(Row { level, rule: report::OURS, score: Score::of(&all, replayed.episodes.into_iter()) });
        rows.push(Row { level, rule: report::ORACLE, score: oracle::score(&all) });
    }
    let page = report::write(&rows, arguments.seed, arguments.series, rate)?;
    print!("{page}");
    if arguments.levels != LEVELS {
        eprintln!("bench-alerts: not written, since levels are missing");
        return Ok(());
    }
    let path = artefacts::root().join("docs/bench/alerts.md");
    std::fs::write(&path, page).with_context(|| path.display().to_string())?;
    eprintln!("bench-alerts: written to docs/bench/alerts.md");
    Ok(())
}

fn read_arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let mut arguments = Arguments { seed: now.as_secs(), series: 10, levels: LEVELS.to_vec() };
    while let Some(flag) = words.next() {
        let value = words.next().unwrap_or_default();
        match (flag.as_str(), value.parse()) {
            ("--seed", Ok(seed)) => arguments.seed = seed,
            ("--series", Ok(series @ 1..=1000)) => arguments.series = series as usize,
            ("--levels", _) => arguments.levels = read_levels(&value)?,
            _ => bail!("{flag} {value}: --seed NUMBER, --series 1 to 1000 and --levels 0.1,1 are right"),
        }
    }
    Ok(arguments)
}

fn read_levels(text: &str) -> Result<Vec<f64>> {
    let asked: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_level = |word: &&str| word.parse().is_ok_and(|level: f64| LEVELS.contains(&level));
    if let Some(wrong) = asked.iter().find(|word| !is_level(word)) {
        bail!("--levels {text}: `{wrong}` is none of {LEVELS:?}");
    }
    Ok(LEVELS.into_iter().filter(|level| asked.iter().any(|word| word.parse() == Ok(*level))).collect())
}
