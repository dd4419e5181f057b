//! The folder of a store: its parts, its lock, and making changes to it durable.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::objects::random;

/// The paths inside a data folder, held by this process alone as long as it lives.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) log: PathBuf,
    pub(super) blocks: PathBuf,
    pub(super) rollups: PathBuf,
    pub(super) path: PathBuf,
    /// Heads of blocks that are in the object store.
    pub(super) heads: PathBuf,
    pub(super) manifest: PathBuf,
    /// Says in which object store blocks of this folder may be.
    pub(super) object_store: PathBuf,
    // Holds the lock; the system releases it when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Makes the folder when it does not exist and takes its lock.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let log = path.join("wal");
        let blocks = path.join("blocks");
        let rollups = path.join("rollups");
        let heads = path.join("heads");
        let failed = |error| failure("make the data folder", path, &error);
        fs::create_dir_all(&log).map_err(failed)?;
        fs::create_dir_all(&blocks).map_err(failed)?;
        fs::create_dir_all(&rollups).map_err(failed)?;
        fs::create_dir_all(&heads).map_err(failed)?;
        let lock_path = path.join("LOCK");
        let lock = File::create(&lock_path).map_err(|error| failure("make", &lock_path, &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Failed(format!(
                "data folder {} is in use by another process; stop it or choose another folder with --data-dir",
                path.display()
            )),
            TryLockError::Error(error) => failure("lock", &lock_path, &error),
        })?;
        sync_folder(path).map_err(failed)?;
        let (manifest, object_store) = (path.join("MANIFEST"), path.join("OBJECT_STORE"));
        Ok(Self { log, blocks, rollups, path: path.to_owned(), heads, manifest, object_store, _lock: lock })
    }

    /// What tells this folder from any other; made when it is asked for first.
    pub(super) fn identity(&self) -> io::Result<String> {
        let path = self.path.join("IDENTITY");
        if let Ok(known) = fs::read_to_string(&path) {
            return Ok(known);
        }
        let made = random();
        let unfinished = path.with_extension("tmp");
        let mut file = File::create(&unfinished)?;
        file.write_all(made.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        sync_folder(&self.path)?;
        Ok(made)
    }
}

/// Makes the creation, renaming or removal of files in a folder durable.
pub(in crate::store) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// An error that names what was tried on which file.
pub(super) fn failure(action: &str, path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("cannot {action} {}: {error}", path.display()))
}
