//! What each durability promises, and a disk that is full for a while.

use std::fs::OpenOptions;

use super::*;
use crate::store::Durability;
use crate::store::contract::{keep, span, trace_id};

fn with(folder: &Path, durability: Durability) -> Config {
    Config { durability, ..config(folder) }
}

fn batch(trace: u64) -> Batch {
    Batch::of_spans(&[span(trace, 1, "cart", trace)]).unwrap().0
}

#[tokio::test]
async fn every_durability_shows_what_it_acknowledged_and_survives_a_stop_in_good_order() {
    for durability in [Durability::Fsync, Durability::Os, Durability::Memory] {
        let folder = tempfile::tempdir().unwrap();
        let (counters, store) = open(with(folder.path(), durability));
        for trace in 1..=5 {
            keep(&store, vec![span(trace, 1, "cart", trace)]).await;
            assert_eq!(store.trace(trace_id(trace)).unwrap().len(), 1, "{durability:?}");
        }
        assert_eq!(counters.log_syncs.get() > 0, durability == Durability::Fsync, "{durability:?}");
        drop(store);
        let (_, store) = open(with(folder.path(), durability));
        assert_eq!(store.search(&SpanFilter::default(), 10).unwrap().len(), 5, "{durability:?}");
    }
}

#[tokio::test]
async fn without_a_log_nothing_is_written_before_the_block() {
    let folder = tempfile::tempdir().unwrap();
    let (counters, store) = open(Config { block_max_spans: 3, ..with(folder.path(), Durability::Memory) });
    for trace in 1..=2 {
        keep(&store, vec![span(trace, 1, "cart", trace)]).await;
    }
    assert_eq!((counters.log_records.get(), store.stats().bytes_on_disk), (0, 0));
    keep(&store, vec![span(3, 1, "cart", 3)]).await;
    wait_until("the block is written", || store.stats().blocks == 1 && store.stats().spans_live == 0);
    assert_eq!(store.search(&SpanFilter::default(), 10).unwrap().len(), 3);
}

#[tokio::test]
async fn a_full_disk_refuses_new_batches_answers_questions_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open::open(config(folder.path()), Arc::new(Counters::new())).unwrap();
    let shared = Arc::clone(&opened.shared);
    // A device that has no room, in place of the segment.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let writer = segment::SegmentWriter::to_file(7, full);
    let (windows, _frozen) = std::sync::mpsc::channel();
    let (queue, commands) = std::sync::mpsc::sync_channel(10);
    let committer = Committer::new(Arc::clone(&shared), (1, writer), windows);
    let thread = std::thread::spawn(move || committer.run(&commands));
    let append = |trace| {
        let (reply, outcome) = oneshot::channel();
        let room = shared.reserve(1, 1_000).unwrap();
        queue.send(Command::Append(Append { batch: batch(trace), room, reply })).unwrap();
        outcome
    };
    let refused = append(1).await.unwrap().unwrap_err();
    assert!(matches!(refused, StoreError::Busy(_)), "{refused:?}");
    assert!(refused.to_string().contains("the disk of the data folder is full"), "{refused}");
    assert_eq!(shared.read().live.spans(), 0, "what was refused is not shown");
    // The next segment is a file again.
    append(2).await.unwrap().unwrap();
    assert!(!shared.read().live.trace(trace_id(2)).is_empty());
    assert_eq!((shared.counters.log_failures.get(), shared.counters.log_records.get()), (1, 1));
    queue.send(Command::Stop).unwrap();
    thread.join().unwrap();
}
