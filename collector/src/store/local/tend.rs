//! Which blocks are merged, rewritten or removed: decided from what their footers say, done by the archiver.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use crate::store::Config;
use crate::store::block::Block;

/// A merge takes at least this many blocks, so that a span is rewritten seldom.
const MIN_MERGED: usize = 4;
/// Those with less than this part of the largest one's spans do not count: to take in a few, the others would be written anew.
const ALIKE_PARTS: u64 = 8;
/// And at most this many, which are open at the same time.
const MAX_MERGED: usize = 32;
/// A merged block has at most this many windows' worth of spans.
const MERGED_WINDOWS: usize = 4;
/// A merged block reaches over at most this part of the retention, because it can only go as a whole.
const RETENTION_PARTS: u32 = 8;

/// What the footer of a block says that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) newest_unix_ns: u64,
    pub(super) services: BTreeSet<String>,
    /// Services that are not listed may have spans in it.
    pub(super) has_more_services: bool,
}

impl Facts {
    pub(super) fn of(block: &Block) -> Self {
        Self {
            rows: block.rows(),
            bytes: block.bytes(),
            newest_unix_ns: block.newest_unix_ns(),
            services: block.services().names().clone(),
            has_more_services: block.services().has_more(),
        }
    }
}

/// The first run of small neighbours that is worth a merge.
pub(super) fn next_merge(blocks: &[Facts], config: &Config) -> Option<Range<usize>> {
    let target = (config.block_max_spans.saturating_mul(MERGED_WINDOWS)) as u64;
    let longest_ns = nanoseconds(config.retention / RETENTION_PARTS);
    (0..blocks.len()).find_map(|start| {
        let first = blocks.get(start)?;
        let mut rows = 0;
        let fits = |block: &&Facts| {
            rows += block.rows;
            block.rows <= target / 2
                && rows <= target
                && block.newest_unix_ns.abs_diff(first.newest_unix_ns) <= longest_ns
        };
        let length = blocks.iter().skip(start).take(MAX_MERGED).take_while(fits).count();
        let run = blocks.get(start..start + length)?;
        let largest = run.iter().map(|block| block.rows).max()?;
        let alike = run.iter().filter(|block| block.rows.saturating_mul(ALIKE_PARTS) >= largest).count();
        (alike >= MIN_MERGED).then_some(start..start + length)
    })
}

/// What retention asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Retention {
    Keep,
    Remove,
    /// The spans of these services are too old, those of others are not.
    Without(BTreeSet<String>),
}

/// What becomes of one block by its age.
pub(super) fn by_age(block: &Facts, config: &Config, now_unix_ns: u64) -> Retention {
    let is_old =
        |retention: Duration| block.newest_unix_ns < now_unix_ns.saturating_sub(nanoseconds(retention));
    let retention_of =
        |service: &String| config.retention_by_service.get(service).copied().unwrap_or(config.retention);
    let old: BTreeSet<String> =
        block.services.iter().filter(|service| is_old(retention_of(service))).cloned().collect();
    let are_others_old = !block.has_more_services || is_old(config.retention);
    match old.len() {
        _ if old.len() == block.services.len() && are_others_old => Retention::Remove,
        0 => Retention::Keep,
        _ => Retention::Without(old),
    }
}

/// Which blocks go because all together have too many bytes: the oldest ones.
pub(super) fn by_bytes(blocks: &[Facts], config: &Config) -> Vec<usize> {
    let Some(max_bytes) = config.max_block_bytes else {
        return Vec::new();
    };
    let mut total: u64 = blocks.iter().map(|block| block.bytes).sum();
    let mut by_age: Vec<(usize, &Facts)> = blocks.iter().enumerate().collect();
    by_age.sort_by_key(|(_, block)| block.newest_unix_ns);
    let is_too_much = |(_, block): &(usize, &Facts)| {
        let is_over = total > max_bytes;
        total -= block.bytes;
        is_over
    };
    by_age.into_iter().take_while(is_too_much).map(|(place, _)| place).collect()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
