//! Latency at one rate for all: below what the slowest of them can serve, and taken from what they served when they
//! were given as much as they could take, so that it fits any machine.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::wait;

use crate::figures::Samples;
use crate::load::Burst;
use crate::proxy::Proxy;
use crate::sender::{self, Answered, Plan};
use crate::sink::Sink;
use crate::variant::{Path, Variant};

/// Whose latency is compared.
pub(crate) const COMPARED: [Variant; 5] =
    [Variant::Plain, Variant::Native, Variant::Filter, Variant::FilterQuiet, Variant::FilterRole];
/// A burst holds dozens of exported batches.
const BURST: Duration = Duration::from_secs(3);
/// Rates are told in round numbers.
const RATE_STEP: f64 = 100.0;
/// How far from the rate that was meant the one that was reached may be.
const RATE_TOLERANCE: f64 = 0.02;
/// So often a burst is sent in a round until one holds the rate: another machine on the same processor may be in the way.
const TRIES: usize = 3;

/// One burst at a fixed rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SteadyBurst {
    /// Requests in the second, as they were answered.
    pub(crate) requests: f64,
    /// Median latency in microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile of latency in microseconds.
    pub(crate) p99_us: f64,
    /// 99th percentile of how late requests left, in microseconds: the sender had no core or no free connection.
    pub(crate) late_p99_us: f64,
}

/// All of them, and the rate of each path in requests a second.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    /// Of the bursts that held the rate; a round in which none did has none.
    pub(crate) samples: Samples<SteadyBurst>,
    missed: BTreeMap<(Variant, Path), usize>,
    rates: [f64; 2],
}

impl Steady {
    pub(crate) fn rate(&self, path: Path) -> f64 {
        let [direct, proxied] = self.rates;
        match path {
            Path::Direct => direct,
            Path::Proxied => proxied,
        }
    }

    /// How many bursts did not hold the rate.
    pub(crate) fn missed(&self, variant: Variant, path: Path) -> usize {
        self.missed.get(&(variant, path)).copied().unwrap_or_default()
    }

    /// Sends bursts until one holds the rate.
    fn add(
        &mut self,
        variant: Variant,
        path: Path,
        mut send: impl FnMut(f64) -> Result<Answered>,
    ) -> Result<()> {
        for _ in 0..TRIES {
            let rate = self.rate(path);
            let burst = SteadyBurst::of(send(rate)?);
            if (burst.requests / rate - 1.0).abs() <= RATE_TOLERANCE {
                self.samples.add(variant, path, burst);
                return Ok(());
            }
            eprintln!(
                "bench: {}, {}: {:.0} requests a second were answered in place of {rate:.0}; left out",
                variant.name(),
                path.name(),
                burst.requests
            );
            *self.missed.entry((variant, path)).or_default() += 1;
        }
        Ok(())
    }
}

/// Loads those that are compared in turns, as many rounds as there were at the most that each can serve.
pub(crate) fn measure(
    proxies: &[(Variant, Proxy, Sink)],
    rounds: usize,
    served: &Samples<Burst>,
) -> Result<Steady> {
    let mut steady = Steady { rates: Path::ALL.map(|path| rate(served, path)), ..Steady::default() };
    for round in 1..=rounds {
        eprintln!("bench: latency at one rate, round {round} of {rounds}");
        for path in Path::ALL {
            for step in 0..COMPARED.len() {
                wait::stop_if_interrupted()?;
                let Some(variant) = COMPARED.get((step + round) % COMPARED.len()) else { continue };
                let proxy = proxies.iter().find(|(one, ..)| one == variant);
                let (_, proxy, _) = proxy.context("each that is compared was started")?;
                let outcome = steady.add(*variant, path, |rate| send(proxy.port(path), rate));
                outcome.with_context(|| format!("{}, {}", variant.name(), path.name()))?;
            }
        }
    }
    Ok(steady)
}

/// Half of what the slowest served.
fn rate(served: &Samples<Burst>, path: Path) -> f64 {
    let medians = COMPARED.map(|variant| served.median(variant, path, |burst| burst.requests));
    let slowest = medians.into_iter().fold(f64::INFINITY, f64::min);
    (slowest / 2.0 / RATE_STEP).floor().max(1.0) * RATE_STEP
}

fn send(port: u16, rate: f64) -> Result<Answered> {
    let request = "GET /api/cart/items?page=2 HTTP/1.1\r\nhost: cart.shop.svc.cluster.local:8080\r\n\
                   user-agent: bench/1\r\n\r\n";
    let count = (rate * BURST.as_secs_f64()) as usize;
    let interval = Duration::from_secs_f64(1.0 / rate);
    sender::send(Plan { port, request: request.as_bytes(), count, interval })
}

impl SteadyBurst {
    fn of(mut answered: Answered) -> Self {
        Self {
            requests: answered.latencies.len() as f64 / answered.took.as_secs_f64(),
            p50_us: percentile_us(&mut answered.latencies, 50),
            p99_us: percentile_us(&mut answered.latencies, 99),
            late_p99_us: percentile_us(&mut answered.late, 99),
        }
    }
}

/// The least time that so many of a hundred do not exceed.
fn percentile_us(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests;
