//! SIGKILL at a hundred moments while batches are on their way, by HTTP and by gRPC; every acknowledged id is asked for afterwards.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::collector::Api;
use harness::generator::{Generator, SPANS_PER_TRACE, Shape, now_unix_ns};
use harness::grpc::Exporter;
use harness::http::Client;
use throughline_model::otlp::HTTP_CONTENT_TYPE;

use super::Alone;

const KILLS: usize = 100;
/// Of three, two send by HTTP.
const SENDERS: usize = 6;
/// The longest time from being ready to the kill.
const MOST_LIFE_MS: u64 = 40;

/// What all lives share.
#[derive(Default)]
struct Numbers {
    next: AtomicU64,
    acknowledged_by_grpc: AtomicU64,
}

/// What became of the trace of each batch: whether it was acknowledged.
type Outcomes = BTreeMap<String, bool>;

pub(super) fn a_hundred_kills(alone: &mut Alone) -> Result<()> {
    let seed = now_unix_ns();
    println!("  seed {seed}");
    let generator = Generator::new(Shape::Together(1), seed)?;
    let (numbers, mut sent) = (Numbers::default(), Outcomes::new());
    for kill in 0..KILLS as u64 {
        let outcomes = life(alone, &generator, &numbers, generator.salt(kill) % MOST_LIFE_MS)?;
        alone.collector.restart()?;
        check(&alone.collector.api(), &outcomes)?;
        sent.extend(outcomes);
    }
    let acknowledged = sent.values().filter(|is_acknowledged| **is_acknowledged).count();
    ensure!(acknowledged >= KILLS, "only {acknowledged} batches were acknowledged in {KILLS} lives");
    let by_grpc = numbers.acknowledged_by_grpc.load(Ordering::Relaxed);
    ensure!(by_grpc >= KILLS as u64 / 4, "only {by_grpc} of them by gRPC");
    let surviving = check(&alone.collector.api(), &sent)?;
    println!(
        "  {KILLS} kills: {} batches sent, {acknowledged} acknowledged ({by_grpc} by gRPC) and all there, each span once; {} more are there \
         whose acknowledgement never arrived",
        sent.len(),
        surviving - acknowledged
    );
    Ok(())
}

/// Somebody who sends batches by one of the two protocols.
enum Sender {
    Http(Client, String),
    /// The connection ends with each life.
    Grpc(u16, Option<Exporter>),
}

impl Sender {
    fn new(number: usize, alone: &Alone) -> Self {
        if number % 3 < 2 {
            Self::Http(Client::new(), alone.collector.otlp_http_url())
        } else {
            Self::Grpc(alone.ports.otlp_grpc, None)
        }
    }

    /// Whether the batch was acknowledged, or else the collector was gone; nothing is refused.
    fn send(&mut self, message: &[u8]) -> Result<bool> {
        match self {
            Self::Http(client, url) => {
                let answer = client.request("POST", url, &[("content-type", HTTP_CONTENT_TYPE)], message);
                let Ok(answer) = answer else { return Ok(false) };
                ensure!(answer.status == 200 && answer.body.is_empty(), "a batch got {}", answer.status);
            }
            Self::Grpc(port, open) => {
                let Ok(mut exporter) = open.take().map_or_else(|| Exporter::connect(*port), Ok) else {
                    return Ok(false);
                };
                let Ok(answer) = exporter.export(message) else { return Ok(false) };
                // An empty message: nothing to say but that all is kept.
                ensure!(answer.status == 0 && *answer.body == [0; 5], "a batch got {answer:?}");
                *open = Some(exporter);
            }
        }
        Ok(true)
    }
}

/// Sends until the collector is killed, this long after it was ready.
fn life(alone: &mut Alone, generator: &Generator, numbers: &Numbers, life_ms: u64) -> Result<Outcomes> {
    let (is_over, outcomes) = (AtomicBool::new(false), Mutex::new(Outcomes::new()));
    std::thread::scope(|scope| {
        let (is_over, outcomes) = (&is_over, &outcomes);
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| Sender::new(number, alone))
            .map(|sender| scope.spawn(move || send_until(is_over, sender, generator, numbers, outcomes)))
            .collect();
        // The moment of the kill is what the test is about, so this time is not a wait for anything.
        std::thread::sleep(Duration::from_millis(life_ms));
        alone.collector.kill();
        is_over.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().expect("a sender does not panic")?;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(outcomes.into_inner().unwrap_or_default())
}

fn send_until(
    is_over: &AtomicBool,
    mut sender: Sender,
    generator: &Generator,
    numbers: &Numbers,
    outcomes: &Mutex<Outcomes>,
) -> Result<()> {
    while !is_over.load(Ordering::Relaxed) {
        let set = numbers.next.fetch_add(1, Ordering::Relaxed);
        let template = generator.template(set, 0).context("one sender")?;
        let mut message = template.bytes.clone();
        template.patch(&mut message, generator.salt(set), now_unix_ns());
        let trace_id = generator.trace_ids(set).first().context("one trace")?.to_hex();
        let is_acknowledged = sender.send(&message)?;
        let is_grpc = matches!(sender, Sender::Grpc(..));
        numbers.acknowledged_by_grpc.fetch_add(u64::from(is_grpc && is_acknowledged), Ordering::Relaxed);
        outcomes.lock().expect("nobody panicked").insert(trace_id, is_acknowledged);
        if !is_acknowledged {
            // This life is over.
            break;
        }
    }
    Ok(())
}

/// Every acknowledged trace is whole, every other one is whole or not there at all, and no span is there twice. Returns how
/// many are there.
fn check(api: &Api, outcomes: &Outcomes) -> Result<usize> {
    let mut found = 0;
    for (trace_id, is_acknowledged) in outcomes {
        let spans = api.lifecycle(trace_id)?.map(|lifecycle| lifecycle.spans).unwrap_or_default();
        let mut ids: Vec<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        ensure!(ids.len() == spans.len(), "trace {trace_id} shows a span twice");
        ensure!(
            spans.len() == SPANS_PER_TRACE || (spans.is_empty() && !is_acknowledged),
            "trace {trace_id} has {} of {SPANS_PER_TRACE} spans; acknowledged: {is_acknowledged}",
            spans.len()
        );
        found += usize::from(!spans.is_empty());
    }
    Ok(found)
}
