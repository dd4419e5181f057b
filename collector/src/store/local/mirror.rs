//! The thread that keeps the object store like the store: new blocks go up, replaced and expired ones go, and room is made on
//! the disk.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use super::remote::{Cache, Remote};
use super::state::Shared;
use crate::store::objects::{Kind, ObjectError};

/// How often there is a round without a reason.
const INTERVAL: Duration = Duration::from_secs(30);
/// How soon the cache is looked at again that was in use.
const SOON: Duration = Duration::from_millis(500);
/// How long to wait after a round that failed.
const RETRY: Duration = Duration::from_secs(5);
/// How often a failure that lasts is told.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// Works until the store is closed. Whatever fails is tried again; until then the blocks are on the local disk.
pub(super) fn run(shared: &Shared) {
    let Some(remote) = &shared.remote else {
        return;
    };
    let mut told: Option<Instant> = None;
    while !shared.is_stopping() {
        let outcome = round(shared, remote);
        let wait = match outcome {
            Ok(cache) => {
                if told.take().is_some() {
                    tracing::info!("the object store is up to date again");
                }
                remote.set_failure(None);
                if cache == Cache::InUse { SOON } else { INTERVAL }
            }
            Err(ObjectError::Stopping) => return,
            Err(error) => {
                shared.counters.object_store_failures.inc();
                remote.set_failure(Some(error.to_string()));
                if told.is_none_or(|told| told.elapsed() >= TELL_INTERVAL) {
                    tracing::warn!(%error, "cannot bring the object store up to date, trying again");
                    told = Some(Instant::now());
                }
                RETRY
            }
        };
        shared.publish_stats();
        remote.wait(wait);
    }
}

fn round(shared: &Shared, remote: &Remote) -> Result<Cache, ObjectError> {
    // What is in the store now; what a merge replaces meanwhile goes when the merged block is there.
    let blocks = shared.snapshot().blocks;
    let wanted: HashSet<&str> = blocks.iter().map(|block| block.file_name()).collect();
    if remote.is_listed() {
        remote.check_owner()?;
    } else {
        remote.claim_and_list()?;
        // They were not there to be opened at the start, and are judged at the next one.
        remote.set_aside(remote.unwanted(&wanted));
    }
    for block in blocks.iter().filter(|block| !remote.has(block.file_name())) {
        match remote.bucket.put(Kind::Block, block.file_name(), block.path()) {
            Ok(bytes) => {
                remote.note_uploaded(block.file_name(), bytes);
                shared.counters.blocks_uploaded.inc();
                shared.publish_stats();
            }
            // Merged or expired meanwhile.
            Err(ObjectError::File(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    upload_rollups(remote)?;
    for name in remote.unwanted(&wanted) {
        remote.bucket.remove(Kind::Block, &name)?;
        remote.note_removed(&name);
        shared.counters.objects_removed.inc();
    }
    Ok(remote.evict(|| shared.snapshot().blocks)?)
}

/// Rollups are small, and outlive the disk as the blocks do.
fn upload_rollups(remote: &Remote) -> Result<(), ObjectError> {
    let (here, there) = (remote.rollups_here()?, remote.rollups_there());
    for (name, path) in here.iter().filter(|(name, _)| !there.contains(*name)) {
        match remote.bucket.put(Kind::Rollup, name, path) {
            Ok(_) => remote.note_rollup(name),
            Err(ObjectError::File(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for name in there.iter().filter(|name| !here.contains_key(*name)) {
        remote.bucket.remove(Kind::Rollup, name)?;
        remote.note_rollup_removed(name);
    }
    Ok(())
}
