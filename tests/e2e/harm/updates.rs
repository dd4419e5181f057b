//! The configuration changes again and again while requests go through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use harness::single_proxy::{CollectorCluster, Filter, Listeners, Setup, SingleProxy};
use harness::streams::{Content, Load, Tally, Version};

use super::matrix::Before;
use super::{Pair, small_buffers};

const UPDATES: u64 = 100;
/// The first updates fill caches; the bound on growth is for those after them.
const FIRST_UPDATES: u64 = 10;

pub(super) fn updates_under_load(pair: &mut Pair) -> Result<()> {
    let without = run(pair, "updates-plain", Filter::Absent, None)?;
    run(pair, "updates-filtered", Filter::shipped(small_buffers())?, Some(&without))?;
    Ok(())
}

fn run(pair: &Pair, name: &str, filter: Filter, without: Option<&Tally>) -> Result<Tally> {
    let application_port = pair.application.port();
    let collector = CollectorCluster::To(pair.collector.port());
    let listeners = Listeners::Replaceable;
    let mut proxy =
        SingleProxy::start(&Setup { name, filter, collector, application_port, listeners }, &pair.run)?;
    let load = Load {
        port: proxy.outbound_port(),
        path: "/".to_owned(),
        version: Version::Http1,
        content: Content::Empty,
        clients: 2,
        streams: 4,
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let (before, tally) = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.run_until(&is_over));
        let outcome = change_often(&mut proxy);
        is_over.store(true, Ordering::Relaxed);
        let tally = loading.join().expect("the load does not panic");
        Ok::<_, anyhow::Error>((outcome?, tally?))
    })?;
    if let Some(without) = without {
        let case = format!("configuration changed {UPDATES} times under load");
        let row = pair.matrix.row(&case, &proxy, &before, &tally, without)?;
        anyhow::ensure!(row.growth_percent <= 10.0, "the proxy grew by {:.1} %", row.growth_percent);
    }
    proxy.ensure_no_trap()?;
    Ok(tally)
}

fn change_often(proxy: &mut SingleProxy) -> Result<Before> {
    let mut before = None;
    for number in 1..=UPDATES {
        proxy.change_listeners(number)?;
        if number == FIRST_UPDATES {
            before = Some(Before::of(proxy)?);
        }
    }
    before.context("there are more updates than first ones")
}
