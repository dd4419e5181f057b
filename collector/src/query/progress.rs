//! Says on a terminal what takes long, and wipes it away when it is done; elsewhere it says nothing.

use std::env;
use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is faster needs no words.
const PATIENCE: Duration = Duration::from_secs(1);
/// Back to the first column, and everything behind it away (ECMA-48: EL).
const WIPE: &str = "\r\u{1b}[K";

/// Work under way; it is done when this is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    work: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Tells of work on standard error if that is a terminal.
    pub(super) fn of(words: impl Into<String>) -> Self {
        let is_dumb = env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        if is_dumb || !io::stderr().is_terminal() {
            return Self { work: None };
        }
        Self::told_to(io::stderr(), words.into(), PATIENCE)
    }

    fn told_to(mut output: impl Write + Send + 'static, words: String, patience: Duration) -> Self {
        let (work, end) = channel::<()>();
        let begun = Instant::now();
        let teller = move || {
            let mut is_told = false;
            while end.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                is_told = true;
                let seconds = begun.elapsed().as_secs();
                // Nothing can be told when the terminal has gone.
                let _is_seen = write!(output, "{WIPE}{words} ({seconds} s)").and_then(|()| output.flush());
            }
            if is_told {
                let _is_seen = write!(output, "{WIPE}").and_then(|()| output.flush());
            }
        };
        // Without a thread the work goes on in silence.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(teller);
        Self { work: thread.ok().map(|thread| (work, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((work, thread)) = self.work.take() {
            drop(work);
            // The line has to be away before anything else is printed.
            let _has_ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
