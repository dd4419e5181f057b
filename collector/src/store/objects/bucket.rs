//! One prefix of an object store: whole files up, parts of them down, names, and the mark of who holds it. Every call blocks.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use tokio::runtime::Runtime;

use super::owner::{Owner, Standing};
use super::{ObjectError, ObjectStoreConfig, address};

/// Files go up and come down in parts of this size, so that a block is never in memory as a whole. S3 wants 5 MiB at least.
const PART_BYTES: u64 = 8 * 1024 * 1024;
/// How often somebody who waits looks whether the collector is stopping.
const NAP: Duration = Duration::from_millis(50);

/// What a file is; each kind has a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Block,
    Rollup,
}

/// A prefix of an object store.
#[derive(Debug)]
pub(in crate::store) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// Ended without waiting: whoever drops the bucket may be within another runtime.
    runtime: Option<Runtime>,
    is_stopping: AtomicBool,
}

impl Bucket {
    /// Checks the settings; nothing is sent yet.
    pub(in crate::store) fn open(config: &ObjectStoreConfig) -> Result<Self, ObjectError> {
        let (store, prefix) = address::open(config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("objects-io")
            .enable_all()
            .build()?;
        Ok(Self { store, prefix, runtime: Some(runtime), is_stopping: AtomicBool::new(false) })
    }

    /// Ends what waits for an answer.
    pub(in crate::store) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Makes the prefix this collector's, unless it is another one's. A process of the same name is replaced.
    pub(in crate::store) fn claim(&self, owner: &Owner) -> Result<(), ObjectError> {
        let (store, key, text) = (Arc::clone(&self.store), self.mark(), owner.text());
        let made = self.run(async move {
            store.put_opts(&key, PutPayload::from(text.into_bytes()), PutMode::Create.into()).await
        })?;
        match made {
            Ok(_) => return Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(found) = self.read_mark()? else {
            return self.claim(owner);
        };
        match owner.standing(&found) {
            Standing::Ours => Ok(()),
            Standing::Other => {
                Err(ObjectError::Owned { found: found.lines().next().unwrap_or_default().to_owned() })
            }
            Standing::Namesake => {
                let (store, key, text) = (Arc::clone(&self.store), self.mark(), owner.text());
                self.run(async move { store.put(&key, text.into_bytes().into()).await })??;
                Ok(())
            }
        }
    }

    /// Who holds the prefix now, seen from one who claimed it. A mark that was removed is made again.
    pub(in crate::store) fn standing(&self, owner: &Owner) -> Result<Standing, ObjectError> {
        match self.read_mark()? {
            Some(found) => Ok(owner.standing(&found)),
            None => self.claim(owner).map(|()| Standing::Ours),
        }
    }

    fn read_mark(&self) -> Result<Option<String>, ObjectError> {
        let (store, key) = (Arc::clone(&self.store), self.mark());
        let found = self.run(async move { store.get(&key).await?.bytes().await })?;
        match found {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Names and sizes of all files of one kind.
    pub(in crate::store) fn list(&self, kind: Kind) -> Result<HashMap<String, u64>, ObjectError> {
        let (store, folder) = (Arc::clone(&self.store), self.folder(kind));
        let objects: Vec<_> = self.run(async move { store.list(Some(&folder)).try_collect().await })??;
        let named = objects.into_iter().filter_map(|object| {
            let name = object.location.filename().filter(|name| name.ends_with(".parquet"))?;
            Some((name.to_owned(), object.size))
        });
        Ok(named.collect())
    }

    /// Uploads a file; the object appears whole or not at all. Returns its size.
    pub(in crate::store) fn put(&self, kind: Kind, name: &str, path: &Path) -> Result<u64, ObjectError> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let (store, key) = (Arc::clone(&self.store), self.folder(kind).join(name));
        if bytes <= PART_BYTES {
            let part = read_part(&mut file)?;
            self.run(async move { store.put(&key, part.into()).await })??;
            return Ok(bytes);
        }
        self.run(async move {
            let mut upload = store.put_multipart(&key).await?;
            let mut sent = 0;
            while sent < bytes {
                let part = read_part(&mut file)?;
                sent += part.len() as u64;
                if part.is_empty() {
                    break;
                }
                if let Err(error) = upload.put_part(part.into()).await {
                    // What cannot be given up either is left to the bucket's rule for unfinished uploads.
                    upload.abort().await.ok();
                    return Err(error.into());
                }
            }
            upload.complete().await?;
            Ok(bytes)
        })?
    }

    /// Bytes of an object.
    pub(in crate::store) fn get(
        &self,
        kind: Kind,
        name: &str,
        range: Range<u64>,
    ) -> Result<Bytes, ObjectError> {
        let (store, key) = (Arc::clone(&self.store), self.folder(kind).join(name));
        Ok(self.run(async move { store.get_range(&key, range).await })??)
    }

    /// Writes bytes of an object to the same place of a file, part by part.
    pub(in crate::store) fn copy(
        &self,
        kind: Kind,
        name: &str,
        range: Range<u64>,
        file: &mut File,
    ) -> Result<(), ObjectError> {
        let mut from = range.start;
        file.seek(SeekFrom::Start(from))?;
        while from < range.end {
            let until = range.end.min(from + PART_BYTES);
            file.write_all(&self.get(kind, name, from..until)?)?;
            from = until;
        }
        Ok(())
    }

    /// Removes an object; one that is gone already is as well.
    pub(in crate::store) fn remove(&self, kind: Kind, name: &str) -> Result<(), ObjectError> {
        let (store, key) = (Arc::clone(&self.store), self.folder(kind).join(name));
        match self.run(async move { store.delete(&key).await })? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn folder(&self, kind: Kind) -> Key {
        self.prefix.clone().join(match kind {
            Kind::Block => "blocks",
            Kind::Rollup => "rollups",
        })
    }

    fn mark(&self) -> Key {
        self.prefix.clone().join("OWNER")
    }

    /// Runs something on the runtime and waits, whatever thread this is, until the collector stops.
    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ObjectError> {
        let (sender, receiver) = sync_channel(1);
        let runtime = self.runtime.as_ref().ok_or(ObjectError::Stopping)?;
        runtime.spawn(async move {
            sender.send(work.await).ok();
        });
        loop {
            match receiver.recv_timeout(NAP) {
                Ok(outcome) => return Ok(outcome),
                Err(RecvTimeoutError::Timeout) if !self.is_stopping.load(Ordering::Acquire) => {}
                Err(_) => return Err(ObjectError::Stopping),
            }
        }
    }
}

fn read_part(file: &mut File) -> std::io::Result<Bytes> {
    let mut part = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut part)?;
    Ok(part.into())
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
