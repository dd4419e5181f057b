//! Blocks in an object store: the disk is a cache of them, a new disk gets them back, and an outage loses nothing.

mod clouds;

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::store::contract::{keep, span, trace_id};
use crate::store::{ObjectStoreConfig, Secret};

/// A data folder, and a folder that stands for the object store.
struct Setup {
    folder: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("objects")).unwrap();
        Self { folder }
    }

    fn object_store(&self) -> ObjectStoreConfig {
        ObjectStoreConfig {
            url: format!("file://{}", self.folder.path().join("objects").display()),
            // Nothing stays that is uploaded.
            cache_bytes: Some(0),
            ..ObjectStoreConfig::default()
        }
    }

    fn config(&self) -> Config {
        self.config_in("data")
    }

    fn config_in(&self, data: &str) -> Config {
        Config {
            object_store: Some(self.object_store()),
            block_max_spans: 1,
            linger: Duration::ZERO,
            ..config(&self.folder.path().join(data))
        }
    }

    fn files(&self, path: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join(path)).into_iter().flatten();
        let files = entries.map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
    }

    /// Where the object store can be made to fail: what is no folder holds no objects.
    fn break_object_store(&self) {
        fs::rename(self.folder.path().join("objects"), self.folder.path().join("aside")).unwrap();
        fs::write(self.folder.path().join("objects"), b"").unwrap();
    }

    fn mend_object_store(&self) {
        fs::remove_file(self.folder.path().join("objects")).unwrap();
        fs::rename(self.folder.path().join("aside"), self.folder.path().join("objects")).unwrap();
    }

    fn lose_disk(&self) {
        fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }

    async fn filled(&self, traces: u64) -> LocalStore {
        let (_, store) = open(self.config());
        for trace in 1..=traces {
            keep(&store, vec![span(trace, 1, "cart", 100 + trace)]).await;
        }
        wait_until("all blocks are uploaded", || self.files("objects/blocks").len() as u64 == traces);
        wait_until("all blocks left the disk", || self.files("data/blocks").is_empty());
        store
    }

    /// The same folder, owned by whoever asks next.
    fn taken_over(&self) -> Config {
        let owner = fs::read_to_string(self.folder.path().join("objects/OWNER")).unwrap();
        let owner = owner.lines().next().map(str::to_owned);
        let object_store = Some(ObjectStoreConfig { owner, ..self.object_store() });
        Config { object_store, ..self.config() }
    }
}

fn check_traces(store: &LocalStore, traces: u64) {
    for trace in 1..=traces {
        assert_eq!(store.trace(trace_id(trace)).unwrap().len(), 1, "trace {trace}");
    }
    assert_eq!(store.search(&SpanFilter::default(), 10).unwrap().len() as u64, traces);
}

fn failure_to_open(config: Config) -> String {
    LocalStore::open(config, Arc::new(Counters::new())).unwrap_err().to_string()
}

#[tokio::test]
async fn blocks_come_back_from_the_object_store_when_they_are_read() {
    let setup = Setup::new();
    let store = setup.filled(3).await;
    let (before, status) = (store.stats(), store.object_store().unwrap());
    assert_eq!((status.blocks_uploaded, status.blocks_waiting, status.bytes_cached), (3, 0, 0));
    assert_eq!((before.blocks, before.bytes_on_disk), (3, 0), "only heads are on the disk");
    check_traces(&store, 3);
    assert!(store.shared.counters.blocks_fetched.get() >= 3);
    drop(store);
    let (_, store) = open(setup.config());
    check_traces(&store, 3);
}

#[tokio::test]
async fn the_disk_keeps_what_was_read_last_up_to_its_bound() {
    let setup = Setup::new();
    drop(setup.filled(3).await);
    let bytes = fs::metadata(&setup.files("objects/blocks")[0]).unwrap().len();
    let object_store =
        Some(ObjectStoreConfig { cache_bytes: Some(bytes * 2 + bytes / 2), ..setup.object_store() });
    let (counters, store) = open(Config { object_store, ..setup.config() });
    for trace in [1, 2, 3] {
        assert_eq!(store.trace(trace_id(trace)).unwrap().len(), 1);
    }
    wait_until("one block left", || setup.files("data/blocks").len() == 2);
    let fetched = counters.blocks_fetched.get();
    for trace in [2, 3, 2, 3] {
        assert_eq!(store.trace(trace_id(trace)).unwrap().len(), 1);
    }
    assert_eq!(counters.blocks_fetched.get(), fetched, "the two that were read last are still there");
}

#[tokio::test]
async fn a_new_disk_gets_blocks_and_rollups_back_once_it_names_the_owner() {
    let setup = Setup::new();
    let store = setup.filled(3).await;
    let rollups = store.rollups(&RollupFilter::default()).unwrap();
    assert!(!rollups.is_empty());
    wait_until("rollups are uploaded", || setup.files("objects/rollups").len() == 3);
    drop(store);
    setup.lose_disk();
    let refused = failure_to_open(setup.config());
    assert!(refused.contains("belongs to another collector") && refused.contains(".owner"), "{refused}");
    let (_, store) = open(setup.taken_over());
    check_traces(&store, 3);
    assert_eq!(store.rollups(&RollupFilter::default()).unwrap(), rollups);
    keep(&store, vec![span(4, 1, "cart", 104)]).await;
    check_traces(&store, 4);
    wait_until("the new block is uploaded", || setup.files("objects/blocks").len() == 4);
}

#[tokio::test]
async fn of_two_collectors_with_one_owner_the_later_one_stays() {
    let setup = Setup::new();
    let first = setup.filled(2).await;
    let config = Config { data_dir: setup.folder.path().join("other"), ..setup.taken_over() };
    let (_, second) = open(config);
    check_traces(&second, 2);
    keep(&first, vec![span(3, 1, "cart", 103)]).await;
    wait_until("the first one says that it was replaced", || {
        first.object_store().unwrap().failure.is_some_and(|failure| failure.contains("taken it over"))
    });
    assert_eq!(first.trace(trace_id(3)).unwrap().len(), 1, "it keeps what it has");
    assert_eq!(setup.files("objects/blocks").len(), 2, "and touches nothing any more");
}

#[tokio::test]
async fn an_outage_loses_nothing_is_told_and_is_made_up_for() {
    let setup = Setup::new();
    let (counters, store) = open(setup.config());
    setup.break_object_store();
    for trace in 1..=3 {
        keep(&store, vec![span(trace, 1, "cart", 100 + trace)]).await;
    }
    wait_until("the failure is told", || {
        store.object_store().is_some_and(|status| status.failure.is_some() && status.blocks_waiting == 3)
    });
    assert!(counters.object_store_failures.get() > 0);
    check_traces(&store, 3);
    setup.mend_object_store();
    wait_until("all blocks are uploaded", || {
        store.object_store().is_some_and(|status| status.failure.is_none() && status.blocks_uploaded == 3)
    });
    check_traces(&store, 3);
}

#[tokio::test]
async fn a_known_folder_starts_while_the_object_store_is_down() {
    let setup = Setup::new();
    drop(setup.filled(2).await);
    setup.break_object_store();
    let (counters, store) = open(setup.config());
    // Whoever looks after it may have tried again by now.
    assert!(counters.object_store_failures.get() >= 1);
    keep(&store, vec![span(3, 1, "cart", 103)]).await;
    assert_eq!(store.trace(trace_id(3)).unwrap().len(), 1);
    let refused = store.trace(trace_id(1)).unwrap_err();
    assert!(matches!(&refused, StoreError::Busy(why) if why.contains("object store")), "{refused}");
    setup.mend_object_store();
    wait_until("it is up to date", || store.object_store().is_some_and(|status| status.failure.is_none()));
    check_traces(&store, 3);
    drop(store);
    setup.break_object_store();
    let first_start = failure_to_open(setup.config_in("new"));
    assert!(first_start.contains("cannot use the object store"), "{first_start}");
}

#[tokio::test]
async fn merged_and_expired_blocks_leave_the_object_store() {
    let setup = Setup::new();
    drop(setup.filled(5).await);
    let (_, store) = open(setup.config());
    wait_until("the merged block is alone with the last", || setup.files("objects/blocks").len() == 2);
    check_traces(&store, 5);
    drop(store);
    let (counters, store) = open(Config { retention: Duration::from_secs(60), ..setup.config() });
    wait_until("the object store is empty", || setup.files("objects/blocks").is_empty());
    wait_until("and so is the disk", || setup.files("data/heads").is_empty());
    wait_until("both removals are counted", || counters.objects_removed.get() == 2);
    assert_eq!(store.stats().blocks, 0);
}

/// The process dies after an upload and before anything else; after a merge and before the old objects went; or with the disk.
#[tokio::test]
async fn a_kill_at_any_moment_shows_every_span_once() {
    let setup = Setup::new();
    drop(setup.filled(5).await);
    let before = copied(setup.folder.path());
    let (_, store) = open(setup.config());
    wait_until("the merged block is alone with the last", || setup.files("objects/blocks").len() == 2);
    drop(store);
    for data in ["before", "after", "none"] {
        let killed = Setup { folder: tempfile::tempdir().unwrap() };
        let from = if data == "before" { before.path() } else { setup.folder.path() };
        copy_tree(&from.join("data"), &killed.folder.path().join("data"));
        for objects in [before.path(), setup.folder.path()] {
            copy_tree(&objects.join("objects"), &killed.folder.path().join("objects"));
        }
        if data == "none" {
            killed.lose_disk();
        }
        let (counters, store) = open(killed.taken_over());
        check_traces(&store, 5);
        wait_until("what was merged is gone", || killed.files("objects/blocks").len() == 2);
        check_traces(&store, 5);
        assert_eq!(counters.block_failures.get(), 0, "{data}");
    }
}

fn copied(folder: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy_tree(folder, to.path());
    to
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn an_object_that_is_not_understood_is_left_alone() {
    let setup = Setup::new();
    drop(setup.filled(2).await);
    fs::write(setup.folder.path().join("objects/blocks/of-another-version.parquet"), vec![0; 100]).unwrap();
    let (counters, store) = open(setup.config());
    assert_eq!(counters.block_failures.get(), 1);
    keep(&store, vec![span(3, 1, "cart", 103)]).await;
    wait_until("the new block is uploaded", || store.object_store().unwrap().blocks_uploaded == 3);
    check_traces(&store, 3);
    assert_eq!(setup.files("objects/blocks").len(), 4);
}

#[tokio::test]
async fn blocks_that_are_elsewhere_are_not_forgotten_silently() {
    let setup = Setup::new();
    drop(setup.filled(2).await);
    let refused = failure_to_open(Config { object_store: None, ..setup.config() });
    assert!(refused.contains("storage.object_store.url"), "{refused}");
    fs::create_dir(setup.folder.path().join("elsewhere")).unwrap();
    let url = format!("file://{}", setup.folder.path().join("elsewhere").display());
    let object_store = Some(ObjectStoreConfig { url, ..setup.object_store() });
    let refused = failure_to_open(Config { object_store, ..setup.config() });
    assert!(refused.contains("copy its objects there first"), "{refused}");
}

#[test]
fn an_address_that_is_none_is_refused_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    for (address, word) in [("s3//bucket", "s3://bucket/prefix"), ("ftp://host/x", "s3://bucket/prefix")] {
        let object_store =
            Some(ObjectStoreConfig { url: address.to_owned(), ..ObjectStoreConfig::default() });
        let refused = failure_to_open(Config { object_store, ..config(folder.path()) });
        assert!(refused.contains(word), "{refused}");
    }
    let missing = ObjectStoreConfig {
        url: "s3://bucket".to_owned(),
        ca_file: Some(folder.path().join("none.pem")),
        secret_access_key: Some(Secret::new("hunter2".to_owned())),
        ..ObjectStoreConfig::default()
    };
    assert!(!format!("{missing:?}").contains("hunter2"));
    let refused = failure_to_open(Config { object_store: Some(missing), ..config(folder.path()) });
    assert!(refused.contains("certificates in PEM") && refused.contains("none.pem"), "{refused}");
}
