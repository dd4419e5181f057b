//! `throughline verify` and `throughline doctor`: a sound mesh is found sound, and each of six faults put in on purpose is found.

mod broken;

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::mesh::Mesh;

pub(crate) use broken::{faults_are_found, start as start_broken, verify_names_the_missing_hop};

/// Runs our command; gives its output and prints it.
fn throughline(words: &[&str]) -> Result<Output> {
    let output = Command::new(artefacts::collector()?).args(words).output().context("run throughline")?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("  $ throughline {}", words.join(" "));
    text.lines()
        .chain(String::from_utf8_lossy(&output.stderr).lines())
        .for_each(|line| println!("    {line}"));
    Ok(output)
}

pub(crate) fn verify_follows_a_request(mesh: &mut Mesh) -> Result<()> {
    let (url, entry) =
        (mesh.collector()?.url(), format!("http://127.0.0.1:{}/", mesh.visitor().gateway_port()));
    let output = throughline(&[
        "verify",
        "--entry",
        &entry,
        "--host",
        "shop.example.com",
        "--server",
        &url,
        "--pairs",
        "10",
    ])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(0), "a sound mesh is not verified: {}", output.status);
    for hop in
        ["gateway", "frontend", "cart", "currency", "recommendations", "complete", "overhead: 10 recorded"]
    {
        ensure!(text.contains(hop), "`{hop}` is not told");
    }
    let nobody = throughline(&["verify", "--entry", "http://127.0.0.1:1/", "--server", &url])?;
    ensure!(nobody.status.code() == Some(3), "an entry that nobody listens at gives {}", nobody.status);
    Ok(())
}

pub(crate) fn doctor_finds_nothing(mesh: &mut Mesh) -> Result<()> {
    let url = mesh.collector()?.url();
    let admins: Vec<String> = mesh.envoys().map(|(_, envoy)| envoy.admin_url("")).collect();
    ensure!(admins.len() > 8, "only {} proxies", admins.len());
    let mut words = vec!["doctor", "--server", &url];
    admins.iter().for_each(|admin| words.extend(["--admin", admin]));
    let visitor = mesh.visitor();
    let output = std::thread::scope(|scope| {
        let visiting = scope.spawn(|| visitor.visit_often("doctor-", &["/"], 60, 2));
        let output = throughline(&words);
        visiting.join().expect("visitors do not panic")?;
        output
    })?;
    ensure!(output.status.code() == Some(0), "something is wrong with a sound mesh: {}", output.status);
    ensure!(String::from_utf8_lossy(&output.stdout).contains("nothing is wrong"), "the verdict is missing");
    Ok(())
}
