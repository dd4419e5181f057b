//! The folder of a store: its parts, its lock, and making changes to it durable.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// The paths inside a data folder, held by this process alone as long as it lives.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) log: PathBuf,
    pub(super) blocks: PathBuf,
    pub(super) rollups: PathBuf,
    pub(super) manifest: PathBuf,
    // Holds the lock; the system releases it when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Makes the folder when it does not exist and takes its lock.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let log = path.join("wal");
        let blocks = path.join("blocks");
        let rollups = path.join("rollups");
        let failed = |error| failure("make the data folder", path, &error);
        fs::create_dir_all(&log).map_err(failed)?;
        fs::create_dir_all(&blocks).map_err(failed)?;
        fs::create_dir_all(&rollups).map_err(failed)?;
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
        Ok(Self { log, blocks, rollups, manifest: path.join("MANIFEST"), _lock: lock })
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
