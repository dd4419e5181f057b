//! Waiting ends with an answer, or with an error that says what was waited for.

use std::time::Duration;

use super::{until, until_quiet};

#[test]
fn gives_the_first_answer() {
    let mut looks = 0;
    let answer = until("a third look", Duration::from_secs(10), || {
        looks += 1;
        Ok((looks == 3).then_some(looks))
    });
    assert_eq!(answer.unwrap(), 3);
}

#[test]
fn says_what_did_not_come() {
    let error = until::<()>("the end of the world", Duration::ZERO, || Ok(None)).unwrap_err();
    assert!(error.to_string().contains("the end of the world: not after 0 s"), "{error}");
}

#[test]
fn a_failing_look_ends_the_wait() {
    let error = until::<()>("anything", Duration::from_secs(600), || anyhow::bail!("broken")).unwrap_err();
    assert_eq!(error.to_string(), "broken");
}

#[test]
fn a_value_is_quiet_once_it_stays_the_same() {
    let mut numbers = [1, 2, 3].into_iter().chain(std::iter::repeat(4));
    let quiet = until_quiet("quiet", Duration::from_millis(1), Duration::from_secs(10), || {
        Ok(numbers.next().expect("it has no end"))
    });
    assert_eq!(quiet.unwrap(), 4);
}
