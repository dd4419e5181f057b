//! `throughline verify` and `throughline doctor`: a sound mesh is found sound, each fault put in on purpose is found, and every exit
//! code that is documented comes.

mod broken;

use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::collector::api::Status;
use harness::mesh::Mesh;
use harness::wait;

pub(crate) use broken::{
    faults_are_found, findings_are_told, start as start_broken, verify_names_the_missing_hop,
};

const DEADLINE: Duration = Duration::from_secs(60);

/// Runs our command; gives its output and prints it.
pub(crate) fn throughline(words: &[&str]) -> Result<Output> {
    let output = Command::new(artefacts::collector()?).args(words).output().context("run throughline")?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("  $ throughline {}", words.join(" "));
    text.lines()
        .chain(String::from_utf8_lossy(&output.stderr).lines())
        .for_each(|line| println!("    {line}"));
    println!("    {}", output.status);
    Ok(output)
}

pub(crate) fn verify_follows_a_request(mesh: &mut Mesh) -> Result<()> {
    let (url, entry) =
        (mesh.collector()?.url(), format!("http://127.0.0.1:{}/", mesh.visitor().gateway_port()));
    let before = mesh.api()?.status()?;
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
    all_say_complete(mesh, &text, &before)
}

/// What `verify` found whole is whole for everybody else, and so are the traces of its pairs.
fn all_say_complete(mesh: &Mesh, told: &str, before: &Status) -> Result<()> {
    let url = mesh.collector()?.url();
    let trace_id =
        told.lines().find_map(|line| line.strip_prefix("trace ")?.split(' ').next()).context("an id")?;
    let output = throughline(&["trace", trace_id, "--server", &url])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        text.contains("throughline-verify") && text.trim_end().ends_with("complete"),
        "trace says otherwise"
    );
    ensure!(!text.contains("incomplete") && !text.contains("missing-parent"), "trace says otherwise");
    let api = mesh.api()?;
    let mut last = None;
    let all = wait::until("every trace of verify judged complete", DEADLINE, || {
        let now = api.status()?;
        let is_right = now.traces_complete >= before.traces_complete + 11
            && now.traces_incomplete <= before.traces_incomplete;
        last = Some(now);
        Ok(is_right.then_some(()))
    });
    all.with_context(|| format!("before {before:?}, then {last:?}"))
}

/// The codes besides 0 and 1, which the other scenarios see.
pub(crate) fn exit_codes_are_as_documented(mesh: &mut Mesh) -> Result<()> {
    let url = mesh.collector()?.url();
    let entry = format!("http://127.0.0.1:{}/", mesh.visitor().gateway_port());
    let nobody = "http://127.0.0.1:1/";
    let cases: [(&[&str], i32, &str); 12] = [
        (&["verify", "--entry", nobody, "--server", &url], 3, "cannot be reached"),
        (&["verify", "--entry", &entry, "--server", nobody], 3, "cannot be reached"),
        (&["verify", "--entry", &entry, "--server", &url, "--otlp", nobody], 3, "--otlp URL"),
        (&["verify", "--server", &url], 2, "--entry"),
        (
            &["verify", "--entry", "https://shop.example.com/", "--server", &url],
            2,
            "write http://HOST:PORT/PATH",
        ),
        (&["verify", "--entry", &entry, "--header", "nonsense", "--server", &url], 2, "write NAME: VALUE"),
        (&["verify", "--entry", &entry, "--wait", "0", "--server", &url], 2, "1..=600"),
        (&["doctor", "--admin", nobody, "--watch", "1", "--server", &url], 1, "[proxy-unreadable]"),
        (&["doctor", "--server", nobody], 1, "[collector-unreachable]"),
        (&["doctor", "--admin", "https://127.0.0.1:15000", "--server", &url], 2, "only plain http"),
        (
            &["doctor", "--admin", "nonsense", "--server", &url],
            2,
            "the admin address \"nonsense\" is not usable: only plain http is spoken; write http://HOST:PORT, such as \
             http://127.0.0.1:15000",
        ),
        (&["doctor", "--watch", "0", "--server", &url], 2, "1..=60"),
    ];
    for (words, code, told) in cases {
        let output = throughline(words)?;
        let text = [output.stdout, output.stderr].concat();
        ensure!(output.status.code() == Some(code), "{words:?} gives {}, not {code}", output.status);
        ensure!(String::from_utf8_lossy(&text).contains(told), "{words:?} does not tell `{told}`");
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").context("/dev/full")?;
    let mut command = Command::new(artefacts::collector()?);
    let status = command.args(["doctor", "--server", &url]).stdout(full).status()?;
    println!("  $ throughline doctor > /dev/full\n    {status}");
    ensure!(status.code() == Some(3), "an output that is full gives {status}");
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
