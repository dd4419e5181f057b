//! Blocks are merged, rewritten and removed without a span lost or shown twice, killed at any moment or not.

use std::fs;

use super::crash::copy;
use super::*;
use crate::store::contract::{keep, span, trace_id};

fn many_blocks(folder: &Path) -> Config {
    Config { block_max_spans: 1, ..config(folder) }
}

/// Eight blocks of one span each, alternately of two services; the last one is a copy of the first.
async fn eight_blocks() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = open(many_blocks(folder.path()));
    for number in [1, 2, 3, 4, 5, 6, 7, 1] {
        keep(&store, vec![span(number, number, ["cart", "payment"][number as usize % 2], 100 + number)])
            .await;
    }
    wait_until("eight blocks are written", || store.stats().blocks == 8 && store.stats().spans_live == 0);
    drop(store);
    folder
}

fn check_traces(store: &LocalStore, expected: impl Iterator<Item = u64>) {
    let expected: Vec<u64> = expected.collect();
    for trace in 1..=7 {
        let found = store.trace(trace_id(trace)).unwrap().len();
        assert_eq!(found, usize::from(expected.contains(&trace)), "trace {trace}");
    }
    let mut newest: Vec<_> = expected.iter().map(|trace| trace_id(*trace)).collect();
    newest.reverse();
    assert_eq!(store.search(&SpanFilter::default(), 10).unwrap(), newest);
}

fn block_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(folder.join("blocks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn take_files(from: &Path, to: &Path, files: &[std::path::PathBuf]) {
    for path in files {
        let name = path.file_name().unwrap();
        fs::copy(from.join("blocks").join(name), to.join("blocks").join(name)).unwrap();
    }
}

#[tokio::test]
async fn small_neighbours_become_one_block() {
    let folder = eight_blocks().await;
    let (counters, store) = open(many_blocks(folder.path()));
    wait_until("all are merged", || store.stats().blocks == 2 && counters.blocks_merged.get() == 8);
    check_traces(&store, 1..=7);
    assert_eq!(store.services().unwrap(), ["cart", "payment"]);
    // They go once nobody can need them any more.
    wait_until("the files of the others are gone", || block_files(folder.path()).len() == 2);
    drop(store);
    let (_, store) = open(config(folder.path()));
    check_traces(&store, 1..=7);
}

#[tokio::test]
async fn a_kill_in_a_merge_loses_nothing_and_shows_nothing_twice() {
    let folder = eight_blocks().await;
    let before = copy(folder.path());
    let (_, store) = open(many_blocks(folder.path()));
    wait_until("all are merged", || store.stats().blocks == 2);
    drop(store);
    let (old, merged) = (block_files(before.path()), block_files(folder.path()));
    for lose_manifest in [false, true] {
        // Merged blocks are written and the manifest does not name them; or it does, and the others are still there.
        for (state, from, files) in [(&before, &folder, &merged), (&folder, &before, &old)] {
            let killed = copy(state.path());
            take_files(from.path(), killed.path(), files);
            fs::write(killed.path().join("blocks").join("unfinished.tmp"), b"half a block").unwrap();
            if lose_manifest {
                fs::remove_file(killed.path().join("MANIFEST")).unwrap();
            }
            let (counters, store) = open(config(killed.path()));
            check_traces(&store, 1..=7);
            assert_eq!((store.stats().blocks, counters.block_failures.get()), (2, 0));
            assert_eq!(block_files(killed.path()), block_files_in(killed.path(), &merged));
        }
    }
}

fn block_files_in(folder: &Path, files: &[std::path::PathBuf]) -> Vec<std::path::PathBuf> {
    files.iter().map(|path| folder.join("blocks").join(path.file_name().unwrap())).collect()
}

#[tokio::test]
async fn readers_see_every_span_while_blocks_are_merged() {
    let folder = eight_blocks().await;
    let (_, store) = open(many_blocks(folder.path()));
    while store.stats().blocks > 2 {
        check_traces(&store, 1..=7);
    }
    check_traces(&store, 1..=7);
}

#[tokio::test]
async fn services_are_kept_for_their_own_time() {
    let folder = eight_blocks().await;
    let (_, store) = open(many_blocks(folder.path()));
    wait_until("all are merged", || store.stats().blocks == 2);
    drop(store);
    let minute = Duration::from_secs(60);
    let short =
        Config { retention_by_service: [("cart".to_owned(), minute)].into(), ..config(folder.path()) };
    let (_, store) = open(short.clone());
    wait_until("carts are gone", || store.services().unwrap() == ["payment"]);
    check_traces(&store, [1, 3, 5, 7].into_iter());
    drop(store);
    let (_, store) = open(short);
    check_traces(&store, [1, 3, 5, 7].into_iter());
    drop(store);
    let long = [("payment".to_owned(), LONG)].into();
    let (_, store) = open(Config { retention: minute, retention_by_service: long, ..config(folder.path()) });
    check_traces(&store, [1, 3, 5, 7].into_iter());
    drop(store);
    let (_, store) = open(Config { retention: minute, ..config(folder.path()) });
    wait_until("all blocks are gone", || store.stats().blocks == 0);
}

#[tokio::test]
async fn the_oldest_blocks_go_when_there_are_too_many_bytes() {
    let folder = eight_blocks().await;
    let bytes: u64 = block_files(folder.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    let max_block_bytes = Some(bytes - 1);
    let (counters, store) = open(Config { max_block_bytes, ..config(folder.path()) });
    wait_until("one block is gone", || counters.blocks_expired.get() == 1);
    // The others are small neighbours: the same round merges them.
    wait_until("the other seven are one", || counters.blocks_merged.get() == 7);
    assert_eq!((store.stats().blocks, counters.blocks_expired.get()), (1, 1));
    // The span that starts first is in the first block and in the last.
    check_traces(&store, [1, 2, 3, 4, 5, 6, 7].into_iter());
}
