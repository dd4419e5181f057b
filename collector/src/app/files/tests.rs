//! The division of open files between senders, questions and the store.

use super::*;

#[test]
fn store_and_questions_keep_their_files() {
    for (files, senders, all) in [(20_000, 18_720, 18_976), (1_024, 640, 768), (320, 200, 240), (0, 0, 0)] {
        assert_eq!(for_connections(files), senders, "{files}");
        let limits = ConnectionLimits { max_in_all: senders, ..ConnectionLimits::default() };
        assert_eq!(with_questions(&limits).max_in_all, all, "{files}");
    }
    assert!(for_connections(u64::MAX) > 1 << 40);
}
