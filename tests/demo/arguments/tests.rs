//! The command line is strict, and says what would be right.

use super::{Arguments, Duration};

fn read(words: &str) -> Result<Arguments, String> {
    Arguments::read(words.split_whitespace().map(str::to_owned)).map_err(|error| format!("{error:#}"))
}

#[test]
fn runs_until_interrupted_by_default() {
    assert_eq!(read(""), Ok(Arguments { duration: None, requests_per_second: 20 }));
}

#[test]
fn takes_durations_with_a_unit() {
    assert_eq!(read("--duration 20s").unwrap().duration, Some(Duration::from_secs(20)));
    assert_eq!(read("--duration 2m").unwrap().duration, Some(Duration::from_secs(120)));
    for wrong in ["20", "0s", "s", "20d", "-1s"] {
        let error = read(&format!("--duration {wrong}")).unwrap_err();
        assert!(error.contains("20s, 5m or 1h would be right"), "{error}");
    }
}

#[test]
fn names_the_flags_it_knows() {
    assert!(read("--durations 20s").unwrap_err().contains("--duration 20s"));
    assert!(read("--rate 0").unwrap_err().contains("from 1 to 500"));
}
