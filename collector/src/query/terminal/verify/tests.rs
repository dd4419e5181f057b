//! Marks are valid contexts, and wrong usage is told.

use super::probe::Mark;
use super::*;

#[test]
fn a_mark_is_a_trace_context() {
    let mark = Mark::new();
    assert_eq!(mark.traceparent(Recording::On).len(), 55);
    assert!(
        mark.traceparent(Recording::On).ends_with("-01") && mark.traceparent(Recording::Off).ends_with("-00")
    );
    assert_ne!(mark, Mark::new());
}

#[test]
fn wrong_usage_tells_what_is_right() {
    let words =
        |entry: &str, header: &str| Probe::new(entry, None, &[header.to_owned()]).unwrap_err().to_string();
    assert!(words("https://a/", "a: b").contains("write http://HOST:PORT/PATH"));
    assert!(words("http://a/", "a").contains("write NAME: VALUE"));
}

#[test]
fn the_median_is_the_middle() {
    let times = [30, 10, 20].map(Duration::from_nanos).to_vec();
    assert_eq!((overhead::median(times), overhead::median(Vec::new())), (20, 0));
}
