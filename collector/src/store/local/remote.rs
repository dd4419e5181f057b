//! The object store behind a local one: what is there, what of it is on the local disk, and bringing it back.
//!
//! What was acknowledged is on the local disk first. A block that is in the object store may leave the disk when the cache is
//! full; its head (footer, page index and bloom filters) stays, and a read brings the rest back. A collector that starts on
//! an empty disk takes over what is in the object store.

mod cache;
mod connect;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use std::{fs, io};

use super::folder::{Folder, sync_folder};
use crate::store::ObjectStoreConfig;
use crate::store::block::Block;
use crate::store::objects::{Bucket, Kind, ObjectError, Owner, Standing};

pub(super) use cache::Cache;
pub(super) use connect::{connect, fetch_missing, only_heads};

/// An end of a block that has all that is kept in memory of it, as a rule.
const HEAD_BYTES: u64 = 2 * 1024 * 1024;
/// Who asks again so soon after a failure is answered at once.
const FAILURE_HOLDS: Duration = Duration::from_secs(2);

/// An object store, and what is known of it.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) bucket: Bucket,
    pub(super) config: ObjectStoreConfig,
    owner: Owner,
    blocks: PathBuf,
    heads: PathBuf,
    rollups: PathBuf,
    known: Mutex<Known>,
    /// One block is fetched at a time, so that two readers do not fetch the same one.
    fetching: Mutex<()>,
    /// Read while files must stay on the disk.
    held: RwLock<()>,
    /// Whether there is something to do, and who waits for it.
    is_awake: Mutex<bool>,
    awake: Condvar,
}

/// Files by their names.
#[derive(Debug, Default)]
struct Known {
    /// Whether the prefix was claimed and its names were read since the start.
    is_listed: bool,
    uploaded: HashMap<String, u64>,
    /// Rollups that are there.
    rollups: HashSet<String>,
    /// Blocks that are there and were not understood: they are never removed.
    set_aside: HashSet<String>,
    /// Blocks whose head alone is on the disk.
    away: HashSet<String>,
    used: HashMap<String, Instant>,
    failure: Option<(Instant, String)>,
}

impl Remote {
    /// Claims the prefix and reads all names. Says whether this was the first time.
    pub(super) fn claim_and_list(&self) -> Result<(), ObjectError> {
        self.bucket.claim(&self.owner)?;
        let blocks = self.bucket.list(Kind::Block)?;
        let rollups = self.bucket.list(Kind::Rollup)?;
        let mut known = self.known();
        known.uploaded = blocks;
        known.rollups = rollups.into_keys().collect();
        known.is_listed = true;
        Ok(())
    }

    pub(super) fn is_listed(&self) -> bool {
        self.known().is_listed
    }

    /// Fails when another collector has taken the prefix over.
    pub(super) fn check_owner(&self) -> Result<(), ObjectError> {
        match self.bucket.standing(&self.owner)? {
            Standing::Ours => Ok(()),
            Standing::Namesake | Standing::Other => Err(ObjectError::TakenOver),
        }
    }

    /// Names of the blocks that are there.
    pub(super) fn names(&self) -> HashSet<String> {
        self.known().uploaded.keys().cloned().collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.known().uploaded.contains_key(name)
    }

    /// Leaves objects where they are, whatever the store knows of them.
    pub(super) fn set_aside(&self, names: impl IntoIterator<Item = String>) {
        self.known().set_aside.extend(names);
    }

    /// Whether only the head of a block is on the disk.
    pub(super) fn is_away(&self, name: &str) -> bool {
        self.known().away.contains(name)
    }

    pub(super) fn note_uploaded(&self, name: &str, bytes: u64) {
        let mut known = self.known();
        known.uploaded.insert(name.to_owned(), bytes);
        known.used.entry(name.to_owned()).or_insert_with(Instant::now);
    }

    /// Blocks that are there, are none of the wanted ones and may be removed.
    pub(super) fn unwanted(&self, wanted: &HashSet<&str>) -> Vec<String> {
        let known = self.known();
        let is_unwanted =
            |name: &&String| !wanted.contains(name.as_str()) && !known.set_aside.contains(*name);
        known.uploaded.keys().filter(is_unwanted).cloned().collect()
    }

    pub(super) fn note_removed(&self, name: &str) {
        self.known().uploaded.remove(name);
    }

    /// Rollups that are there.
    pub(super) fn rollups_there(&self) -> HashSet<String> {
        self.known().rollups.clone()
    }

    pub(super) fn note_rollup(&self, name: &str) {
        self.known().rollups.insert(name.to_owned());
    }

    pub(super) fn note_rollup_removed(&self, name: &str) {
        self.known().rollups.remove(name);
    }

    /// Says that a block was read.
    pub(super) fn touch(&self, name: &str) {
        self.known().used.insert(name.to_owned(), Instant::now());
    }

    /// Says why the last try failed, or that it did not.
    pub(super) fn set_failure(&self, failure: Option<String>) {
        self.known().failure = failure.map(|failure| (Instant::now(), failure));
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.known().failure.as_ref().map(|(_, failure)| failure.clone())
    }

    /// Says that there is something to do.
    pub(super) fn wake(&self) {
        *self.is_awake.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.awake.notify_all();
    }

    /// Waits until there is something to do, or for a time.
    pub(super) fn wait(&self, timeout: Duration) {
        let is_awake = self.is_awake.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.awake.wait_timeout_while(is_awake, timeout, |is_awake| !*is_awake);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    /// Keeps all files that are on the disk there, as long as the guard lives.
    pub(super) fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a block back to the disk. Returns whether it is there now.
    pub(super) fn fetch(&self, name: &str) -> Result<bool, ObjectError> {
        let _one_at_a_time = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.blocks.join(name);
        if path.exists() {
            return Ok(true);
        }
        let (bytes, failure) = {
            let known = self.known();
            (known.uploaded.get(name).copied(), known.failure.clone())
        };
        let Some(bytes) = bytes else {
            return Ok(false);
        };
        if let Some((_, failure)) = failure.filter(|(at, _)| at.elapsed() < FAILURE_HOLDS) {
            return Err(ObjectError::Setting(failure));
        }
        // A name of its own: the archiver may be writing a block.
        let unfinished = path.with_extension("fetched.tmp");
        let mut file = File::create(&unfinished)?;
        self.bucket.copy(Kind::Block, name, 0..bytes, &mut file).inspect_err(|error| {
            self.set_failure(Some(error.to_string()));
        })?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        sync_folder(&self.blocks)?;
        self.known().away.remove(name);
        Ok(true)
    }

    /// Makes the head of a block that is on another disk no more.
    pub(super) fn fetch_head(&self, name: &str) -> Result<(), ObjectError> {
        let bytes = self.known().uploaded.get(name).copied().unwrap_or_default();
        let (head, path) = (self.heads.join(name), self.blocks.join(name));
        let unfinished = head.with_extension("tmp");
        let mut from = bytes.saturating_sub(HEAD_BYTES);
        loop {
            let mut file = File::create(&unfinished)?;
            file.set_len(bytes)?;
            self.bucket.copy(Kind::Block, name, from..bytes, &mut file)?;
            file.sync_all()?;
            match Block::open_head(&unfinished, &path) {
                Ok(block) if block.head_offset() < from => from = block.head_offset(),
                Ok(_) => break,
                // Whoever opens it reports it.
                Err(_) if from == 0 => break,
                Err(_) => from = 0,
            }
        }
        fs::rename(&unfinished, &head)?;
        sync_folder(&self.heads)?;
        Ok(())
    }

    /// Takes the rollups of a collector whose disk is gone.
    pub(super) fn restore_rollups(&self) -> Result<usize, ObjectError> {
        let there = self.bucket.list(Kind::Rollup)?;
        for (name, bytes) in &there {
            let path = self.rollups.join(name);
            let unfinished = path.with_extension("tmp");
            let mut file = File::create(&unfinished)?;
            self.bucket.copy(Kind::Rollup, name, 0..*bytes, &mut file)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
        }
        sync_folder(&self.rollups)?;
        Ok(there.len())
    }

    /// Names of the rollups on the disk.
    pub(super) fn rollups_here(&self) -> io::Result<HashMap<String, PathBuf>> {
        names_in(&self.rollups)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remote {
    fn new(config: ObjectStoreConfig, bucket: Bucket, owner: Owner, folder: &Folder) -> Self {
        Self {
            bucket,
            config,
            owner,
            blocks: folder.blocks.clone(),
            heads: folder.heads.clone(),
            rollups: folder.rollups.clone(),
            known: Mutex::default(),
            fetching: Mutex::default(),
            held: RwLock::default(),
            is_awake: Mutex::default(),
            awake: Condvar::new(),
        }
    }
}

/// The Parquet files of a folder by their names.
pub(super) fn names_in(folder: &std::path::Path) -> io::Result<HashMap<String, PathBuf>> {
    let mut names = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && name.ends_with(".parquet")
        {
            names.insert(name.to_owned(), path.clone());
        }
    }
    Ok(names)
}
