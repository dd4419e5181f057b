//! Connects to the object store at the start, so that the blocks there can be opened.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;

use super::{Remote, names_in};
use crate::store::local::folder::{Folder, failure, sync_folder};
use crate::store::local::manifest;
use crate::store::objects::{Bucket, ObjectError, Owner};
use crate::store::{ObjectStoreConfig, StoreError};
use crate::telemetry::Counters;

/// Connects, claims the prefix and reads what is there. When the object store does not answer and this folder was connected
/// to it before, the start goes on, and the connection is tried again later.
pub(in crate::store::local) fn connect(
    config: Option<&ObjectStoreConfig>,
    folder: &Folder,
    counters: &Counters,
) -> Result<Option<Remote>, StoreError> {
    let before = fs::read_to_string(&folder.object_store).ok();
    let Some(config) = config else {
        return match before {
            Some(url) if !only_heads(folder)?.is_empty() => Err(StoreError::Failed(format!(
                "blocks of data folder {} are in the object store {url} alone: set storage.object_store.url to it",
                folder.path.display()
            ))),
            _ => Ok(None),
        };
    };
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::Failed(format!("cannot use the object store {}: {error}", config.url))
    };
    let name = config.owner.clone().map_or_else(|| folder.identity(), Ok).map_err(|error| failed(&error))?;
    let bucket = Bucket::open(config).map_err(|error| failed(&error))?;
    let remote = Remote::new(config.clone(), bucket, Owner::new(name), folder);
    match remote.claim_and_list() {
        Ok(()) => {
            check_heads(&remote, folder, before.as_deref(), counters)?;
            remember(folder, &config.url).map_err(|error| failed(&error))?;
        }
        Err(error @ (ObjectError::Objects(_) | ObjectError::File(_)))
            if before.as_deref() == Some(config.url.as_str()) =>
        {
            counters.object_store_failures.inc();
            tracing::warn!(%error, "the object store does not answer, going on with what is on this disk");
            remote.set_failure(Some(error.to_string()));
            // What has left the disk is there.
            for (name, path) in names_in(&folder.heads).map_err(|error| failed(&error))? {
                remote.note_uploaded(&name, fs::metadata(path).map_or(0, |metadata| metadata.len()));
            }
        }
        Err(error) => return Err(failed(&error)),
    }
    Ok(Some(remote))
}

/// Fetches the heads of blocks that are in the object store and not on this disk; and all rollups, when the disk is new.
pub(in crate::store::local) fn fetch_missing(
    remote: &Remote,
    folder: &Folder,
    said: &manifest::Contents,
) -> Result<(), StoreError> {
    if !remote.is_listed() {
        return Ok(());
    }
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::Failed(format!("cannot read the object store {}: {error}", remote.config.url))
    };
    let is_missing = |name: &String| {
        !said.removed.contains(name)
            && !folder.blocks.join(name).exists()
            && !folder.heads.join(name).exists()
    };
    let missing: Vec<String> = remote.names().into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        tracing::info!(blocks = missing.len(), "taking blocks of the object store over");
    }
    for name in &missing {
        remote.fetch_head(name).map_err(|error| failed(&error))?;
    }
    if !folder.manifest.exists() {
        remote.restore_rollups().map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Blocks whose heads alone are on the disk.
pub(in crate::store::local) fn only_heads(folder: &Folder) -> Result<HashSet<String>, StoreError> {
    let heads = names_in(&folder.heads).map_err(|error| failure("read", &folder.heads, &error))?;
    Ok(heads.into_keys().filter(|name| !folder.blocks.join(name).exists()).collect())
}

/// A head without its block is of no use. That is an accident in the place where the block was put, and a mistake in another.
fn check_heads(
    remote: &Remote,
    folder: &Folder,
    before: Option<&str>,
    counters: &Counters,
) -> Result<(), StoreError> {
    let lost: Vec<String> = only_heads(folder)?.into_iter().filter(|name| !remote.has(name)).collect();
    let url = &remote.config.url;
    match before.filter(|before| before != url) {
        Some(before) if !lost.is_empty() => Err(StoreError::Failed(format!(
            "{} blocks of data folder {} are in the object store {before} and not in {url}: copy its objects there first, or \
             go back to it",
            lost.len(),
            folder.path.display()
        ))),
        _ => {
            for name in lost {
                counters.block_failures.inc();
                tracing::error!(file = name, "a block is missing in the object store, its spans are lost");
                remote.forget(&name);
            }
            Ok(())
        }
    }
}

/// Writes down that blocks of this folder may be there.
fn remember(folder: &Folder, url: &str) -> std::io::Result<()> {
    let unfinished = folder.object_store.with_extension("tmp");
    let mut file = File::create(&unfinished)?;
    file.write_all(url.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, &folder.object_store)?;
    sync_folder(&folder.path)
}
