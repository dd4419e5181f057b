//! Many streams at the same time, and trailers behind bodies, by HTTP/2.

use anyhow::{Result, ensure};
use harness::streams::{Content, Load, Tally, Version};

use super::matrix::Before;
use super::{Door, Pair};

/// So many requests are under way at one moment; the application answers none before the last has come.
const STREAMS: usize = 10_000;
const CONNECTIONS: usize = 100;
const REQUESTS_WITH_TRAILERS: usize = 2_000;

pub(super) fn parallel_streams(pair: &mut Pair) -> Result<()> {
    for door in Door::BOTH {
        let (without, _) = all_at_once(pair, door.of(&pair.plain))?;
        // The first crowd takes the room that so many streams need; the second one must find it again.
        all_at_once(pair, door.of(&pair.filtered))?;
        let before = Before::of(&pair.filtered)?;
        let (with, at_once) = all_at_once(pair, door.of(&pair.filtered))?;
        let case = format!("{at_once} streams at one moment, again ({door:?})");
        let row = pair.matrix.row(&case, &pair.filtered, &before, &with, &without)?;
        ensure!(row.growth_percent <= 10.0, "{case}: the proxy grew by {:.1} %", row.growth_percent);
        ensure!(at_once == STREAMS, "only {at_once} of {STREAMS} streams were under way at once");
    }
    pair.filtered.ensure_no_trap()
}

fn all_at_once(pair: &Pair, port: u16) -> Result<(Tally, usize)> {
    let load = Load {
        port,
        path: format!("/hold/{STREAMS}"),
        version: Version::Http2,
        content: Content::Empty,
        clients: CONNECTIONS,
        streams: STREAMS / CONNECTIONS,
    };
    let tally = load.run(STREAMS)?;
    Ok((tally, pair.application.take_most_held()))
}

pub(super) fn trailers(pair: &mut Pair) -> Result<()> {
    for (version, name) in [(Version::Http2, "HTTP/2"), (Version::Http1, "HTTP/1.1")] {
        for door in Door::BOTH {
            let before = Before::of(&pair.filtered)?;
            let load = |port| Load {
                port,
                path: "/trailers".to_owned(),
                version,
                content: Content::BodyAndTrailers,
                clients: 4,
                streams: 8,
            };
            let without = load(door.of(&pair.plain)).run(REQUESTS_WITH_TRAILERS)?;
            let with = load(door.of(&pair.filtered)).run(REQUESTS_WITH_TRAILERS)?;
            let case = format!("request and response trailers ({name}, {door:?})");
            pair.matrix.row(&case, &pair.filtered, &before, &with, &without)?;
            ensure!(with == without, "{with:?}, and without the filter {without:?}");
        }
    }
    pair.filtered.ensure_no_trap()
}
