//! The contract, with and without blocks, and what is left after a crash at any moment.

mod crash;
mod durability;
mod linger;
mod merge;
mod remote;
mod rollups;

use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::store::contract;

const LONG: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

pub(super) fn config(folder: &Path) -> Config {
    // Test spans begin in 1970, so that a shorter retention would remove their blocks.
    // Windows do not linger, so that what is in a block is read from it.
    Config {
        data_dir: folder.to_owned(),
        retention: LONG,
        rollup_retention: LONG,
        linger: Duration::ZERO,
        ..Config::default()
    }
}

pub(super) fn open(config: Config) -> (Arc<Counters>, LocalStore) {
    let counters = Arc::new(Counters::new());
    let store = LocalStore::open(config, Arc::clone(&counters)).unwrap();
    (counters, store)
}

pub(super) fn wait_until(what: &str, is_reached: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_reached() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// A store with the folder it needs as long as it lives.
#[derive(Debug)]
struct StoreInFolder {
    store: LocalStore,
    folder: tempfile::TempDir,
    /// Whether a batch is in the object store, and there alone, before its `append` returns.
    is_emptied: bool,
}

impl StoreInFolder {
    fn new(block_max_spans: usize) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (_, store) = open(Config { block_max_spans, ..config(folder.path()) });
        Arc::new(Self { store, folder, is_emptied: false })
    }

    /// A block for each batch, in an object store, and none on the disk.
    fn with_objects(object_store: crate::store::ObjectStoreConfig) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let object_store = Some(object_store);
        let (_, store) = open(Config {
            object_store,
            block_max_spans: 1,
            linger: Duration::ZERO,
            ..config(folder.path())
        });
        Arc::new(Self { store, folder, is_emptied: true })
    }
}

impl Store for StoreInFolder {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.store.append(batch).await?;
            if self.is_emptied {
                let is_uploaded =
                    || self.store.object_store().is_some_and(|status| status.blocks_waiting == 0);
                wait_until("the batch is in the object store alone", || {
                    let stats = self.store.stats();
                    stats.spans_live == 0 && stats.bytes_on_disk == 0 && is_uploaded()
                });
            }
            Ok(())
        })
    }
    fn traces_within(
        &self,
        trace_ids: &[TraceId],
        budget: &Budget,
    ) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
        self.store.traces_within(trace_ids, budget)
    }
    fn search_within(
        &self,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<TraceId>, StoreError> {
        self.store.search_within(filter, limit, budget)
    }
    fn values(
        &self,
        of: &ValuesOf,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<String>, StoreError> {
        self.store.values(of, filter, limit, budget)
    }
    fn rollups_within(&self, filter: &RollupFilter, budget: &Budget) -> Result<Found<Rollup>, StoreError> {
        self.store.rollups_within(filter, budget)
    }
    fn totals(&self) -> Vec<(Series, Figures)> {
        self.store.totals()
    }
    fn services(&self) -> Result<Vec<String>, StoreError> {
        self.store.services()
    }
    fn subscribe(&self) -> broadcast::Receiver<Arc<[TraceId]>> {
        self.store.subscribe()
    }
    fn stats(&self) -> StoreStats {
        self.store.stats()
    }
}

#[tokio::test]
async fn fulfils_the_contract_in_the_live_window() {
    contract::check_all(|| StoreInFolder::new(1_000)).await;
}

#[tokio::test]
async fn fulfils_the_contract_with_a_block_for_each_batch() {
    contract::check_all(|| StoreInFolder::new(1)).await;
}

#[tokio::test]
async fn fulfils_the_contract_with_spans_in_blocks_and_in_the_live_window() {
    contract::check_all(|| StoreInFolder::new(3)).await;
}

#[tokio::test]
async fn a_full_window_becomes_a_block_and_its_log_goes() {
    let in_folder = StoreInFolder::new(10);
    for trace in 1..=10 {
        contract::keep(&in_folder.store, vec![contract::span(trace, 1, "cart", 100)]).await;
    }
    let store = &in_folder.store;
    wait_until("the block is written", || store.stats().blocks == 1 && store.stats().spans_live == 0);
    let wal = in_folder.folder.path().join("wal");
    wait_until("the log is empty", || {
        let segments = segment::list(&wal).unwrap();
        segments.len() == 1 && segments[0].bytes == 0
    });
    assert_eq!(store.search(&SpanFilter::default(), 100).unwrap().len(), 10);
}

#[tokio::test]
async fn bytes_on_disk_never_wrap_when_a_segment_is_longer_than_what_was_counted() {
    let in_folder = StoreInFolder::new(2);
    contract::keep(&in_folder.store, vec![contract::span(1, 1, "cart", 100)]).await;
    let segment = segment::list(&in_folder.folder.path().join("wal")).unwrap().remove(0);
    let mut file = std::fs::OpenOptions::new().append(true).open(&segment.path).unwrap();
    std::io::Write::write_all(&mut file, &[0; 1_000]).unwrap();
    contract::keep(&in_folder.store, vec![contract::span(2, 1, "cart", 100)]).await;
    wait_until("the log is empty", || !segment.path.exists());
    let blocks = std::fs::read_dir(in_folder.folder.path().join("blocks")).unwrap();
    let on_disk: u64 = blocks.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    wait_until("its bytes are taken off", || in_folder.store.stats().bytes_on_disk == on_disk);
}

#[tokio::test]
async fn an_old_window_becomes_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = open(Config { block_max_age: Duration::from_millis(1), ..config(folder.path()) });
    contract::keep(&store, vec![contract::span(1, 1, "cart", 100)]).await;
    wait_until("the block is written", || store.stats().blocks == 1);
}

#[tokio::test]
async fn many_writers_share_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (counters, store) = open(config(folder.path()));
    let store = Arc::new(store);
    let mut writers = tokio::task::JoinSet::new();
    for trace in 1..=500 {
        let store = Arc::clone(&store);
        writers.spawn(
            async move { contract::keep(&*store, vec![contract::span(trace, 1, "cart", trace)]).await },
        );
    }
    assert_eq!(writers.join_all().await.len(), 500);
    assert_eq!(counters.log_records.get(), 500);
    assert!(counters.log_syncs.get() < 500, "{} syncs", counters.log_syncs.get());
    assert_eq!(store.search(&SpanFilter::default(), 1_000).unwrap().len(), 500);
}

#[tokio::test]
async fn blocks_older_than_the_retention_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let in_blocks = Config { block_max_spans: 1, ..config(folder.path()) };
    let (_, store) = open(in_blocks.clone());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    contract::keep(&store, vec![contract::span(1, 1, "cart", 100)]).await;
    contract::keep(&store, vec![contract::span(2, 1, "payment", now)]).await;
    wait_until("both blocks are written", || store.stats().blocks == 2);
    drop(store);
    let (counters, store) = open(Config { retention: Duration::from_secs(3_600), ..in_blocks.clone() });
    wait_until("the old block is removed", || counters.blocks_expired.get() == 1);
    assert_eq!(store.stats().blocks, 1);
    assert!(store.trace(contract::trace_id(1)).unwrap().is_empty());
    assert_eq!(store.trace(contract::trace_id(2)).unwrap().len(), 1);
    assert_eq!(store.services().unwrap(), ["payment"]);
    drop(store);
    let (_, store) = open(in_blocks);
    assert_eq!(store.stats().blocks, 1, "a removed block does not come back");
}

#[tokio::test]
async fn refuses_batches_when_memory_is_full_and_takes_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = open(config(folder.path()));
    let room = store.shared.reserve(10, 700 * 1024 * 1024).unwrap();
    let batch = || Batch::of_spans(&[contract::span(1, 1, "cart", 100)]).unwrap().0;
    let refused = store.append(batch()).await;
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    drop(room);
    store.append(batch()).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = open(config(folder.path()));
    contract::keep(&store, vec![contract::span(1, 1, "cart", 100)]).await;
    store.close();
    let refused = store.append(Batch::of_spans(&[contract::span(2, 1, "cart", 100)]).unwrap().0).await;
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    drop(store);
    let (_, store) = open(config(folder.path()));
    assert_eq!(store.search(&SpanFilter::default(), 10).unwrap(), [contract::trace_id(1)]);
}

#[test]
fn a_folder_belongs_to_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = open(config(folder.path()));
    let second = LocalStore::open(config(folder.path()), Arc::new(Counters::new()));
    let words = second.unwrap_err().to_string();
    assert!(words.contains("in use by another process") && words.contains("--data-dir"), "{words}");
    drop(store);
    open(config(folder.path()));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let words = LocalStore::open(config(file.path()), Arc::new(Counters::new())).unwrap_err().to_string();
    assert!(words.contains(&file.path().display().to_string()), "{words}");
}
