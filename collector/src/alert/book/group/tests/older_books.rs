//! What receivers hear after an update, with the book of an older version.

use super::*;

#[test]
fn a_book_from_before_told_severities_were_kept_is_read_and_swallows_no_outage() {
    let mut told = Told::default();
    told.hears(&[warning("burn")], 60);
    told.book.update(NOW + told.now, &[critical("burn")], &Calls::new());
    let mut stored = serde_json::to_value(&told.book).unwrap();
    let entry = stored["alerts"][0]["told"]["hook"].as_object_mut().unwrap();
    entry.remove("severity");
    assert_eq!(entry.len(), 2, "as it was written: {entry:?}");
    told.book = serde_json::from_value(stored).unwrap();
    assert_eq!(told.hears(&[critical("burn")], 60), [firing("critical", 1)]);
    assert_eq!(told.hears(&[], 60).len(), 1);
}

#[test]
fn what_an_older_book_told_as_information_counts_as_that() {
    let news = |rule: &str| signal(rule, Severity::Info);
    let mut told = Told::default();
    assert_eq!(told.hears(&[news("new")], 60), [firing("info", 1)]);
    let mut stored = serde_json::to_value(&told.book).unwrap();
    stored["alerts"][0]["told"]["hook"].as_object_mut().unwrap().remove("severity").unwrap();
    told.book = serde_json::from_value(stored).unwrap();
    assert_eq!(told.hears(&[news("new")], 60), []);
    assert_eq!(told.hears(&[news("new"), warning("burn")], 60), [firing("warning", 2)]);
}
