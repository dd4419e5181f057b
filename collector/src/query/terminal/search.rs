//! Prints the traces that match: in a table or as one answer once all are found, or a line for each as it is found.

use std::io::{BufRead as _, BufReader, Read as _, Write};

use serde_json::Value;

use super::client::{self, Client, ClientError};
use super::paint::Paint;
use super::{ListOutput, SearchOptions, follow, print_json, summary_table};
use crate::query::answer::{Problem, Search, Traces};
use crate::query::progress::Progress;

const PATH: &str = "/api/v1/traces";
/// Far more than a summary takes.
const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// Asks, and prints as the options say.
pub(super) fn search(options: &SearchOptions, output: &mut impl Write) -> Result<(), ClientError> {
    let client = Client::new(&options.server.server)?;
    let (found, search) = match options.output {
        ListOutput::Ndjson => print_lines(&client, options, output)?,
        ListOutput::Json | ListOutput::Table => print_at_once(&client, options, output)?,
    };
    if let (Some(stopped), Some(next)) = (&search.stopped, &search.next) {
        let read = search.inspected.traces;
        follow::remark(&format!(
            "the search ended after {read} traces by its bound on {stopped}: go on with --after {next}"
        ));
    }
    if found == 0 {
        return Err(ClientError::NothingFound("no trace matches".to_owned()));
    }
    Ok(())
}

fn print_at_once(
    client: &Client,
    options: &SearchOptions,
    output: &mut impl Write,
) -> Result<(usize, Search), ClientError> {
    let answer = client.get(PATH, &options.parameters())?;
    let Traces { traces, search } = client::read_as(answer.clone())?;
    if options.output == ListOutput::Json {
        print_json(&answer, output)?;
    } else if !traces.is_empty() {
        let paint = Paint::for_output();
        writeln!(output, "{}", summary_table::heading(paint))?;
        for summary in &traces {
            writeln!(output, "{}", summary_table::row(summary, paint))?;
        }
    }
    Ok((traces.len(), search))
}

/// The collector writes each trace when it has found it, and how the search went in the last line.
fn print_lines(
    client: &Client,
    options: &SearchOptions,
    output: &mut impl Write,
) -> Result<(usize, Search), ClientError> {
    let mut waiting = Some(Progress::of(format!("waiting for the answer of {}", client.server())));
    let mut stream = BufReader::new(client.open_lines(PATH, &options.parameters())?);
    let mut found = 0;
    loop {
        let mut line = Vec::new();
        let read = stream.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        drop(waiting.take());
        if read.is_err() || line.last() != Some(&b'\n') {
            return Err(ClientError::Unreachable {
                server: client.server().to_owned(),
                reason: format!("it went away in the middle of its answer, after {found} traces"),
            });
        }
        let value: Value =
            serde_json::from_slice(&line).map_err(|_| client.no_collector("its answer is not JSON"))?;
        if value.get("trace_id").is_some() {
            output.write_all(&line)?;
            output.flush()?;
            found += 1;
        } else if value.get("detail").is_some() {
            let problem: Problem = client::read_as(value)?;
            return Err(client.refused(problem.status, problem.detail));
        } else {
            return Ok((found, client::read_as(value)?));
        }
    }
}

#[cfg(test)]
mod tests;
