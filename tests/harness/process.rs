//! Processes that we started: each is stopped by its id, when its owner is dropped or dies.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

use crate::wait;

/// How long a process may take to end after SIGTERM before it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// How much of a log an error shows.
const TAIL_LINES: usize = 25;

/// One process that we started.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command with its output going to a log file.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let output = open_log(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let program = command.get_program().to_owned();
        let child = spawn(command).with_context(|| format!("start {name}: {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The resident memory of the process.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.memory_bytes("VmRSS:")
    }

    /// The most that was ever resident.
    pub fn peak_resident_bytes(&self) -> Result<u64> {
        self.memory_bytes("VmHWM:")
    }

    fn memory_bytes(&self, label: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(&path).with_context(|| format!("{} has ended", self.name))?;
        let line = status.lines().find_map(|line| line.strip_prefix(label));
        let kibibytes =
            line.and_then(|line| line.split_whitespace().next()).with_context(|| format!("no {label}"))?;
        Ok(kibibytes.parse::<u64>()? * 1024)
    }

    /// Processor time of all its threads so far, those that have ended included, in seconds.
    pub fn cpu_s(&self) -> Result<f64> {
        cpu_s(&self.id().to_string())
    }

    /// Waits until the process answers; the error shows the end of its log.
    pub fn wait_ready(&mut self, deadline: Duration, mut is_ready: impl FnMut() -> bool) -> Result<()> {
        let what = format!("{} is ready", self.name);
        let outcome = wait::until(&what, deadline, || {
            if let Some(status) = self.ended()? {
                bail!("{} ended with {status}", self.name);
            }
            Ok(is_ready().then_some(()))
        });
        outcome.with_context(|| self.log_tail())
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks the process to end, without waiting for it.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for the end after [`Self::terminate`], and kills the process when that takes too long.
    pub fn wait_end(&mut self) -> Option<ExitStatus> {
        let end = wait_child(&mut self.child, STOP_DEADLINE);
        if end.is_none() {
            return self.kill();
        }
        end
    }

    /// Ends the process at once, as a crash would.
    pub fn kill(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::KILL);
        self.child.wait().ok()
    }

    /// The last lines the process wrote.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        format!("the end of {}:\n  {}", self.log.display(), tail.join("\n  "))
    }

    /// Everything the process wrote.
    pub fn log_text(&self) -> Result<String> {
        let bytes = std::fs::read(&self.log).with_context(|| self.log.display().to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn signal(&self, signal: Signal) {
        // The id stays ours until the child is waited for, so this never meets another process; a child that has
        // ended already is what we want.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Processor time of this process so far, in seconds.
pub fn own_cpu_s() -> Result<f64> {
    cpu_s("self")
}

fn cpu_s(pid: &str) -> Result<f64> {
    /// The kernel counts in hundredths of a second towards programs, whatever it counts in itself.
    const TICKS_PER_S: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold blanks.
    let (_, fields) = text.rsplit_once(')').context("no process name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64> { Ok(fields.get(index).context("too few fields")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
            self.wait_end();
        }
    }
}

/// Waits without regard to interrupts: this is what an interrupt leads to.
fn wait_child(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    let start = std::time::Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if start.elapsed() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn open_log(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("log file {}", path.display()))
}

/// A command on its way to the thread that starts everything, and the way back for its child.
type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Starts a command so that it dies when we die, however we die.
///
/// Linux delivers the parent-death signal when the *thread* that started the child ends, so one thread that lives as
/// long as the process starts them all.
fn spawn(command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                die_with_parent(&mut command);
                // Nobody waits any more when this fails.
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });
    let (reply, answer) = mpsc::channel();
    spawner.send((command, reply)).ok().context("the spawner has ended")?;
    Ok(answer.recv().context("the spawner has ended")??)
}

#[allow(
    unsafe_code,
    reason = "the only way to set the parent-death signal of a child; prctl is async-signal-safe"
)]
fn die_with_parent(command: &mut Command) {
    // A group of its own, so that Ctrl-C reaches only us and we stop the children in order.
    command.process_group(0);
    // SAFETY: the closure makes one system call and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?));
    }
}

#[cfg(test)]
mod tests;
