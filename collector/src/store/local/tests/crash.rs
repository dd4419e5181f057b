//! A store that was killed at any moment comes back with every acknowledged span, each once.

use std::fs;
use std::io::ErrorKind;

use super::*;
use crate::store::contract::{keep, span, trace_id};

/// Copies the folder while the store is open: what a kill at this moment would leave behind. A file that got its name or
/// went meanwhile would make it a moment that never was, so it begins again.
pub(super) fn copy(from: &Path) -> tempfile::TempDir {
    let copies = std::iter::repeat_with(|| try_copy(from)).take(100);
    let whole = copies.filter(|copy| !copy.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound));
    whole.map(Result::unwrap).next().expect("a folder that rests for as long as a copy takes")
}

fn try_copy(from: &Path) -> std::io::Result<tempfile::TempDir> {
    let to = tempfile::tempdir()?;
    for sub in ["wal", "blocks", "rollups"] {
        fs::create_dir(to.path().join(sub))?;
        for entry in fs::read_dir(from.join(sub))? {
            let path = entry?.path();
            fs::copy(&path, to.path().join(sub).join(path.file_name().unwrap()))?;
        }
    }
    fs::copy(from.join("MANIFEST"), to.path().join("MANIFEST"))?;
    Ok(to)
}

fn check_traces(store: &LocalStore, expected: impl IntoIterator<Item = u64>) {
    let expected: Vec<u64> = expected.into_iter().collect();
    for trace in &expected {
        assert_eq!(store.trace(trace_id(*trace)).unwrap().len(), 1, "trace {trace}");
    }
    assert_eq!(store.search(&SpanFilter::default(), 10_000).unwrap().len(), expected.len());
}

fn segments(folder: &Path) -> Vec<segment::Segment> {
    segment::list(&folder.join("wal")).unwrap()
}

fn blocks(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder.join("blocks")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

async fn filled(traces: u64) -> (tempfile::TempDir, LocalStore) {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = open(config(folder.path()));
    for trace in 1..=traces {
        keep(&store, vec![span(trace, 1, "cart", 100 + trace)]).await;
    }
    (folder, store)
}

#[tokio::test]
async fn every_acknowledged_batch_survives_a_kill() {
    let (folder, store) = filled(20).await;
    let killed = copy(folder.path());
    let (counters, reopened) = open(config(killed.path()));
    check_traces(&reopened, 1..=20);
    assert_eq!(counters.log_records_torn.get(), 0);
    assert_eq!(reopened.stats().spans_live, 20);
    drop(store);
}

#[tokio::test]
async fn a_torn_tail_loses_only_what_was_not_acknowledged() {
    let (folder, store) = filled(5).await;
    let whole = segments(folder.path()).remove(0);
    keep(&store, vec![span(6, 1, "cart", 200)]).await;
    let longer = segments(folder.path()).remove(0).bytes;
    for length in [whole.bytes + 1, whole.bytes + 17, longer - 1] {
        let killed = copy(folder.path());
        let segment = segments(killed.path()).remove(0);
        fs::OpenOptions::new().write(true).open(&segment.path).unwrap().set_len(length).unwrap();
        let (counters, reopened) = open(config(killed.path()));
        check_traces(&reopened, 1..=5);
        assert_eq!(counters.log_records_torn.get(), 1);
    }
}

#[tokio::test]
async fn a_damaged_record_loses_only_itself() {
    let (folder, store) = filled(3).await;
    let first = fs::read(&segments(folder.path())[0].path).unwrap();
    drop(store);
    let record = first.len() / 3;
    for place in [record, record + 5, record + 40] {
        let killed = copy(folder.path());
        let mut bytes = first.clone();
        bytes[place] ^= 0x55;
        fs::write(&segments(killed.path())[0].path, bytes).unwrap();
        let (counters, reopened) = open(config(killed.path()));
        check_traces(&reopened, [1, 3]);
        assert_eq!(counters.log_records_torn.get(), 1);
    }
}

#[tokio::test]
async fn spans_kept_after_a_torn_tail_survive_the_next_kill() {
    let (folder, store) = filled(2).await;
    drop(store);
    let segment = segments(folder.path()).remove(0);
    let file = fs::OpenOptions::new().write(true).open(&segment.path).unwrap();
    file.set_len(segment.bytes - 3).unwrap();
    let (_, store) = open(config(folder.path()));
    keep(&store, vec![span(3, 1, "cart", 300)]).await;
    let killed = copy(folder.path());
    let (_, reopened) = open(config(killed.path()));
    check_traces(&reopened, [1, 3]);
    drop(store);
}

#[tokio::test]
async fn a_block_that_the_manifest_does_not_name_yet_is_made_again() {
    let (folder, store) = filled(10).await;
    let before_block = copy(folder.path());
    drop(store);
    let (_, store) = open(Config { block_max_spans: 1, ..config(folder.path()) });
    keep(&store, vec![span(11, 1, "cart", 400)]).await;
    wait_until("blocks are written", || store.stats().blocks >= 1 && store.stats().spans_live == 0);
    drop(store);
    // As if the process had died after the first block was written and before the manifest named it.
    let with_segments: Vec<_> = blocks(folder.path())
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with("-00000001.parquet"))
        .collect();
    assert_eq!(with_segments.len(), 1);
    let orphan = before_block.path().join("blocks").join(with_segments[0].file_name().unwrap());
    fs::copy(&with_segments[0], &orphan).unwrap();
    fs::write(before_block.path().join("blocks").join("half.tmp"), b"half a block").unwrap();
    let (_, reopened) = open(config(before_block.path()));
    check_traces(&reopened, 1..=10);
    assert_eq!(reopened.stats().blocks, 0);
    assert!(blocks(before_block.path()).is_empty(), "orphans are removed");
}

#[tokio::test]
async fn a_kill_after_the_manifest_and_before_the_log_goes_shows_no_span_twice() {
    let (folder, store) = filled(4).await;
    let with_log = copy(folder.path());
    drop(store);
    let (_, store) = open(Config { block_max_spans: 1, ..config(folder.path()) });
    wait_until("the block is written", || store.stats().blocks == 0 || store.stats().spans_live == 0);
    keep(&store, vec![span(5, 1, "cart", 500)]).await;
    wait_until("all is in blocks", || store.stats().spans_live == 0);
    drop(store);
    let old = &segments(with_log.path())[0];
    fs::copy(&old.path, folder.path().join("wal").join(old.path.file_name().unwrap())).unwrap();
    let (_, reopened) = open(config(folder.path()));
    check_traces(&reopened, 1..=5);
    assert_eq!(reopened.stats().spans_live, 0, "the log's spans are in blocks already");
    assert!(
        !segments(folder.path()).iter().any(|segment| segment.number == old.number),
        "the segment is removed"
    );
}

#[tokio::test]
async fn a_lost_manifest_is_rebuilt_from_the_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let in_blocks = Config { block_max_spans: 2, ..config(folder.path()) };
    let (_, store) = open(in_blocks.clone());
    for trace in 1..=7 {
        keep(&store, vec![span(trace, 1, "cart", trace)]).await;
    }
    wait_until("three blocks are written", || store.stats().blocks == 3);
    drop(store);
    for manifest in [None, Some("00000000 add nonsense.parquet 99\n")] {
        match manifest {
            None => fs::remove_file(folder.path().join("MANIFEST")).unwrap(),
            Some(text) => fs::write(folder.path().join("MANIFEST"), text).unwrap(),
        }
        let (_, reopened) = open(in_blocks.clone());
        check_traces(&reopened, 1..=7);
        assert_eq!(reopened.stats().blocks, 3);
    }
}

#[tokio::test]
async fn a_block_that_is_not_readable_costs_only_its_own_spans() {
    let folder = tempfile::tempdir().unwrap();
    let in_blocks = Config { block_max_spans: 1, ..config(folder.path()) };
    let (_, store) = open(in_blocks.clone());
    for trace in 1..=3 {
        keep(&store, vec![span(trace, 1, "cart", trace)]).await;
        wait_until("the block is written", || store.stats().blocks == trace);
    }
    drop(store);
    let mut paths = blocks(folder.path());
    paths.sort();
    fs::write(&paths[1], b"PAR1 damaged PAR1").unwrap();
    let (counters, reopened) = open(in_blocks);
    check_traces(&reopened, [1, 3]);
    assert_eq!(counters.block_failures.get(), 1);
    assert!(paths[1].exists(), "it is left for a human to look at");
}

#[tokio::test]
async fn a_kill_while_the_log_goes_shows_no_span_twice_even_without_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    // Each start begins a new segment, so the block that follows covers three.
    for trace in 1..=3 {
        let (_, store) = open(config(folder.path()));
        keep(&store, vec![span(trace, 1, "cart", trace)]).await;
    }
    let with_log = copy(folder.path());
    let (_, store) = open(Config { block_max_spans: 3, ..config(folder.path()) });
    wait_until("the block is written", || store.stats().blocks == 1);
    drop(store);
    let kept_segments = &segments(with_log.path())[1..];
    assert_eq!(kept_segments.len(), 2);
    for lose_manifest in [false, true] {
        for segment in kept_segments {
            let to = folder.path().join("wal").join(segment.path.file_name().unwrap());
            fs::copy(&segment.path, to).unwrap();
        }
        if lose_manifest {
            fs::remove_file(folder.path().join("MANIFEST")).unwrap();
        }
        let (_, reopened) = open(config(folder.path()));
        check_traces(&reopened, 1..=3);
        assert_eq!((reopened.stats().blocks, reopened.stats().spans_live), (1, 0));
    }
}
