//! The collector started with the arguments and the files that its pod gives it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::artefacts;
use harness::http::Client;
use harness::ports::free_port;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use serde_json::Value;

use crate::objects::{Rendered, items, kind, name};

const READY_DEADLINE: Duration = Duration::from_secs(60);
/// Where the image holds the filter's module.
pub(crate) const MODULE_IN_IMAGE: &str = "/usr/share/throughline/filter.wasm";

/// What a pod gives to its collector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    arguments: Vec<String>,
    /// Path in the container and content.
    files: Vec<(String, String)>,
    /// Names and values, as far as they are not secret.
    environment: Vec<(String, String)>,
}

pub(crate) fn collector_starts(rendered: &mut Rendered) -> Result<()> {
    let mut starts = BTreeSet::new();
    for (set, objects) in &rendered.sets {
        let pod = objects.iter().find(|object| kind(object) == "StatefulSet");
        starts.insert(start_of(pod.context("no StatefulSet")?, objects).with_context(|| set.clone())?);
    }
    for (number, start) in starts.iter().enumerate() {
        println!("  throughline {}", start.arguments.join(" "));
        let mut collector = launch(start, number, &rendered.run)?;
        let url = format!("http://127.0.0.1:{}/readyz", collector.port);
        let client = Client::new();
        collector
            .process
            .wait_ready(READY_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))?;
    }
    let mut wrong = starts.first().context("no collector is started")?.clone();
    for (_, text) in &mut wrong.files {
        text.push_str("kubernetes: true\n");
    }
    let mut refused = launch(&wrong, starts.len(), &rendered.run)?;
    let end = refused.process.wait_end().context("a wrong key does not stop the collector")?;
    ensure!(end.code() == Some(2), "with a wrong key it ended with {end}");
    Ok(())
}

fn start_of(workload: &Value, objects: &[Value]) -> Result<Start> {
    let pod = &workload["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let words = items(&container["args"]).map(|word| Ok(word.as_str().context("a word")?.to_owned()));
    let mut files = Vec::new();
    for mount in items(&container["volumeMounts"]) {
        let volume = items(&pod["volumes"]).find(|volume| volume["name"] == mount["name"]);
        let Some(map) = volume.and_then(|volume| volume["configMap"]["name"].as_str()) else { continue };
        let map = objects.iter().find(|object| kind(object) == "ConfigMap" && name(object) == map);
        let folder = mount["mountPath"].as_str().context("a path")?;
        for (file, text) in map.context("the map exists")?["data"].as_object().into_iter().flatten() {
            files.push((format!("{folder}/{file}"), text.as_str().unwrap_or_default().to_owned()));
        }
    }
    let mut environment = Vec::new();
    for source in items(&container["envFrom"]) {
        let Some(map) = source["configMapRef"]["name"].as_str() else { continue };
        let map = objects.iter().find(|object| kind(object) == "ConfigMap" && name(object) == map);
        for (variable, text) in map.context("the map exists")?["data"].as_object().into_iter().flatten() {
            environment.push((variable.clone(), text.as_str().unwrap_or_default().to_owned()));
        }
    }
    Ok(Start { arguments: words.collect::<Result<_>>()?, files, environment })
}

struct Launched {
    process: Process,
    port: u16,
}

/// The same words, with files and listeners of this machine.
fn launch(start: &Start, number: usize, run: &RunDirectory) -> Result<Launched> {
    let folder = run.join(format!("collector-{number}"));
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new(artefacts::collector()?);
    for word in &start.arguments {
        command.arg(localised(word, start, &folder)?);
    }
    for (variable, text) in &start.environment {
        // The cloud is not here; a folder stands for the bucket.
        let is_bucket = text.starts_with("s3://");
        let here = format!("file://{}", folder.join("objects").display());
        command.env(variable, if is_bucket { &here } else { text });
    }
    let port = free_port()?;
    command.arg("--data-dir").arg(folder.join("data"));
    command.args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--zipkin", "127.0.0.1:0"]);
    command.args(["--http", &format!("127.0.0.1:{port}")]);
    let process = Process::start("collector", command, &run.log(&format!("collector-{number}")))?;
    Ok(Launched { process, port })
}

/// An argument whose path in the container became one here.
fn localised(word: &str, start: &Start, folder: &std::path::Path) -> Result<String> {
    let Some((flag, path)) = word.split_once("=/") else { return Ok(word.to_owned()) };
    let path = format!("/{path}");
    let local: PathBuf = if path == MODULE_IN_IMAGE {
        artefacts::module()?
    } else if let Some((_, text)) = start.files.iter().find(|(file, _)| *file == path) {
        let local = folder.join(path.rsplit('/').next().unwrap_or("file"));
        std::fs::write(&local, text)?;
        local
    } else {
        bail!("{word} names a file that nothing mounts");
    };
    Ok(format!("{flag}={}", local.display()))
}
