//! Which scenarios run, and what is counted.

use super::*;

/// The names of those that ran.
struct Ran(Vec<&'static str>);

impl Fixture for &mut Ran {
    fn keep_run(&self) -> String {
        "nowhere".to_owned()
    }
}

fn first(ran: &mut &mut Ran) -> Result<()> {
    ran.0.push("first");
    Ok(())
}

fn second(ran: &mut &mut Ran) -> Result<()> {
    ran.0.push("second");
    bail!("broken")
}

fn third(ran: &mut &mut Ran) -> Result<()> {
    ran.0.push("third");
    panic!("broken as well")
}

/// Who ran, and how many passed, failed and were left out.
fn run(wanted: &[&str]) -> (Vec<&'static str>, usize, usize, usize) {
    let mut ran = Ran(Vec::new());
    let mut runner = Runner::new(wanted.iter().map(|word| (*word).to_owned())).unwrap();
    let scenarios =
        [scenario("one_is_sent", first), scenario("two_is_seen", second), scenario("three_is_gone", third)];
    runner.group("a group", || Ok(&mut ran), &scenarios);
    let (passed, failed, filtered) = (runner.passed, runner.failures.len(), runner.filtered);
    (ran.0, passed, failed, filtered)
}

#[test]
fn all_run_when_nothing_is_said() {
    assert_eq!(run(&[]), (vec!["first", "second", "third"], 1, 2, 0));
}

#[test]
fn what_comes_before_a_wanted_one_in_its_group_runs_too() {
    assert_eq!(run(&["two_is"]), (vec!["first", "second"], 1, 1, 1));
    assert_eq!(run(&["--nocapture", "one_is", "two_is"]), (vec!["first", "second"], 1, 1, 1));
}

#[test]
fn a_group_of_which_nothing_is_wanted_is_not_started() {
    assert_eq!(run(&["four"]), (vec![], 0, 0, 3));
}

#[test]
fn an_unknown_flag_is_refused() {
    let error = Runner::new(["--list-all".to_owned()].into_iter()).err().unwrap().to_string();
    assert!(error.contains("unknown flag --list-all"), "{error}");
}
