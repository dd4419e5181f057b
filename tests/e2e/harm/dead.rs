//! A module whose machine is killed: the one that ships, with one of its functions replaced by a trap.

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::single_proxy::{CollectorCluster, Filter, SingleProxy};
use harness::streams::{Content, Load, Version};
use harness::wait;
use harness::wasm_module::with_trap_in;
use std::time::Duration;

use super::matrix::Before;
use super::{Pair, small_buffers};

const REQUESTS: usize = 2_000;
const TRAP_DEADLINE: Duration = Duration::from_secs(20);

/// Where the machine dies, and how.
const DEATHS: [(&str, &str); 3] = [
    ("virtual machine killed at the start of a request", "proxy_on_request_headers"),
    ("virtual machine killed in its timer", "proxy_on_tick"),
    ("virtual machine killed at the end of a request", "proxy_on_log"),
];

pub(super) fn dead_module(pair: &mut Pair) -> Result<()> {
    let shipped = std::fs::read(artefacts::module()?).context("read the module")?;
    let without = load(&pair.plain).run(REQUESTS)?;
    for (case, function) in DEATHS {
        let module = pair.file(&format!("{function}.wasm"));
        std::fs::write(&module, with_trap_in(&shipped, function)?)?;
        let filter = Filter::Present { module, configuration: small_buffers() };
        let proxy = pair.another(function, filter, CollectorCluster::To(pair.collector.port()))?;
        let before = Before::of(&proxy)?;
        let with = load(&proxy).run(REQUESTS)?;
        wait::until("the module has trapped", TRAP_DEADLINE, || Ok(proxy.has_trapped()?.then_some(())))?;
        pair.matrix.row(case, &proxy, &before, &with, &without)?;
        let afterwards = load(&proxy).run(REQUESTS)?;
        ensure!(afterwards == without, "with a dead module {afterwards:?}, and without it {without:?}");
    }
    Ok(())
}

fn load(proxy: &SingleProxy) -> Load {
    Load {
        port: proxy.outbound_port(),
        path: "/".to_owned(),
        version: Version::Http2,
        content: Content::Empty,
        clients: 4,
        streams: 8,
    }
}
