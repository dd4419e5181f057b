//! The demo's command line.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// What the user asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arguments {
    /// How long to send traffic; `None` until interrupted.
    pub(crate) duration: Option<Duration>,
    /// How much traffic.
    pub(crate) requests_per_second: u32,
}

impl Arguments {
    /// Reads the words after the program's name.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self { duration: None, requests_per_second: 20 };
        while let Some(flag) = words.next() {
            let value = words.next().with_context(|| format!("{flag} needs a value"))?;
            match flag.as_str() {
                "--duration" => arguments.duration = Some(parse_duration(&value)?),
                "--rate" => arguments.requests_per_second = parse_rate(&value)?,
                _ => bail!("unknown flag {flag}; known are --duration 20s and --rate 20"),
            }
        }
        Ok(arguments)
    }
}

fn parse_rate(text: &str) -> Result<u32> {
    let rate = text.parse().ok().filter(|rate| (1..=500).contains(rate));
    rate.with_context(|| format!("--rate {text}: a whole number of requests a second from 1 to 500 is right"))
}

fn parse_duration(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit_seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let seconds = digits.parse::<u64>().ok().map(|number| number.saturating_mul(unit_seconds));
    let seconds = seconds.filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .with_context(|| format!("--duration {text}: 20s, 5m or 1h would be right"))
}

#[cfg(test)]
mod tests;
