//! The script that counts the tests: a part that never ran must not look like one that passed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::tree::root;

/// An empty folder for one test, in which the script keeps its results.
fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("run-part-{name}"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
    std::fs::create_dir_all(&folder).expect("cargo's folder for tests takes folders");
    folder
}

fn run_part(folder: &Path, words: &[&str]) -> Output {
    let script = root().join("tools/run-part");
    Command::new(script).args(words).current_dir(folder).output().expect("bash is installed")
}

/// Lays down results and checks the last line of the sum over these parts, and that it says what the exit status says.
fn check_sum(results: &[(&str, &str)], parts: &[&str], last_line: &str) {
    let folder = empty_folder("sum");
    run_part(&folder, &["--reset"]);
    for (part, result) in results {
        std::fs::write(folder.join(format!("target/parts/{part}.result")), result).expect("it takes files");
    }
    let output = run_part(&folder, &[&["--sum"], parts].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.lines().last(), Some(last_line), "{results:?} {parts:?}: {text}");
    assert_eq!(output.status.success(), last_line.ends_with(" 0 failed"), "{results:?} {parts:?}: {text}");
}

#[test]
fn a_part_without_a_result_counts_as_a_failure() {
    let (unit, wasm) = (("unit", "unit 7 0 3\n"), ("wasm", "wasm 5 0 2\n"));
    let both = ["unit", "wasm"];
    check_sum(&[unit, wasm], &both, "12 passed, 0 failed");
    check_sum(&[unit], &both, "7 passed, 1 failed");
    check_sum(&[unit, ("wasm", "")], &both, "7 passed, 1 failed");
    check_sum(&[unit, ("wasm", "wasm 4 1 2\n")], &both, "11 passed, 1 failed");
    check_sum(&[], &both, "0 passed, 2 failed");
}

#[test]
fn a_sum_of_no_parts_is_refused() {
    assert_eq!(run_part(&empty_folder("none"), &["--sum"]).status.code(), Some(2));
}

#[test]
fn a_command_that_counts_nothing_is_a_failure() {
    let folder = empty_folder("count");
    let succeeds = |command: &[&str]| run_part(&folder, &[&["unit"], command].concat()).status.success();
    assert!(!succeeds(&["true"]));
    assert!(!succeeds(&["false"]));
    assert!(succeeds(&["echo", "test result: ok. 3 passed; 0 failed"]));
    assert!(!succeeds(&["echo", "test result: FAILED. 3 passed; 1 failed"]));
}

#[test]
fn what_did_not_run_is_said_above_the_sum() {
    let folder = empty_folder("absent");
    let output = "test a ... ok (1 s)\n  DID NOT RUN: half of b\ntest c ... DID NOT RUN: C names no folder\n\
                  test result: ok. 1 passed; 0 failed; 1 ignored";
    assert!(run_part(&folder, &["unit", "printf", "%s\n", output]).status.success());
    let sum = run_part(&folder, &["--sum", "unit"]);
    let text = String::from_utf8_lossy(&sum.stdout);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let heading = "DID NOT RUN on this machine, and is in no count:";
    assert_eq!(lines, [heading, "  unit: half of b", "  unit: c: C names no folder", "1 passed, 0 failed"]);
}
