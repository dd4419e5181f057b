//! Collectors that are not there, do not answer, hang up, or answer nonsense.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::faulty_collector::{Behaviour, FaultyCollector};
use harness::ports::free_port;
use harness::single_proxy::{CollectorCluster, Filter, SingleProxy};
use harness::streams::{Content, Load, Tally, Version};
use harness::wait;

use super::matrix::Before;
use super::{Pair, small_buffers};

const FIRST_REQUESTS: usize = 500;
const REQUESTS: usize = 2_000;
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(30);
/// Every gRPC status has been given once.
const GRPC_STATUSES: usize = 17;

/// What becomes of spans that such a collector should have got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drops {
    /// More of them come than the buffer holds while none leaves.
    Counted,
    /// It takes some, or the pauses are too short for the buffer to fill.
    Possible,
}

const FAULTS: [(&str, Behaviour, Drops); 8] = [
    ("collector accepts and never reads", Behaviour::NeverReads, Drops::Counted),
    ("collector never answers", Behaviour::NeverAnswers, Drops::Counted),
    ("collector resets every connection", Behaviour::Resets, Drops::Counted),
    ("collector answers bytes that are no HTTP/2", Behaviour::GarbageBytes, Drops::Counted),
    ("collector answers status 0 and a garbage message", Behaviour::GarbageMessage, Drops::Possible),
    ("collector answers a garbage gRPC frame", Behaviour::GarbageFrame, Drops::Counted),
    ("collector answers HTTP 503", Behaviour::HttpError, Drops::Counted),
    ("collector answers each gRPC status in turn", Behaviour::EveryStatus, Drops::Counted),
];

pub(super) fn faulty_collectors(pair: &mut Pair) -> Result<()> {
    let without = load(&pair.plain).run(REQUESTS)?;
    let absent = CollectorCluster::To(free_port()?);
    check(pair, "collector absent", absent, Drops::Counted, &without, |_| Ok(()))?;
    let missing = CollectorCluster::Missing;
    check(pair, "cluster missing from the configuration", missing, Drops::Counted, &without, |_| Ok(()))?;
    for (case, behaviour, drops) in FAULTS {
        let collector = FaultyCollector::start(behaviour)?;
        let due = if behaviour == Behaviour::EveryStatus { GRPC_STATUSES } else { 1 };
        let place = CollectorCluster::To(collector.port());
        check(pair, case, place, drops, &without, |proxy| {
            wait::until("the filter has tried the collector", ATTEMPT_DEADLINE, || {
                load(proxy).run(1)?;
                Ok((collector.attempts() >= due).then_some(()))
            })
        })?;
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

fn check(
    pair: &Pair,
    case: &str,
    collector: CollectorCluster,
    drops: Drops,
    without: &Tally,
    meets_the_fault: impl FnOnce(&SingleProxy) -> Result<()>,
) -> Result<()> {
    let name = case.replace([' ', '/'], "-");
    let proxy = pair.another(&name, Filter::shipped(small_buffers())?, collector)?;
    load(&proxy).run(FIRST_REQUESTS)?;
    meets_the_fault(&proxy)?;
    let before = Before::of(&proxy)?;
    let with = load(&proxy).run(REQUESTS)?;
    let row = pair.matrix.row(case, &proxy, &before, &with, without)?;
    ensure!(row.growth_percent <= 10.0, "{case}: the proxy grew by {:.1} %", row.growth_percent);
    ensure!(drops == Drops::Possible || row.dropped > 0, "{case}: nothing was counted as dropped");
    proxy.ensure_no_trap()
}
