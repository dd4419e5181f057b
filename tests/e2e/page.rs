//! The web page in a real browser, on the traces of a real mesh.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::mesh::Mesh;

/// The browser check prints one line for each thing it looked at; its exit status is the verdict.
pub(crate) fn page_shows_the_traces(mesh: &mut Mesh) -> Result<()> {
    let script = artefacts::root().join("collector/ui/e2e/page.mjs");
    let mut command = Command::new("node");
    command.arg(&script).arg(mesh.collector()?.url()).stdin(Stdio::null());
    let status = command.status().context("run node; apt-get install nodejs, then `make tools`")?;
    ensure!(status.success(), "{} ended with {status}", script.display());
    Ok(())
}
