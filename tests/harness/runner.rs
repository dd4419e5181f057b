//! Runs scenarios in order, those of a group on one shared fixture, and reports as other Rust tests do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Error, Result, anyhow, bail};

use crate::mesh::Mesh;
use crate::run_directory::RunDirectory;
use crate::wait::{self, Interrupted};

/// What the scenarios of a group share.
pub trait Fixture {
    /// Leaves the files of the run behind; gives the path.
    fn keep_run(&self) -> String;
}

impl Fixture for Mesh {
    fn keep_run(&self) -> String {
        Self::keep_run(self)
    }
}

impl Fixture for RunDirectory {
    fn keep_run(&self) -> String {
        self.keep().display().to_string()
    }
}

/// One thing to show.
pub struct Scenario<T> {
    name: &'static str,
    run: fn(&mut T) -> Result<()>,
}

/// A scenario by its name, which is a sentence.
pub fn scenario<T>(name: &'static str, run: fn(&mut T) -> Result<()>) -> Scenario<T> {
    Scenario { name, run }
}

/// Why a scenario could show nothing on this machine: what it needs comes in no package.
#[derive(Debug)]
struct DidNotRun(String);

impl std::fmt::Display for DidNotRun {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for DidNotRun {}

/// Ends a scenario that could show nothing: it counts neither as passed nor as failed, and `make test` repeats the reason.
pub fn did_not_run(reason: impl Into<String>) -> Error {
    DidNotRun(reason.into()).into()
}

/// Counts what passed and what failed.
pub struct Runner {
    wanted: Vec<String>,
    start: Instant,
    passed: usize,
    not_run: usize,
    filtered: usize,
    failures: Vec<String>,
}

impl Runner {
    /// Takes the words a test binary gets: parts of the names of the scenarios to run, and flags of `cargo test`.
    pub fn new(words: impl Iterator<Item = String>) -> Result<Self> {
        let mut wanted = Vec::new();
        for word in words {
            match word.as_str() {
                "--nocapture" | "--no-capture" | "--show-output" => {}
                flag if flag.starts_with("--test-threads=") => {}
                flag if flag.starts_with('-') => {
                    bail!("unknown flag {flag}; parts of scenario names would be right")
                }
                _ => wanted.push(word),
            }
        }
        wait::catch_interrupts()?;
        Ok(Self { wanted, start: Instant::now(), passed: 0, not_run: 0, filtered: 0, failures: Vec::new() })
    }

    /// Starts the fixture when one of its scenarios is wanted, and runs those on it up to the last that is: they run in
    /// order, and one may need what another has sent or broken.
    pub fn group<T: Fixture>(
        &mut self,
        title: &str,
        start: impl FnOnce() -> Result<T>,
        scenarios: &[Scenario<T>],
    ) {
        let last = scenarios.iter().rposition(|scenario| self.wants(scenario.name));
        let (chosen, filtered) = scenarios.split_at(last.map_or(0, |last| last + 1));
        self.filtered += filtered.len();
        if chosen.is_empty() {
            return;
        }
        println!("\n{title}");
        let mut fixture = wait::stop_if_interrupted().and_then(|()| start());
        for scenario in chosen {
            let begin = Instant::now();
            let outcome = match &mut fixture {
                Ok(fixture) => run_one(scenario, fixture),
                Err(error) => Err(anyhow!("{error:#}")),
            };
            self.report(scenario.name, begin, outcome, fixture.as_ref().ok());
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|part| name.contains(part))
    }

    /// The line that tools look for, and the exit code.
    pub fn finish(self) -> ExitCode {
        let failed = self.failures.len();
        if failed > 0 {
            println!("\nfailures:\n    {}", self.failures.join("\n    "));
        }
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        println!(
            "\ntest result: {verdict}. {} passed; {failed} failed; {} ignored; 0 measured; {} filtered out; \
             finished in {:.2}s",
            self.passed,
            self.not_run,
            self.filtered,
            self.start.elapsed().as_secs_f64()
        );
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn report<T: Fixture>(&mut self, name: &str, begin: Instant, outcome: Result<()>, fixture: Option<&T>) {
        let seconds = begin.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                println!("test {name} ... ok ({seconds:.1} s)");
                self.passed += 1;
            }
            Err(error) if error.is::<DidNotRun>() => {
                println!("test {name} ... DID NOT RUN: {error}");
                self.not_run += 1;
            }
            Err(error) => {
                println!("{error:#}");
                if let Some(fixture) = fixture.filter(|_| !error.is::<Interrupted>()) {
                    println!("files of the run: {}", fixture.keep_run());
                }
                println!("test {name} ... FAILED ({seconds:.1} s)");
                self.failures.push(name.to_owned());
            }
        }
    }
}

/// A panic in one scenario must not hide the others.
fn run_one<T>(scenario: &Scenario<T>, fixture: &mut T) -> Result<()> {
    wait::stop_if_interrupted()?;
    catch_unwind(AssertUnwindSafe(|| (scenario.run)(fixture))).unwrap_or_else(|_| bail!("panicked"))
}

#[cfg(test)]
mod tests;
