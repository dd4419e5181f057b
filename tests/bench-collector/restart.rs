//! How long it takes from `kill -9` to the first answer, with everything still in the log.

use std::time::Instant;

use anyhow::{Result, ensure};
use harness::http::Client;

use crate::server::Server;

/// One restart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    pub(crate) spans: u64,
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
}

/// Kills the collector and starts it again on the same data.
pub(crate) fn measure(server: &mut Server) -> Result<Restart> {
    server.collector.kill();
    let begin = Instant::now();
    server.collector.restart()?;
    let answer =
        Client::new().get(&format!("{}/api/v1/traces?service=gateway&limit=1", server.collector.url()))?;
    let wall_s = begin.elapsed().as_secs_f64();
    ensure!(
        answer.status == 200 && answer.text()?.contains("trace_id"),
        "no trace was found after the restart"
    );
    Ok(Restart { spans: server.metric("throughline_spans_live")? as u64, wall_s, cpu_s: server.cpu_s()? })
}
