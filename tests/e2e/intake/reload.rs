//! SIGHUP: what can change while the collector runs does, what cannot is named.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::generator::{Generator, Shape, now_unix_ns};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;
use rustix::process::{Pid, Signal, kill_process};
use throughline_model::otlp::HTTP_CONTENT_TYPE;

use super::Alone;

const DEADLINE: Duration = Duration::from_secs(60);
const TWO_HOURS_NS: u64 = 7_200_000_000_000;
const SETTINGS: &str = "reload.yaml";

pub(super) fn start() -> Result<Alone> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let settings = run.join(SETTINGS);
    std::fs::write(&settings, "# nothing yet\n")?;
    let collector = Collector::start_with(ports, &run, Some(settings))?;
    Ok(Alone { run, collector, ports })
}

pub(super) fn what_can_change_does(alone: &mut Alone) -> Result<()> {
    let generator = Generator::new(Shape::Together(1), now_unix_ns())?;
    let send = |alone: &Alone, set: u64, start_unix_ns: u64| -> Result<String> {
        let template = generator.template(set, 0).context("one sender")?;
        let mut message = template.bytes.clone();
        template.patch(&mut message, generator.salt(set), start_unix_ns);
        let headers = [("content-type", HTTP_CONTENT_TYPE)];
        let answer = Client::new().request("POST", &alone.collector.otlp_http_url(), &headers, &message)?;
        ensure!(answer.status == 200, "a batch got {}", answer.status);
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    };
    for set in 0..3 {
        let answer = send(alone, set, now_unix_ns() - TWO_HOURS_NS)?;
        ensure!(answer.is_empty(), "a trace of two hours ago is within the retention: {answer}");
    }
    let api = alone.collector.api();
    let stopped = || Ok::<_, anyhow::Error>(api.json("/api/v1/traces")?["stopped"].clone());
    ensure!(stopped()?.is_null(), "a search of three traces ran into a bound");
    change(alone, "storage: {retention: 1h, block: {max_spans: 7}}\nquery: {search: {max_bytes: 1}}\n")?;
    wait::until("the bound on a search", DEADLINE, || Ok((stopped()? == "bytes").then_some(())))?;
    let answer = send(alone, 3, now_unix_ns() - TWO_HOURS_NS)?;
    ensure!(answer.contains("start more than 3600 s ago"), "the new retention is not taken: {answer}");
    wait::until("the word of what waits", DEADLINE, || {
        let log = alone.collector.logged()?;
        Ok((log.contains("wait for a restart") && log.contains("storage.block.max_spans")).then_some(()))
    })?;
    change(alone, "storage: {retention: soon}\n")?;
    wait::until("the word of what is wrong", DEADLINE, || {
        Ok(alone.collector.logged()?.contains("not usable and was not taken").then_some(()))
    })?;
    ensure!(stopped()? == "bytes", "a configuration with a fault changed something");
    println!(
        "  retention and the bounds of searches changed, storage.block.max_spans was named, a fault changed nothing"
    );
    Ok(())
}

fn change(alone: &mut Alone, yaml: &str) -> Result<()> {
    std::fs::write(alone.run.join(SETTINGS), yaml)?;
    let process = alone.collector.process_mut().context("it runs")?;
    let pid = Pid::from_raw(i32::try_from(process.id())?).context("a process id")?;
    Ok(kill_process(pid, Signal::HUP)?)
}
