//! Object stores, such as S3: where finished blocks go, so that they outlive the disk of a collector.

mod address;
mod bucket;
mod client;
mod owner;

use std::fmt;
use std::io;
use std::path::PathBuf;

pub(super) use bucket::{Bucket, Kind};
pub(super) use owner::{Owner, Standing, random};

/// Which object store takes the blocks. What is not said here is taken from the environment, by the names that the tools
/// of each cloud use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectStoreConfig {
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or `file:///folder`.
    pub url: String,
    /// Where the object store is, when not at the cloud's own address.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// Certificates in PEM that are trusted in place of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Who asks S3; for Azure the storage account.
    pub access_key_id: Option<Secret>,
    /// And how that is proven: for Azure the account's key.
    pub secret_access_key: Option<Secret>,
    /// Under which name the prefix is held; without it under one that is made once for each data folder.
    pub owner: Option<String>,
    /// How many bytes of blocks may be on the local disk, once they are uploaded.
    pub cache_bytes: Option<u64>,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// How blocks and object store stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectStoreStatus {
    /// The address, which holds no credentials.
    pub url: String,
    /// Blocks that are in the object store.
    pub blocks_uploaded: u64,
    /// Blocks that are on the local disk only, to be uploaded.
    pub blocks_waiting: u64,
    /// Their bytes.
    pub bytes_waiting: u64,
    /// Bytes of blocks on the local disk.
    pub bytes_cached: u64,
    /// Why the last try failed; absent when it did not.
    pub failure: Option<String>,
}

/// Why an object store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ObjectError {
    /// The operator has to change a setting.
    #[error("{0}")]
    Setting(String),
    /// It may work later.
    #[error("{0}")]
    Objects(#[from] object_store::Error),
    #[error("{0}")]
    File(#[from] io::Error),
    #[error(
        "it belongs to another collector, whose name is {found}: choose another prefix, or, when that collector is gone for \
         good, set storage.object_store.owner to this name"
    )]
    Owned { found: String },
    #[error("another collector with the same storage.object_store.owner has taken it over; stop one of them")]
    TakenOver,
    #[error("the collector is stopping")]
    Stopping,
}
