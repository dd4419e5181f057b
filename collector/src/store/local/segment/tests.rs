//! A segment knows its length, whatever failed.

use super::*;

fn writer_to(path: &str) -> SegmentWriter {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    SegmentWriter::to_file(1, file)
}

#[test]
fn growth_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::create(folder.path(), 1).unwrap();
    assert_eq!(writer.append(&[b"payload".as_slice(); 2], Durability::Fsync).unwrap(), 16);
    assert_eq!(writer.append(&[b"more".as_slice(); 600], Durability::Os).unwrap(), 2 * 23 + 16);
    let written = 2 * 23 + 600 * 20;
    assert_eq!((writer.take_growth(), writer.take_growth()), (written, 0));
    assert_eq!(list(folder.path()).unwrap()[0].bytes, written);
}

#[test]
fn what_a_failed_sync_leaves_in_the_file_is_growth_and_nothing_follows_it() {
    // This device takes what is written and cannot be synced.
    let mut writer = writer_to("/dev/null");
    assert!(writer.append(&[b"payload"], Durability::Fsync).is_err());
    assert!(writer.take_growth() >= 7);
    assert!(!writer.takes_more());
}

#[test]
fn a_write_that_found_no_room_is_no_growth() {
    let mut writer = writer_to("/dev/full");
    assert!(writer.append(&[b"payload"], Durability::Fsync).is_err());
    assert_eq!(writer.take_growth(), 0);
}
