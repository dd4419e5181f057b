//! One service of the shop: answers requests and makes the calls that the topology says, knowing nothing of tracing.

mod calls;
mod raw;
mod server;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use harness::fault::Fault;
use harness::topology::Topology;
use harness::truth::TruthWriter;

/// What the process is told on its command line.
struct Arguments {
    topology: PathBuf,
    service: String,
    listen: SocketAddr,
    outbound: SocketAddr,
    truth: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = read_arguments(std::env::args().skip(1))?;
    let topology = Topology::read(&arguments.topology)?;
    let service = topology.service(&arguments.service)?.clone();
    let calls = calls::Caller::new(&topology, &service, arguments.outbound)?;
    let truth = (TruthWriter::open(&arguments.truth)?, Fault::file(&arguments.truth));
    let shop = Arc::new(work::Shop::new(arguments.service, service, calls, truth));
    let background = Arc::clone(&shop);
    tokio::spawn(async move { background.call_in_background().await });
    server::serve(arguments.listen, shop).await
}

fn read_arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments> {
    let (mut topology, mut service, mut listen, mut outbound, mut truth) = (None, None, None, None, None);
    while let Some(flag) = words.next() {
        let value = words.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--topology" => topology = Some(PathBuf::from(value)),
            "--service" => service = Some(value),
            "--listen" => listen = Some(value.parse().with_context(|| format!("{flag} {value}"))?),
            "--outbound" => outbound = Some(value.parse().with_context(|| format!("{flag} {value}"))?),
            "--truth" => truth = Some(PathBuf::from(value)),
            _ => bail!("unknown flag {flag}; known are --topology --service --listen --outbound --truth"),
        }
    }
    Ok(Arguments {
        topology: topology.context("--topology FILE is missing")?,
        service: service.context("--service NAME is missing")?,
        listen: listen.context("--listen ADDRESS is missing")?,
        outbound: outbound.context("--outbound ADDRESS is missing")?,
        truth: truth.context("--truth FILE is missing")?,
    })
}
