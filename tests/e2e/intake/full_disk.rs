//! A disk that is full: what is new is refused in clear words, questions are answered, and it goes on once there is room.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::generator::{Generator, SPANS_PER_TRACE, Shape, now_unix_ns};
use harness::http::{Answer, Client};
use harness::run_directory::RunDirectory;
use harness::wait;
use throughline_model::otlp::HTTP_CONTENT_TYPE;

use super::Alone;

const DISK_BYTES: u64 = 24 * 1024 * 1024;
const TRACES_OF_A_BATCH: usize = 10;
const BATCHES_BEFORE: u64 = 30;
/// What makes room while the disk is full is filled up again, until so many batches in a row are refused.
const REFUSED_IN_A_ROW: usize = 5;
const MOST_BATCHES: u64 = 2_000;
const DEADLINE: Duration = Duration::from_secs(120);

/// Blocks of few spans, so that blocks have to be written, too, while the disk is full.
pub(super) fn start() -> Result<Alone> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let settings = run.join("small-disk.yaml");
    std::fs::write(&settings, "storage: {block: {max_spans: 2000}}\n")?;
    let collector = Collector::start_with_small_disk(ports, &run, DISK_BYTES, settings)?;
    Ok(Alone { run, collector, ports })
}

/// Sends batches and remembers what became of each.
struct Sender<'a> {
    alone: &'a Alone,
    generator: Generator,
    client: Client,
    batches: u64,
    acknowledged: Vec<u64>,
    refused: Vec<u64>,
}

impl Sender<'_> {
    fn send(&mut self) -> Result<Answer> {
        let set = self.batches;
        self.batches += 1;
        ensure!(set < MOST_BATCHES, "{MOST_BATCHES} batches did not bring it to pass");
        let template = self.generator.template(set, 0).context("one sender")?;
        let mut message = template.bytes.clone();
        template.patch(&mut message, self.generator.salt(set), now_unix_ns());
        let headers = [("content-type", HTTP_CONTENT_TYPE)];
        let answer =
            self.client.request("POST", &self.alone.collector.otlp_http_url(), &headers, &message)?;
        if answer.status == 200 { &mut self.acknowledged } else { &mut self.refused }.push(set);
        Ok(answer)
    }

    /// All that was acknowledged is found whole, and nothing of what was refused.
    fn check_all(&self) -> Result<usize> {
        let api = self.alone.collector.api();
        let ids =
            |sets: &[u64]| sets.iter().flat_map(|set| self.generator.trace_ids(*set)).collect::<Vec<_>>();
        let acknowledged = ids(&self.acknowledged);
        for trace_id in &acknowledged {
            let found = api.lifecycle(&trace_id.to_hex())?.map_or(0, |lifecycle| lifecycle.spans.len());
            ensure!(
                found == SPANS_PER_TRACE,
                "{found} of {SPANS_PER_TRACE} acknowledged spans of {trace_id}"
            );
        }
        for trace_id in ids(&self.refused) {
            ensure!(api.lifecycle(&trace_id.to_hex())?.is_none(), "{trace_id} was refused and is shown");
        }
        Ok(acknowledged.len())
    }
}

/// Something else on the disk that takes all its room.
struct Filler {
    path: PathBuf,
    file: File,
}

impl Filler {
    fn new(alone: &Alone) -> Result<Self> {
        let path = alone.collector.data_folder()?.join("something-else");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        Ok(Self { path, file })
    }

    /// Takes what room there is, in pieces as small as the disk gives.
    fn fill(&mut self) -> Result<()> {
        for piece in [64 * 1024, 4 * 1024] {
            loop {
                match self.file.write(&vec![1; piece]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("fill the disk"),
                }
            }
        }
        Ok(())
    }
}

fn check_refusal(answer: &Answer) -> Result<()> {
    ensure!(answer.status == 429, "a batch got {} on a full disk", answer.status);
    ensure!(answer.headers.contains_key("retry-after"), "no word of when to try again");
    let words = String::from_utf8_lossy(&answer.body);
    ensure!(words.contains("the disk of the data folder is full"), "the sender is told `{words}`");
    Ok(())
}

pub(super) fn refuses_answers_and_recovers(alone: &mut Alone) -> Result<()> {
    let generator = Generator::new(Shape::Together(TRACES_OF_A_BATCH), now_unix_ns())?;
    let (acknowledged, refused) = (Vec::new(), Vec::new());
    let mut sender = Sender { alone, generator, client: Client::new(), batches: 0, acknowledged, refused };
    for _ in 0..BATCHES_BEFORE {
        let answer = sender.send()?;
        ensure!(answer.status == 200, "a batch got {} while there was room", answer.status);
    }
    let mut filler = Filler::new(alone)?;
    let mut in_a_row = 0;
    while in_a_row < REFUSED_IN_A_ROW {
        filler.fill()?;
        let answer = sender.send()?;
        if answer.status == 200 {
            // A block was finished, and its part of the log went.
            in_a_row = 0;
            continue;
        }
        check_refusal(&answer)?;
        in_a_row += 1;
    }
    let while_full = sender.check_all()?;
    ensure!(!alone.collector.api().search("limit=5")?.is_empty(), "a search finds nothing on a full disk");
    let metrics = sender.client.get(&format!("{}/metrics", alone.collector.url()))?.text()?;
    let refusals = metrics
        .lines()
        .find(|line| line.starts_with("throughline_requests_refused_total") && line.contains("busy"));
    ensure!(refusals.is_some_and(|line| !line.ends_with(" 0")), "refusals are not counted:\n{metrics}");

    std::fs::remove_file(&filler.path)?;
    drop(filler);
    wait::until(
        "a batch that is taken again",
        DEADLINE,
        || Ok((sender.send()?.status == 200).then_some(())),
    )?;
    for _ in 0..BATCHES_BEFORE {
        let answer = sender.send()?;
        ensure!(answer.status == 200, "a batch got {} although there is room again", answer.status);
    }
    let at_last = sender.check_all()?;
    println!(
        "  {} batches refused on a full disk, {while_full} traces found meanwhile, {at_last} after it had room again",
        sender.refused.len()
    );
    Ok(())
}
