//! Children are stopped by id and explain themselves when they fail.

use std::process::Command;
use std::time::Duration;

use super::Process;
use crate::run_directory::RunDirectory;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn is_alive(id: u32) -> bool {
    std::path::Path::new(&format!("/proc/{id}")).exists()
}

#[test]
fn a_dropped_process_has_ended() {
    let run = RunDirectory::create().unwrap();
    let process = Process::start("sleeper", shell("exec sleep 600"), &run.log("sleeper")).unwrap();
    let id = process.id();
    assert!(is_alive(id));
    drop(process);
    assert!(!is_alive(id));
}

#[test]
fn a_process_outlives_the_thread_that_asked_for_it() {
    let run = RunDirectory::create().unwrap();
    let log = run.log("sleeper");
    let start = std::thread::spawn(move || Process::start("sleeper", shell("exec sleep 600"), &log).unwrap());
    let mut process = start.join().unwrap();
    process.wait_ready(Duration::from_secs(5), || true).unwrap();
    assert!(process.resident_bytes().unwrap() > 0);
}

#[test]
fn a_process_that_ends_early_shows_the_end_of_its_log() {
    let run = RunDirectory::create().unwrap();
    let script = "echo no such thing >&2; exit 3";
    let mut process = Process::start("faulty", shell(script), &run.log("faulty")).unwrap();
    let error = process.wait_ready(Duration::from_secs(5), || false).unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("no such thing"), "{error}");
    assert!(error.contains("faulty ended with exit status: 3"), "{error}");
}
