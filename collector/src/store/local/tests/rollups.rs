//! Rollups outlive the process and the spans, and count each span once however the process ended.

use super::crash::copy;
use super::*;
use crate::store::contract::{keep, span};
use crate::store::{RollupFilter, SeriesFilter};

/// Spans that are counted.
fn counted(store: &LocalStore) -> u64 {
    let series = SeriesFilter::Operations { service: None };
    let found = store.rollups(&RollupFilter { series, ..RollupFilter::default() }).unwrap();
    found.iter().map(|rollup| rollup.figures.calls).sum()
}

fn all(store: &LocalStore) -> Vec<Rollup> {
    store.rollups(&RollupFilter::default()).unwrap()
}

async fn fill(store: &LocalStore, traces: std::ops::RangeInclusive<u64>) {
    for trace in traces {
        keep(store, vec![span(trace, 1, "cart", 100 + trace)]).await;
    }
}

#[tokio::test]
async fn a_restart_and_a_kill_change_no_count() {
    let folder = tempfile::tempdir().unwrap();
    let in_blocks = Config { block_max_spans: 3, ..config(folder.path()) };
    let (_, store) = open(in_blocks.clone());
    fill(&store, 1..=8).await;
    let before = all(&store);
    assert_eq!(counted(&store), 8);
    let killed = copy(folder.path());
    assert_eq!(all(&open(Config { data_dir: killed.path().to_owned(), ..in_blocks.clone() }).1), before);
    drop(store);
    let (_, store) = open(in_blocks);
    assert_eq!(all(&store), before);
    fill(&store, 9..=10).await;
    assert_eq!(counted(&store), 10);
    let since_start: u64 = store.totals().iter().map(|(_, figures)| figures.calls).sum();
    assert_eq!(since_start, 4, "two operations and two edges of what came after the start");
}

#[tokio::test]
async fn a_kill_between_the_rollups_and_the_manifest_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = open(config(folder.path()));
    fill(&store, 1..=4).await;
    let before_block = copy(folder.path());
    drop(store);
    let (_, store) = open(Config { block_max_spans: 1, ..config(folder.path()) });
    fill(&store, 5..=5).await;
    wait_until("all is in blocks", || store.stats().spans_live == 0);
    drop(store);
    let orphan = "00000001-00000001.parquet";
    let rollups = before_block.path().join("rollups");
    std::fs::copy(folder.path().join("rollups").join(orphan), rollups.join(orphan)).unwrap();
    let (_, reopened) = open(config(before_block.path()));
    assert_eq!(counted(&reopened), 4);
    assert!(!rollups.join(orphan).exists(), "its spans are in the log");
}

#[tokio::test]
async fn rollups_outlive_their_spans_and_then_expire() {
    let folder = tempfile::tempdir().unwrap();
    let in_blocks = Config { block_max_spans: 1, ..config(folder.path()) };
    let (_, store) = open(in_blocks.clone());
    fill(&store, 1..=2).await;
    wait_until("all is in blocks", || store.stats().blocks == 2 && store.stats().spans_live == 0);
    drop(store);
    let without_spans = Config { retention: Duration::from_secs(60), ..in_blocks };
    for _ in 0..2 {
        let (_, store) = open(without_spans.clone());
        wait_until("the blocks are gone", || store.stats().blocks == 0);
        assert_eq!(counted(&store), 2);
    }
    let (_, store) = open(Config { rollup_retention: Duration::from_secs(60), ..without_spans });
    wait_until("the rollups are gone", || counted(&store) == 0);
}
