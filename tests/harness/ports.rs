//! Free ports on the loopback address, below the range the system picks for outgoing connections.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// Below 32768, where Linux begins to hand out ports for outgoing connections: a port found free here stays free until
/// the process it is meant for listens on it.
const FIRST_PORT: u32 = 20_000;
const PORT_COUNT: u32 = 12_000;

/// A port nobody listens on, never the same twice in a process.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Runs side by side begin at different places.
    let offset = std::process::id().wrapping_mul(97);
    for _ in 0..PORT_COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST_PORT + offset.wrapping_add(step) % PORT_COUNT)?;
        if is_free(port) {
            return Ok(port);
        }
    }
    None.with_context(|| format!("no free port from {FIRST_PORT} to {}", FIRST_PORT + PORT_COUNT))
}

/// Whether nobody listens on this port of the loopback address.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests;
