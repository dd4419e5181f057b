//! Follows the tail of a collector, and finds it again after it went away.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::thread;
use std::time::Duration;

use super::client::{Client, ClientError, Stream};
use super::paint::{Paint, clean};
use super::{ListOutput, summary_table};
use crate::query::answer::Summary;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Far more than a summary takes.
const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// What a stream of events says, as far as it matters here.
enum Heard {
    Summary(String),
    Remark(String),
    Nothing,
}

/// Prints traces as they are told, until `limit` of them are printed. A collector that is not there at the beginning is
/// an error; one that goes away later is waited for.
pub(super) fn follow(
    client: &Client,
    parameters: &[(&str, &str)],
    limit: Option<u64>,
    style: ListOutput,
    paint: Paint,
    output: &mut impl Write,
) -> Result<(), ClientError> {
    let mut printer = Printer { left: limit, style, paint, is_headed: false };
    let mut stream = client.open_stream("/api/v1/tail", parameters)?;
    while printer.print_all(stream, output)? == Ended::ByServer {
        remark(&format!("the collector at {} went away; waiting for it", client.server()));
        stream = reopen(client, parameters)?;
        remark(&format!("the collector at {} is back; traces in between were not seen", client.server()));
    }
    Ok(())
}

fn reopen(client: &Client, parameters: &[(&str, &str)]) -> Result<Stream, ClientError> {
    let mut pause = FIRST_PAUSE;
    loop {
        thread::sleep(pause);
        match client.open_stream("/api/v1/tail", parameters) {
            Err(ClientError::Unreachable { .. } | ClientError::Busy { .. }) => {
                pause = (pause * 2).min(LONGEST_PAUSE)
            }
            other => return other,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    ByServer,
    ByLimit,
}

pub(super) struct Printer {
    pub(super) left: Option<u64>,
    pub(super) style: ListOutput,
    pub(super) paint: Paint,
    pub(super) is_headed: bool,
}

impl Printer {
    pub(super) fn print_all(
        &mut self,
        stream: impl Read,
        output: &mut impl Write,
    ) -> Result<Ended, ClientError> {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            let read = stream.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
            // A line without an end was cut off by the connection, not by the collector.
            if read.is_err() || line.last() != Some(&b'\n') {
                return Ok(Ended::ByServer);
            }
            match hear(String::from_utf8_lossy(&line).trim_end()) {
                Heard::Summary(json) => self.print(&json, output)?,
                Heard::Remark(words) => remark(&words),
                Heard::Nothing => {}
            }
            if self.left == Some(0) {
                return Ok(Ended::ByLimit);
            }
        }
    }

    fn print(&mut self, json: &str, output: &mut impl Write) -> Result<(), ClientError> {
        let not_understood = |error: serde_json::Error| {
            ClientError::Failed(format!(
                "an event is not understood ({error}): is the collector of another version?"
            ))
        };
        match self.style {
            ListOutput::Ndjson => writeln!(output, "{json}")?,
            ListOutput::Json => {
                let summary: serde_json::Value = serde_json::from_str(json).map_err(not_understood)?;
                super::print_json(&summary, output)?;
            }
            ListOutput::Table => {
                let summary: Summary = serde_json::from_str(json).map_err(not_understood)?;
                if !std::mem::replace(&mut self.is_headed, true) {
                    writeln!(output, "{}", summary_table::heading(self.paint))?;
                }
                writeln!(output, "{}", summary_table::row(&summary, self.paint))?;
            }
        }
        output.flush()?;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(())
    }
}

/// The collector writes each event's data on one line, and tells of skipped traces by comments.
fn hear(line: &str) -> Heard {
    if let Some(data) = line.strip_prefix("data:") {
        return Heard::Summary(data.trim_start().to_owned());
    }
    match line.strip_prefix(':').map(str::trim) {
        Some(words) if words.contains("skipped") => Heard::Remark(words.to_owned()),
        _ => Heard::Nothing,
    }
}

/// Remarks go beside the output, so that the output stays clean.
pub(super) fn remark(words: &str) {
    // Nothing can be told when standard error is closed.
    let _is_told = writeln!(io::stderr(), "{}", clean(words));
}

#[cfg(test)]
mod tests;
