//! Waits for conditions with a deadline, and gives up at once when the user interrupts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is an answer; the error says what did not come about in time.
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = look()? {
            return Ok(answer);
        }
        stop_if_interrupted()?;
        if start.elapsed() > deadline {
            bail!("{what}: not after {} s", deadline.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Waits until a value has stayed the same for a while; gives that value.
pub fn until_quiet<T: PartialEq>(
    what: &str,
    quiet_for: Duration,
    deadline: Duration,
    mut look: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut last = look()?;
    let mut since = Instant::now();
    until(what, deadline, || {
        let now = look()?;
        if now != last {
            last = now;
            since = Instant::now();
            return Ok(None);
        }
        Ok((since.elapsed() >= quiet_for).then_some(()))
    })?;
    Ok(last)
}

/// The user asked to stop.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

fn interrupt_flag() -> &'static Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(Arc::default)
}

/// From now on SIGINT and SIGTERM only ask to stop, so that everything started is stopped in order; asked again, they
/// end the process at once.
pub fn catch_interrupts() -> Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(interrupt_flag()))?;
        signal_hook::flag::register(signal, Arc::clone(interrupt_flag()))?;
    }
    Ok(())
}

/// An error as soon as the user asked to stop.
pub fn stop_if_interrupted() -> Result<()> {
    if interrupt_flag().load(Ordering::Relaxed) {
        return Err(Interrupted.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
