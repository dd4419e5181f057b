//! The live line: overwritten in place on a terminal, one line after another elsewhere.

use std::io::{IsTerminal, Write, stdout};

use harness::collector::api::Status;

use crate::traffic::Counts;

/// Where the live line goes.
pub(crate) struct LiveLine {
    ending: &'static str,
}

impl LiveLine {
    /// Looks whether a person is watching.
    pub(crate) fn new() -> Self {
        // Carriage return and "erase to the end of the line" keep the line where it is.
        Self { ending: if stdout().is_terminal() { "\x1b[K\r" } else { "\n" } }
    }

    /// Shows the numbers of this moment.
    pub(crate) fn show(&mut self, counts: &Counts, status: &Status) {
        let Counts { sent, failed } = counts;
        let Status { spans_received, traces_complete, traces_incomplete, .. } = status;
        let mut out = stdout().lock();
        // There is nobody left to tell when standard output is gone.
        let _ = write!(
            out,
            "requests {sent} sent, {failed} failed | spans {spans_received} | traces {traces_complete} complete, \
             {traces_incomplete} incomplete{}",
            self.ending
        );
        let _ = out.flush();
    }

    /// Says something that stays, on a line of its own.
    pub(crate) fn say(&mut self, text: &str) {
        let erase = if self.ending == "\n" { "" } else { "\x1b[K" };
        println!("{text}{erase}");
    }

    /// Leaves the last line standing.
    pub(crate) fn finish(&mut self) {
        if self.ending != "\n" {
            println!();
        }
    }
}
