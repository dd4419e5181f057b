//! Clients that mean harm, all at once, while a well-behaved one goes on: it is served, and memory stays bounded.

mod attacks;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::generator::{Generator, SPANS_PER_TRACE, Shape, now_unix_ns};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use throughline_model::otlp::HTTP_CONTENT_TYPE;

use super::Alone;

/// How long the attack goes on, and how many traces must get through meanwhile at least.
const ATTACK: Duration = Duration::from_secs(5);
const LEAST_TRACES: u64 = 10;
const MEMORY_LIMIT_BYTES: u64 = 320 * 1024 * 1024;

pub(super) fn start() -> Result<Alone> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let settings = run.join("little-memory.yaml");
    std::fs::write(&settings, format!("memory_limit: {MEMORY_LIMIT_BYTES}\n"))?;
    let collector = Collector::start_with(ports, &run, Some(settings))?;
    Ok(Alone { run, collector, ports })
}

pub(super) fn nobody_else_is_harmed(alone: &mut Alone) -> Result<()> {
    let (http, grpc, zipkin) = (alone.ports.otlp_http, alone.ports.otlp_grpc, alone.ports.zipkin);
    let attacks = attacks::all(http, grpc, zipkin);
    let (is_over, attempts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let traces = std::thread::scope(|scope| {
        for (_, attack, port) in &attacks {
            let (is_over, attempts) = (&is_over, &attempts);
            for _ in 0..4 {
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        // Being thrown out is what an attacker has to expect.
                        let _thrown_out = attack(*port);
                        attempts.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
        let outcome = behave_well(alone);
        is_over.store(true, Ordering::Relaxed);
        outcome
    })?;
    ensure!(traces >= LEAST_TRACES, "only {traces} traces got through");
    let most = alone.collector.process_mut().context("it runs")?.peak_resident_bytes()?;
    ensure!(most <= MEMORY_LIMIT_BYTES, "{} MiB were resident", most >> 20);
    let names: Vec<&str> = attacks.iter().map(|(name, ..)| *name).collect();
    println!(
        "  {} attempts ({}); {traces} traces were taken and found meanwhile; at most {} MiB resident",
        attempts.load(Ordering::Relaxed),
        names.join(", "),
        most >> 20
    );
    Ok(())
}

/// Sends one trace after another and looks each up.
fn behave_well(alone: &Alone) -> Result<u64> {
    let generator = Generator::new(Shape::Together(1), now_unix_ns())?;
    let (client, api, begin) = (Client::new(), alone.collector.api(), Instant::now());
    let mut traces = 0;
    while begin.elapsed() < ATTACK || traces < LEAST_TRACES {
        let template = generator.template(traces, 0).context("one sender")?;
        let mut message = template.bytes.clone();
        template.patch(&mut message, generator.salt(traces), now_unix_ns());
        let headers = [("content-type", HTTP_CONTENT_TYPE)];
        let answer = client.request("POST", &alone.collector.otlp_http_url(), &headers, &message)?;
        // All share one address here, so the attackers may have used up its share; then the answer is to wait.
        if answer.status == 429 {
            ensure!(answer.headers.contains_key("retry-after"), "no word of when to try again");
            std::thread::yield_now();
            continue;
        }
        ensure!(answer.status == 200, "a good batch got {}: {}", answer.status, answer.text()?);
        let trace_id = generator.trace_ids(traces)[0].to_hex();
        let found = api.lifecycle(&trace_id)?.map_or(0, |lifecycle| lifecycle.spans.len());
        ensure!(found == SPANS_PER_TRACE, "{found} of {SPANS_PER_TRACE} spans are found");
        traces += 1;
    }
    Ok(traces)
}
