//! Requests of clients outside the mesh, through the gateway.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::http::{Answer, Client};
use crate::truth::CALL_HEADER;
use crate::wait::stop_if_interrupted;

/// Enough for slow answers not to hold up later requests.
const RATE_WORKERS: usize = 32;

/// A client of the gateway; cheap to clone.
#[derive(Clone, Debug)]
pub struct Visitor {
    client: Client,
    gateway_port: u16,
    domain: String,
}

/// How a set of requests went.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The status of each request by its number.
    pub statuses: Vec<u16>,
}

impl Outcome {
    /// How many were answered with 200.
    #[must_use]
    pub fn succeeded(&self) -> usize {
        self.statuses.iter().filter(|status| **status == 200).count()
    }
}

impl Visitor {
    /// A client with connections of its own.
    #[must_use]
    pub fn new(gateway_port: u16, domain: &str) -> Self {
        Self { client: Client::new(), gateway_port, domain: domain.to_owned() }
    }

    /// The gateway's port on the loopback address.
    #[must_use]
    pub fn gateway_port(&self) -> u16 {
        self.gateway_port
    }

    /// The host it asks for.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// One request as a browser would send it.
    pub fn visit(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut all = vec![("host", self.domain.as_str())];
        all.extend_from_slice(headers);
        self.client.request("GET", &format!("http://127.0.0.1:{}{path}", self.gateway_port), &all, &[])
    }

    /// Requests at their own moments, however long the answers take: `count` of them with the keys `prefix` and a
    /// number, so many a second in the mean, and as irregular as independent visitors are.
    pub fn visit_at_rate(&self, prefix: &str, path: &str, count: usize, per_second: f64) -> Result<Outcome> {
        let moments = moments(count, per_second);
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        let worker = || -> Result<Vec<(usize, u16)>> {
            let visitor = Self::new(self.gateway_port, &self.domain);
            let mut statuses = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(moment) = moments.get(number) else { return Ok(statuses) };
                std::thread::sleep(moment.saturating_sub(start.elapsed()));
                stop_if_interrupted()?;
                let key = format!("{prefix}{number}");
                statuses.push((number, visitor.visit(path, &[(CALL_HEADER, &key)])?.status));
            }
        };
        run_side_by_side(RATE_WORKERS, worker)
    }

    /// `count` requests with the keys `prefix` and a number, `side_by_side` at a time; paths take turns.
    pub fn visit_often(
        &self,
        prefix: &str,
        paths: &[&str],
        count: usize,
        side_by_side: usize,
    ) -> Result<Outcome> {
        let next = AtomicUsize::new(0);
        let worker = || -> Result<Vec<(usize, u16)>> {
            let visitor = Self::new(self.gateway_port, &self.domain);
            let mut statuses = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(statuses);
                }
                stop_if_interrupted()?;
                let key = format!("{prefix}{number}");
                let path = paths.get(number % paths.len().max(1)).copied().unwrap_or("/");
                statuses.push((number, visitor.visit(path, &[(CALL_HEADER, &key)])?.status));
            }
        };
        run_side_by_side(side_by_side, worker)
    }
}

fn run_side_by_side(
    workers: usize,
    work: impl Fn() -> Result<Vec<(usize, u16)>> + Copy + Send,
) -> Result<Outcome> {
    let mut all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| worker.join().expect("a worker does not panic"));
        results.collect::<Result<Vec<_>>>()
    })?
    .concat();
    all.sort_unstable();
    Ok(Outcome { statuses: all.into_iter().map(|(_, status)| status).collect() })
}

/// Arrivals of a Poisson process, the same in every run.
fn moments(count: usize, per_second: f64) -> Vec<Duration> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut passed = 0.0;
    let gaps = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = ((seed >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        passed += -share.ln() / per_second;
        Duration::from_secs_f64(passed)
    });
    gaps.take(count).collect()
}
